"""One version of a model in service."""

import pathlib

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from udl_tf.serving import warmup
from udl_tf.serving.batcher import Batcher, call
from udl_tf.serving.errors import ServingError, from_tensorflow, invalid
from udl_tf.serving.limits import Limits, check_inputs
from udl_tf.serving.tensors import to_array

DEFAULT = "serving_default"


class Model:
    """A SavedModel that answers calls of its signatures; loading it runs its warm-up requests.

    Args:
        name, version: as clients call it. folder: of the SavedModel. largest: see `Batcher`.

    Attributes:
        name, version. signature_defs: SignatureDef messages by name, as they are written in the SavedModel.
    """

    def __init__(self, name, version, folder, largest=64):
        self.name, self.version = name, version
        proto = saved_model_pb2.SavedModel.FromString((pathlib.Path(folder) / "saved_model.pb").read_bytes())
        self.signature_defs = dict(proto.meta_graphs[0].signature_def)
        self._loaded = tf.saved_model.load(str(folder))
        self._specs = {key: value.structured_input_signature[1] for key, value in self._loaded.signatures.items()}
        for request in warmup.read(folder):
            signature = request.model_spec.signature_name or DEFAULT
            specs = self.specs(signature)
            arrays = {key: to_array(value, key, specs[key], Limits()) for key, value in request.inputs.items()}
            self._run(signature, {key: tf.constant(array) for key, array in arrays.items()})
        self._batcher = Batcher(self._run, largest, f"{name}/{version}")

    def specs(self, signature):
        """`tf.TensorSpec` of each input of a signature."""
        if signature not in self._specs:
            known = ", ".join(sorted(self._specs))
            raise ServingError(
                grpc.StatusCode.INVALID_ARGUMENT, f"no signature {signature[:80]!r} in model {self.name}: expected one of {known}"
            )
        return self._specs[signature]

    def convert(self, signature, values, convert):
        """Arrays of what came as inputs.

        Args:
            signature: name. values: by input name. convert: function (value, name, spec) -> array.
        """
        specs = self.specs(signature)
        if set(values) != set(specs):
            received = ", ".join(sorted(str(name)[:40] for name in values)[:8]) or "none"
            raise invalid(f"received inputs {received}; signature {signature} expects {', '.join(sorted(specs))}")
        arrays = {name: convert(value, name, specs[name]) for name, value in values.items()}
        check_inputs(signature, arrays)
        return arrays

    def submit(self, signature, arrays, deadline=None):
        """Queue a call; returns the future of its outputs, a dict of arrays.

        Args:
            signature: name. arrays: from `convert`. deadline: of `time.monotonic`, or None.
        """
        return self._batcher.submit(call(signature, arrays, deadline))

    def close(self):
        """Finish what waits, and no more."""
        self._batcher.close()

    def _run(self, signature, inputs):
        try:
            outputs = self._loaded.signatures[signature](**inputs)
            return {name: value.numpy() for name, value in sorted(outputs.items())}
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise from_tensorflow(error) from None
