"""Train and judge by the programs of `python -m udl_tf.export --program`, on whatever device JAX finds. No TensorFlow.

    python -m udl_tf.export --program cryo-paper --simulate-from class_average.mrc --output programs
    python benchmarks/accelerator/run.py programs --minutes 5 --output result.json
    python benchmarks/accelerator/run.py programs --photos train --test-photos val --steps 20000 --output result.json

Needs JAX and NumPy, and OpenCV for photographs. Weights are made, trained and judged on the device; what comes back is a JSON
file: the curve, errors on pairs that were never trained on (degrees, the network's constant C found by self-pairs and taken off),
steps and pairs a second, memory, and the share of what one large matrix product reaches on the same device.
"""

import argparse
import functools
import json
import math
import pathlib
import sys
import time

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)  # the count of steps is an int64
TEST_SEED, C_SEED, C_BATCHES = 7919, 1, 4  # the test's pairs are others than those of the training
CALLING_CONVENTION = 10  # of jax.export; the only thing here that hangs on JAX's version


def main(argv=None):
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", metavar="DIR", help="folder of python -m udl_tf.export --program")
    parser.add_argument("--photos", metavar="DIR", help="JPEG files to train on, where the programs are of photographs")
    parser.add_argument("--test-photos", metavar="DIR", help="JPEG files that the test's pairs are cut from")
    parser.add_argument("--steps", type=int, default=1_000_000, help="at most (default: until the time is over)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training at most (default: 10)")
    parser.add_argument(
        "--together", type=int, default=50, metavar="N", help="steps at most that the device makes by itself (default: 50)"
    )
    parser.add_argument("--every", type=int, default=1000, metavar="STEPS", help="measure this often (default: 1000)")
    parser.add_argument("--test-batches", type=int, default=20, metavar="N", help="of pairs (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and pairs (default: 0)")
    parser.add_argument("--checkpoint", metavar="FILE", help=".npz of the state: gone on with if there, written at the end")
    parser.add_argument("--output", metavar="FILE", help="JSON of the result (default: standard output)")
    args = parser.parse_args(argv)
    text = json.dumps(run(args), indent=2)
    if args.output:
        pathlib.Path(args.output).write_text(text + "\n")
    else:
        print(text)
    return 0


def run(args):
    """Train until the steps or the minutes are over; returns the result as plain types."""
    programs = Programs(args.programs)
    config = programs.content["config"]
    seen, unseen = (programs.images(folder) for folder in (args.photos, args.test_photos or args.photos))
    state = programs.call("initialise", {"seed": jnp.array([args.seed, 0], jnp.int32)})
    if args.checkpoint and pathlib.Path(args.checkpoint).is_file():
        with np.load(args.checkpoint) as saved:
            state = {name: jnp.asarray(saved[name]) for name in saved.files}

    @functools.partial(jax.jit, donate_argnums=0)
    def train(state, first, count):
        def one(number, now):
            after, loss = programs.step(now[0], seen, args.seed, first + number)
            return after, now[1] + loss

        return jax.lax.fori_loop(0, count, one, (state, jnp.float32(0.0)))

    judged = functools.partial(measure, jax.jit(programs.judge), seen, unseen, args, config)
    step, curve, spent, began = int(state["optimizer/0"]), [], 0.0, time.perf_counter()
    compiled = train.lower(state, jnp.int32(0), jnp.int32(1)).compile()
    compiling = time.perf_counter() - began
    limit, count = 60.0 * args.minutes, 1  # one step to begin with: it tells how many fit into the time
    while step < args.steps and spent < limit:
        start = time.perf_counter()
        state, total = compiled(state, jnp.int32(step), jnp.int32(count))
        loss = float(total) / count
        took = time.perf_counter() - start
        step, spent = step + count, spent + took
        if step % args.every == 0 or step >= args.steps or spent >= limit:
            curve.append({"step": step, "seconds": spent, "loss": loss, **judged(state)})
            print(" ".join(f"{name} {value:.4g}" for name, value in curve[-1].items()), file=sys.stderr, flush=True)
        fit = int((limit - spent) * count / took)
        count = max(1, min(args.together, args.every - step % args.every, args.steps - step, fit))
    if args.checkpoint:
        np.savez(args.checkpoint, **state)
    made = len(curve) and curve[-1]["step"] - (curve[0]["step"] if len(curve) > 1 else 0)
    seconds = spent - (curve[0]["seconds"] if len(curve) > 1 else 0.0)
    return {
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "config": config,
        "steps": step,
        "compile s": compiling,
        "steps/s": made / max(seconds, 1e-9),
        "pairs/s": made * config["batch"] / max(seconds, 1e-9),
        "peak memory, bytes": (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use"),
        **share_of_peak(compiled, made / max(seconds, 1e-9)),
        "curve": curve,
    }


def measure(judge, seen, unseen, args, config, state):
    """Errors in degrees on the test's pairs: mean, median, 95th percentile; and the constant C that was taken off."""
    own = np.concatenate([judge(state, seen, args.seed + C_SEED, number)[1] for number in range(C_BATCHES)])
    turn = np.exp(2j * np.pi * own / config["period"]).mean()
    constant = np.degrees(np.angle(turn)) * config["period"] / 360.0
    error = np.concatenate([judge(state, unseen, args.seed + TEST_SEED, number)[0] for number in range(args.test_batches)])
    period = 180.0 if config["material"] == "particles" else config["period"]
    error = np.abs((error - constant + period / 2) % period - period / 2)
    found = {"mean": error.mean(), "median": np.median(error), "p95": np.percentile(error, 95), "C": constant}
    return {name: float(value) for name, value in found.items()}


def share_of_peak(compiled, rate):
    """Operations a step as XLA counts them, a second, and as a share of what a large product of float32 matrices reaches."""
    side = 8192 if jax.default_backend() != "cpu" else 2048
    product = jax.jit(lambda a: a @ a)
    matrix = jnp.ones((side, side), jnp.float32)
    product(matrix).block_until_ready()
    start = time.perf_counter()
    product(product(product(matrix))).block_until_ready()
    peak = 3 * 2 * side**3 / (time.perf_counter() - start)
    counted = compiled.cost_analysis() or {}
    done = (counted[0] if isinstance(counted, list) else counted).get("flops", math.nan)  # of the loop's body, once
    return {"operations/step": done, "operations/s": done * rate, "product, operations/s": peak, "share": done * rate / peak}


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
        """A module of StableHLO as JAX takes its own exports."""
        kinds = {
            kind: tuple(jax.core.ShapedArray(tuple(one["shape"]), np.dtype(one["dtype"])) for one in entry[kind])
            for kind in ("inputs", "outputs")
        }
        nothing = {kind: (None,) * len(values) for kind, values in kinds.items()}
        return jax.export.Exported(
            fun_name=name,
            in_tree=jax.tree_util.tree_structure(((0,) * len(kinds["inputs"]), {})),
            in_avals=kinds["inputs"],
            out_tree=jax.tree_util.tree_structure((0,) * len(kinds["outputs"])),
            out_avals=kinds["outputs"],
            _has_named_shardings=False,
            _in_named_shardings=nothing["inputs"],
            _out_named_shardings=nothing["outputs"],
            in_shardings_hlo=nothing["inputs"],
            out_shardings_hlo=nothing["outputs"],
            nr_devices=1,
            platforms=("cuda" if jax.default_backend() == "gpu" else jax.default_backend(),),
            ordered_effects=(),
            unordered_effects=(),
            disabled_safety_checks=(),
            mlir_module_serialized=(self.folder / entry["file"]).read_bytes(),
            calling_convention_version=CALLING_CONVENTION,
            module_kept_var_idx=tuple(range(len(kinds["inputs"]))),
            uses_global_constants=False,
            _get_vjp=None,
        )


if __name__ == "__main__":
    sys.exit(main())
