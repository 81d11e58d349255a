"""`frames` for tensors: rigid transforms between frames of any two sizes in a graph, float64 as there.

Angles (n,) are degrees, shifts (n, 2) pixels, sizes (2,) whole numbers, (height, width). See `frames` for what they mean.
"""

import numpy as np
import tensorflow as tf

from pipelines.geometry.conventions import wrap_degrees


def rotations(angle: tf.Tensor) -> tf.Tensor:
    """`conventions.rotation_matrix` of angles (n,): (n, 2, 2)."""
    radians = angle * (np.pi / 180.0)
    cos, sin = tf.cos(radians), tf.sin(radians)
    return tf.stack([tf.stack([cos, sin], -1), tf.stack([-sin, cos], -1)], -2)


def turned(angle: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Points (n, 2) turned by angles (n,) about the origin."""
    return tf.linalg.matvec(rotations(angle), points)


def compose(first: tuple, second: tuple) -> tuple[tf.Tensor, tf.Tensor]:
    """The transform ``second after first``; each is (angle, shift), and so is the result."""
    (a1, s1), (a2, s2) = first, second
    return wrap_degrees(a1 + a2), turned(a2, s1) + s2


def centre(size: tf.Tensor) -> tf.Tensor:
    """The centre (x, y) of a frame, from the centre of its first pixel."""
    return (tf.cast(tf.reverse(size, [0]), tf.float64) - 1.0) / 2.0


def pixel_maps(angle: tf.Tensor, shift: tf.Tensor, fixed: tf.Tensor, moving: tf.Tensor) -> tf.Tensor:
    """Maps (n, 2, 3) from pixels of the fixed frame to the pixels of the moving one that lie there."""
    back = rotations(-angle)
    place = centre(moving) - tf.linalg.matvec(back, centre(fixed) + shift)
    return tf.concat([back, place[:, :, None]], 2)


def moved_centres(angle: tf.Tensor, shift: tf.Tensor, fixed: tf.Tensor, moving: tf.Tensor) -> tf.Tensor:
    """The shift (n, 2) about the frames' centres of transforms whose shift is about the points `fixed`, `moving`, (2,)."""
    return shift + fixed - turned(angle, tf.zeros_like(shift) + moving)


def error(angle: tf.Tensor, shift: tf.Tensor, truth: tuple, size: tf.Tensor) -> tf.Tensor:
    """Root mean square distance (n,) in pixels of two transforms over a fixed frame of `size`."""
    true_angle, true_shift = truth
    apart = turned(-true_angle, true_shift) - turned(-angle, shift)
    spread = (tf.square(tf.cast(tf.reverse(size, [0]), tf.float64)) - 1.0) / 12.0
    linear = tf.square(rotations(-angle) - rotations(-true_angle)) * spread
    return tf.sqrt(tf.reduce_sum(tf.square(apart), -1) + tf.reduce_sum(linear, [1, 2]))
