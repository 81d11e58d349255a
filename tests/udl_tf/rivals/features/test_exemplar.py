"""The Exemplar-CNN: where its descriptors lie, what its classes are, and that its step learns to tell them apart."""

import numpy as np
import pytest
import tensorflow as tf

from udl_tf.rivals.features import exemplar, surrogate
from udl_tf.rivals.pair_model import compiled

RNG = np.random.default_rng(1)


@pytest.fixture(scope="module")
def model():
    tf.keras.utils.set_random_seed(2)
    patches = RNG.normal(size=(5, 72, 72)).astype(np.float32)
    patches = np.stack([np.roll(patch, 1, 0) + np.roll(patch, 1, 1) + patch for patch in patches])
    return compiled(exemplar.ExemplarModel(exemplar.trunk((4, 8, 16)), lambda: patches, 5), "small", 5e-3, 30)


def test_descriptors_have_unit_length_and_lie_around_the_centre(model):
    """An image that is mirrored has mirrored descriptors where the network's kernels are: places are symmetric."""
    images = RNG.normal(size=(2, 64, 64)).astype(np.float32)
    found = model.descriptors(tf.constant(images)).numpy()
    assert found.shape == (2, 16, 16, 16)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1.0, atol=1e-5)
    # The descriptor at row 5, column 9 sees 32 pixels around (9 - 7.5) 4 = 6, (5 - 7.5) 4 = -10 from the centre.
    flat = surrogate.flattened(tf.constant(images))[:, 31 - 10 - 15 : 31 - 10 + 17, 31 + 6 - 15 : 31 + 6 + 17]
    np.testing.assert_allclose(model.network(flat[..., None])[:, 0, 0], found[:, 5, 9], atol=1e-5)


def test_light_is_gone_from_what_the_network_sees():
    images = RNG.normal(size=(1, 64, 64)).astype(np.float32)
    x = np.linspace(-1.0, 1.0, 64, dtype=np.float32)
    bright = 3.0 * images + 40.0 + 5.0 * x
    before, after = (surrogate.flattened(tf.constant(one)).numpy()[:, 10:-10, 10:-10] for one in (images, bright))
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.999
    dim = surrogate.flattened(tf.constant(images * (1.5 + x))).numpy()[:, 10:-10, 10:-10]
    assert np.corrcoef(before.ravel(), dim.ravel())[0, 1] > 0.95


def test_a_patch_stays_recognisable_and_differs_every_time(monkeypatch):
    monkeypatch.setattr(surrogate, "NOISE", (1e4, 1e5))
    patch = RNG.normal(size=(1, 24, 24)).repeat(3, 1).repeat(3, 2).astype(np.float32)  # coarse grain
    seen = surrogate.transformed(tf.constant(np.repeat(patch, 8, 0)), 32, tf.constant([1, 2])).numpy()
    assert seen.shape == (8, 32, 32) and np.isfinite(seen).all()
    middle = surrogate.flattened(tf.constant(patch)).numpy()[:, 31:41, 31:41].ravel()
    alike = [np.corrcoef(one[11:21, 11:21].ravel(), middle)[0, 1] for one in seen]
    assert np.median(alike) > 0.3 and max(alike) < 0.999
    assert not np.allclose(seen[0], seen[1], atol=0.1)


@pytest.mark.once("one network, a few steps; the others' tests train, too")
def test_its_step_learns_to_tell_the_classes_apart(model, monkeypatch):
    monkeypatch.setattr(exemplar, "BATCH", 16)
    model.draw()
    losses = [float(model.train_step(0)["loss"])]
    step = tf.function(lambda: model.train_step(0)["loss"])
    losses += [float(step()) for _ in range(30)]
    assert int(model.count) == 31
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_patches_are_the_middles_of_normalised_images():
    images = 50.0 + 9.0 * RNG.normal(size=(4, 80, 80)).astype(np.float32)
    dataset = tf.data.Dataset.from_tensors(({"fixed": images}, {})).repeat()
    found = exemplar.patches_of(dataset, 6)
    assert found.shape == (6, 72, 72)
    np.testing.assert_allclose(found[4], (images[0] - images[0].mean())[4:-4, 4:-4] / images[0].std(), atol=1e-4)
