"""What may be wrong with images: kinds of noise, mixtures of them, and fresh noise for disturbed pairs.

``from pipelines import noise``: ``noise.parse("gaussian:0.1")`` reads a kind and its level, ``noise.apply`` adds it.
"""

from pipelines.noise.kinds import KINDS, Noise, apply, blur, contrast, gaussian, parse, poisson, salt_and_pepper

__all__ = ["KINDS", "Noise", "apply", "blur", "contrast", "gaussian", "parse", "poisson", "salt_and_pepper"]
