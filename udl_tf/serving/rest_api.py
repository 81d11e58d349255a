"""The REST interface of TensorFlow Serving: predict, status and metadata, in its addresses and its JSON."""

import json
import threading

import grpc
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from udl_tf.serving import json_tensors
from udl_tf.serving.errors import NO_LABELS, ServingError, invalid
from udl_tf.serving.limits import Limits
from udl_tf.serving.model import DEFAULT

HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
AT_ONCE = 2  # bodies read at a time: while it is read, JSON takes many times its size


def make_app(repository, limits=None):
    """The ASGI application over a `Repository`, within `Limits`."""
    limits = limits or Limits()
    reading = threading.Semaphore(AT_ONCE)

    def answer(body, name, version):
        model = repository.get(name, version)
        with reading:
            signature, values, by_row = json_tensors.read_request(body)
            signature = signature or DEFAULT
            values = json_tensors.by_name(values, set(model.specs(signature)))
            arrays = model.convert(signature, values, lambda *value: json_tensors.to_array(*value, limits))
        outputs = model.submit(signature, arrays).result()
        return json.dumps(json_tensors.to_json(outputs, by_row))

    async def predict(request):
        body = await _body(request, limits.body)
        return _json(await run_in_threadpool(answer, body, *_asked(request)))

    async def status(request):
        states = repository.states(*_asked(request))
        return _json(json.dumps({"model_version_status": [_state(*state) for state in states]}, indent=1))

    async def metadata(request):
        model = repository.get(*_asked(request))
        return _json(json.dumps(_metadata(model), indent=1))

    async def healthy(request):
        return _json(json.dumps({"models": [{"name": name, "version": str(version)} for name, version in repository.names()]}))

    async def labelled(request):
        raise invalid(NO_LABELS)

    places = ("/v1/models/{name}", "/v1/models/{name}/versions/{version:int}")
    routes = [Route("/v1/health", healthy)]
    routes += [Route(f"{place}:predict", predict, methods=["POST"]) for place in places]
    routes += [Route(f"{place}/metadata", metadata) for place in places]
    routes += [Route(place, status) for place in places]
    routes += [Route("/v1/models/{name}/labels/{rest:path}", labelled, methods=["GET", "POST"])]
    return Starlette(
        routes=routes, exception_handlers={ServingError: _refused, HTTPException: _malformed, ClientDisconnect: _gone}
    )


async def _body(request, largest):
    """The request's body; refused as soon as it is too large, whatever it claims."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise HTTPException(413, f"expected at most {largest // 2**10} kB")
        parts.append(part)
    return b"".join(parts)


def _asked(request):
    return request.path_params["name"], request.path_params.get("version")


def _json(text, status=200):
    return Response(text, status, media_type="application/json")


def _error(message, status):
    return _json(json.dumps({"error": message}), status)


async def _refused(request, error):
    return _error(error.message, HTTP.get(error.code, 500))


async def _malformed(request, error):
    return _error(f"Malformed request: {request.method} {request.url.path[:200]} ({error.detail})", error.status_code)


async def _gone(request, error):
    return _error("the client has gone", 400)  # nobody reads it


def _state(version, state, message):
    status = {"error_code": "UNKNOWN" if message else "OK", "error_message": message}
    return {"version": str(version), "state": state, "status": status}


def _metadata(model):
    signatures = {name: _signature(definition) for name, definition in sorted(model.signature_defs.items())}
    return {
        "model_spec": {"name": model.name, "signature_name": "", "version": str(model.version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _signature(definition):
    return {
        "inputs": {name: _tensor(info) for name, info in sorted(definition.inputs.items())},
        "outputs": {name: _tensor(info) for name, info in sorted(definition.outputs.items())},
        "method_name": definition.method_name,
    }


def _tensor(info):
    """A TensorInfo with all its fields: protobuf leaves out what is 0 or empty, TensorFlow Serving does not."""
    said = json_format.MessageToDict(info, preserving_proto_field_name=True)
    dims = [{"size": str(dim.size), "name": dim.name} for dim in info.tensor_shape.dim]
    shape = {"dim": dims, "unknown_rank": info.tensor_shape.unknown_rank}
    return {"dtype": said.get("dtype", "DT_INVALID"), "tensor_shape": shape, "name": info.name}
