"""The gRPC side of TensorFlow Serving's protocol, PredictionService and ModelService, over a repository; health checks."""

import concurrent.futures
import contextlib
import time

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from udl_tf.serving.errors import NO_LABELS, ServingError, invalid
from udl_tf.serving.limits import Limits
from udl_tf.serving.model import DEFAULT
from udl_tf.serving.tensors import to_array, to_proto

WORKERS = 32  # requests in hand at a time; further ones wait in the sockets
WAITING = 256  # further ones than that are refused with RESOURCE_EXHAUSTED
SERVICES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata over a `Repository`, within `Limits`."""

    def __init__(self, repository, limits):
        self._repository, self._limits = repository, limits

    def Predict(self, request, context):  # noqa: N802  the protocol's name
        model = _model(self._repository, request.model_spec)
        signature = request.model_spec.signature_name or DEFAULT
        arrays = model.convert(signature, request.inputs, lambda *value: to_array(*value, self._limits))
        remaining = context.time_remaining()
        future = model.submit(signature, arrays, None if remaining is None else time.monotonic() + remaining)
        context.add_callback(future.cancel)  # whoever has gone away is not worked for
        outputs = _chosen(future.result(), request.output_filter)
        response = predict_pb2.PredictResponse()
        _describe(response.model_spec, model, signature)
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(to_proto(array))
        return response

    def GetModelMetadata(self, request, context):  # noqa: N802
        if list(request.metadata_field) != ["signature_def"]:
            raise invalid("metadata_field: expected signature_def, there is no other")
        model = _model(self._repository, request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _describe(response.model_spec, model)
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=model.signature_defs)
        response.metadata["signature_def"].Pack(signatures)
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus over a `Repository`."""

    def __init__(self, repository):
        self._repository = repository

    def GetModelStatus(self, request, context):  # noqa: N802
        response = get_model_status_pb2.GetModelStatusResponse()
        kinds = get_model_status_pb2.ModelVersionStatus.State
        for version, state, message in self._repository.states(request.model_spec.name, _version(request.model_spec)):
            code = grpc.StatusCode.UNKNOWN if message else grpc.StatusCode.OK
            found = response.model_version_status.add(version=version, state=kinds.Value(state))
            found.status.error_code, found.status.error_message = code.value[0], message
        return response


class Strict(grpc.ServerInterceptor):
    """Answers what cannot be read with INVALID_ARGUMENT, where gRPC says INTERNAL, and a `ServingError` with its own code."""

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None or not details.method.startswith(tuple(f"/{service}/" for service in SERVICES)):
            return handler
        read, answer = handler.request_deserializer, handler.unary_unary

        def strict(data, context):
            try:
                return answer(_read(read, data), context)
            except ServingError as error:
                code, message = error.code, error.message
            except NotImplementedError:
                code, message = grpc.StatusCode.UNIMPLEMENTED, "this server aligns: Predict, GetModelMetadata, GetModelStatus"
            except concurrent.futures.CancelledError:
                code, message = grpc.StatusCode.CANCELLED, "cancelled"
            context.abort(code, message)

        return grpc.unary_unary_rpc_method_handler(strict, None, handler.response_serializer)


def make_server(repository, address, limits=None):
    """A gRPC server that is not started yet.

    Args:
        repository: `Repository`. address: "host:port", port 0 for any that is free. limits: `Limits`.

    Returns:
        (server, port, health servicer whose state follows `health.SERVICE`).

    Raises:
        OSError: the address is taken.
    """
    limits = limits or Limits()
    options = [
        ("grpc.max_receive_message_length", limits.message + 2**16),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a second server on the same port would get half the requests
    ]
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(WORKERS, "grpc"),
        interceptors=[Strict()],
        options=options,
        maximum_concurrent_rpcs=WAITING,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(repository, limits), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(repository), server)
    state = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    for service in ("", *SERVICES):
        state.set(service, health_pb2.HealthCheckResponse.SERVING)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise OSError(f"cannot listen on {address}")
    return server, port, state


def _read(read, data):
    try:
        return read(data)
    except Exception:  # of protobuf, which raises DecodeError, and others for odd text
        raise invalid(f"received {len(data)} bytes, which are no message of this method") from None


def _model(repository, spec):
    return repository.get(spec.name, _version(spec))


def _version(spec):
    """The version a ModelSpec asks for, None for the newest."""
    if spec.WhichOneof("version_choice") == "version_label":
        raise invalid(NO_LABELS)
    return spec.version.value if spec.HasField("version") else None


def _describe(spec, model, signature=""):
    spec.name, spec.signature_name = model.name, signature
    spec.version.value = model.version


def _chosen(outputs, wanted):
    """The outputs that a request asked for, all where it did not say."""
    with contextlib.suppress(KeyError):
        return {name: outputs[name] for name in wanted} or outputs
    raise invalid(f"output_filter: expected some of {', '.join(sorted(outputs))}")
