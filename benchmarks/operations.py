"""Floating-point operations: those a traced function does, and those the machine can do."""

import math

SIDE = 2048


def count(function):
    """Operations of the convolutions and matrix products in a concrete tf.function: 2 for each multiply and add.

    From the shapes in its graph: 2 m n k for a product (m, k) (k, n), 2 kernel-height kernel-width channels-in for each number
    that a convolution gives; its two gradients cost as much each. Fourier transforms, gathers and what is done element by element
    are left out.

    Raises:
        ValueError: a shape is not known before the function runs.
    """
    return sum(_KINDS[op.type](op) for op in _operations(function.graph) if op.type in _KINDS)


def product():
    """A function that multiplies two large float32 matrices, the machine's peak, and how many operations that is."""
    import tensorflow as tf

    a = tf.random.stateless_normal((SIDE, SIDE), (1, 2))
    return tf.function(lambda: tf.linalg.matmul(a, a)[0, 0]), 2.0 * SIDE**3


def _operations(graph):
    """The operations of a graph and of the functions it calls."""
    for op in graph.get_operations():
        if op.type in ("PartitionedCall", "StatefulPartitionedCall"):
            called = graph._get_function(op.get_attr("f").name)  # no public way
            yield from _operations(called.graph if hasattr(called, "graph") else called.concrete_function.graph)
        else:
            yield op


def _size(tensor, axis=slice(None)):
    shape = tensor.shape.as_list()[axis]
    shape = shape if isinstance(shape, list) else [shape]
    if None in shape:
        raise ValueError(f"{tensor.name}: the shape {tensor.shape} is not known")
    return math.prod(shape)


def _product(op):
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    return 2.0 * _size(op.outputs[0]) * _size(op.inputs[0], -2 if transposed else -1)


def _convolution(op):
    """Kernels are (height, width, in, out): the images of a forward convolution have `out` channels."""
    return 2.0 * _size(op.outputs[0]) * _size(op.inputs[1], slice(0, 3))


def _to_input(op):
    """Inputs: shape, kernel, gradient of the images that came out."""
    return 2.0 * _size(op.inputs[2]) * _size(op.inputs[1], slice(0, 3))


def _to_kernel(op):
    """Inputs: images, shape, gradient of the images that came out."""
    return 2.0 * _size(op.inputs[2]) * _size(op.outputs[0], slice(0, 3))


_KINDS = {
    "MatMul": _product,
    "BatchMatMulV2": _product,
    "BatchMatMul": _product,
    "BatchMatMulV3": _product,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _to_input,
    "Conv2DBackpropFilter": _to_kernel,
}
