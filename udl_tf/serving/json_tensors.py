"""Tensors in the JSON of TensorFlow Serving's REST interface: by row (``instances``) or by column (``inputs``)."""

import base64
import binascii
import json

import numpy as np
import tensorflow as tf

from udl_tf.serving.errors import invalid
from udl_tf.serving.limits import check_shape

KINDS = {tf.float32: "iuf", tf.int32: "iu", tf.bool: "b"}  # of NumPy's types, that each type is made from


def read_request(body):
    """(signature name or None, {input name: nested lists} or one value, True if by row) of a predict request's body.

    Raises:
        ServingError: INVALID_ARGUMENT for what is no JSON, or has neither or both of `instances` and `inputs`.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"expected a JSON object ({str(error)[:100]})") from None
    if not isinstance(request, dict) or ("instances" in request) == ("inputs" in request):
        raise invalid('expected a JSON object with either "instances" or "inputs"')
    signature = request.get("signature_name")
    if signature is not None and not isinstance(signature, str):
        raise invalid('"signature_name": expected a string')
    if "inputs" in request:
        return signature, request["inputs"], False
    return signature, _columns(request["instances"]), True


def by_name(values, names):
    """Values by input name: a signature with a single input may come without its name."""
    if isinstance(values, dict) and not (len(names) == 1 and set(values) == {"b64"}):
        return values
    if len(names) == 1:
        return {next(iter(names)): values}
    raise invalid(f"expected an object with the inputs {', '.join(sorted(names))}")


def to_array(value, name, spec, limits):
    """The array of nested lists; arguments and errors as `udl_tf.serving.tensors.to_array`."""
    if spec.dtype == tf.string:
        array = _bytes(value, name)
    elif spec.dtype in KINDS:
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError):
            raise invalid(f"{name}: expected numbers in nested lists of equal lengths") from None
        if array.size and array.dtype.kind not in KINDS[spec.dtype]:
            raise invalid(f"{name}: expected {spec.dtype.name} in nested lists of equal lengths")
    else:
        raise invalid(f"{name}: inputs of type {spec.dtype.name} are not served")
    check_shape(name, array.shape, spec, limits)
    if spec.dtype == tf.int32 and (array.min() < -(2**31) or array.max() >= 2**31):
        raise invalid(f"{name}: expected int32")
    with np.errstate(over="ignore"):  # infinity, as in a binary request
        return array.astype(spec.dtype.as_numpy_dtype)


def to_json(outputs, by_row):
    """The response's object: `predictions`, one object a row, or `outputs`; a single output goes without its name."""
    lists = {name: _plain(array) for name, array in outputs.items()}
    if not by_row:
        return {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}
    if len(lists) == 1:
        return {"predictions": next(iter(lists.values()))}
    return {"predictions": [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]}


def _columns(instances):
    if not isinstance(instances, list) or not instances:
        raise invalid('"instances": expected a list of one object or more')
    if not all(isinstance(row, dict) and set(row) != {"b64"} for row in instances):
        return instances
    names = set(instances[0])
    if any(set(row) != names for row in instances):
        raise invalid('"instances": expected the same inputs in each')
    return {name: [row[name] for row in instances] for name in names}


def _bytes(value, name):
    """Strings, or objects with "b64", in a list: array of bytes objects."""
    if not isinstance(value, list):
        raise invalid(f'{name}: expected a list of strings, or of objects with "b64"')
    array = np.empty(len(value), object)
    for row, item in enumerate(value):
        if isinstance(item, dict) and set(item) == {"b64"} and isinstance(item["b64"], str):
            try:
                array[row] = _decoded(item["b64"])
            except (binascii.Error, ValueError):
                raise invalid(f'{name}: "b64" of number {row} is no base64') from None
        elif isinstance(item, str):
            array[row] = item.encode("utf-8", "surrogateescape")
        else:
            raise invalid(f'{name}: expected a list of strings, or of objects with "b64"')
    return array


def _decoded(text):
    """Bytes of base64, with or without line breaks and padding, as TensorFlow Serving's decoder takes it."""
    text = "".join(text.split()).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _plain(array):
    """Nested lists; bytes as text or "b64"."""
    if array.dtype != object:
        return array.tolist()
    return [{"b64": base64.b64encode(item).decode()} for item in array]
