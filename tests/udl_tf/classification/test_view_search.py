"""The search as TensorFlow operations, against the one in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from udl_tf.classification.particle_images import smaller
from udl_tf.classification.view_graph import _crop_matrix, _rigid
from udl_tf.classification.view_search import ViewSearch
from udl_tf.views.learning import Settings
from udl_tf.views.view_model import classify, learn_views


@pytest.fixture(scope="module")
def particles(two_views):
    images = two_views(3, 200).images
    images -= images.mean((1, 2), keepdims=True)
    return images / images.std((1, 2), keepdims=True)


@pytest.fixture(scope="module")
def learned(particles):
    model, _ = learn_views(particles, None, Settings(views=2, reach=3.0), 15.0)
    return model


@pytest.mark.parametrize("gain", [1.0, 0.7])
def test_both_find_the_same(learned, particles, gain):
    ctf = np.full((len(particles), learned.fine.averages.shape[1]), gain, np.float32)
    wanted = classify(learned, particles, ctf)
    psi, offset, view, evidence, probability, right = ViewSearch(learned)(particles, ctf)
    assert np.median(right) > 0.95 and right.numpy().max() <= 1.0 + 1e-6
    same = view.numpy() == wanted.fit.label
    assert same.mean() > 0.98
    apart = np.abs(geometry.wrap_degrees(psi.numpy() - wanted.fit.psi))[same]
    assert np.median(apart) < 0.1 and np.median(np.abs(offset.numpy() - wanted.offset)) < 0.05
    np.testing.assert_allclose(np.median(evidence - wanted.fit.evidence), 0.0, atol=0.2)
    np.testing.assert_allclose(probability.numpy()[same].max(1), wanted.fit.share[same].max(1), atol=0.05)


def test_the_pose_is_that_of_relion():
    rng = np.random.default_rng(1)
    psi, offset = rng.uniform(-180, 180, 9).astype(np.float32), rng.uniform(-5, 5, (9, 2)).astype(np.float32)
    for size in (32, 33):
        angle, shift = _rigid(tf.constant(psi), tf.constant(offset), size)
        wanted = geometry.rigid_from_relion(psi, offset, size)
        np.testing.assert_allclose(geometry.wrap_degrees(angle - wanted[0]), 0.0, atol=1e-4)
        np.testing.assert_allclose(shift, wanted[1], atol=1e-4)


@pytest.mark.parametrize("size", [96, 97])
def test_the_crop_is_that_of_smaller_images(size):
    rng = np.random.default_rng(1)
    image = smaller(rng.normal(size=(1, size, size)), 48)[0]  # without the Nyquist frequencies of 64, whose sign is not defined
    image = np.pad(image, 8).astype(np.float32)
    big = rng.normal(size=(1, size, size)).astype(np.float32)
    matrix = _crop_matrix(size, 64)
    wanted = smaller(big, 64)[0]
    assert np.abs(matrix @ big[0] @ matrix.T - wanted).max() < 0.05 * np.abs(wanted).max()
    np.testing.assert_array_equal(_crop_matrix(64, 64) @ image, image)
