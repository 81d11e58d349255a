"""An aligner whose model runs in a server, TensorFlow Serving or `udl_tf.serve`: same calls, same results.

```python
from udl_tf.client import AlignClient

with AlignClient("localhost:8500", model="cryo") as aligner:
    result = aligner.align(fixed, moving)
```
"""

import numpy as np

from udl_tf.alignment.aligner import Aligner
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

    def call(self, signature: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Any signature of the model (`udl_tf.serving.signatures`): arrays by name in, arrays by name out."""
        return self._backend.call(signature, **inputs)
