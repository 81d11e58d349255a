"""The polar network: the sign of its angle, exactness under rotation, and its parts by hand."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from udl_tf.networks.angular import AngularCorrelation, MeanDirection, PolarHarmonics
from udl_tf.networks.polar import PolarConfig, polar
from udl_tf.networks.window import SoftDisc
from udl_tf.training import losses

TURNS = np.array([0.0, 20.0, 75.0, -40.0, -89.0, 110.0])


@pytest.fixture(scope="module")
def network():
    return polar(PolarConfig(), 64)


@pytest.fixture(scope="module")
def pair(picture):
    """Pairs whose moving image must be turned by `TURNS`; both are shifted, which spectra do not see."""
    moving = picture(np.full(6, 31.0), np.tile([1.5, -1.0], (6, 1)))
    return {"fixed": tf.constant(picture(31.0 + TURNS, np.tile([-2.0, 0.5], (6, 1)))), "moving": tf.constant(moving)}


def test_the_angle_turns_moving_onto_fixed(network, pair):
    output = network(pair)
    found = geometry.angle_of(output["direction"], 180.0).numpy()
    assert np.abs((found - TURNS + 90) % 180 - 90).max() < 0.5
    peak = np.argmax(output["correlation"], 1) * 180.0 / 256
    assert np.abs((peak - TURNS + 90) % 180 - 90).max() < 0.8  # a sample is 0.7 degrees wide
    assert tuple(output["correlation"].shape) == (6, 256) and np.max(output["correlation"]) <= 1.0 + 1e-5
    swapped = network({"fixed": pair["moving"], "moving": pair["fixed"]})
    assert np.abs((geometry.angle_of(swapped["direction"], 180.0) + found + 90) % 180 - 90).max() < 0.01


def test_turning_both_images_changes_nothing(network, picture):
    noise = np.random.default_rng(0).normal(0, 0.2, (2, 1, 64, 64)).astype(np.float32)
    fixed, moving = picture(50.0, (0, 0)) + noise[0], picture(10.0, (0, 0)) + noise[1]
    quarter = {"fixed": np.rot90(fixed, 1, (1, 2)).copy(), "moving": np.rot90(moving, 1, (1, 2)).copy()}
    found = network({"fixed": tf.constant(fixed), "moving": tf.constant(moving)})
    np.testing.assert_allclose(network(quarter)["correlation"], found["correlation"], atol=1e-3)
    half = network({"fixed": tf.constant(fixed[:, ::-1, ::-1].copy()), "moving": tf.constant(moving)})
    np.testing.assert_allclose(half["correlation"], found["correlation"], atol=1e-3)


def test_an_image_correlates_perfectly_with_itself(network, pair):
    found = network({"fixed": pair["fixed"], "moving": pair["fixed"]})
    np.testing.assert_allclose(found["correlation"][:, 0], np.ones(6), atol=1e-4)
    np.testing.assert_allclose(geometry.angle_of(found["direction"], 180.0), np.zeros(6), atol=1e-3)


def test_training_lowers_the_udl_loss(network, picture):
    rng = np.random.default_rng(1)
    angle = rng.uniform(-180, 180, (4, 24))

    def noisy(angle):
        return tf.constant(picture(angle, np.zeros((24, 2))) + rng.normal(0, 0.6, (24, 64, 64)), tf.float32)

    first = {"fixed": noisy(angle[0]), "moving": noisy(angle[1])}
    second = {"fixed": noisy(angle[0] + angle[2]), "moving": noisy(angle[1] + angle[3])}
    turn = tf.constant(angle[2] - angle[3], tf.float32)
    trained = tf.keras.models.clone_model(network)
    optimizer, values = tf.keras.optimizers.Adam(0.1), []
    for _ in range(6):
        with tf.GradientTape() as tape:
            z, z2 = trained(first)["direction"], trained(second)["direction"]
            loss = tf.reduce_mean(losses.udl_direction(z, z2, turn, 180.0))
        weights = trained.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        values.append(float(loss))
    wrong = tf.reduce_mean(losses.udl_direction(z, z2, -turn, 180.0))
    assert values[-1] < values[0] - 0.05 and wrong > values[-1] + 0.2


def test_harmonics_are_those_of_numpy():
    layer = PolarHarmonics(2, 9, 32, 40, 6, "root")
    images = tf.random.stateless_normal((2, 20, 20), (1, 2))
    from pipelines.spectra import spectrum

    rings = spectrum.polar(images, 32, np.arange(2, 9), 40, "root").numpy()  # (rings, angles, batch)
    found = layer(images).numpy()
    rings = (rings - rings.mean(1, keepdims=True)) / rings.std(1, keepdims=True)
    weight = np.exp(0.5 * layer.log_weight.numpy())[:, None, None]
    expected = np.moveaxis(np.fft.fft(rings * weight, axis=1)[:, 1:7], -1, 0)
    np.testing.assert_allclose(found[..., :6] + 1j * found[..., 6:], expected, atol=2e-3)


def test_ring_weights_start_at_the_rule_of_thumb():
    layer = PolarHarmonics(4, 40, 32, 128, 6)
    layer(tf.zeros((1, 16, 16)))
    k = np.arange(4, 40) * 2.0  # rings of 1/128 cycles per pixel, counted in 1/256
    np.testing.assert_allclose(np.exp(layer.log_weight.numpy()), k * np.exp(-(k**2) / 512), rtol=1e-4)


def test_correlation_against_loops():
    rng = np.random.default_rng(2)
    angles, harmonics = 16, 7
    rings = rng.normal(size=(2, 3, angles))  # fixed and moving, one pair, three rings; band-limited by the transform
    spectra = np.fft.fft(rings, axis=-1)[..., 1 : harmonics + 1]
    features = [tf.constant(np.concatenate([s.real, s.imag], -1)[None], tf.float32) for s in spectra]
    found = AngularCorrelation(angles)(features).numpy()[0]
    full = np.zeros((2, 3, angles), complex)
    full[..., 1 : harmonics + 1] = spectra
    fixed, moving = np.fft.ifft(full, axis=-1).real
    norm = np.sqrt((fixed**2).sum() * (moving**2).sum())
    expected = [(fixed * np.roll(moving, j, axis=-1)).sum() / norm for j in range(angles)]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_mean_direction_by_hand():
    layer = MeanDirection(1.0)
    correlation = np.zeros((3, 8), np.float32)
    correlation[0, 2] = 100.0  # all weight on 2/8 of the circle: (0, 1)
    correlation[1, [1, 7]] = np.log(5.0)  # weights 5/16 twice, at +-45 degrees of the circle, and 1/16 six times
    found = layer(tf.constant(correlation))
    np.testing.assert_allclose(found, [[0, 1], [np.sqrt(2) * 4 / 16, 0], [0, 0]], atol=1e-5)
    sharper = MeanDirection(3.0)(tf.constant(correlation))
    # exp(3 log 5) = 125 against 1
    np.testing.assert_allclose(sharper[1], [np.sqrt(2) * 124 / 256, 0], atol=1e-5)


def test_soft_disc():
    disc = SoftDisc(0.5, 0.02)
    images = np.random.default_rng(0).normal(3.0, 1.0, (2, 40, 40)).astype(np.float32)
    found = disc(tf.constant(images)).numpy()
    np.testing.assert_allclose(disc(tf.ones((1, 40, 40))), np.zeros((1, 40, 40)), atol=1e-6)
    assert np.abs(found[:, :5]).max() < 1e-5 and abs(found.sum()) < 1e-2
    np.testing.assert_allclose(np.diff(found[:, 18:22, 18:22]), np.diff(images[:, 18:22, 18:22]), atol=1e-4)
    # The pixel (10.5, 0.5) is at 0.5256 of half the side: its weight is 1 / (1 + exp(0.0256 / 0.02)) = 0.217.
    images[0, 20, 30] += 100.0
    assert abs((disc(tf.constant(images)).numpy() - found)[0, 20, 30] - 21.7) < 0.2


@pytest.mark.parametrize("learn_mask", [False, True])
def test_saved_network_gives_the_same_output(learn_mask, tmp_path, pair):
    network = polar(PolarConfig(angles=64, harmonics=20, last_ring=20, learn_mask=learn_mask), 64)
    assert len(network.trainable_variables) == (4 if learn_mask else 2)
    network.get_layer("features").log_weight.assign_add(np.linspace(-1, 1, 18))
    network.get_layer("direction").log_sharpness.assign(2.0)
    network.save(tmp_path / "network.keras")
    loaded = tf.keras.models.load_model(tmp_path / "network.keras")
    for name, value in network(pair).items():
        np.testing.assert_allclose(loaded(pair)[name], value, atol=1e-5)
    assert len(loaded.trainable_variables) == len(network.trainable_variables)
