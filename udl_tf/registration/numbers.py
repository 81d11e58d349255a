"""One name each for what NumPy and TensorFlow both do: a step is written once, for arrays here and for tensors in a graph.

`ARRAYS` is for a pair at a time, where a call of NumPy is quicker than one of TensorFlow; `TENSORS` is for graphs. All numbers
are float64.
"""

import dataclasses
import typing

import numpy as np
import tensorflow as tf

from pipelines.geometry import frame_tensors, frames


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Functions by name; those of NumPy unless their name says otherwise.

    Attributes:
        total, largest: sum and maximum over an axis; of `largest` the axis stays. transposed, diagonal: of the last two axes.
        float64: anything as such numbers. compose, error: of `pipelines.geometry.frames`.
    """

    where: typing.Callable
    sqrt: typing.Callable
    maximum: typing.Callable
    minimum: typing.Callable
    isfinite: typing.Callable
    stack: typing.Callable
    concatenate: typing.Callable
    eigh: typing.Callable
    total: typing.Callable
    largest: typing.Callable
    all: typing.Callable
    transposed: typing.Callable
    diagonal: typing.Callable
    float64: typing.Callable
    compose: typing.Callable
    error: typing.Callable


ARRAYS = Numbers(
    where=np.where,
    sqrt=np.sqrt,
    maximum=np.maximum,
    minimum=np.minimum,
    isfinite=np.isfinite,
    stack=np.stack,
    concatenate=np.concatenate,
    eigh=np.linalg.eigh,
    total=np.sum,
    largest=lambda array, axis: np.max(array, axis, keepdims=True),
    all=np.all,
    transposed=lambda array: np.swapaxes(array, -1, -2),
    diagonal=lambda array: np.diagonal(array, axis1=-2, axis2=-1),
    float64=lambda array: np.asarray(array, np.float64),
    compose=frames.compose,
    error=frames.error,
)
TENSORS = Numbers(
    where=tf.where,
    sqrt=tf.sqrt,
    maximum=tf.maximum,
    minimum=tf.minimum,
    isfinite=tf.math.is_finite,
    stack=tf.stack,
    concatenate=tf.concat,
    eigh=tf.linalg.eigh,
    total=tf.reduce_sum,
    largest=lambda tensor, axis: tf.reduce_max(tensor, axis, keepdims=True),
    all=tf.reduce_all,
    transposed=tf.linalg.matrix_transpose,
    diagonal=tf.linalg.diag_part,
    float64=lambda tensor: tf.cast(tensor, tf.float64),
    compose=frame_tensors.compose,
    error=frame_tensors.error,
)


def radius(size, numbers: Numbers = ARRAYS):
    """Root mean square distance of the pixels of a frame (height, width) from its centre."""
    height, width = numbers.float64(size[0]), numbers.float64(size[1])
    return numbers.sqrt((height * height + width * width) / 12.0)
