"""What the exhaustive search is told about photographs: how strong signal is against noise, for every ring of frequencies.

Of a particle it is told the spectrum of the very image (`exhaustive.true_snr`); of photographs their mean spectrum, from
clean patches, and the level of the noise.
"""

import numpy as np

from pipelines import noise
from pipelines.spectra import noise_spectrum

FLOOR = 1e3  # var(signal) / var(noise) where there is none: what interpolation and repair leave


def photo_snr(patches, kind):
    """Signal-to-noise ratio (side // 2 + 1,) of patches with white noise, for `exhaustive.search`.

    Args:
        patches: clean photographs (n, side, side) of mean 0 and variance 1. kind: ``clean``, ``gaussian:0.1``, ...
    """
    spec = noise.parse(kind)
    snr = spec.level if spec.kind == "gaussian" else FLOOR
    hann = np.hanning(patches.shape[1]).astype(np.float32)
    taper = hann[:, None] * hann  # a frame's edges would leak into all frequencies
    return noise_spectrum.radial_power(patches * taper).numpy().mean(0) * np.float32(snr / np.square(taper).mean())
