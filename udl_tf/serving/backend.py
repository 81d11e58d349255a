"""An aligner's model on a server: requests that fit a message, over gRPC or REST, and answers that are checked."""

import numpy as np

from pipelines.errors import InputError
from udl_tf.alignment import class_result, outputs
from udl_tf.registration.result import PER_PAIR
from udl_tf.serving.remote import ServerError

PAIRS_AT_A_TIME = 4096  # of `align_pairs` in one request: some seconds
SPARE = 2**12  # bytes of a message besides the images


class ServerBackend:
    """A `udl_tf.alignment.backend.Backend` of a model on TensorFlow Serving or `udl_tf.serve`.

    Args:
        address: "host:port". model: name of the model on the server. version: number; None for the newest.
        rest: the port is one of REST, not gRPC: for quick tests, slow.
        timeout: seconds for one request, retries included; a server that is not there is tried five times within some seconds.
        message_bytes: largest request. Batches that need more go in several.

    Raises (in calls):
        InputError: the server does not know the model, or refuses the request.
        ServerError: an InputError: no server there, no answer in time, or a failure over there.
    """

    def __init__(
        self,
        address: str,
        model: str = "cryo",
        version: int | None = None,
        rest: bool = False,
        timeout: float = 60.0,
        message_bytes: int = 64 * 2**20,
    ):
        if not isinstance(address, str) or not address.rpartition(":")[2].isdecimal() or not address.rpartition(":")[0]:
            raise InputError(f"server {address!r}: expected host:port, such as localhost:8500")
        if not timeout > 0 or message_bytes < 2**16:
            raise InputError(
                f"timeout of {timeout} s and messages of {message_bytes} bytes: expected more than 0 and 65536 or more"
            )
        self.path, self.config = f"{address}/{model}", {}
        self._largest = message_bytes
        try:
            if rest:
                from udl_tf.serving.rest_client import RestTransport

                self._transport = RestTransport(address, model, version, timeout)
            else:
                from udl_tf.serving.grpc_client import GrpcTransport

                self._transport = GrpcTransport(address, model, version, timeout, message_bytes)
        except ImportError as error:
            raise InputError(f'the client needs more packages ({error.name}): pip install "udl_tf[serving]"') from None

    def close(self) -> None:
        """Give up the connection."""
        self._transport.close()

    def call(self, signature: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Any signature of the model (`udl_tf.serving.signatures`): arrays by name in, arrays by name out."""
        return self._transport.call(signature, inputs)

    def align(self, fixed, moving, max_shift, fast):
        """See `Backend`; in as many messages as it takes."""
        options = {} if max_shift < 0 and not fast else _options(max_shift, fast)
        signature = "align_within" if options else "serving_default"
        parts = []
        for one, some in self._messages(fixed, moving):
            parts.append(self._checked(self.call(signature, fixed=one, moving=some, **options), len(some)))
        return _joined(parts)

    def align_pairs(self, images, first, second, max_shift, fast):
        """See `Backend`; the images go along with every message."""
        if images.nbytes > self._largest - SPARE - 8 * PAIRS_AT_A_TIME:
            size = f"{len(images)} images of {images.shape[2]}x{images.shape[1]} pixels"
            raise InputError(f"{size} are more than message_bytes, {self._largest}: expected fewer, or larger messages")
        parts = []
        for start in range(0, len(first), PAIRS_AT_A_TIME):
            rows = slice(start, start + PAIRS_AT_A_TIME)
            inputs = {"images": images, "first": first[rows], "second": second[rows], **_options(max_shift, fast)}
            parts.append(self._checked(self.call("align_pairs", **inputs), len(first[rows])))
        return _joined(parts)

    def align_full(self, fixed, moving):
        """See `Backend`; in as many messages as it takes."""
        parts = []
        for one, some in self._messages(fixed, moving):
            found = self.call("align_full", fixed=one, moving=some)
            wrong = [name for name in PER_PAIR if np.shape(found.get(name))[:1] != (len(some),)]
            if wrong:
                raise ServerError(f"{self.path}: the answer has no {', '.join(wrong)} of {len(some)} pairs")
            parts.append({name: found[name] for name in PER_PAIR})
        return _joined(parts)

    def classify(self, images, ctf):
        """See `Backend`."""
        found = self.call("classify", images=images) if ctf is None else self.call("classify_ctf", images=images, ctf=ctf)
        wrong = [name for name in class_result.NAMES if name not in found or len(found[name]) != len(images)]
        if wrong:
            raise ServerError(f"{self.path}: the answer has no {', '.join(wrong)} of {len(images)} images")
        return {name: found[name] for name in class_result.NAMES}

    def _messages(self, fixed, moving):
        """(fixed, moving) of as many pairs at a time as a message holds; one fixed image goes along with every message."""
        one = len(fixed) == 1
        room = self._largest - SPARE - (fixed.nbytes if one else 0)
        step = room // (moving[0].nbytes + (0 if one else fixed[0].nbytes))
        if step < 1:
            raise InputError(
                f"one pair of {moving.shape[2]}x{moving.shape[1]} pixels is more than message_bytes, {self._largest}"
            )
        for start in range(0, len(moving), step):
            rows = slice(start, start + step)
            yield fixed if one else fixed[rows], moving[rows]

    def _checked(self, found, count):
        """The outputs of an alignment, and those only, in their types."""
        wrong = outputs.wrong(found, count)
        if wrong:
            raise ServerError(f"{self.path}: the answer has no {', '.join(wrong)} of {count} pairs: expected a model of udl_tf")
        view = {"view": found["view"]} if np.shape(found.get("view")) == (count,) else {}
        return {**outputs.typed(found), **view}


def _options(max_shift, fast):
    return {"max_shift": np.float32(max_shift), "fast": np.bool_(fast)}


def _joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
