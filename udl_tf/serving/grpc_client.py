"""The client's end of gRPC: one call of a signature, arrays in and arrays out."""

import json

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from udl_tf.serving.remote import ServerError, refusal
from udl_tf.serving.wire import predict_request

PREDICT = "/tensorflow.serving.PredictionService/Predict"
RETRIED = {  # by gRPC itself, with random pauses up to these lengths; five attempts are the most it allows
    "maxAttempts": 5,
    "initialBackoff": "0.4s",
    "maxBackoff": "4s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],  # the latter: it came while the server was stopping
}
SPARE = 2**16  # bytes of a message besides the images


class GrpcTransport:
    """Calls of one model's signatures over gRPC.

    Args:
        address: "host:port". model, version: to call; None for the newest. timeout: seconds for one call, retries included.
        largest: bytes of a message.
    """

    def __init__(self, address, model, version, timeout, largest):
        self._address, self._model, self._version, self._timeout = address, model, version, timeout
        options = [
            ("grpc.max_receive_message_length", -1),  # the default of 4 MB is less than an answer of `warp`
            ("grpc.max_send_message_length", -1),
            ("grpc.service_config", json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": RETRIED}]})),
            ("grpc.per_rpc_retry_buffer_size", largest + SPARE),  # a message that does not fit is not sent again
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.min_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        self._channel = grpc.insecure_channel(address, options)
        # The generated stub's method, but for its serializer: the request comes as bytes.
        self._predict = self._channel.unary_unary(PREDICT, response_deserializer=predict_pb2.PredictResponse.FromString)

    def call(self, signature, inputs):
        """Outputs by name, for inputs by name."""
        request = predict_request(self._model, self._version, signature, inputs)
        try:
            response = self._predict(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise self._explained(error) from None
        return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}

    def close(self):
        """Give up the connection."""
        self._channel.close()

    def _explained(self, error):
        code, said = error.code(), error.details() or ""
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            return ServerError(f"{self._address}: no server answers ({said[:200]})")
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return ServerError(f"{self._address}: no answer within {self._timeout:g} s")
        if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND):
            return refusal(self._address, said)
        return ServerError(f"{self._address}: {code.name}: {said[:500]}")
