"""The training step: what enters the loss, its sign, and that training is reproducible."""

import time

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.pairs.disturb import Disturb
from udl_tf.networks.regression import AngleHead, DirectionHead
from udl_tf.training.step import DisturbedPairModel

SIZE = 33


@tf.keras.utils.register_keras_serializable(package="tests")
class Oracle(tf.keras.layers.Layer):
    """Knows the angle of noiseless images with one bright spot, exactly, by its centre of mass."""

    def __init__(self, head, sign=1.0, constant=0.0, **kwargs):
        super().__init__(**kwargs)
        self.head, self.sign, self.constant = head, sign, constant

    def call(self, inputs):
        angle = self.sign * (spot_angle(inputs[0]) - spot_angle(inputs[1])) + self.constant
        return geometry.wrap_degrees(angle) + 180.0 if self.head == "angle" else geometry.direction_of(angle, 360.0)


def spot_angle(images):
    moment = tf.einsum("bhw,hwc->bc", images, geometry.centred_grid(SIZE, SIZE))
    return tf.atan2(-moment[:, 1], moment[:, 0]) * (180.0 / np.pi)


def oracle(head, sign=1.0, constant=0.0):
    inputs = {name: tf.keras.Input((SIZE, SIZE), name=name) for name in ("fixed", "moving")}
    output = Oracle(head, sign, constant)([inputs["fixed"], inputs["moving"]])
    return tf.keras.Model(inputs, {head: output})


def spots(count, seed=0):
    """Noiseless pairs of one bright spot, 9 px from the centre, and their angle. Mirrored corners would hold copies."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 360, (2, count)).astype(np.float32)
    points = geometry.rotate_points(angles, tf.constant([9.0, 0.0]))[:, :, None, None]  # (2, count, 1, 1, 2)
    images = tf.exp(-tf.reduce_sum((geometry.centred_grid(SIZE, SIZE) - points) ** 2, -1) / 8.0)
    return {"fixed": images[0], "moving": images[1]}, {
        "angle": angles[0] - angles[1],
        "shift": np.zeros((count, 2), np.float32),
    }


@pytest.mark.parametrize("self_pairs", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("head", "scale"), [("angle", 1.0), ("direction", 1e-3)])
def test_a_perfect_network_has_no_loss_and_with_the_sign_swapped_it_has(head, scale, self_pairs):
    def loss(sign):
        # "angle" is reported + 180, which UDL cannot see but self-pairs can
        constant = -180.0 if head == "angle" and self_pairs else 0.0
        model = DisturbedPairModel(oracle(head, sign, constant), Disturb(0.0, fill="constant"), 360.0, self_pair_share=self_pairs)
        return model.pair_losses(spots(32)[0], 3, training=False).numpy()

    assert loss(1.0).max() < 2.0 * scale
    assert np.median(loss(-1.0)) > 50.0 * scale


def test_udl_cannot_see_a_constant_but_self_pairs_can():
    def loss(share):
        model = DisturbedPairModel(
            oracle("direction", constant=60.0), Disturb(0.0, fill="constant"), 360.0, self_pair_share=share
        )
        return model.pair_losses(spots(16)[0], 0, training=False).numpy()

    assert loss(0.0).max() < 1e-3
    np.testing.assert_allclose(loss(1.0), 0.5, atol=0.02)  # 1 - cos 60
    half = loss(0.5)
    np.testing.assert_allclose(half, [0.5] * 8 + [0.0] * 8, atol=0.02)


def test_warm_steps_use_self_pairs_only():
    model = DisturbedPairModel(oracle("direction"), Disturb(0.0, fill="constant"), 360.0, warm_steps=10, self_pair_share=0.25)
    assert [int(np.sum(model.self_pair_rows(8, step))) for step in (0, 9, 10, 500)] == [8, 8, 2, 2]


def test_evaluation_error_by_hand_ignores_unknown_truth():
    inputs, truth = spots(6)
    model = DisturbedPairModel(oracle("direction", constant=12.0), Disturb(0.0, fill="constant"), 360.0)
    model.compile()
    truth["angle"] += np.array([0, 360, -360, 5, -5, np.nan], np.float32)
    data = tf.data.Dataset.from_tensor_slices((inputs, truth)).batch(3)
    error = model.evaluate(data, verbose=0, return_dict=True)["rotation_error_deg"]
    assert abs(error - (12 + 12 + 12 + 7 + 17) / 5) < 0.1
    model.bias_deg.assign(12.0)
    error = model.evaluate(data, verbose=0, return_dict=True)["rotation_error_deg"]
    assert abs(error - 10 / 5) < 0.1


def renoise(images, seed):
    return images + 0.2 * tf.random.stateless_normal(tf.shape(images), seed)


def small_model(head="direction", **arguments):
    """One hidden layer on both images, with batch norm, so that it trains and traces in no time."""
    tf.keras.utils.set_random_seed(1)
    inputs = {name: tf.keras.Input((SIZE, SIZE), name=name) for name in ("fixed", "moving")}
    flat = [tf.keras.layers.Flatten()(tf.keras.layers.AveragePooling1D(3)(inputs[name])) for name in ("fixed", "moving")]
    x = tf.keras.layers.Dense(64, "relu")(tf.keras.layers.Concatenate()(flat))
    x = tf.keras.layers.Dense(1 if head == "angle" else 2)(tf.keras.layers.BatchNormalization()(x))
    network = tf.keras.Model(inputs, {head: AngleHead(360.0)(x) if head == "angle" else DirectionHead()(x)})
    model = DisturbedPairModel(network, Disturb(2.0, renoise), 360.0, **arguments)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3))
    return model


def small_data(wrong=False):
    inputs, truth = spots(24)
    if wrong:
        truth = {name: np.full_like(value, np.nan) for name, value in truth.items()}
    return tf.data.Dataset.from_tensor_slices((inputs, truth)).batch(8)


def flat_weights(model):
    return np.concatenate([np.ravel(weight) for weight in model.network.get_weights()])


@pytest.mark.parametrize("head", ["angle", "direction"])
def test_training_is_bit_identical_with_wrong_truth_and_without_truth(head):
    trained = []
    for data in (small_data(), small_data(wrong=True), small_data().map(lambda inputs, truth: inputs)):
        model = small_model(head, self_pair_share=0.25, warm_steps=2)
        before = flat_weights(model)
        model.fit(data, epochs=2, verbose=0)
        trained.append(flat_weights(model))
        assert np.abs(trained[-1] - before).max() > 1e-4
    np.testing.assert_array_equal(trained[0], trained[1])
    np.testing.assert_array_equal(trained[0], trained[2])


def test_the_disturbance_follows_the_seed_and_the_step():
    inputs = spots(4)[0]
    losses_of = [
        small_model(seed=seed).pair_losses(inputs, step, training=False).numpy()
        for seed, step in ((1, 5), (1, 5), (2, 5), (1, 6))
    ]
    np.testing.assert_array_equal(losses_of[0], losses_of[1])
    assert np.abs(losses_of[0] - losses_of[2]).max() > 1e-3 and np.abs(losses_of[0] - losses_of[3]).max() > 1e-3


def test_larger_images_are_disturbed_whole_and_cropped_without_empty_corners():
    seen = []

    class Spy(tf.keras.layers.Layer):
        def call(self, inputs):
            seen.extend(inputs)
            return tf.ones_like(inputs[0][:, 0, :2])

    inputs = {name: tf.keras.Input((SIZE, SIZE), name=name) for name in ("fixed", "moving")}
    network = tf.keras.Model(inputs, {"direction": Spy()([inputs["fixed"], inputs["moving"]])})
    wide = {name: tf.ones((64, 51, 51)) for name in ("fixed", "moving")}  # 51 > 33 sqrt 2 + 2 shifts
    seen.clear()
    DisturbedPairModel(network, Disturb(1.0, fill="constant"), 360.0).pair_losses(wide, 0, training=True)
    assert [tuple(images.shape) for images in seen] == [(128, SIZE, SIZE)] * 2
    assert min(np.min(images) for images in seen) > 0.999


class Logs(tf.keras.callbacks.Callback):
    """What every step tells, and when the step began and ended."""

    def __init__(self):
        super().__init__()
        self.steps, self.times = [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.times.append([time.time()])

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append({name: float(value) for name, value in logs.items()})
        self.times[-1].append(time.time())


def test_every_step_tells_its_own_loss_and_its_parts():
    """The weights stay as they are (learning rate 0) and the statistics of the batch norm do not count in training."""
    model, logs = small_model(self_pair_share=0.25, warm_steps=2), Logs()
    model.compile(optimizer=tf.keras.optimizers.Adam(0.0))
    data = small_data()  # 3 batches of 8
    model.fit(data, epochs=1, verbose=0, callbacks=[logs])
    for step, (inputs, _) in enumerate(data):
        each = model.pair_losses(inputs, step, training=True).numpy()
        told, own = logs.steps[step], 8 if step < 2 else 2  # self-pairs come first in the batch
        assert set(told) == {"loss", "loss_udl", "loss_self", "fetched"}
        np.testing.assert_allclose([told["loss"], told["loss_self"]], [each.mean(), each[:own].mean()], rtol=1e-4)
        np.testing.assert_allclose(told["loss_udl"], each[own:].mean() if own < 8 else np.nan, rtol=1e-4)


@pytest.mark.parametrize(("share", "parts"), [(0.0, {"loss_udl"}), (1.0, {"loss_self"})])
def test_parts_that_never_exist_are_not_told(share, parts):
    logs = Logs()
    small_model(self_pair_share=share).fit(small_data(), verbose=0, callbacks=[logs])
    assert set(logs.steps[0]) == {"loss", "fetched"} | parts


def test_fetched_is_when_the_data_were_there():
    def slow(inputs, truth):
        tf.py_function(lambda: time.sleep(0.2), [], [])
        return inputs, truth

    logs = Logs()
    small_model().fit(small_data().map(slow), epochs=1, verbose=0, callbacks=[logs])
    for told, (begun, ended) in zip(logs.steps[1:], logs.times[1:], strict=True):  # the first step is traced, too
        assert 0.15 < told["fetched"] - begun <= ended - begun


def test_training_learns_on_self_pairs():
    """The loss, 1 for any constant output, must fall well below 1."""
    model, logs = small_model(warm_steps=10**6), Logs()
    data = tf.data.Dataset.from_tensors(spots(64)).repeat()
    model.fit(data, steps_per_epoch=300, epochs=1, verbose=0, callbacks=[logs])
    loss = [told["loss"] for told in logs.steps]
    assert np.mean(loss[:50]) > 0.6 and np.mean(loss[-50:]) < 0.35


def test_an_interrupted_run_restarts_where_it_stopped(tmp_path):
    data = small_data()
    straight = small_model()
    straight.fit(data, epochs=3, verbose=0)

    class Stop(tf.keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def backup():
        return tf.keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))

    with pytest.raises(KeyboardInterrupt):
        small_model().fit(data, epochs=3, verbose=0, callbacks=[backup(), Stop()])
    again = small_model()
    again.fit(data, epochs=3, verbose=0, callbacks=[backup()])
    assert int(again.optimizer.iterations) == 9
    np.testing.assert_allclose(flat_weights(again), flat_weights(straight), atol=1e-6)


def test_a_share_outside_0_to_1_is_refused():
    with pytest.raises(InputError):
        small_model(self_pair_share=1.5)
