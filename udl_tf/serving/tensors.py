"""Tensors on the wire: TensorProto messages to arrays, trusting nothing, and back."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from udl_tf.serving.errors import invalid
from udl_tf.serving.limits import check_shape

VALUES = {tf.float32: "float_val", tf.int32: "int_val", tf.bool: "bool_val", tf.string: "string_val"}


def to_array(proto, name, spec, limits):
    """The array of a TensorProto that someone sent.

    Args:
        proto: TensorProto. name: of the input. spec: `tf.TensorSpec`. limits: `udl_tf.serving.limits.Limits`.

    Raises:
        ServingError: INVALID_ARGUMENT for a type or shape that the signature does not have, a shape over the limits, or values
            that are fewer or more than the shape asks for.
    """
    if proto.dtype != spec.dtype.as_datatype_enum or spec.dtype not in VALUES:
        raise invalid(f"{name}: received {_type_name(proto.dtype)}, expected {_type_name(spec.dtype.as_datatype_enum)}")
    if proto.tensor_shape.unknown_rank:
        raise invalid(f"{name}: received an unknown shape")
    shape = [dim.size for dim in proto.tensor_shape.dim]
    check_shape(name, shape, spec, limits)
    count, content = math.prod(shape), proto.tensor_content
    if content:
        if spec.dtype == tf.string or len(content) != count * spec.dtype.size:
            raise invalid(f"{name}: received {len(content)} bytes, which are no {count} values of {_type_name(proto.dtype)}")
        array = np.frombuffer(content, np.uint8 if spec.dtype == tf.bool else spec.dtype.as_numpy_dtype).reshape(shape)
        return array != 0 if spec.dtype == tf.bool else array
    received = len(getattr(proto, VALUES[spec.dtype]))
    # TensorFlow repeats the last value of a message that holds fewer than its shape says; of strings it wants all.
    if not 1 <= received <= count or (spec.dtype == tf.string and received < count):
        raise invalid(f"{name}: received {received} values, expected {count}")
    return tf.make_ndarray(proto)


def to_proto(array):
    """The TensorProto of an array."""
    return tf.make_tensor_proto(array)


def _type_name(number):
    return types_pb2.DataType.Name(number) if number in types_pb2.DataType.values() else f"type {number}"
