"""Everything that may run on a GPU can: no operation lacks a GPU kernel for its types.

No GPU is needed to say so: TensorFlow's wheel registers the GPU kernels on any machine. Whether they compute the same is
another question.
"""

import dataclasses
import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import kernels, op_def_registry  # no public way to either

from pipelines import noise, pairs
from pipelines.noise import mixture
from pipelines.pairs import homography_pairs, tracking
from pipelines.pairs.stack_pools import Pools
from pipelines.pictures.photographs import Photographs
from udl_tf.presets import PRESETS
from udl_tf.registration.full_resolution import PICTURES, full_resolution
from udl_tf.training import trainer
from udl_tf.training.tasks import task_of

DEVICES = ("GPU", "DEFAULT")  # DEFAULT: on every device
# On the CPU by nature: reading and decoding files, in which order, enlarging one that is too small; Python; the clock.
READING = (
    "ReadFile",
    "DecodeImage",
    "DecodeJpeg",
    "DecodePng",
    "DecodeBmp",
    "DecodeGif",
    "ScaleAndTranslate",
    "StatelessShuffle",
)
PATHS = ("Const(dtype=DT_STRING)", "StridedSlice(T=DT_STRING, Index=DT_INT64)")
PYTHON, CLOCK = ("PyFunc", "EagerPyFunc"), ("Timestamp",)
# TensorFlow has no Poisson numbers on a GPU: it draws them on the CPU and takes them there by itself.
NOISE = ("StatelessRandomPoisson",)


def without_kernel(graph_def, outputs=None, but=()):
    """Operations that no GPU can run, of a GraphDef and of the functions it calls.

    Args:
        graph_def: as ``graph.as_graph_def()`` gives it. outputs: names of nodes; only what they need is looked at, by default
            everything. but: operations that are let through, by name or as below.

    Returns:
        Sorted list of ``Name(attribute=type, ...) in function``, each operation with its types once.
    """
    functions = {function.signature.name: function for function in graph_def.library.function}
    top = tf.compat.v1.graph_util.extract_sub_graph(graph_def, outputs).node if outputs else graph_def.node
    ahead, seen, found = [("the graph", top)], set(), {}
    while ahead:
        where, nodes = ahead.pop()
        for node in nodes:
            called = {node.op, *(name for value in node.attr.values() for name in _functions(value))} & functions.keys() - seen
            seen |= called
            ahead += [(name, functions[name].node_def) for name in called]
            if node.op not in functions and not {node.op, _described(node)} & {*but} and not has_kernel(node):
                found.setdefault(_described(node), where)
    return [f"{what} in {where}" for what, where in sorted(found.items())]


def has_kernel(node):
    """Whether a GPU kernel is registered for a node's operation and types."""
    types = _types(node)
    return any(
        kernel.device_type in DEVICES
        and all(types[limit.name] in limit.allowed_values.list.type for limit in kernel.constraint if limit.name in types)
        for kernel in kernels.get_registered_kernels_for_op(node.op).kernel
    )


def _functions(value):
    """Names of the functions in a node's attribute."""
    return [part.name for part in (value.func, *value.list.func) if part.name]


def _types(node):
    """Types of a node by attribute; those a SavedModel leaves out are the operation's defaults."""
    return {
        attribute.name: node.attr.get(attribute.name, attribute.default_value).type
        for attribute in op_def_registry.get(node.op).attr
        if attribute.type == "type"
    }


def _described(node):
    return f"{node.op}({', '.join(f'{name}={types_pb2.DataType.Name(value)}' for name, value in _types(node).items())})"


def mapped(dataset):
    """The functions that a dataset maps, as one GraphDef; the datasets themselves always run on the CPU."""
    graph = tf.compat.v1.GraphDef.FromString(tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor).numpy())
    del graph.node[:]
    every = graph.node.add(name="every", op="NoOp")
    for number, function in enumerate(graph.library.function):
        every.attr[f"f{number}"].func.name = function.signature.name
    return graph


def of_datasets(graph_def):
    """Operations of tf.data itself: they run on the CPU, wherever what they map runs."""
    nodes = [node for function in graph_def.library.function for node in function.node_def]
    return {node.op for node in nodes if "Dataset" in node.op}


@functools.cache
def small(name):
    """A preset whose operations are those of the full size: fewer channels, pixels, pairs and pictures."""
    config = PRESETS[name]
    network = config.network
    if hasattr(network, "dense_widths"):
        crop = network.spectrum_crop and 32
        widths = {"feature_widths": (8,) * len(network.feature_widths), "match_widths": (8, 8), "dense_widths": (8, 8)}
        network = dataclasses.replace(network, spectrum_crop=crop, **widths)
    return dataclasses.replace(config, network=network, box=64, sources=4, batch=4)


@functools.cache
def material(name):
    return task_of(small(name)).gather(small(name), None, None)


def crops(side):
    pictures = np.random.default_rng(0).normal(size=(2, side, side)).astype(np.float32)
    return tf.data.Dataset.from_tensors(pictures).repeat()


def photo_pairs(folder):
    for number in range(2):
        picture = np.random.default_rng(number).integers(0, 255, (160, 160, 3), np.uint8)
        tf.io.write_file(f"{folder}/{number}.png", tf.io.encode_png(picture))
    recipe = {"patch": 64, "max_shift": 4.0}
    return pairs.from_photos(Photographs(folder, 2, **recipe).crops(0), mixture.any_noise(), 0, **recipe)


class Stack:
    """Twelve images where a stack on disk would be."""

    shape = (32, 32)

    def __len__(self):
        return 12

    def read(self, rows):
        return np.random.default_rng(0).normal(size=(12, 32, 32)).astype(np.float32)[rows]


GENERATORS = {
    "homographies": lambda _: homography_pairs.from_crops(crops(160), 0, patch=64, reach=8.0),
    "tracking": lambda _: tracking.pairs(crops(96), 0),
    "a folder of photographs": photo_pairs,
    "a stack": lambda _: pairs.from_stack(Pools(Stack(), np.arange(12), 32, 0), 4, 0),
    **{
        f"noise {kind}": lambda _, kind=kind: pairs.simulated(np.zeros((2, 32, 32), np.float32), noise.parse(kind), 4, 0)
        for kind in ("gaussian:0.1", "salt-and-pepper:0.2", "poisson:20", "blur:1.5", "contrast:0.5")
    },
}


def test_the_check_sees_what_no_gpu_can_do():
    """Decoding has no GPU kernel for any type, a determinant none for integers; a function within the function is seen, too."""

    @tf.function
    def inner(text):
        return tf.io.decode_png(text)

    graph = tf.function(lambda text: inner(text)).get_concrete_function(tf.TensorSpec((), tf.string)).graph.as_graph_def()
    (found,) = [line for line in without_kernel(graph) if line.startswith("DecodePng(dtype=DT_UINT8) in __inference_inner")]
    assert found not in without_kernel(graph, but=READING)
    node = tf.compat.v1.NodeDef(name="x", op="FFT2D")
    node.attr["Tcomplex"].type = types_pb2.DT_COMPLEX64
    assert has_kernel(node)
    node = tf.compat.v1.NodeDef(name="x", op="BatchMatMulV2")
    for kind, kernel in ((types_pb2.DT_FLOAT, True), (types_pb2.DT_INT16, False)):
        node.attr["T"].type = kind
        assert has_kernel(node) is kernel


@pytest.mark.parametrize("name", GENERATORS)
def test_generators(name, tmp_path):
    graph = mapped(GENERATORS[name](tmp_path))
    assert graph.library.function
    assert without_kernel(graph, but={*READING, *PATHS, *PYTHON, *NOISE, *of_datasets(graph)}) == []


@pytest.mark.parametrize("name", PRESETS)
def test_the_pairs_of_every_preset(name):
    graph = mapped(material(name).train())
    assert graph.library.function
    assert without_kernel(graph, but={*READING, *PATHS, *NOISE, *of_datasets(graph)}) == []


@pytest.mark.parametrize("name", ["cryo", "cryo-polar", "cryo-paper"])
def test_the_training_step_of_every_kind_of_network(name):
    model = trainer.compiled(small(name), material(name))
    step = tf.function(model.train_step).get_concrete_function(material(name).train().element_spec)
    assert without_kernel(step.graph.as_graph_def(), but=CLOCK) == []


@pytest.mark.parametrize("name", ["cryo", "photo"])
def test_the_chains_of_the_shipped_models(name):
    """Every signature, from raw images to the answer; not how weights are written and read, which is the CPU's."""
    file = pathlib.Path(__file__).parents[2] / "saved_models" / name / "1" / "saved_model.pb"
    graph = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs[0]
    answers = {
        output.name.split(":")[0]
        for key, signature in graph.signature_def.items()
        if not key.startswith("__saved_model")
        for output in signature.outputs.values()
    }
    assert len(answers) > 1
    assert without_kernel(graph.graph_def, sorted(answers)) == []


def test_registration_at_full_resolution():
    """What is served as `align_full`, around an aligner that says nothing."""

    def align(fixed, moving):
        nothing = tf.zeros(tf.shape(moving)[:1])
        return {"angle": nothing, "shift": tf.stack([nothing, nothing], 1), "score": nothing}

    graph = tf.function(full_resolution(align), autograph=False).get_concrete_function(PICTURES, PICTURES).graph
    assert without_kernel(graph.as_graph_def()) == []
