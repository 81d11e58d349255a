"""How sharp a section is: its spectral power in bands of frequency."""

import numpy as np

BANDS = ((0.125, 0.25), (0.25, 0.5))  # cycles a pixel: structure, and what is mostly the detector's noise


def band_power(section: np.ndarray) -> np.ndarray:
    """Spectral power (2,) of a section (height, width) in `BANDS`, under a Hann window."""
    height, width = section.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = np.abs(np.fft.fft2((section - section.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    return np.array([power[(radius >= low) & (radius < high)].sum() for low, high in BANDS])
