"""All kinds of noise by name, read from text and added: to add one, write its file in `kinds/` and enter it here."""

import dataclasses

from pipelines.errors import InputError
from pipelines.noise.kinds import blur, clean, contrast, gamma, gaussian, gradient, poisson, salt_and_pepper

KINDS = {
    "clean": clean.KIND,
    "gaussian": gaussian.KIND,
    "salt-and-pepper": salt_and_pepper.KIND,
    "poisson": poisson.KIND,
    "blur": blur.KIND,
    "contrast": contrast.KIND,
    "gamma": gamma.KIND,
    "gradient": gradient.KIND,
}
ALIASES = {"s&p": "salt-and-pepper"}


@dataclasses.dataclass(frozen=True)
class Noise:
    """A kind of noise and its level, which is that of the function of this name: an SNR, a proportion, photons, pixels ..."""

    kind: str = "clean"
    level: float = 0.0

    def __str__(self):
        return self.kind if self.kind == "clean" else f"{self.kind}:{self.level:g}"


def parse(text):
    """Read ``KIND:LEVEL``.

    ``clean``, ``gaussian:0.5`` (SNR), ``salt-and-pepper:0.2`` or ``s&p:0.2`` (of each), ``poisson:20`` (photons per pixel),
    ``blur:1.5`` (pixels), ``contrast:0.5`` (see `contrast`), ``gamma:1`` (see `gamma`), ``gradient:0.7``
    (see `gradient`).

    Raises:
        InputError: unknown kind (the message lists the kinds), or a level that is missing or out of range.
    """
    name, colon, level = text.strip().lower().partition(":")
    kind = ALIASES.get(name, name)
    if kind not in KINDS:
        raise InputError(f"unknown noise {text!r}: expected one of {', '.join(kind.form for kind in KINDS.values())}")
    if not KINDS[kind].has_level:
        if colon:
            raise InputError(f"noise {text!r}: {kind} takes no level")
        return Noise(kind)
    try:
        value = float(level)
    except ValueError:
        raise InputError(f"noise {text!r}: expected {KINDS[kind].form} with a number for LEVEL") from None
    if not 0.0 < value <= KINDS[kind].highest:
        raise InputError(f"noise {text!r}: expected a level above 0, at most {KINDS[kind].highest:g}")
    return Noise(kind, value)


def apply(noise, images, seed):
    """Images (batch, height, width) with the `Noise` added, float32 of the same shape."""
    return KINDS[noise.kind].add(images, noise.level, seed)
