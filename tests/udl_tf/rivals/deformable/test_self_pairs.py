"""Self-pairs: the field is what the images say, noise is fresh in each and as much as was asked for."""

import numpy as np
import tensorflow as tf

from pipelines import noise
from pipelines.geometry.transforms import Displacement
from pipelines.pictures import dead_leaves
from pipelines.spectra.white_noise import signal_share
from udl_tf.rivals.deformable.self_pairs import REACH, self_pairs
from udl_tf.rivals.windows import box_mean

SEED = tf.constant([3, 4])
IMAGES = box_mean(dead_leaves.dead_leaves(4, 48, seed=0).astype(np.float32), 3)


def unlike(inputs, truth):
    """Mean squared difference of the fixed image and of the moving one as the field shows it, away from the border."""
    moved = Displacement(truth["displacement"].numpy()).warp(inputs["moving"].numpy())
    return np.mean((moved - inputs["fixed"].numpy())[:, 6:-6, 6:-6] ** 2)


def test_the_field_brings_the_image_onto_itself_and_reaches_no_further():
    inputs, truth = self_pairs(IMAGES, noise.parse("clean"), SEED)
    lengths = np.linalg.norm(truth["displacement"], axis=-1).max((1, 2))
    assert lengths.max() <= REACH * 48 and lengths.min() > 0.2 * REACH * 48
    still = {"displacement": 0.0 * truth["displacement"]}
    assert unlike(inputs, truth) < 0.2 * unlike(inputs, still)


def test_noise_is_fresh_in_each_and_as_much_as_the_images_had():
    """At SNR 1 half of each is noise. Between pixels, the mean of two has 2/3 of its variance along each axis."""
    spec = noise.parse("gaussian:1")
    inputs, truth = self_pairs(noise.apply(spec, IMAGES, tf.constant([1, 2])), spec, SEED)
    for image in inputs.values():
        np.testing.assert_allclose(signal_share(image), 0.5, atol=0.1)
    np.testing.assert_allclose(unlike(inputs, truth), 0.5 * (1.0 + 4.0 / 9.0), rtol=0.2)
