"""The label-free measure, on dipoles whose angle can be read from the picture."""

import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from udl_tf.presets import PRESETS
from udl_tf.training.consistency import Consistency

BOX, PAIRS = 64, 512
CONFIG = dataclasses.replace(PRESETS["cryo"], box=BOX)


def dipoles(count, seed=0, size=BOX):
    """Pairs of a bright and a dark spot on either side of the centre; a shift does not change their first moment."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0.0, 360.0, 2 * count).astype(np.float32)
    points = geometry.rotate_points(angle, tf.constant([9.0, 0.0]))[:, None, None]
    grid = geometry.centred_grid(size, size)
    images = sum(sign * tf.exp(-tf.reduce_sum((grid - sign * points) ** 2, -1) / 8.0) for sign in (1.0, -1.0))
    images += rng.normal(0.0, 1e-3, images.shape).astype(np.float32)
    inputs = {"fixed": images[:count], "moving": images[count:]}
    truth = {"angle": angle[:count] - angle[count:], "shift": np.zeros((count, 2), np.float32)}
    return types.SimpleNamespace(held_out=tf.data.Dataset.from_tensor_slices((inputs, truth)).batch(64))


class Oracle:
    """Reads the angle of a pair; `spread` is added to each answer anew, `constant` to all, `factor` is -1 for the wrong sign."""

    def __init__(self, spread=0.0, constant=0.0, factor=1.0):
        self.random, self.spread = np.random.default_rng(1), spread
        self.constant, self.factor = constant, factor

    def angles(self, inputs):
        turn = direction(inputs["fixed"]) - direction(inputs["moving"])
        return self.factor * turn + self.constant + self.random.normal(0.0, self.spread, turn.shape)


def direction(images):
    moment = tf.einsum("bhw,hwc->bc", images, geometry.centred_grid(*images.shape[1:])).numpy()
    return np.degrees(np.arctan2(-moment[:, 1], moment[:, 0]))


@pytest.fixture(scope="module")
def consistency():
    return Consistency(CONFIG, dipoles(PAIRS), PAIRS)


def test_a_perfect_network_is_consistent_whatever_its_constant(consistency):
    assert consistency.measure(Oracle()) < 0.3  # the warp is linear interpolation
    assert consistency.measure(Oracle(constant=70.0)) < 0.3


def test_independent_errors_add_up(consistency):
    # The difference of two normal errors of deviation s has a mean absolute value of 2 s / sqrt(pi).
    assert consistency.measure(Oracle(spread=3.0)) == pytest.approx(3.0 * 2.0 / np.sqrt(np.pi), rel=0.1)


def test_a_constant_output_and_a_wrong_sign_are_at_chance(consistency):
    # Uniform in [0, 90] modulo 180: a third of the pairs has 15 degrees on average, the others count as 30.
    assert consistency.measure(Oracle(factor=0.0)) == pytest.approx(25.0, abs=1.5)
    assert consistency.measure(Oracle(factor=-1.0)) == pytest.approx(25.0, abs=1.5)
    assert np.mean(consistency.inconsistency(Oracle(factor=0.0))) == pytest.approx(45.0, abs=4.0)


def test_it_is_told_modulo_the_period_of_errors():
    wide = dataclasses.replace(CONFIG, material="photos")
    found = Consistency(wide, dipoles(PAIRS), PAIRS).inconsistency(Oracle(factor=0.0))
    assert np.mean(found) == pytest.approx(90.0, abs=8.0)


def test_settings_of_the_training_do_not_change_what_is_measured(consistency):
    other = dataclasses.replace(CONFIG, renoise=3.0, disturb_shift=0.0, period=180.0, train_noise="", learning_rate=1.0)
    again = Consistency(other, dipoles(PAIRS), PAIRS)
    np.testing.assert_array_equal(again.fixed, consistency.fixed)
    np.testing.assert_array_equal(again.turn, consistency.turn)


def test_the_disturbed_images_have_fresh_noise_of_half_the_background():
    rng = np.random.default_rng(0)
    images = {name: rng.normal(size=(64, BOX, BOX)).astype(np.float32) for name in ("fixed", "moving")}
    truth = {"angle": np.zeros(64, np.float32), "shift": np.zeros((64, 2), np.float32)}
    gathered = types.SimpleNamespace(held_out=tf.data.Dataset.from_tensors((images, truth)))
    before, after = np.split(Consistency(CONFIG, gathered, 64).fixed.numpy(), 2)
    # Interpolation keeps 4/9 of the variance of white noise when it is taken at places uniform within a pixel.
    assert np.var(after[:, 16:48, 16:48]) == pytest.approx(np.var(before) * (4.0 / 9.0 + 0.5), rel=0.04)


def test_larger_images_are_cropped_to_the_box():
    photo = dataclasses.replace(PRESETS["photo"], box=BOX)
    consistency = Consistency(photo, dipoles(64, size=BOX + 16), 64)
    assert consistency.fixed.shape == (128, BOX, BOX)
