"""Low frequencies of an image as a small complex picture that is turned and moved without touching the image again.

An image turned by an angle has the turned spectrum, and a shift multiplies it by phases. A few hundred frequencies hold all
that can be seen in a noisy image, so this costs a small part of turning the image's pixels.

A *plane* is float32 (batch, 2 h + 1, h + 1, 2), ``h = highest * pad + 1``: real and imaginary part at vertical frequencies -h..h
(rows) and horizontal ones 0..h, in steps of ``1 / (pad * box)`` cycles per pixel; the other half is its mirror image.
A *spectrum* is float32 (batch, 2, n), its real and imaginary part at n chosen frequencies. Phases are counted from the image
centre.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.spectra import spectrum

PAD = 2  # how finely planes are sampled, for interpolation


def plane(images, highest):
    """The plane of windowed images (batch, box, box), with frequencies up to `highest` cycles per box."""
    real, imag = spectrum.half_plane(images, highest * PAD + 1, PAD * images.shape[1])  # (horizontal, vertical, batch)
    return tf.transpose(tf.stack([real, imag]), (3, 2, 1, 0))


def shape(highest):
    """(rows, columns, 2) of a plane."""
    edge = highest * PAD + 1
    return 2 * edge + 1, edge + 1, 2


def disc(highest):
    """Frequencies (n, 2) of a half plane, (x, y) in cycles per box, without the origin and what lies beyond `highest`."""
    points = grid(highest)
    return points[multiplicity(points, highest) > 0]


def grid(highest):
    """Frequencies (n, 2) of a half plane, (x, y) in cycles per box: y from -highest to highest, x from 0 and running fastest."""
    y, x = np.mgrid[-highest : highest + 1, : highest + 1].astype(np.float32)
    return np.stack([x, y], -1).reshape(-1, 2)


def multiplicity(points, highest):
    """How often frequencies (n, 2) of a half plane count, float32 (n,).

    2, with their mirror image; 1 if that is in the half plane, too; 0 for the origin and for what lies beyond `highest`.
    """
    radius = np.linalg.norm(points, axis=1)
    return (np.where(points[:, 0] == 0, 1.0, 2.0) * ((radius > 0.5) & (radius < highest + 0.5))).astype(np.float32)


def upright(planes, points):
    """The spectrum of the images as they are, at points (n, 2)."""
    height, width = planes.shape[1:3]
    index = np.rint(points[:, 1] * PAD).astype(np.int32) + height // 2
    index = index * width + np.rint(points[:, 0] * PAD).astype(np.int32)
    return tf.transpose(tf.gather(tf.reshape(planes, (-1, height * width, 2)), index, axis=1), (0, 2, 1))


def turned(planes, angle, points):
    """The spectrum of the images turned by angle (batch,) degrees counter-clockwise, at points (n, 2)."""
    height, width = planes.shape[1:3]
    back = geometry.rotation_matrix(-angle)  # (batch, 2, 2)
    place = tf.matmul(back, tf.tile(tf.constant(points.T * PAD)[None], (tf.shape(planes)[0], 1, 1)))  # (batch, 2, n)
    sign = tf.where(place[:, 0] < 0.0, -1.0, 1.0)
    x, y = place[:, 0] * sign, place[:, 1] * sign + height // 2
    left, top = tf.minimum(tf.floor(x), width - 2.0), tf.clip_by_value(tf.floor(y), 0.0, height - 2.0)
    across, down = (x - left)[..., None], (y - top)[..., None]
    index = tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    index += tf.range(tf.shape(planes)[0])[:, None] * (height * width)
    flat = tf.reshape(planes, (-1, 2))
    corners = [tf.gather(flat, index + step) for step in (0, 1, width, width + 1)]
    upper = corners[0] + across * (corners[1] - corners[0])
    lower = corners[2] + across * (corners[3] - corners[2])
    samples = tf.transpose(upper + down * (lower - upper), (0, 2, 1))
    # Points of the other half are found at their mirror image, where the imaginary part has the other sign.
    return tf.stack([samples[:, 0], samples[:, 1] * sign], 1)


def moved(spectra, shift, points, box):
    """Spectra (batch, 2, n) at points (n, 2) of the images moved by shift (batch, 2) pixels of `box`."""
    phase = tf.matmul(shift, points * np.float32(-2.0 * np.pi / box), transpose_b=True)  # (batch, n)
    cos, sin = tf.cos(phase), tf.sin(phase)
    real, imag = tf.unstack(spectra, axis=1)
    return tf.stack([real * cos - imag * sin, real * sin + imag * cos], 1)


def per_pixel(spectra, points, box):
    """Change of spectra (batch, 2, n) with a shift along x and along y, per pixel: two of the same shape."""
    swapped = tf.stack([-spectra[:, 1], spectra[:, 0]], 1)  # times i
    rate = points * np.float32(-2.0 * np.pi / box)
    return swapped * rate[:, 0], swapped * rate[:, 1]


def product(first, second):
    """Real part (batch, n) of spectra (batch, 2, n) times the conjugate of others."""
    return first[:, 0] * second[:, 0] + first[:, 1] * second[:, 1]
