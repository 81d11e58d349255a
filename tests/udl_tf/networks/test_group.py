"""Correlation over rotations and shifts: exact poses, the whole surface against NumPy, and what is learned."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from udl_tf.networks.group import GroupConfig, group
from udl_tf.networks.group_correlation import GroupCorrelation

SIZE = 64
ANGLE = np.arange(0, 90, 7) * 4.0  # on the network's grid, over the full circle
COUNT = len(ANGLE)
SHIFT = 2.0 * np.random.default_rng(0).integers(-2, 3, (COUNT, 2))  # on its grid, too


@pytest.fixture(scope="module")
def network():
    return group(GroupConfig(), SIZE)


def run(network, fixed, moving):
    output = network({"fixed": tf.constant(fixed, tf.float32), "moving": tf.constant(moving, tf.float32)})
    return {name: value.numpy() for name, value in output.items()}


def noise(count, seed):
    return np.random.default_rng(seed).normal(size=(count, SIZE, SIZE)).astype(np.float32)


def randomised(network, seed=5):
    """Another network like it, whose weights are not those it starts with."""
    other = tf.keras.models.clone_model(network)
    rng = np.random.default_rng(seed)
    layer = other.get_layer("correlation")
    layer.log_weight.assign(rng.normal(0, 0.7, layer.log_weight.shape))
    layer.whiten.assign(0.6)
    return other


def test_the_peak_is_at_the_right_angle_and_shift(network, picture):
    output = run(network, picture(ANGLE, SHIFT), picture(np.zeros(COUNT), np.zeros((COUNT, 2))))
    assert output["correlation"].shape == (COUNT, 90) and output["shift"].shape == (COUNT, 90, 2)
    best = output["correlation"].argmax(1)
    np.testing.assert_array_equal(best * 4.0, ANGLE)
    np.testing.assert_array_equal(output["shift"][np.arange(COUNT), best], SHIFT)
    assert output["correlation"].max(1).min() > 0.95


def test_the_direction_is_that_angle(network, picture):
    angle = ANGLE + 1.7
    output = run(network, picture(angle, SHIFT), picture(np.zeros(COUNT), np.zeros((COUNT, 2))))
    found = geometry.angle_of(tf.constant(output["direction"]), 360.0)
    assert np.abs(geometry.wrap_degrees(found - angle)).max() < 4.0
    length = np.linalg.norm(output["direction"], axis=1)
    assert length.min() > 0.5 and length.max() <= 1 + 1e-5


@pytest.mark.parametrize("trained", [False, True])
def test_identical_images_correlate_to_1_and_none_to_more(network, trained):
    network = randomised(network) if trained else network
    images, others = noise(3, 0) + 4.0, 100.0 * noise(3, 1)
    same = run(network, images, images)
    np.testing.assert_allclose(same["correlation"][:, 0], np.ones(3), atol=1e-4)
    np.testing.assert_array_equal(same["shift"][:, 0], np.zeros((3, 2)))
    assert same["correlation"].argmax(1).tolist() == [0, 0, 0]
    for output in (same, run(network, images, others)):
        assert np.abs(output["correlation"]).max() <= 1 + 1e-4
    assert run(network, images, others)["correlation"].max() < 0.8


def test_turned_by_a_right_angle_it_moves_along(picture):
    network = group(GroupConfig(angles=72), SIZE)
    fixed, moving = noise(2, 2), noise(2, 3)
    straight = run(network, fixed, moving)
    for turns in (1, 2, 3):
        turned = run(network, fixed, np.rot90(moving, turns, (1, 2)).copy())
        # `moving` turned already by 90 degrees needs 90 degrees less.
        np.testing.assert_allclose(turned["correlation"], np.roll(straight["correlation"], -18 * turns, 1), atol=1e-3)


def test_correlation_against_numpy(network):
    """Upright and upside down, where nothing is interpolated: a sum over the frequencies of the disc, at every shift."""
    network = randomised(network)
    layer = network.get_layer("correlation")
    fixed, moving = noise(2, 6), noise(2, 7)
    output = run(network, fixed, moving)
    seen = [network.get_layer("mask")(tf.constant(images)).numpy() for images in (fixed, moving)]
    frequency = np.fft.fftfreq(SIZE, 1 / SIZE)
    ky, kx = np.meshgrid(frequency, frequency, indexing="ij")
    radius = np.hypot(kx, ky)
    disc = (radius > 0.5) & (radius < 10.5)
    ring = np.rint(radius).astype(int)
    weighted = []
    for spectra in np.fft.fft2([*seen, seen[1][:, ::-1, ::-1]]):
        for spectrum in spectra:
            power = np.array([np.sum(np.abs(spectrum[disc & (ring == r)]) ** 2) for r in range(11)])
            gain = np.exp(layer.log_weight.numpy()) * (power / power.sum() + 1e-6) ** (-0.5 * 0.6)
            spectrum = spectrum * np.where(disc, gain[np.minimum(ring, 10)], 0.0)
            weighted.append(spectrum / np.linalg.norm(spectrum))
    weighted = np.reshape(weighted, (3, 2, SIZE, SIZE))
    shifts = np.arange(-8, 9) * 2
    for index, other in ((0, weighted[1]), (45, weighted[2])):
        surface = np.fft.ifft2(weighted[0] * other.conj()).real * SIZE**2
        allowed = np.hypot(shifts[:, None], shifts[None, :]) <= 16
        surface = np.where(allowed, surface[:, shifts[:, None], shifts[None, :]], -9)  # (pairs, dy, dx)
        np.testing.assert_allclose(output["correlation"][:, index], surface.max((1, 2)), atol=2e-4)
        best = surface.reshape(2, -1).argmax(1)
        np.testing.assert_array_equal(output["shift"][:, index], np.stack([shifts[best % 17], shifts[best // 17]], 1))


def test_no_shift_beyond_the_limit(network, picture):
    plane, correlate = network.get_layer("plane"), network.get_layer("correlation")
    planes = [plane(tf.constant(images)) for images in (picture([30.0, 30.0], [[10.0, 0.0], [2.0, 2.0]]), noise(2, 8))]
    planes[1] = plane(tf.constant(picture([0.0, 0.0], np.zeros((2, 2)))))
    free, _ = correlate(planes)
    for limit in (0.0, 5.0, 9.0):
        correlation, shift = correlate(planes, max_shift=tf.constant(limit))
        assert np.linalg.norm(shift, axis=-1).max() <= limit + 1e-3
        assert np.all(correlation.numpy() <= free.numpy() + 1e-6)
    assert free[0].numpy().max() > 0.97 > 0.95 > correlation[0].numpy().max()  # the first pair lies beyond 9 pixels
    np.testing.assert_allclose(correlation[1].numpy().max(), free[1].numpy().max(), atol=1e-5)


def test_gradients_reach_what_is_learned(network, picture):
    pair = {"fixed": picture(ANGLE, SHIFT) + noise(COUNT, 9), "moving": picture(ANGLE * 0, SHIFT * 0) + noise(COUNT, 10)}
    weights = network.trainable_variables
    assert {weight.shape for weight in weights} >= {(11,), ()} and sum(int(tf.size(w)) for w in weights) < 20
    with tf.GradientTape() as tape:
        direction = network({name: tf.constant(images, tf.float32) for name, images in pair.items()}, training=True)["direction"]
        loss = tf.reduce_mean(tf.square(direction - geometry.direction_of(tf.constant(ANGLE, tf.float32), 360.0)))
    layer = network.get_layer("correlation")
    by_weight, by_whiten = tape.gradient(loss, [layer.log_weight, layer.whiten])
    assert np.all(np.isfinite(by_weight)) and np.all(np.abs(by_weight.numpy()[1:]) > 1e-7)  # all but the ring of the origin
    assert np.isfinite(by_whiten) and abs(float(by_whiten)) > 1e-6


def test_gradients_of_empty_images_are_finite(network):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network({"fixed": tf.zeros((2, SIZE, SIZE)), "moving": tf.constant(noise(2, 11))})["direction"])
    found = tape.gradient(loss, network.trainable_variables)
    assert all(np.isfinite(gradient).all() for gradient in found if gradient is not None)


def test_weights_are_saved(network, tmp_path):
    trained, path = randomised(network), str(tmp_path / "network.weights.h5")
    trained.save_weights(path)
    fresh = group(GroupConfig(), SIZE)
    pair = noise(2, 12), noise(2, 13)
    expected = run(trained, *pair)["correlation"]
    assert np.abs(run(fresh, *pair)["correlation"] - expected).max() > 0.01
    fresh.load_weights(path)
    np.testing.assert_array_equal(run(fresh, *pair)["correlation"], expected)


def test_the_layer_can_be_made_from_its_configuration(network):
    layer = network.get_layer("correlation")
    assert GroupCorrelation.from_config(layer.get_config()).get_config() == layer.get_config()
