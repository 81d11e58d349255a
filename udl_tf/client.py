"""An aligner whose model runs in a server, TensorFlow Serving or `udl_tf.serve`: same calls, same results.

```python
from udl_tf.client import AlignClient

with AlignClient("localhost:8500", model="cryo") as aligner:
    result = aligner.align(fixed, moving)
```
"""

import numpy as np
import numpy.typing as npt

from pipelines.errors import InputError
from udl_tf.alignment.aligner import Aligner
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.result import Registration
from udl_tf.serving.backend import ServerBackend


class AlignClient(Aligner):
    """Aligns on a server what `Aligner` aligns here: `align`, `align_pairs` and their errors are those of `Aligner`.

    Args:
        address: "host:port". model: name of the model on the server. version: number; None for the newest.
        rest: the port is one of REST, not gRPC: for quick tests, slow.
        timeout: seconds for one request, retries included; a server that is not there is tried five times within some seconds.
        message_bytes: largest request. Batches that need more go in several.

    Raises (in calls, besides those of `Aligner`):
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
        super().__init__(ServerBackend(address, model, version, rest, timeout, message_bytes))

    def align_full(self, fixed: npt.ArrayLike, moving: npt.ArrayLike) -> Registration:
        """`udl_tf.registration.pairs.register_pair` with all of its work on the server, to which whole pictures are sent.

        Args:
            fixed, moving: real arrays (height, width) or (n, height, width), of any two sizes; one fixed picture serves many.

        Returns:
            `Registration` of n pairs.

        Raises:
            InputError: arrays that are no pictures, see `Pyramid`; counts that do not match; a model without this signature.
        """
        fixed, moving = _pictures(fixed, "fixed"), _pictures(moving, "moving")
        if len(fixed) not in (1, len(moving)):
            raise InputError(f"{len(fixed)} fixed and {len(moving)} moving pictures: expected one fixed, or as many as moving")
        found = self._backend.align_full(fixed, moving)
        return Registration(**found, fixed=fixed.shape[1:], moving=moving.shape[1:])

    def call(self, signature: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Any signature of the model (`udl_tf.serving.signatures`): arrays by name in, arrays by name out."""
        return self._backend.call(signature, **inputs)


def _pictures(images, name):
    """Pictures float32 (n, height, width) of what a user passes."""
    images = np.asarray(images)
    images = images if images.ndim == 3 else images[None]
    for number, image in enumerate(images):
        Pyramid(image, name if len(images) == 1 else f"{name} {number}")
    return images.astype(np.float32)
