"""The programs of `python -m udl_tf.export --program` as functions: JAX takes them for its own exports. No TensorFlow."""

import dataclasses
import io
import json
import os
import pathlib

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
from jax.extend.mlir import ir
from jax.interpreters import mlir

jax.config.update("jax_enable_x64", True)  # the count of steps is an int64
os.environ.setdefault("PJRT_NPROC", str(max(os.cpu_count() or 1, 16)))  # of 2 threads of a CPU, JAX 0.11's wait for each other
CALLING_CONVENTION = 10  # of jax.export


def pure(code):
    """MLIR bytecode without what TensorFlow puts in and plugins of JAX, CUDA's too, may not take: they want plain StableHLO.

    Gone are `mhlo.copy`, which is before outputs, and sizes told of dimensions that have just these.
    """
    with mlir.make_ir_context():
        module, nothing = ir.Module.parse(code), []

        def look(operation):
            if operation.name == "mhlo.copy" or _says_nothing(operation):
                nothing.append(operation)
            return ir.WalkResult.ADVANCE

        module.operation.walk(look)
        for operation in nothing:
            operation.operation.results[0].replace_all_uses_with(operation.operation.operands[0])
            operation.operation.erase()
        written = io.BytesIO()
        module.operation.write_bytecode(written)
    return written.getvalue()


def _says_nothing(operation):
    """Whether it sets the size of a dimension to what it is."""
    if operation.name != "stablehlo.set_dimension_size":
        return False
    size = operation.operation.operands[1].owner
    dimension = ir.IntegerAttr(operation.operation.attributes["dimension"]).value
    length = ir.RankedTensorType(operation.operation.results[0].type).shape[dimension]
    return size.name == "stablehlo.constant" and ir.DenseIntElementsAttr(size.attributes["value"])[0] == length


class Programs:
    """The programs of a folder as functions of dicts of arrays, see `udl_tf/programs/training.py`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.content = json.loads((self.folder / "programs.json").read_text())
        with np.load(self.folder / "constants.npz") as constants:
            self.constants = {name: constants[name] for name in constants.files}
        self.exported = {name: self._exported(name, entry) for name, entry in self.content["programs"].items()}

    def call(self, name, values):
        """The outputs of a program, by name; of `values` it takes what it needs."""
        entry = self.content["programs"][name]
        inputs = [values.get(one["name"], self.constants.get(f"{name}:{one['name']}")) for one in entry["inputs"]]
        outputs = self.exported[name].call(*inputs)
        return {one["name"]: value for one, value in zip(entry["outputs"], outputs, strict=True)}

    def step(self, state, images, seed, number):
        """One training step on the pairs of its number: (state, loss)."""
        pair = self.call("pairs", {"images": images, "seed": jnp.int32(seed), "number": number.astype(jnp.int32)})
        after = self.call("step", {**state, **pair})
        return {name: after.get(name, value) for name, value in state.items()}, after["loss"]

    def judge(self, state, images, seed, number):
        """On the pairs of a number: what the network says less the truth, and on self-pairs less what was chosen; degrees."""
        numbers = {"seed": jnp.int32(seed), "number": jnp.int32(number)}
        pair = self.call("pairs", {"images": images, **numbers})
        error = self.call("angles", {**state, **pair})["angle"] - pair["angle"]
        copy = self.call("disturbed", {"images": pair["moving"], **numbers})
        forward = self.call("angles", {**state, "fixed": copy["image"], "moving": pair["moving"]})["angle"] - copy["angle"]
        backward = self.call("angles", {**state, "fixed": pair["moving"], "moving": copy["image"]})["angle"] + copy["angle"]
        return error, jnp.concatenate([forward, backward])

    def images(self, folder=None):
        """What pairs are made of, on the device: the particles of the programs, or photographs of a folder, cut square."""
        known = self.content["images"]
        if known["file"]:
            return jnp.asarray(np.load(self.folder / known["file"]))
        import cv2

        count, side, _ = known["shape"]
        files = sorted(pathlib.Path(folder).rglob("*.jpg"))
        if not files:
            raise SystemExit(f"error: {folder}: no .jpg file, expected photographs (--photos DIR)")
        pictures = []
        for number in range(count):
            picture = cv2.imread(str(files[number % len(files)]), cv2.IMREAD_GRAYSCALE)
            scale = side / min(picture.shape)
            size = [max(side, round(length * scale)) for length in picture.shape[::-1]]
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
            top, left = ((length - side) // 2 for length in picture.shape)
            pictures.append(picture[top : top + side, left : left + side])
        return jnp.asarray(np.stack(pictures))

    def _exported(self, name, entry):
        """A module of StableHLO as JAX takes its own exports. Versions of JAX differ in the fields that say of shardings."""
        kinds = {
            kind: tuple(jax.core.ShapedArray(tuple(one["shape"]), np.dtype(one["dtype"])) for one in entry[kind])
            for kind in ("inputs", "outputs")
        }
        nothing = {kind: (None,) * len(values) for kind, values in kinds.items()}
        shardings = {
            "_has_named_shardings": False,
            "_in_named_shardings": nothing["inputs"],
            "_out_named_shardings": nothing["outputs"],
            "in_shardings_hlo": nothing["inputs"],
            "out_shardings_hlo": nothing["outputs"],
        }
        known = {field.name for field in dataclasses.fields(jax.export.Exported)}
        return jax.export.Exported(
            **{field: value for field, value in shardings.items() if field in known},
            fun_name=name,
            in_tree=jax.tree_util.tree_structure(((0,) * len(kinds["inputs"]), {})),
            in_avals=kinds["inputs"],
            out_tree=jax.tree_util.tree_structure((0,) * len(kinds["outputs"])),
            out_avals=kinds["outputs"],
            nr_devices=1,
            platforms=("cuda" if jax.default_backend() == "gpu" else jax.default_backend(),),
            ordered_effects=(),
            unordered_effects=(),
            disabled_safety_checks=(),
            mlir_module_serialized=pure((self.folder / entry["file"]).read_bytes()),
            calling_convention_version=CALLING_CONVENTION,
            module_kept_var_idx=tuple(range(len(kinds["inputs"]))),
            uses_global_constants=False,
            _get_vjp=None,
        )
