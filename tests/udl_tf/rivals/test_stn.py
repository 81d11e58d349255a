"""The spatial transformer: its transform against known turns, its loss by hand, and that it learns without truth."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.geometry import homography
from pipelines.normalise import normalise
from udl_tf.networks.siamese import SiameseConfig
from udl_tf.rivals import photometric, stn
from udl_tf.rivals.pair_model import compiled, held

TINY = SiameseConfig(mask_widths=(2, 1), feature_widths=(8, 16), match_widths=(16,), dense_widths=(64,))


def many_spots():
    """For the fixture `picture`: 60 small spots, light and dark, as a photograph has texture everywhere."""
    rng = np.random.default_rng(0)
    places, width = rng.uniform(-0.45, 0.45, (60, 2)), rng.uniform(0.03, 0.06, (60, 1))
    return np.concatenate([places, width, rng.choice([-1.0, 1.0], (60, 1))], 1)


def moved_corners(angle, shift, box):
    """Displacements of the two corners under a rigid transform, with y up and complex numbers."""
    half = (box - 1) / 2
    corner = np.array([-half + 1j * half, half - 1j * half])  # top left, bottom right
    after = corner * np.exp(1j * np.deg2rad(angle))[:, None] + (shift[:, :1] - 1j * shift[:, 1:])
    return np.stack([(after - corner).real, -(after - corner).imag], -1).astype(np.float32)


def test_exact_corners_give_the_transform():
    rng = np.random.default_rng(0)
    angle, shift = np.append(rng.uniform(-179, 179, 50), [0.0, 90.0]), rng.uniform(-8, 8, (52, 2))
    found = stn.rigid_from_corners(tf.constant(moved_corners(angle, shift, 33)), 33)
    np.testing.assert_allclose(found[0], angle, atol=1e-3)
    np.testing.assert_allclose(found[1], shift, atol=1e-4)


def test_least_squares_of_corners_that_are_no_turn():
    """Both corners twice as far out, and turned: the turn is found, the zoom ignored, the shift is the mean."""
    angle, shift = np.array([25.0]), np.array([[2.0, -3.0]])
    corner = 7.5 * np.array([[-1.0, -1.0], [1.0, 1.0]])
    after = 2.0 * (corner + moved_corners(angle, 0 * shift, 16)) + shift
    found = stn.rigid_from_corners(tf.constant(after - corner, tf.float32), 16)
    np.testing.assert_allclose(found[0], angle, atol=1e-3)
    np.testing.assert_allclose(found[1], shift, atol=1e-4)


def test_gradients_of_the_transform():
    rng = np.random.default_rng(1)
    moves = moved_corners(rng.uniform(-120, 120, 6), rng.uniform(-4, 4, (6, 2)), 16)
    weight = rng.normal(size=(6, 3)).astype(np.float32)

    def value(moves):
        angle, shift = stn.rigid_from_corners(tf.cast(moves, tf.float32), 16)
        return angle * weight[:, 0] + tf.reduce_sum(shift * weight[:, 1:], 1)

    variable = tf.Variable(moves)
    with tf.GradientTape() as tape:
        total = value(variable)
    gradient = tape.gradient(total, variable).numpy()
    for corner in range(2):
        for axis in range(2):
            step = np.zeros((2, 2))
            step[corner, axis] = 0.05
            slope = (value(moves + step) - value(moves - step)) / 0.1
            np.testing.assert_allclose(gradient[:, corner, axis], slope, rtol=0.01, atol=0.01)
    # Both corners in one place: no direction, and no infinite gradient.
    meeting = tf.Variable([[[7.5, 7.5], [-7.5, -7.5]]])
    with tf.GradientTape() as tape:
        angle, shift = stn.rigid_from_corners(meeting, 16)
        total = tf.reduce_sum(angle) + tf.reduce_sum(shift)
    assert angle == 0.0
    np.testing.assert_allclose(tape.gradient(total, meeting), 0.5 * np.ones((1, 2, 2)))


def test_loss_of_the_overlap_by_hand():
    target = tf.constant([[[1.0, 2.0, 3.0]]])
    one_right = homography.from_rigid(np.float32([0.0]), np.float32([[1.0, 0.0]]))  # the last pixel has no place
    difference = photometric.absolute_difference(target, tf.constant([[[9.0, 1.5, 1.0]]]), one_right)
    np.testing.assert_allclose(difference, [(0.5 + 1.0) / 2], atol=1e-6)
    # A source larger by a pixel on each side has one for each.
    difference = photometric.absolute_difference(target, tf.constant([[[7.0, 9.0, 1.5, 1.0, 7.0]]]), one_right)
    np.testing.assert_allclose(difference, [(0.5 + 1.0 + 4.0) / 3], atol=1e-6)
    far = homography.from_rigid(np.float32([0.0]), np.float32([[40.0, 0.0]]))
    np.testing.assert_allclose(photometric.absolute_difference(target, target, far), [2.0])


def test_the_loss_is_least_at_the_truth(picture):
    """The direction of it all: the moving picture laid over the fixed one by the true corners, and by those of the inverse."""
    angle, shift = np.array([20.0, -35.0]), np.array([[2.0, 1.0], [-1.0, 3.0]])
    inputs = {"fixed": tf.constant(picture(angle, shift, 32)), "moving": tf.constant(picture(0 * angle, 0 * shift, 32))}
    keras_inputs = {key: tf.keras.Input((32, 32), name=key) for key in inputs}

    def loss(corners):
        told = tf.keras.layers.Lambda(lambda x: 0.0 * x[:, :2, :2] + corners)(keras_inputs["fixed"])
        model = stn.StnModel(tf.keras.Model(keras_inputs, {"corners": told}))
        return model.pair_losses(inputs, None, False).numpy(), model.angles(inputs).numpy()

    right, angles = loss(moved_corners(angle, shift, 32))
    np.testing.assert_allclose(angles, angle, atol=1e-3)
    assert right.max() < 0.01  # of bilinear interpolation
    assert loss(moved_corners(-angle, -shift, 32))[0].min() > 0.1
    assert loss(np.zeros((2, 2, 2), np.float32))[0].min() > 0.05


@pytest.mark.once("the deep homographies are trained by the same step")
def test_it_learns_small_turns_without_truth(picture):
    """Turns of up to 15 degrees, mean 7.5: after 40 steps less than 1.5, from the pictures alone."""
    tf.keras.utils.set_random_seed(0)
    angle = np.random.default_rng(1).uniform(-15, 15, 32).astype(np.float32)
    still, spots = np.zeros((32, 2)), many_spots()
    inputs = {"fixed": normalise(picture(angle, still, 32, spots)), "moving": normalise(picture(0 * angle, still, 32, spots))}
    model = compiled(stn.StnModel(stn.stn_network(TINY, 32)), "small", 1e-3, 40)
    before = float(tf.reduce_mean(model.pair_losses(inputs, None, False)))
    assert np.abs(model.angles(inputs)).max() < 10.0  # a fresh network is near the identity
    model.fit(tf.data.Dataset.from_tensors(inputs).repeat(), steps_per_epoch=40, verbose=0, shuffle=False)
    error = np.abs(model.angles(inputs) - angle)
    after = float(tf.reduce_mean(model.pair_losses(inputs, None, False)))
    assert after < 0.3 * before and error.mean() < 1.5, (before, after, error.mean())


def test_shifts_out_of_the_picture_are_held():
    """Corners 20 pixels to the right of a box of 16: the shift is 4, and still has a gradient."""
    inputs = {key: tf.keras.Input((16, 16), name=key) for key in ("fixed", "moving")}
    far = tf.keras.layers.Lambda(lambda x: 0.0 * x[:, :2, :2] + tf.constant([20.0, -1.0]))(inputs["fixed"])
    model = stn.StnModel(tf.keras.Model(inputs, {"corners": far}))
    angle, shift = model.transforms({key: tf.zeros((3, 24, 24)) for key in inputs})
    np.testing.assert_allclose(angle, np.zeros(3), atol=1e-4)
    np.testing.assert_allclose(shift, [[4.0, -1.0]] * 3, atol=1e-5)
    variable = tf.Variable([20.0, -1.0])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(held(variable, 4.0))
    np.testing.assert_allclose(tape.gradient(total, variable), [1.0, 1.0])
