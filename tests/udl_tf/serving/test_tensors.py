"""Tensors on the wire: bytes that are protobuf's own, JSON as TensorFlow Serving has it, and nothing trusted."""

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from udl_tf.serving import json_tensors, tensors, wire
from udl_tf.serving.errors import ServingError, from_tensorflow
from udl_tf.serving.limits import Limits, check_inputs

IMAGES = tf.TensorSpec((None, None, None), tf.float32)
LIMITS = Limits(batch=8, side=64, message=2**20)


def refused(function, *args):
    with pytest.raises(ServingError) as caught:
        function(*args)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT and "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).normal(size=(3, 5, 7)).astype(np.float32)[:, ::-1],
        np.float32(-1.5),
        np.bool_(True),
        np.arange(-3, 200, dtype=np.int32),
        np.array([b"a\x00b", b""], object),
        np.zeros((0, 2), np.float32),
    ],
    ids=["strided", "scalar", "bool", "int", "strings", "empty"],
)
@pytest.mark.parametrize("version", [None, 300])
def test_a_request_is_what_protobuf_would_have_written(array, version):
    request = predict_pb2.PredictRequest.FromString(
        wire.predict_request("cryo", version, "align", {"x": array, "y": np.float32(2)})
    )
    assert request.model_spec.name == "cryo" and request.model_spec.signature_name == "align"
    assert request.model_spec.HasField("version") == (version is not None) and request.model_spec.version.value == (version or 0)
    assert set(request.inputs) == {"x", "y"}
    found, wanted = tf.make_ndarray(request.inputs["x"]), np.asarray(array)
    assert found.dtype == wanted.dtype and found.shape == wanted.shape and np.array_equal(found, wanted)


def test_a_long_request_has_its_lengths_right():
    array = np.random.default_rng(0).normal(size=(40, 64, 64)).astype(np.float32)
    request = predict_pb2.PredictRequest.FromString(wire.predict_request("m", None, "s", {"fixed": array, "moving": -array}))
    assert np.array_equal(tf.make_ndarray(request.inputs["moving"]), -array)


def test_tensors_come_and_go():
    for array in (np.ones((2, 16, 20), np.float32), np.int32([1, 2]), np.array([b"x", b"yz"], object), np.bool_(True)):
        array = np.asarray(array)
        spec = tf.TensorSpec([None] * array.ndim, tf.string if array.dtype == object else tf.as_dtype(array.dtype))
        found = tensors.to_array(tensors.to_proto(array), "x", spec, LIMITS)
        assert found.shape == array.shape and np.array_equal(found, array)
    repeated = tf.make_tensor_proto(np.float32(7), shape=(2, 16, 16))  # one value for all
    assert len(repeated.float_val) == 1
    assert np.array_equal(tensors.to_array(repeated, "fixed", IMAGES, LIMITS), np.full((2, 16, 16), 7, np.float32))
    odd = tf.make_tensor_proto(np.array([True, False]))
    odd.bool_val[:] = []
    odd.tensor_content = b"\x02\x00"
    assert tensors.to_array(odd, "x", tf.TensorSpec((None,), tf.bool), LIMITS).tolist() == [True, False]


def tampered(**changes):
    proto = tf.make_tensor_proto(np.zeros((2, 16, 16), np.float32))
    for size in changes.pop("shape", ()):
        proto.tensor_shape.dim.add(size=size)
    if changes.pop("drop_shape", False):
        del proto.tensor_shape.dim[:]
    for name, value in changes.items():
        setattr(proto, name, value)
    return proto


def claimed(*shape):
    proto = tf.make_tensor_proto(np.float32(0))
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (tf.make_tensor_proto(np.zeros((2, 16, 16))), "received DT_DOUBLE, expected DT_FLOAT"),
        (tampered(dtype=999), "received type 999"),
        (tampered(tensor_content=b"1234"), "4 bytes"),
        (tampered(tensor_content=b""), "0 values, expected 512"),
        (tampered(drop_shape=True), r"shape \(\), expected \(any, any, any\)"),
        (tampered(shape=[1]), "expected .any, any, any."),
        (claimed(2**31, 2**31, 2**31), "sides of 16 to 64"),
        (claimed(2**62, 16, 16), "at most 8 in one request"),
        (claimed(-1, 16, 16), "at least 1 of each"),
        (claimed(0, 16, 16), "at least 1 of each"),
        (claimed(*[1] * 300), "expected .any, any, any."),
        (claimed(2, 65, 16), "sides of 16 to 64"),
        (claimed(2, 16, 15), "sides of 16 to 64"),
        (claimed(9, 16, 16), "received 9, expected at most 8"),
    ],
)
def test_tensors_that_are_refused(proto, message):
    import re

    assert re.search(message, refused(tensors.to_array, proto, "fixed", IMAGES, LIMITS))


def test_an_unknown_rank_and_too_many_bytes_are_refused():
    proto = tampered()
    proto.tensor_shape.unknown_rank = True
    assert "unknown shape" in refused(tensors.to_array, proto, "fixed", IMAGES, LIMITS)
    small = Limits(batch=8, side=64, message=4 * 16 * 16 * 2)
    assert "at most 0 MB" in refused(tensors.to_array, claimed(3, 16, 16), "fixed", IMAGES, small)
    strings = tf.make_tensor_proto(np.array([b"a"], object), shape=(1,))
    strings.tensor_shape.dim[0].size = 4
    assert "1 values, expected 4" in refused(tensors.to_array, strings, "x", tf.TensorSpec((None,), tf.string), LIMITS)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"fixed": np.zeros((3, 16, 16)), "moving": np.zeros((2, 16, 16))}, "3 fixed and 2 moving"),
        ({"fixed": np.zeros((2, 16, 17)), "moving": np.zeros((2, 16, 16))}, "16x17 and moving of 16x16"),
        ({"fixed": np.zeros((16, 17)), "moving": np.zeros((2, 16, 16))}, "expected one size"),
        ({"images": np.zeros((2, 16, 16)), "angle": np.zeros(2), "shift": np.zeros((1, 2))}, "for each of 2 images"),
        ({"images": np.zeros((2, 16, 16)), "first": np.array([0]), "second": np.array([2])}, "0 to 2, expected 0 to 1"),
        ({"images": np.zeros((2, 16, 16)), "first": np.array([0, 1]), "second": np.array([1])}, "2 first and 1 second"),
        ({"fixed": np.zeros((1, 16, 16)), "moving": np.zeros((1, 16, 16)), "max_shift": np.array(4.5)}, "at most 4 pixels"),
        (
            {"fixed": np.zeros((1, 16, 16)), "moving": np.zeros((1, 16, 16)), "max_shift": np.array(np.nan)},
            "max_shift: received nan",
        ),
    ],
)
def test_inputs_that_do_not_belong_together(arrays, message):
    assert message in refused(check_inputs, "align_within", arrays)


def test_pictures_at_their_own_resolution_may_differ_in_size():
    check_inputs("align_full", {"fixed": np.zeros((2, 16, 17)), "moving": np.zeros((2, 20, 16))})
    arrays = {"fixed": np.zeros((3, 16, 17)), "moving": np.zeros((2, 20, 16))}
    assert "3 fixed and 2 moving" in refused(check_inputs, "align_full", arrays)


def test_rows_and_columns_of_json():
    rows = json.dumps({"signature_name": "s", "instances": [{"a": [1, 2], "b": 3}, {"a": [4, 5], "b": 6}]})
    assert json_tensors.read_request(rows) == ("s", {"a": [[1, 2], [4, 5]], "b": [3, 6]}, True)
    columns = json.dumps({"inputs": {"a": [[1, 2]], "b": 3}})
    assert json_tensors.read_request(columns) == (None, {"a": [[1, 2]], "b": 3}, False)
    assert json_tensors.by_name([1, 2], {"a"}) == {"a": [1, 2]}
    assert json_tensors.read_request('{"instances": [1, 2]}') == (None, [1, 2], True)


def test_json_outputs():
    outputs = {"angle": np.float32([1.5, np.nan]), "shift": np.float32([[1, 2], [3, 4]])}
    assert (
        json.dumps(json_tensors.to_json(outputs, False))
        == '{"outputs": {"angle": [1.5, NaN], "shift": [[1.0, 2.0], [3.0, 4.0]]}}'
    )
    by_row = json_tensors.to_json(outputs, True)["predictions"]
    assert by_row[0] == {"angle": 1.5, "shift": [1.0, 2.0]} and by_row[1]["shift"] == [3.0, 4.0]
    assert json_tensors.to_json({"x": np.int32([1, 2])}, True) == {"predictions": [1, 2]}
    assert json_tensors.to_json({"x": np.int32([1, 2])}, False) == {"outputs": [1, 2]}


def test_values_of_json():
    def read(value, dtype, shape=(None,)):
        return json_tensors.to_array(value, "x", tf.TensorSpec(shape, dtype), LIMITS)

    assert read([1, 2.5, float("nan")], tf.float32).dtype == np.float32 and np.isinf(read([1e300], tf.float32)[0])
    assert read([{"b64": "AAE="}, "text"], tf.string).tolist() == [b"\x00\x01", b"text"]
    for same in ("AAECAw==", "AAECAw", "AAEC\r\nAw==\n", " AAEC Aw "):  # mail's lines and the web's want of padding
        assert read([{"b64": same}], tf.string).tolist() == [b"\x00\x01\x02\x03"]
    assert read(True, tf.bool, ()) and read([2, 3], tf.int32).dtype == np.int32
    for value, dtype in (
        ([[1], [2, 3]], tf.float32),
        (["1"], tf.float32),
        ([True], tf.float32),
        ([None], tf.float32),
        ([{}], tf.float32),
        ([1.5], tf.int32),
        ([2**31], tf.int32),
        ([10**400], tf.float32),
        ([10**30], tf.int32),
        ([1], tf.bool),
        (["a", 1], tf.string),
        ([{"b64": "?"}], tf.string),
        ([{"b64": "AAECA"}], tf.string),
        ("text", tf.string),
        ([[1]], tf.float32),
        ([], tf.float32),
        (1, tf.float32),
        (list(range(9)), tf.float32),
    ):
        assert refused(read, value, dtype).startswith("x: ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"inputs": 1, "instances": 2}',
        b'{"instances": {}}',
        b'{"instances": []}',
        b"[" * 10**5,
        b"\xff\xfe\x00",
        b'{"instances": [{"a": 1}, {"b": 1}]}',
        b'{"signature_name": 3, "inputs": 1}',
        b"nul",
    ],
)
def test_bodies_that_are_refused(body):
    refused(json_tensors.read_request, body)


def test_errors_of_tensorflow_become_one_line():
    @tf.function
    def checked(x):
        with tf.control_dependencies([tf.debugging.Assert(x > 0, ["x: expected more than 0, received", x])]):
            return tf.identity(x)

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        checked(tf.constant(-3))
    error = from_tensorflow(caught.value)
    assert (error.code, error.message) == (grpc.StatusCode.INVALID_ARGUMENT, "x: expected more than 0, received -3")
    any_shape = tf.function(tf.linalg.matmul, input_signature=[tf.TensorSpec(None), tf.TensorSpec(None)])
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        any_shape(tf.zeros((2, 3)), tf.zeros((2, 2)))
    message = from_tensorflow(caught.value).message
    assert "\n" not in message and "Matrix size-incompatible" in message and "node" not in message
