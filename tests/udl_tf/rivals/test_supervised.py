"""Supervised regression: its loss by hand, and that it learns."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.normalise import normalise
from udl_tf.networks.siamese import SiameseConfig, siamese
from udl_tf.rivals import supervised
from udl_tf.rivals.pair_model import compiled

TINY = {"mask_widths": (2, 1), "feature_widths": (8, 16), "match_widths": (16,), "dense_widths": (64,)}


def many_spots():
    """For the fixture `picture`: 60 small spots, light and dark, as a photograph has texture everywhere."""
    rng = np.random.default_rng(0)
    places, width = rng.uniform(-0.45, 0.45, (60, 2)), rng.uniform(0.03, 0.06, (60, 1))
    return np.concatenate([places, width, rng.choice([-1.0, 1.0], (60, 1))], 1)


def fixed_output(name, value):
    """A network of 8 px whose output is what it is told."""
    inputs = {key: tf.keras.Input((8, 8), name=key) for key in ("fixed", "moving")}
    constant = tf.keras.layers.Lambda(lambda x: 0.0 * x[:, 0, 0, None] + tf.constant([value]))(inputs["fixed"])
    if name == "angle":
        constant = tf.keras.layers.Reshape(())(constant)
    return tf.keras.Model(inputs, {name: constant})


IMAGES = {"fixed": tf.zeros((4, 12, 12)), "moving": tf.zeros((4, 12, 12))}  # larger than the box: cropped
TRUTH = {"angle": tf.constant([0.0, 90.0, -180.0, np.nan])}


def test_losses_by_hand():
    direction = supervised.SupervisedModel(fixed_output("direction", [0.0, 1.0]))  # 90 degrees
    np.testing.assert_allclose(direction.pair_losses(IMAGES, TRUTH, False), [1.0, 0.0, 1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(direction.angles(IMAGES), [90.0] * 4, atol=1e-4)
    angle = supervised.SupervisedModel(fixed_output("angle", [350.0]))
    np.testing.assert_allclose(angle.pair_losses(IMAGES, TRUTH, False), [10.0, 100.0, 170.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(angle.angles(IMAGES), [-10.0] * 4, atol=1e-4)
    half = supervised.SupervisedModel(fixed_output("direction", [0.0, 1.0]), 180.0)  # 45 degrees of a spectrum
    np.testing.assert_allclose(half.angles(IMAGES), [45.0] * 4, atol=1e-4)
    truth = {"angle": tf.constant([0.0, -45.0, 45.0, -135.0])}
    np.testing.assert_allclose(half.pair_losses(IMAGES, truth, False), [1.0, 2.0, 0.0, 0.0], atol=1e-6)


@pytest.mark.once("the deep homographies are trained by the same step")
def test_it_learns_turns(picture):
    """One picture turned by up to 60 degrees either way: in 40 steps the error falls far below the 30 of no answer."""
    tf.keras.utils.set_random_seed(0)
    angle = np.random.default_rng(1).uniform(-60, 60, 32).astype(np.float32)
    still, spots = np.zeros((32, 2)), many_spots()
    inputs = {"fixed": normalise(picture(angle, still, 32, spots)), "moving": normalise(picture(0 * angle, still, 32, spots))}
    model = supervised.SupervisedModel(siamese(SiameseConfig(head="direction", **TINY), 32))
    compiled(model, "small", 1e-3, 40)
    data = tf.data.Dataset.from_tensors((inputs, {"angle": angle})).repeat()
    history = model.fit(data, steps_per_epoch=40, verbose=0, shuffle=False).history
    assert np.abs(model.angles(inputs) - angle).mean() < 10.0
    # What is told is the loss of the last step; the rate is near zero by then.
    last = tf.reduce_mean(model.pair_losses(inputs, {"angle": angle}, True))
    np.testing.assert_allclose(history["loss"], [last], rtol=0.05)


def test_the_scales_networks():
    model = supervised.build(32)
    assert model.box == 32 and [layer.units for layer in model.network.get_layer("regression").layers] == [512, 512, 2]
    with pytest.raises(InputError, match="'huge', expected one of small, paper"):
        supervised.build(32, "huge")
