"""Amplitude spectra of images, on a Cartesian and on a polar grid.

A spectrum does not change when the image moves and turns when the image turns, and it is symmetric through the origin: angles
read from it have the period 180 degrees. Only the low frequencies are wanted, so the zero-padded Fourier transform is computed
as two small matrix products at just those frequencies: faster than an FFT of the padded image, and differentiable everywhere.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError

TRANSFORMS = ("none", "root", "log")


def compress(amplitude, transform):
    """Compress the range of an amplitude spectrum: ``none``, ``root`` (square root) or ``log`` (log(1 + x))."""
    if transform == "none":
        return amplitude
    if transform == "root":
        return tf.sqrt(amplitude)
    if transform == "log":
        return tf.math.log1p(amplitude)
    raise InputError(f"spectrum transform {transform!r}: expected one of {', '.join(TRANSFORMS)}")


def cartesian(images, crop, pad, transform="log"):
    """Amplitude spectrum around the origin, on the grid of an image zero-padded to `pad` pixels.

    Args:
        images: float32 (batch, n, n), windowed by the caller.
        crop: side of the result, in spectrum pixels of 1/pad cycles per pixel; the origin is at index crop // 2.
        pad: size the image is zero-padded to, in pixels (at least n).
        transform: see `compress`.

    Returns:
        float32 (batch, crop, crop): vertical frequency downwards, horizontal to the right.
    """
    k = np.arange(crop) - crop // 2
    amplitude = _amplitude(*fourier(images, k, k, pad))  # (horizontal, vertical, batch)
    return compress(tf.transpose(amplitude, (2, 1, 0)), transform)


def scaled(spectra):
    """Scale each spectrum (batch, h, w) to [0, 1]."""
    low = tf.reduce_min(spectra, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(spectra, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(spectra - low, high - low)


def polar(images, angles, rings, pad, transform="root"):
    """Amplitude spectrum sampled on half a polar grid, batch last because gathers of whole rows are many times faster.

    Args:
        images: float32 (batch, n, n), windowed by the caller.
        angles: number of angles over 180 degrees, see `geometry.polar_angles`.
        rings: radii (rings,) in spectrum pixels of 1/pad cycles per pixel.
        pad: size the image is zero-padded to, in pixels.
        transform: see `compress`.

    Returns:
        float32 (rings, angles, batch). Turning an image by +t degrees shifts its samples by +t along the angles.
    """
    highest = int(np.ceil(np.max(rings)))
    amplitude = _amplitude(*half_plane(images, highest, pad))
    rows = tf.reshape(compress(amplitude, transform), ((highest + 1) * (2 * highest + 1), -1))
    points = geometry.polar_points(geometry.polar_angles(angles, 180.0), rings).transpose(1, 0, 2).reshape(-1, 2)
    index, weight, _ = half_plane_bilinear(points, highest)
    near = [tf.gather(rows, index[:, j]) * tf.expand_dims(weight[:, j], 1) for j in range(4)]
    samples = tf.add_n(near)  # (rings * angles, batch)
    return tf.reshape(samples, (len(rings), angles, -1))


def fourier(images, horizontal, vertical, pad):
    """Fourier transform at a grid of low frequencies, phases counted from the image centre.

    Args:
        images: float32 (batch, n, n).
        horizontal, vertical: integer frequencies in units of 1/pad cycles per pixel.
        pad: size the images are zero-padded to, in pixels.

    Returns:
        Real and imaginary part, each float32 (horizontal, vertical, batch). Because phases are counted from the centre, the
        image turned by 180 degrees has the complex conjugate for its transform.
    """
    size = images.shape[1]
    across, down = _fourier_matrix(horizontal, size, pad), _fourier_matrix(vertical, size, pad)
    columns = tf.reshape(tf.transpose(images, (2, 1, 0)), (size, -1))  # (x, y * batch)
    half = tf.reshape(tf.matmul(across, columns), (2 * len(horizontal), size, -1))  # (2 horizontal, y, batch)
    full = tf.matmul(down[None], half)  # (2 horizontal, 2 vertical, batch)
    u, v = len(horizontal), len(vertical)
    return full[:u, :v] - full[u:, v:], full[u:, :v] + full[:u, v:]


def half_plane(images, highest, pad):
    """`fourier` at horizontal frequencies 0..highest and vertical ones -highest..highest, at two thirds of the cost.

    Cosines and sines of the vertical frequencies from 0 on serve both signs.
    """
    size = images.shape[1]
    u = np.arange(highest + 1)
    matrix = _fourier_matrix(u, size, pad)
    count = highest + 1
    columns = tf.reshape(tf.transpose(images, (2, 1, 0)), (size, -1))  # (x, y * batch)
    half = tf.reshape(tf.matmul(matrix, columns), (2 * count, size, -1))  # (2 horizontal, y, batch)
    both = tf.matmul(matrix[None], half)  # (2 horizontal, cosines and negative sines, batch)
    real_cos, imag_cos = both[:count, :count], both[count:, :count]
    real_sin, imag_sin = both[:count, count:], both[count:, count:]
    mirror = np.arange(highest, 0, -1)  # vertical -highest..-1

    def whole(above, below):
        return tf.concat([tf.gather(below, mirror, axis=1), above], 1)

    return (
        whole(real_cos - imag_sin, real_cos + imag_sin),
        whole(imag_cos + real_sin, imag_cos - real_sin),
    )


def _amplitude(real, imag):
    return tf.sqrt(real * real + imag * imag + 1e-12)  # the root's gradient is infinite at zero


def _fourier_matrix(frequencies, size, pad):
    """Real, then imaginary rows of exp(-2 pi i k x / pad): (2 len(frequencies), size), x from the image centre.

    Computed in the graph from its short vectors, so that a SavedModel does not store it; TensorFlow folds it once.
    """
    x = tf.range(size, dtype=tf.float64) - (size - 1) / 2.0
    phase = tf.constant(frequencies, tf.float64)[:, None] * x[None, :] * (-2.0 * np.pi / pad)
    return tf.cast(tf.concat([tf.cos(phase), tf.sin(phase)], 0), tf.float32)


def half_plane_bilinear(points, highest):
    """Where points lie in a half plane laid out as (horizontal 0..highest, vertical -highest..highest), flattened.

    Args:
        points: (n, 2) frequencies (x, y); those with x < 0 are found at their mirror image through the origin.

    Returns:
        index int32 and weight float32 (n, 4) of the four neighbours, and sign (n,) of the imaginary part: -1 for mirrored points.
    """
    points = tf.convert_to_tensor(points, tf.float32)
    sign = tf.where(points[:, 0] < 0.0, -1.0, 1.0)
    x, y = points[:, 0] * sign, points[:, 1] * sign + highest
    x0 = tf.clip_by_value(tf.floor(x), 0.0, highest - 1.0)
    y0 = tf.clip_by_value(tf.floor(y), 0.0, 2.0 * highest - 1.0)
    fx, fy = x - x0, y - y0
    corners = [(0, 0, (1 - fx) * (1 - fy)), (0, 1, (1 - fx) * fy), (1, 0, fx * (1 - fy)), (1, 1, fx * fy)]
    first = tf.cast(x0, tf.int32) * (2 * highest + 1) + tf.cast(y0, tf.int32)
    index = tf.stack([first + dx * (2 * highest + 1) + dy for dx, dy, _ in corners], 1)
    return index, tf.stack([weight for _, _, weight in corners], 1), sign
