"""Learned fields: losses in closed form, looks that add up, networks that begin near nothing and learn from their loss."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import noise
from pipelines.errors import InputError
from pipelines.geometry.transforms import Displacement
from udl_tf.rivals.deformable import dirnet, model, unet

RNG = np.random.default_rng(0)
PAIR = {name: tf.constant(RNG.normal(size=(2, 32, 32)).astype(np.float32)) for name in ("fixed", "moving")}
BUILT = {
    "dirnet": lambda: dirnet.SplineModel(dirnet.network(32, (4, 4), (8,))),
    "unet": lambda: unet.VelocityModel(unet.unet(32, (4, 8, 8), (8, 8), 4), looks=2),
    "dirnet-self": lambda: dirnet.SplineModel(dirnet.network(32, (4, 4), (8,)), itself=noise.parse("gaussian:1")),
}


def test_bent_images_are_those_of_the_transform_and_known_where_they_lie_within():
    field = np.zeros((2, 16, 16, 2), np.float32) + np.float32([3.0, 0.0])
    moved, inside = model.bent(PAIR["moving"], tf.constant(field), 2.0)
    np.testing.assert_allclose(moved, Displacement(field, 2.0).warp(PAIR["moving"].numpy()), atol=1e-5)
    np.testing.assert_allclose(moved[:, :, :29], PAIR["moving"][:, :, 3:], atol=1e-4)
    assert inside[:, :, :29].numpy().all() and not inside[:, :, 29:].numpy().any()


def test_correlations_of_the_same_the_negative_and_something_else():
    weight = tf.constant((RNG.random((2, 32, 32)) < 0.7).astype(np.float32))
    a, b = PAIR["fixed"], PAIR["moving"]
    scaled = 3.0 * a + 1.0 + 100.0 * (1.0 - weight) * b  # what weighs nothing does not count
    np.testing.assert_allclose(model.correlation(a, scaled, weight), 1.0, atol=2e-3)
    np.testing.assert_allclose(model.correlation(a, -scaled, weight), -1.0, atol=2e-3)
    chosen = weight.numpy().astype(bool)
    expected = [np.corrcoef(*(image.numpy()[i][chosen[i]] for image in (a, b)))[0, 1] for i in range(2)]
    np.testing.assert_allclose(model.correlation(a, b, weight), expected, atol=2e-3)
    for other in (scaled, -scaled):
        np.testing.assert_allclose(model.local_correlation(a, other, weight, 9), 1.0, atol=1e-2)


def test_local_correlation_by_hand():
    """Every window of 9 pixels holds the whole image of 5 by 5."""
    a, b = (PAIR[name][:, :5, :5] for name in ("fixed", "moving"))
    found = model.local_correlation(a, b, tf.ones((2, 5, 5)), 9)
    expected = [np.corrcoef(x.numpy().ravel(), y.numpy().ravel())[0, 1] ** 2 for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_slopes_of_a_field_that_grows_evenly():
    field = np.zeros((1, 5, 7, 2), np.float32)
    field[..., 0] = 6.0 * np.arange(7)  # 3 pixels a pixel at nodes 2 pixels apart, along x only
    np.testing.assert_allclose(model.slopes(tf.constant(field), 2.0), [9.0 / 2.0])


def test_a_field_is_as_far_from_the_truth_as_the_lengths_of_what_is_left():
    field = np.zeros((2, 4, 4, 2), np.float32) + np.float32([3.0, 4.0])
    truth = np.zeros((2, 8, 8, 2), np.float32)
    truth[1] = [3.0, 16.0]
    np.testing.assert_allclose(model.away(tf.constant(field), 2.0, tf.constant(truth)), [5.0, 12.0], rtol=1e-5)


def test_roughness_weighs_more_in_noise_as_the_square_of_the_share_that_is_signal():
    wave = np.broadcast_to(np.sqrt(2.0) * np.sin(np.pi * np.arange(32) / 16), (64, 32, 32)).astype(np.float32)
    noisy = wave + RNG.normal(size=wave.shape).astype(np.float32)
    for name, clean, half in (("unet", 0.2, 0.8), ("dirnet", 0.0, 7.5)):
        built = BUILT[name]()
        np.testing.assert_allclose(built.stiffness({"fixed": wave, "moving": wave}), clean, atol=1e-6)
        assert np.median(built.stiffness({"fixed": noisy, "moving": noisy})) == pytest.approx(half, rel=0.1)


def test_looks_are_put_after_one_another():
    class Shift(model.DeformationModel):
        def once(self, inputs, training):
            return tf.fill((2, 32, 32, 2), 1.5), tf.constant([1.0, 3.0])

    field, rough = Shift(BUILT["dirnet"]().network, looks=3).looked(PAIR, False)
    np.testing.assert_allclose(field, 4.5, atol=1e-5)
    np.testing.assert_allclose(rough, [1.0, 3.0])


@pytest.mark.parametrize("name", BUILT)
def test_a_network_begins_near_nothing_and_its_loss_moves_every_weight(name):
    tf.keras.utils.set_random_seed(1)
    built = BUILT[name]()
    assert np.abs(built.fields(PAIR)).max() < 1.0
    with tf.GradientTape() as tape:
        each = built.pair_losses(PAIR, None, training=True)
        loss = tf.reduce_mean(each)
    assert each.shape == (2,) and np.isfinite(each).all()
    gradients = tape.gradient(loss, built.network.trainable_variables)
    assert all(gradient is not None and np.abs(gradient).max() > 0.0 for gradient in gradients)


def test_control_points_cover_the_image_and_a_constant_answer_is_a_shift():
    built = BUILT["dirnet"]()
    assert built.apart == 4.0 and built.network.output["control"].shape == (None, 12, 12, 2)
    kernel, bias = built.network.layers[-2].weights
    kernel.assign(tf.zeros_like(kernel))
    bias.assign([1.0, -0.5])  # of 32 / 16 pixels
    np.testing.assert_allclose(built.fields(PAIR), np.broadcast_to(np.float32([2.0, -1.0]), (2, 32, 32, 2)), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda: unet.unet(36, (4, 8, 8), (8, 8), 4), "multiple of 8"), (lambda: dirnet.network(30, (4, 4), (8,)), "multiple of 4")],
)
def test_sides_that_cannot_be_halved_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
