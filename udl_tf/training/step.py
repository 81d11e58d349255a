"""The training step of unsupervised difference learning (paper figure 1), with an optional warm start on self-pairs.

A batch holds pairs ``(f, m)``. Each image is disturbed once, to ``f'`` and ``m'``; two forward passes, run as one
batch, see::

    UDL pairs:    (f, m)   (f', m')      their angles must differ by  a_f - a_m        (the paper)
    self-pairs:   (f, f')  (m', m)       their angles must be  -a_f  and  a_m          (angles we chose: no truth)

Both need the same four images. UDL alone leaves the network on the plateau of a constant output for a long time and
fixes its angle up to a constant only; self-pairs take it off the plateau (the first `warm_steps` steps use nothing
else) and, as a share of every later batch, hold the constant at zero.
"""

import tensorflow as tf

from pipelines import geometry, warp
from pipelines.errors import InputError
from udl_tf.training import losses


class DisturbedPairModel(tf.keras.Model):
    """Trains a pair network by UDL. Its data is ``(inputs, truth)`` or ``inputs`` alone.

    `inputs`: dict of `fixed` and `moving`, float32 (batch, side, side); images larger than the network's box are
    disturbed whole and cropped, so that no corner is empty. `truth`: dict of `angle` (batch,) degrees, NaN where
    unknown, and whatever else; `evaluate` uses it, training never does.

    Args:
        network: a model with inputs `fixed` and `moving` (batch, box, box) and the output ``angle`` (batch,)
            degrees or ``direction`` (batch, 2).
        disturb: `pipelines.disturb.Disturb`, or anything called the same way.
        period: of the angle in degrees.
        seed: of all disturbances; with the step count it makes training reproducible, also after a restart.
        warm_steps: first optimizer steps that use self-pairs only.
        self_pair_share: part of every later batch made of self-pairs, in [0, 1].
        error_period: modulo which errors are measured, degrees; by default `period`.
    """

    def __init__(self, network, disturb, period, seed=0, warm_steps=0, self_pair_share=0.0, error_period=None):
        super().__init__()
        self.supports_jit = False  # the warp's kernel has no XLA version, and Keras 3 would compile the step for a GPU
        if not 0.0 <= self_pair_share <= 1.0:
            raise InputError(f"self_pair_share: received {self_pair_share}, expected a number in [0, 1]")
        self.network = network
        self.disturb = disturb
        self.period = float(period)
        self.error_period = float(error_period or period)
        self.seed = seed
        self.warm_steps = warm_steps
        self.self_pair_share = self_pair_share
        self.box = network.input["fixed"].shape[1]
        self.bias_deg = tf.Variable(0.0, trainable=False, name="bias_deg")  # the constant C, once calibrated
        self.loss_mean = tf.keras.metrics.Mean(name="loss")
        self.error_mean = tf.keras.metrics.Mean(name="rotation_error_deg")
        self.build(None)

    def build(self, input_shape):
        """Nothing is left to build: the network comes with its weights."""
        self.built = True

    @property
    def metrics(self):
        return [self.loss_mean, self.error_mean]

    def call(self, inputs, training=False):
        """The network's output for pairs as they are."""
        cropped = {name: warp.centre_crop(inputs[name], self.box) for name in ("fixed", "moving")}
        return self.network(cropped, training=training)

    def train_step(self, data):
        inputs = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.pair_losses(inputs, self.optimizer.iterations, training=True))
        weights = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.loss_mean.update_state(loss)
        return {"loss": self.loss_mean.result()}

    def test_step(self, data):
        """Mean rotation error modulo `error_period`, less the constant `bias_deg`, where the true angle is finite."""
        inputs, truth = data[0], data[1]
        error = geometry.angular_distance(self.angles(inputs), truth["angle"] + self.bias_deg, self.error_period)
        known = tf.math.is_finite(error)
        self.error_mean.update_state(tf.where(known, error, 0.0), sample_weight=tf.cast(known, tf.float32))
        return {"rotation_error_deg": self.error_mean.result()}

    def angles(self, inputs):
        """Output of the network in inference mode as (batch,) degrees, the constant C still in it."""
        output = self(inputs, training=False)
        return output["angle"] if "angle" in output else geometry.angle_of(output["direction"], self.period)

    def pair_losses(self, inputs, step, training):
        """Loss of each pair, (batch,), for the disturbance that belongs to this step."""
        fixed, moving = inputs["fixed"], inputs["moving"]
        seed = tf.stack([tf.cast(self.seed, tf.int32), tf.cast(step, tf.int32)])
        pair = self.disturb(fixed, moving, seed)
        fixed, moving, fixed_new, moving_new = (
            warp.centre_crop(images, self.box) for images in (fixed, moving, pair.fixed, pair.moving)
        )
        is_self = self.self_pair_rows(tf.shape(fixed)[0], step)
        mine = is_self[:, None, None]
        # One forward pass of twice the batch: both halves share the batch norm's statistics, as they will at inference.
        # Self-pairs put the disturbed copy once on either side, so that neither side is always the noisier one.
        output = self.network(
            {
                "fixed": tf.concat([fixed, tf.where(mine, moving_new, fixed_new)], 0),
                "moving": tf.concat([tf.where(mine, fixed_new, moving), tf.where(mine, moving, moving_new)], 0),
            },
            training=training,
        )
        key = "angle" if "angle" in output else "direction"
        first, second = tf.split(output[key], 2)
        a_fixed, a_moving = pair.fixed_disturbance[0], pair.moving_disturbance[0]
        by_difference, by_target = LOSSES[key]
        udl = by_difference(first, second, a_fixed - a_moving, self.period)
        known = by_target(first, -a_fixed, self.period) + by_target(second, a_moving, self.period)
        return tf.where(is_self, 0.5 * known, udl)

    def self_pair_rows(self, count, step):
        """Which of `count` pairs are trained as self-pairs at this step: bool (count,)."""
        share = tf.where(tf.cast(step, tf.int32) < self.warm_steps, 1.0, self.self_pair_share)
        return tf.range(count) < tf.cast(tf.round(share * tf.cast(count, tf.float32)), tf.int32)


LOSSES = {
    "angle": (losses.udl_angle, losses.supervised_angle),
    "direction": (losses.udl_direction, losses.supervised_direction),
}
