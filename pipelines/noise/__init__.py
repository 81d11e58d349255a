"""What may be wrong with images: kinds of noise, mixtures of them, and fresh noise for disturbed pairs.

``from pipelines import noise``: ``noise.parse("gaussian:0.1")`` reads a kind and its level, ``noise.apply`` adds it.
"""

from pipelines.noise.kinds.blur import blur
from pipelines.noise.kinds.contrast import contrast
from pipelines.noise.kinds.gamma import gamma
from pipelines.noise.kinds.gaussian import gaussian
from pipelines.noise.kinds.gradient import gradient
from pipelines.noise.kinds.poisson import poisson
from pipelines.noise.kinds.salt_and_pepper import salt_and_pepper
from pipelines.noise.registry import KINDS, Noise, apply, parse

__all__ = ["KINDS", "Noise", "apply", "blur", "contrast", "gamma", "gaussian", "gradient", "parse", "poisson", "salt_and_pepper"]
