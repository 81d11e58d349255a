"""Images that hold no object: noise of several kinds, float64 (n, side, side), by name: ``draw(shape, random)``."""

import numpy as np
from artefacts import plane, smooth_noise


def _white(shape, random):
    return random.normal(size=shape)


def _coloured(exponent):
    """Noise whose power falls with frequency to this exponent."""

    def draw(shape, random):
        frequency = np.hypot(np.fft.fftfreq(shape[1])[:, None], np.fft.rfftfreq(shape[2]))
        gain = np.maximum(frequency, 1.0 / shape[1]) ** (-exponent / 2.0)
        return np.fft.irfft2(np.fft.rfft2(random.normal(size=shape)) * gain, shape[1:])

    return draw


NOTHING = {
    "white": _white,
    "uniform": lambda shape, random: random.random(shape),
    "poisson": lambda shape, random: random.poisson(3.0, shape).astype(float),
    "heavy-tailed": lambda shape, random: random.standard_t(3, shape),
    "pink": _coloured(1.0),
    "1/f^2": _coloured(2.0),
    "blurred": lambda shape, random: smooth_noise(shape[0], shape[1], 0.03, random),
    "white on a plane": lambda shape, random: random.normal(size=shape) + plane(shape[0], shape[1], 3.0, random),
}
