"""Clients and servers over real sockets, gRPC and REST: our own server, and TensorFlow Serving where UDL_TF_MODEL_SERVER says."""

import base64
import concurrent.futures
import os

import cv2
import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_service_pb2_grpc, predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc as service

from pipelines.errors import InputError
from udl_tf.registration.pairs import register_pair
from udl_tf.registration.result import PER_PAIR


@pytest.fixture
def channel(served):
    with grpc.insecure_channel(served.address, [("grpc.max_receive_message_length", -1)]) as channel:
        yield channel


@pytest.fixture
def url(served):
    return f"http://{served.rest}/v1/models/{served.model}"


def test_a_real_model_server_as_well():
    if not os.environ.get("UDL_TF_MODEL_SERVER"):
        pytest.skip("UDL_TF_MODEL_SERVER is not set: the tests of this file ran against udl_tf.serve only")


@pytest.mark.parametrize("rest", [False, True])
def test_the_client_is_the_aligner(served, pictures, assert_close, rest):
    fixed, moving = (images[:3] for images in pictures)
    with served.client(rest=rest) as client:
        assert_close(client.align(fixed, moving), served.aligner.align(fixed, moving))
        assert_close(client.align(fixed[0], moving, 5, fast=True), served.aligner.align(fixed[0], moving, 5, fast=True))
        pairs, found = client.align_pairs(fixed, max_shift=8)
        wanted = served.aligner.align_pairs(fixed, max_shift=8)
        assert np.array_equal(pairs, wanted[0])
        assert_close(found, wanted[1])


@pytest.mark.parametrize("rest", [False, True])
def test_pictures_of_their_own_size_go_to_the_server(served, picture, rest):
    fixed, moving = picture(0.0, (0.0, 0.0), 100)[0][:90], picture([10.0, -20.0], [[1, 2], [0, 0]], 100)[:, 4:, 10:]
    with served.client(rest=rest) as client:
        found = client.align_full(fixed, moving)
        with pytest.raises(InputError, match="moving 1 is constant"):
            client.align_full(fixed, moving * np.array([1, 0])[:, None, None])
    for row in range(2):
        wanted = register_pair(served.aligner, fixed, moving[row])
        for name in PER_PAIR:
            np.testing.assert_allclose(getattr(found, name)[row], getattr(wanted, name)[0], rtol=1e-3, atol=1e-2, err_msg=name)


def test_types_of_results(served, pictures):
    for rest in (False, True):
        with served.client(rest=rest) as client:
            result = client.align(pictures[0][0], pictures[1][0])
        kinds = [getattr(result, name).dtype for name in ("angle", "shift", "score", "sigma", "symmetry")]
        assert kinds == [np.float32] * 4 + [np.int32] and result.apply(pictures[1][0]).shape == (48, 48)


@pytest.mark.parametrize("rest", [False, True])
def test_images_that_cannot_be_aligned(served, pictures, rest):
    moving = pictures[1][:3].copy()
    moving[1] = np.nan
    with served.client(rest=rest) as client:
        result = client.align(pictures[0][:3], moving, report=False)
    assert np.isnan(result.angle).tolist() == [False, True, False] and np.isinf(result.sigma[1]) and result.score[1] == 0


def test_messages_are_divided(served, pictures, assert_close):
    fixed, moving = pictures  # 70 pairs of 18 kB
    with served.client(message_bytes=2**17) as client:
        sent = []
        backend = client._backend
        call = backend.call
        backend.call = lambda signature, **inputs: sent.append(len(inputs["moving"])) or call(signature, **inputs)
        found = client.align(fixed, moving)
        assert sent == [6] * 10 + [4, 6]
        assert_close(found, served.aligner.align(fixed, moving), 1e-3)
        found = client.align(fixed[0], moving[:20])
        assert sent[12:] == [12, 8]
        assert_close(found, served.aligner.align(fixed[0], moving[:20]), 1e-3)


def test_answers_larger_than_grpc_takes_by_default(served):
    images = np.random.default_rng(0).normal(size=(5, 512, 512)).astype(np.float32)  # 5 MB
    with served.client() as client:
        aligned = client.call("warp", images=images, angle=np.zeros(5, np.float32), shift=np.zeros((5, 2), np.float32))["aligned"]
    np.testing.assert_allclose(aligned, images, atol=1e-5)


def test_encoded_pictures(served, url, pictures):
    grey = [np.clip(60 * images[:2] + 90, 1, 254).astype(np.uint8) for images in pictures]
    data = [[cv2.imencode(".png", image)[1].tobytes() for image in side] for side in grey]
    wanted = served.aligner.align(*grey)
    with served.client() as client:
        found = client.call("align_encoded", fixed=np.array(data[0], object), moving=np.array(data[1], object))
    np.testing.assert_allclose(found["angle"], wanted.angle, atol=1e-4)  # degrees; float32 has 1e-5, times rounding
    rows = [{name: {"b64": base64.b64encode(one).decode()} for name, one in zip(("fixed", "moving"), row)} for row in zip(*data)]
    body = {"signature_name": "align_encoded", "instances": rows}
    found = requests.post(f"{url}:predict", json=body, timeout=60).json()["predictions"]
    np.testing.assert_allclose([row["angle"] for row in found], wanted.angle, atol=1e-4)


def test_many_clients_get_their_own_answers(served, pictures, assert_close):
    fixed, moving = pictures
    wanted = served.aligner.align(fixed, moving)

    def ask(row):
        with served.client() as client:
            return client.align(fixed[row], moving[row])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(24)))
    for row, result in enumerate(found):
        for name in ("angle", "shift", "score", "sigma"):
            np.testing.assert_allclose(getattr(result, name)[0], getattr(wanted, name)[row], atol=1e-3)


def test_metadata(served, channel, url):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = served.model
    response = service.PredictionServiceStub(channel).GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    names = {"serving_default", "align", "align_within", "align_to_one", "align_pairs", "align_encoded", "warp"}
    assert names <= set(signatures.signature_def) and response.model_spec.version.value == 1
    fixed = signatures.signature_def["align"].inputs["fixed"]
    assert fixed.dtype == 1 and [dim.size for dim in fixed.tensor_shape.dim] == [-1, -1, -1]
    found = requests.get(f"{url}/metadata", timeout=60).json()
    assert found["model_spec"] == {"name": served.model, "signature_name": "", "version": "1"}
    said = found["metadata"]["signature_def"]["signature_def"]["align"]
    assert said["method_name"] == "tensorflow/serving/predict" and said["inputs"]["fixed"]["name"] == fixed.name
    any_size = {"size": "-1", "name": ""}
    assert said["inputs"]["fixed"]["tensor_shape"] == {"dim": [any_size] * 3, "unknown_rank": False}
    assert said["outputs"]["symmetry"]["dtype"] == "DT_INT32"


def test_status(served, channel, url):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = served.model
    response = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request)
    assert [(one.version, one.state) for one in response.model_version_status] == [(1, 30)]  # AVAILABLE
    wanted = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for address in (url, f"{url}/versions/1"):
        assert requests.get(address, timeout=60).json() == {"model_version_status": [wanted]}
    for address in (f"{url}x", f"{url}/versions/9", f"{url}x/metadata"):
        response = requests.get(address, timeout=60)
        assert response.status_code == 404 and set(response.json()) == {"error"}


def test_the_model_and_some_outputs_by_request(served, channel, pictures):
    request = predict_pb2.PredictRequest(output_filter=["angle"])
    request.model_spec.name, request.model_spec.version.value = served.model, 1
    for name, images in zip(("fixed", "moving"), pictures, strict=True):
        request.inputs[name].CopyFrom(tf.make_tensor_proto(images[:2]))
    response = service.PredictionServiceStub(channel).Predict(request)
    assert set(response.outputs) == {"angle"} and response.model_spec.version.value == 1
    wanted = served.aligner.align(pictures[0][:2], pictures[1][:2]).angle
    np.testing.assert_allclose(tf.make_ndarray(response.outputs["angle"]), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda request: setattr(request.model_spec, "name", "nobody"), "NOT_FOUND"),
        (lambda request: setattr(request.model_spec, "name", ""), "INVALID_ARGUMENT NOT_FOUND"),
        (lambda request: setattr(request.model_spec, "name", "../../etc/passwd"), "NOT_FOUND"),
        (lambda request: setattr(request.model_spec.version, "value", 9), "NOT_FOUND"),
        (lambda request: setattr(request.model_spec, "signature_name", "nothing"), "INVALID_ARGUMENT FAILED_PRECONDITION"),
        (lambda request: request.output_filter.append("nothing"), "INVALID_ARGUMENT"),
        (lambda request: request.inputs.pop("fixed"), "INVALID_ARGUMENT"),
        (lambda request: request.inputs["more"].CopyFrom(tf.make_tensor_proto(1.0)), "INVALID_ARGUMENT"),
        (lambda request: request.inputs["fixed"].CopyFrom(tf.make_tensor_proto(1.0)), "INVALID_ARGUMENT"),
        (lambda request: request.inputs["fixed"].CopyFrom(tf.make_tensor_proto(np.zeros((2, 48, 48)))), "INVALID_ARGUMENT"),
        (lambda request: request.inputs["fixed"].CopyFrom(tf.make_tensor_proto(np.zeros((2, 40, 40), "f"))), "INVALID_ARGUMENT"),
        (lambda request: request.inputs["fixed"].CopyFrom(tf.make_tensor_proto(np.zeros((3, 48, 48), "f"))), "INVALID_ARGUMENT"),
        (lambda request: request.inputs["fixed"].CopyFrom(tf.make_tensor_proto(np.zeros((0, 48, 48), "f"))), "INVALID_ARGUMENT"),
    ],
)
def test_requests_that_are_refused(served, channel, pictures, change, code):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = served.model
    for name, images in zip(("fixed", "moving"), pictures, strict=True):
        request.inputs[name].CopyFrom(tf.make_tensor_proto(images[:2]))
    change(request)
    with pytest.raises(grpc.RpcError) as caught:
        service.PredictionServiceStub(channel).Predict(request, timeout=60)
    assert caught.value.code().name in code.split() and len(caught.value.details()) < 2000


@pytest.mark.parametrize(
    "body", ["{", '{"inputs": 1}', '{"instances": [{"fixed": [[1, 2], [3]], "moving": 1}]}', "[[[", '{"inputs": {}}']
)
def test_bodies_that_are_refused(url, body):
    response = requests.post(f"{url}:predict", data=body, timeout=60)
    assert response.status_code == 400 and set(response.json()) == {"error"}
    assert requests.post(f"{url}x:predict", data="{}", timeout=60).status_code == 404


def test_other_methods_are_said_not_to_be_there(channel):
    from tensorflow_serving.apis import classification_pb2

    with pytest.raises(grpc.RpcError) as caught:
        service.PredictionServiceStub(channel).Classify(classification_pb2.ClassificationRequest(), timeout=60)
    assert caught.value.code().name in ("UNIMPLEMENTED", "INVALID_ARGUMENT", "NOT_FOUND")
