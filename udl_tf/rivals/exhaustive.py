"""The rival: an exhaustive search over the full circle, without a network and without shortcuts that cost accuracy.

Both images are filtered so that their correlation is the likelihood of a transform, all turns in steps of 1 degree
are correlated over all shifts by FFT, and the best few are polished to a continuous optimum on ever finer grids of
(angle, dx, dy).

It is generous to the rival: the weights need the signal-to-noise ratio of every frequency, and it is given the true
one, of the clean image (`true_snr`), which our own aligner has to estimate from each noisy pair.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.transforms import Rigid
from pipelines.spectra import noise_spectrum
from pipelines.spectra.resample import fourier_resample, scale_shift

COARSE = 64  # side of the images in the first search: of 128 pixels, frequencies up to 0.25 cycles per pixel
COUNT = 360  # turns of the first search
PEAKS, SEPARATION = 5, 6.0  # peaks of the first search that are polished, and degrees between them
POLISH = (0.4, 0.13, 0.04)  # steps of the finer grids, degrees and pixels
REACH = np.arange(-3.0, 4.0)  # steps on either side: 7 x 7 x 7 points each
MAX_SHIFT = 0.25  # of the side, in `answer`


def answer(problem, inputs):
    """See `registry.Rival`; it is told the true spectral signal-to-noise ratio."""
    return search(inputs["fixed"], inputs["moving"], problem.spectral_snr(), MAX_SHIFT * problem.side)


def true_snr(clean, snr):
    """Signal-to-noise ratio of every ring of frequencies in copies of a clean image with white noise.

    Args:
        clean: (side, side), background zero. snr: var(signal) / var(noise).

    Returns:
        float32 (side // 2 + 1,), ring i is the frequency i / side cycles per pixel.
    """
    clean = np.asarray(clean, np.float32)
    return noise_spectrum.radial_power(clean[None])[0].numpy() * np.float32(snr / clean.var())


def search(fixed, moving, spectral_snr, max_shift, batch=4):
    """Align pairs by exhaustive search.

    For two images of signal-to-noise ratio s with white noise, the log-likelihood of a transform is their correlation
    with each frequency weighted by s / (1 + 2 s); each image is filtered by the root of that.

    Args:
        fixed, moving: float32 (n, side, side), mean 0. spectral_snr: (side // 2 + 1,). max_shift: pixels.
        batch: pairs at a time.

    Returns:
        `Rigid`, its angles in [-180, 180).
    """
    gain = np.sqrt(spectral_snr / (1.0 + 2.0 * spectral_snr)).astype(np.float32)
    gain[0] = 0.0  # the mean says nothing
    found = []
    for start in range(0, len(moving), batch):
        pair = [_filtered(tf.constant(images[start : start + batch]), tf.constant(gain)) for images in (fixed, moving)]
        angle, shift = _peaks(*_circle(*pair, float(max_shift)))
        for step in POLISH:
            angle, shift, value = _polish(*pair, angle, shift, tf.constant(step, tf.float32))
            best = tf.argmax(value, 1)[:, None]  # after the first polish only the best peak is left
            angle, shift = (tf.gather(part, best, batch_dims=1) for part in (angle, shift))
        found.append((angle[:, 0].numpy(), shift[:, 0].numpy()))
    angle, shift = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Rigid(geometry.wrap_degrees(angle), shift)


@tf.function(autograph=False)
def _filtered(images, gain):
    """Images (batch, side, side) inside a soft disc, each ring of frequencies multiplied by its gain."""
    side = images.shape[1]
    y, x = np.fft.fftfreq(side)[:, None] * side, np.arange(side // 2 + 1)[None, :]
    ring = np.rint(np.hypot(y, x)).astype(np.int32)
    weight = tf.gather(gain, np.minimum(ring, side // 2)) * (ring <= side // 2)
    radius = np.linalg.norm(geometry.centred_grid(side, side), axis=-1)
    disc = 1.0 / (1.0 + np.exp((radius - 0.94 * side / 2) / 2.0))
    spectra = tf.signal.rfft2d(images * disc.astype(np.float32))
    return tf.signal.irfft2d(spectra * tf.cast(weight, tf.complex64), [side, side])


@tf.function(autograph=False)
def _circle(fixed, moving, max_shift):
    """Best correlation of each turn over all shifts: value (batch, COUNT) and that shift (batch, COUNT, 2)."""
    side = moving.shape[1]
    angles = tf.constant(geometry.polar_angles(COUNT), tf.float32)
    fixed, moving = fourier_resample(fixed, COARSE), fourier_resample(moving, COARSE)
    turned = _turned(fourier_resample(moving, 2 * COARSE), tf.tile(angles[None], (tf.shape(moving)[0], 1)), COARSE)
    size = [3 * COARSE // 2] * 2  # zeros around, so that what wraps around at large shifts meets nothing
    spectrum = tf.signal.rfft2d(fixed, size)[:, None]  # (batch, 1, ky, kx)
    surface = tf.signal.irfft2d(spectrum * tf.math.conj(tf.signal.rfft2d(turned, size)), size)
    limit = max_shift * COARSE / side
    lag = np.arange(-int(limit), int(limit) + 1)
    surface = tf.gather(tf.gather(surface, lag % size[0], axis=2), lag % size[1], axis=3)  # (batch, COUNT, dy, dx)
    surface = tf.where(np.hypot(lag[:, None], lag[None, :]) <= limit, surface, -np.inf)
    surface = tf.reshape(surface, (-1, COUNT, len(lag) ** 2))
    best = tf.argmax(surface, 2, tf.int32)
    shift = tf.gather(lag.astype(np.float32), tf.stack([best % len(lag), best // len(lag)], -1))
    return tf.reduce_max(surface, 2), scale_shift(shift, COARSE, side)


def _peaks(value, shift):
    """The highest peaks of `_circle` as angle (batch, PEAKS) and shift (batch, PEAKS, 2)."""
    value, shift = value.numpy().copy(), shift.numpy()
    angles = geometry.polar_angles(COUNT)
    rows, found = np.arange(len(value)), []
    for _ in range(PEAKS):
        best = value.argmax(1)
        found.append((angles[best], shift[rows, best]))
        value[geometry.angular_distance(angles[None], angles[best][:, None]) < SEPARATION] = -np.inf
    angle, shift = (np.stack(parts, 1).astype(np.float32) for parts in zip(*found, strict=True))
    return tf.constant(angle), tf.constant(shift)


@tf.function(autograph=False)
def _polish(fixed, moving, angle, shift, step):
    """The best point of a grid around each candidate (batch, peaks), to a parabola's precision along each axis."""
    side = moving.shape[1]
    angles = angle[:, :, None] + step * REACH.astype(np.float32)  # (batch, peaks, 7)
    turned = _turned(fourier_resample(moving, 2 * side), tf.reshape(angles, (-1, angle.shape[1] * len(REACH))), side)
    spectra = tf.signal.rfft2d(fixed)[:, None] * tf.math.conj(tf.signal.rfft2d(turned))
    spectra = tf.reshape(spectra, (-1, angle.shape[1] * len(REACH), side, side // 2 + 1))
    # Correlation at shifts between the pixels: the inverse transform at the points of the grid alone.
    share = np.where((np.arange(side // 2 + 1) % (side // 2)) == 0, 1.0, 2.0)  # the half plane stands for the whole
    shifts = shift[..., None] + step * REACH.astype(np.float32)  # (batch, peaks, 2, 7)
    shifts = tf.repeat(shifts, len(REACH), axis=1)
    waves = [2.0 * np.pi * np.fft.fftfreq(side), 2.0 * np.pi * np.arange(side // 2 + 1) / side]
    down, across = (
        tf.exp(tf.complex(0.0, shifts[:, :, axis, :, None] * tf.constant(wave, tf.float32)))
        for axis, wave in ((1, waves[0]), (0, waves[1]))
    )
    across = across * tf.constant(share, tf.complex64)
    value = tf.math.real(tf.matmul(tf.matmul(down, spectra), across, transpose_b=True))  # (batch, peaks * 7, dy, dx)
    value = tf.reshape(value, (-1, angle.shape[1], len(REACH), len(REACH), len(REACH)))
    return _summit(value, angle, shift, step)


def _summit(value, angle, shift, step):
    """Position of the largest of values (batch, peaks, angle, dy, dx) and that value (batch, peaks)."""
    size = len(REACH)
    flat = tf.reshape(value, (-1, angle.shape[1], size**3))
    best = tf.argmax(flat, 2, tf.int32)
    index = [best // size**2, best // size % size, best % size]
    centre = [tf.clip_by_value(i, 1, size - 2) for i in index]
    offsets = []
    for axis in range(3):
        left, middle, right = (
            tf.gather_nd(value, tf.stack([c + move * (i == axis) for i, c in enumerate(centre)], -1), batch_dims=2)
            for move in (-1, 0, 1)
        )
        offset = tf.math.divide_no_nan(0.5 * (left - right), left - 2.0 * middle + right)
        at_edge = tf.cast(index[axis] - centre[axis], tf.float32)
        offset = tf.where(at_edge == 0.0, tf.clip_by_value(offset, -0.5, 0.5), at_edge)
        offsets.append((tf.gather(REACH.astype(np.float32), centre[axis]) + offset) * step)
    turn, down, across = offsets
    return angle + turn, shift + tf.stack([across, down], -1), tf.reduce_max(flat, 2)


def _turned(images, angles, side):
    """Images (batch, fine, fine) turned by angles (batch, turns) degrees: (batch, turns, side, side), of norm 1."""
    fine, turns = images.shape[1], angles.shape[1]
    flat = tf.reshape(angles, (-1,))
    transform = geometry.sampling_transform(flat, tf.zeros((tf.size(flat), 2)), side, side)
    scale = fine / side
    # From pixels of `side` to those of `fine`: the centres of both lie at half their size less one half.
    centre = np.array([0, 0, 1, 0, 0, 1, 0, 0], np.float32) * (scale - 1.0) / 2.0
    transform = transform * tf.constant([scale] * 6 + [1.0, 1.0]) + centre
    copies = tf.reshape(tf.tile(images[:, None, :, :, None], (1, turns, 1, 1, 1)), (-1, fine, fine, 1))
    turned = tf.raw_ops.ImageProjectiveTransformV3(
        images=copies,
        transforms=transform,
        output_shape=[side, side],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    # Interpolation blurs a turn by 0 degrees most (each sample lies between four pixels): it must not lose by that.
    turned /= tf.norm(turned, axis=(1, 2), keepdims=True)
    return tf.reshape(turned, (-1, turns, side, side))
