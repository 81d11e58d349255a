"""The paper's network: its shapes, its matching layer, and that it is siamese."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.networks.mask import mask
from udl_tf.networks.matching import Matching
from udl_tf.networks.siamese import SiameseConfig, siamese

SMALL = {"mask_widths": (2, 1), "feature_widths": (4, 8), "match_widths": (8,), "dense_widths": (16,)}


def pair(count, box, seed=0):
    rng = np.random.default_rng(seed)
    return {name: tf.constant(rng.normal(size=(count, box, box)), tf.float32) for name in ("fixed", "moving")}


def test_layer_shapes_at_full_size_are_the_papers(monkeypatch):
    def zeros(self, shape, dtype=None, **_):  # drawing 70 million weights takes seconds and shapes do not need it
        return tf.zeros(shape)

    monkeypatch.setattr(tf.keras.initializers.HeNormal, "__call__", zeros)
    network = siamese(SiameseConfig())
    assert [tuple(layer.output.shape[1:]) for layer in network.get_layer("mask").layers if "conv" in layer.name] == [
        (128, 128, width) for width in (4, 8, 16, 32, 1)
    ]
    assert tuple(network.get_layer("mask").output.shape[1:]) == (128, 128, 1)
    pooled = [layer for layer in network.get_layer("features").layers if "pool" in layer.name]
    assert [tuple(layer.output.shape[1:]) for layer in pooled] == [
        (64, 64, 32),
        (32, 32, 64),
        (16, 16, 128),
        (8, 8, 256),
    ]
    assert [tuple(way.shape[1:]) for way in network.get_layer("matching").output] == [(8, 8, 64), (8, 8, 64)]
    convolutions = [layer for layer in network.get_layer("match_encoder").layers if "conv" in layer.name]
    assert [tuple(layer.output.shape[1:]) for layer in convolutions] == [(8, 8, 128), (8, 8, 256)]
    assert [layer.units for layer in network.get_layer("regression").layers] == [2000, 2000, 1]
    assert tuple(network.output["angle"].shape) == (None,)
    assert {name: tuple(tensor.shape) for name, tensor in network.input.items()} == {
        "fixed": (None, 128, 128),
        "moving": (None, 128, 128),
    }


def test_matching_against_loops():
    rng = np.random.default_rng(1)
    fixed, moving = rng.uniform(-0.3, 1, (2, 2, 3, 5)), rng.uniform(-0.3, 1, (2, 2, 3, 5))
    there, back = Matching()([tf.constant(fixed, tf.float32), tf.constant(moving, tf.float32)])
    f, m = fixed.reshape(2, 6, 5), moving.reshape(2, 6, 5)
    for b in range(2):
        cosine = np.array([[i @ j / np.linalg.norm(i) / np.linalg.norm(j) for j in m[b]] for i in f[b]]).clip(0)
        expected = cosine / np.linalg.norm(cosine, axis=1, keepdims=True)
        expected_back = cosine.T / np.linalg.norm(cosine.T, axis=1, keepdims=True)
        np.testing.assert_allclose(there[b].numpy().reshape(6, 6), expected, atol=1e-5)
        np.testing.assert_allclose(back[b].numpy().reshape(6, 6), expected_back, atol=1e-5)


def test_both_images_pass_the_same_trunk():
    tf.keras.utils.set_random_seed(1)
    network = siamese(SiameseConfig(**SMALL), 16)
    images = pair(3, 16)
    maps = tf.keras.Model(network.input, network.get_layer("matching").output)
    there, back = maps(images)
    swapped_there, swapped_back = maps({"fixed": images["moving"], "moving": images["fixed"]})
    np.testing.assert_allclose(there, swapped_back, atol=1e-5)
    np.testing.assert_allclose(back, swapped_there, atol=1e-5)
    assert np.abs(there - back).max() > 0.02


def test_heads():
    tf.keras.utils.set_random_seed(1)
    angle = siamese(SiameseConfig(**SMALL), 16, 180.0)(pair(64, 16))["angle"]
    assert angle.shape == (64,) and 45 < np.mean(angle) < 135  # a fresh network starts about the middle of [0, 180]
    direction = siamese(SiameseConfig(**SMALL, head="direction"), 16)(pair(64, 16))["direction"]
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), np.ones(64), atol=1e-5)


def test_front_decides_what_the_network_sees():
    tf.keras.utils.set_random_seed(1)

    class Centre(tf.keras.layers.Layer):
        def call(self, images):
            return images[:, 7:23, 7:23]

    network = siamese(SiameseConfig(**SMALL), 30, front=Centre())
    images = pair(2, 30)
    outside = {name: tf.concat([image[:, :7] + 9.0, image[:, 7:]], 1) for name, image in images.items()}
    np.testing.assert_allclose(network(images)["angle"], network(outside)["angle"], atol=1e-4)
    inside = {name: tf.concat([image[:, :9], image[:, 9:] * 2.0 + 1.0], 1) for name, image in images.items()}
    assert np.abs(network(images)["angle"] - network(inside)["angle"]).max() > 1e-2


def test_saved_network_gives_the_same_output(tmp_path):
    network = siamese(SiameseConfig(**SMALL, head="direction"), 16)
    images = pair(2, 16)
    network.save(tmp_path / "network.keras")
    loaded = tf.keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(loaded(images)["direction"], network(images)["direction"], atol=1e-5)


@pytest.mark.parametrize("change, box", [({"head": "matrix"}, 16), ({}, 18), ({"mask_widths": (4, 8)}, 16)])
def test_bad_configurations_are_refused(change, box):
    with pytest.raises(InputError):
        siamese(SiameseConfig(**{**SMALL, **change}), box)


def test_mask_is_between_0_and_1():
    values = mask((8, 8, 1), (2, 1))(100.0 * tf.random.stateless_normal((4, 8, 8, 1), (1, 2)))
    assert np.min(values) >= 0.0 and np.max(values) <= 1.0 and np.std(values) > 0.05
