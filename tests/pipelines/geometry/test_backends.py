"""The two backends of the warp are one warp."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import homography
from pipelines.geometry.warp import pulled, resampled, warp

SIZES = ((16, 16), (33, 20), (64, 96), (128, 128))


def images_of(height, width, count=6):
    return tf.constant(np.random.default_rng(height).uniform(0.0, 1.0, (count, height, width)).astype(np.float32))


@pytest.mark.parametrize("fill_mode", ["constant", "reflect"])
@pytest.mark.parametrize("size", SIZES)
def test_gathers_equal_the_kernel(size, fill_mode):
    """Turns, shifts by more than the frame, and homographies."""
    images, side = images_of(*size), max(size)
    rng = np.random.default_rng(1)
    angle = np.float32([0.0, 90.0, -180.0, *rng.uniform(-180, 180, 3)])
    shift = np.float32([[0.0, 0.0], [0.5, -1.0], *rng.uniform(-1.6 * side, 1.6 * side, (4, 2))])
    kernel, gather = (warp(images, angle, shift, fill_mode=fill_mode, backend=name) for name in ("kernel", "gather"))
    assert np.abs(kernel - gather).max() < 1e-5 and np.std(kernel) > 0.1
    unit = np.array([side / 2, side / 2, 1.0])
    matrix = np.eye(3) + rng.uniform(-0.3, 0.3, (6, 3, 3)) * (np.arange(9) < 8).reshape(3, 3)
    matrix = tf.constant(matrix * unit[:, None] / unit, tf.float32)
    kernel, gather = (pulled(images, matrix, fill_mode, name) for name in ("kernel", "gather"))
    assert np.abs(kernel - gather).max() < 1e-5 and np.std(kernel) > 0.1


def test_gradients_reach_the_transform_by_gathers_alone():
    y, x = np.mgrid[:24, :24] - 11.5
    image = tf.constant(np.exp(-((x - 2.0) ** 2 + y**2) / 20.0)[None].astype(np.float32))
    shift = tf.Variable([[0.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(warp(image, tf.constant([0.0]), shift, backend="gather") * tf.constant(x, tf.float32))
    # The mean of the blob moves with the shift: the sum of x times it grows by the blob's mass, some 20 pi, per pixel.
    np.testing.assert_allclose(tape.gradient(loss, shift), [[20.0 * np.pi, 0.0]], atol=0.1)


def test_gathers_run_under_xla():
    images = images_of(16, 16, 1)

    @tf.function(jit_compile=True)
    def turned(angle):
        return warp(images, angle, tf.zeros((1, 2)), backend="gather")

    np.testing.assert_allclose(turned(tf.constant([30.0])), warp(images, tf.constant([30.0]), tf.zeros((1, 2))), atol=1e-5)


def test_what_a_backend_does_not_have_is_refused():
    images, still = images_of(4, 4, 1), tf.constant([[1.0, 0, 0, 0, 1, 0, 0, 0]])
    with pytest.raises(InputError, match="received the backend 'cuda', expected one of kernel, gather"):
        resampled(images, still, backend="cuda")
    with pytest.raises(InputError, match="received the interpolation 'nearest', expected bilinear"):
        resampled(images, still, "nearest", backend="gather")
    with pytest.raises(InputError, match="received the fill mode 'wrap', expected one of constant, reflect"):
        pulled(images, homography.from_rigid(tf.zeros(1), tf.zeros((1, 2))), "wrap", "gather")
