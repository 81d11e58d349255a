"""What instruments add to pictures, drawn for pairs that an error bar is calibrated on.

A kind is a function (count, box, random) -> (count, box, box), about 1 strong, and an entry of `KINDS`.
"""

import numpy as np


def coloured(shape, exponent, random):
    """Gaussian noise of standard deviation 1 whose power falls with frequency to an exponent (batch,)."""
    # Not by `pipelines.noise.coloured`: there spectra are linear between rings, and numbers are TensorFlow's, float32. The pairs
    # that the shipped models are calibrated on would be others.
    frequency = np.hypot(np.fft.fftfreq(shape[1])[:, None], np.fft.rfftfreq(shape[2]))
    gain = np.maximum(frequency, 1.0 / shape[1]) ** (-exponent[:, None, None] / 2.0)
    made = np.fft.irfft2(np.fft.rfft2(random.normal(size=shape)) * gain, shape[1:])
    return made / made.std((1, 2), keepdims=True)


def _directions(count, box, random):
    """A coordinate (count, box, box) from -1 to 1 along another direction in each image."""
    line, angle = np.linspace(-1.0, 1.0, box), random.uniform(0.0, 2.0 * np.pi, (count, 1, 1))
    return np.cos(angle) * line + np.sin(angle) * line[:, None]


def _edge(count, box, random):
    """A step along a straight line, sharp or blurred."""
    width = np.exp(random.uniform(np.log(0.01), np.log(0.3), (count, 1, 1)))
    return np.tanh((_directions(count, box, random) - random.uniform(-0.7, 0.7, (count, 1, 1))) / width) / 2.0


def _wave(count, box, random):
    """Half a period to three across the frame."""
    phase = random.uniform(0.0, 2.0 * np.pi, (count, 1, 1))
    return np.sin(np.pi * random.uniform(0.5, 3.0, (count, 1, 1)) * _directions(count, box, random) + phase)


def _pattern(count, box, random):
    """White, or of a few pixels' grain."""
    return coloured((count, box, box), random.uniform(0.0, 2.0, count), random)


def _pixels(count, box, random):
    """Hot pixels, or a hot column, far brighter than all else."""
    hot = random.random((count, box, box)) < np.exp(random.uniform(np.log(1.0), np.log(100.0), (count, 1, 1))) / box**2
    columns = (np.arange(box) == random.integers(box, size=(count, 1, 1))) & np.ones((1, box, 1), bool)
    return np.where(random.random((count, 1, 1)) < 0.7, hot, columns) * 30.0


def _stripes(count, box, random):
    """Every row has an offset of its own, or a few of them do."""
    rows = random.normal(size=(count, box, 1)) * (random.random((count, box, 1)) < random.uniform(0.02, 1.0, (count, 1, 1)))
    return np.broadcast_to(rows, (count, box, box))


def _grid(count, box, random):
    """Two waves of a few pixels across each other, as of interference; or lines at one distance, or dots where they cross."""
    shape = (count, 1, 1)
    period, phase = random.uniform(3.0, 32.0, shape), random.uniform(0.0, 32.0, (2, *shape))
    angle = random.choice([0.0, 1.0], shape) * random.uniform(0.0, np.pi, shape)
    x, y = np.arange(box), np.arange(box)[:, None]
    along = (np.cos(angle) * x + np.sin(angle) * y + phase[0]) / period
    across = (np.cos(angle) * y - np.sin(angle) * x + phase[1]) / period
    waves = (np.sin(2.0 * np.pi * along) + np.sin(2.0 * np.pi * across)) / np.sqrt(2.0)
    one, two = (line * period % period < 1.0 for line in (along, across))
    return np.choose(random.choice([0, 0, 1, 2], shape), [waves, one | two, one & two])


def _blob(count, box, random):
    """A bright or dark spot anywhere, of any size."""
    line, at = np.linspace(-1.0, 1.0, box), random.uniform(-0.8, 0.8, (2, count, 1, 1))
    width = np.exp(random.uniform(np.log(0.03), np.log(0.4), (count, 1, 1)))
    distance = np.square(line - at[0]) + np.square(line[:, None] - at[1])
    return random.choice([-1.0, 1.0], (count, 1, 1)) * np.exp(-0.5 * distance / np.square(width))


KINDS = {"blob": _blob, "edge": _edge, "grid": _grid, "wave": _wave, "pattern": _pattern, "pixels": _pixels, "stripes": _stripes}
