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

from pipelines import geometry, xla
from pipelines.errors import InputError
from pipelines.geometry import warp
from udl_tf.networks.output import degrees, told_by
from udl_tf.training import loss_scaling, losses, replicas


class DisturbedPairModel(tf.keras.Model):
    """Trains a pair network by UDL. Its data is ``(inputs, truth)`` or ``inputs`` alone.

    `inputs`: dict of `fixed` and `moving`, float32 (batch, side, side); images larger than the network's box are
    disturbed whole and cropped, so that no corner is empty. `truth`: dict of `angle` (batch,) degrees, NaN where
    unknown, and whatever else; `evaluate` uses it, training never does.

    Args:
        network: a model with inputs `fixed` and `moving` (batch, box, box) and the output ``angle`` (batch,)
            degrees or ``direction`` (batch, 2).
        disturb: `pipelines.pairs.disturb.Disturb`, or anything called the same way.
        period: of the angle in degrees.
        seed: of all disturbances; with the step count it makes training reproducible, also after a restart.
        warm_steps: first optimizer steps that use self-pairs only.
        self_pair_share: part of every later batch made of self-pairs, in [0, 1].
        error_period: modulo which errors are measured, degrees; by default `period`.
    """

    def __init__(self, network, disturb, period, seed=0, warm_steps=0, self_pair_share=0.0, error_period=None):
        super().__init__()
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
        self.error_mean = tf.keras.metrics.Mean(name="rotation_error_deg")
        self.build(None)

    def build(self, input_shape):
        """Nothing is left to build: the network comes with its weights."""
        self.built = True

    def compile(self, *args, jit_compile=False, **options):
        """As of every Keras model, but XLA is not taken unasked: on a CPU the step is slower with it (docs/hardware.md)."""
        super().compile(*args, jit_compile=jit_compile, **options)

    @property
    def metrics(self):
        return [self.error_mean]

    def call(self, inputs, training=False):
        """The network's output for pairs as they are."""
        cropped = {name: warp.centre_crop(inputs[name], self.box) for name in ("fixed", "moving")}
        return self.network(cropped, training=training)

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step on this replica's rows of the batch; its gradients are summed over the replicas by the optimizer.

        Returns:
            Dict of scalars, of this step alone and of the whole batch (with `tf.distribute`: over all replicas): ``loss``, the
            mean over the pairs; ``loss_udl`` and ``loss_self``, the means over the UDL pairs and over the self-pairs, each only
            where the model ever trains on such pairs, and NaN at a step that has none; ``fetched``, float64 seconds as
            `time.time` counts them: when the data were there. TensorFlow's op determinism forbids clocks, XLA has none: then it
            is left out.
        """
        inputs = data[0] if isinstance(data, tuple) else data
        with tf.control_dependencies(tf.nest.flatten(inputs)):
            logs = {"fetched": tf.timestamp()} if _has_clock() and not self.jit_compile else {}
        with xla.program(self.jit_compile):
            return {**logs, **self.update(inputs)}

    def update(self, inputs):
        """The step itself, see `train_step`, without its clock."""
        step = tf.cast(self.optimizer.iterations, tf.int32)  # read now: the step to come counts it up
        with tf.GradientTape() as tape:
            each = self.pair_losses(inputs, step, training=True)
            loss = tf.reduce_mean(each) / replicas.count()
            scaled = loss_scaling.scaled(self.optimizer, loss)
        weights = self.network.trainable_variables
        gradients = loss_scaling.unscaled(self.optimizer, tape.gradient(scaled, weights))
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        is_self = tf.cast(self.self_pair_rows(tf.shape(each)[0], step), each.dtype)
        is_udl = 1.0 - is_self
        sums = tf.stack([tf.reduce_sum(part) for part in (is_udl, is_self, each * is_udl, each * is_self)])
        udl_rows, self_rows, udl, of_self = tf.unstack(replicas.total(sums))
        logs = {"loss": (udl + of_self) / (udl_rows + self_rows)}
        if self.self_pair_share < 1.0:
            logs["loss_udl"] = udl / udl_rows  # 0 / 0 is NaN
        if self.self_pair_share > 0.0 or self.warm_steps:
            logs["loss_self"] = of_self / self_rows
        return logs

    def make_train_function(self, force=False):
        """What ``fit`` calls for each step; Keras's own but for several replicas.

        There every replica returns the same logs and the first one's are told. Keras 2 would add them up, Keras 3 would
        average them, and not at all with several workers.
        """
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            with strategy.scope():
                self.optimizer.build(self.network.trainable_variables)  # Keras 3 fails where the first step does it

            def step_on_all(iterator):
                logs = strategy.run(self.train_step, args=(next(iterator),))
                return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

            self.train_function = tf.function(step_on_all, reduce_retracing=True, autograph=False)
        return self.train_function

    def _maybe_symbolic_build(self, *_, **__):
        """Keras 3 would run a step on a batch reduced over all replicas, which fails with several workers; all is built."""

    def test_step(self, data):
        """Mean rotation error modulo `error_period`, less the constant `bias_deg`, where the true angle is finite."""
        inputs, truth = data[0], data[1]
        error = geometry.angular_distance(self.angles(inputs), truth["angle"] + self.bias_deg, self.error_period)
        known = tf.math.is_finite(error)
        self.error_mean.update_state(tf.where(known, error, 0.0), sample_weight=tf.cast(known, tf.float32))
        return {"rotation_error_deg": self.error_mean.result()}

    @tf.function(reduce_retracing=True, autograph=False)
    def angles(self, inputs):
        """Output of the network in inference mode as (batch,) degrees, the constant C still in it."""
        return degrees(self(inputs, training=False), self.period)

    def pair_losses(self, inputs, step, training):
        """Loss of each pair, (batch,), for the disturbance that belongs to this step and to their place in the whole batch."""
        fixed, moving = inputs["fixed"], inputs["moving"]
        seed = tf.stack([tf.cast(self.seed, tf.int32), tf.cast(step, tf.int32)])
        place = () if replicas.count() == 1 else (replicas.number() * tf.shape(fixed)[0],)
        pair = self.disturb(fixed, moving, seed, *place)
        fixed, moving, fixed_new, moving_new = (
            warp.centre_crop(images, self.box) for images in (fixed, moving, pair.fixed, pair.moving)
        )
        is_self = self.self_pair_rows(tf.shape(fixed)[0], step)
        chosen = is_self[:, None, None]
        # One forward pass of twice the batch: both halves share the batch norm's statistics, as they will at inference.
        # Self-pairs put the disturbed copy once on either side, so that neither side is always the noisier one.
        output = self.network(
            {
                "fixed": tf.concat([fixed, tf.where(chosen, moving_new, fixed_new)], 0),
                "moving": tf.concat([tf.where(chosen, fixed_new, moving), tf.where(chosen, moving, moving_new)], 0),
            },
            training=training,
        )
        key = told_by(output)
        first, second = tf.split(output[key], 2)
        a_fixed, a_moving = pair.fixed_disturbance[0], pair.moving_disturbance[0]
        by_difference, by_target = LOSSES[key]
        udl = by_difference(first, second, a_fixed - a_moving, self.period)
        known = by_target(first, -a_fixed, self.period) + by_target(second, a_moving, self.period)
        return tf.where(is_self, 0.5 * known, udl)

    def self_pair_rows(self, count, step):
        """Which of this replica's `count` pairs are self-pairs at this step, bool (count,): the first ones of the whole batch."""
        share = tf.where(tf.cast(step, tf.int32) < self.warm_steps, 1.0, self.self_pair_share)
        limit = tf.cast(tf.round(share * tf.cast(count * replicas.count(), tf.float32)), tf.int32)
        return replicas.number() * count + tf.range(count) < limit


def _has_clock():
    """Whether this process may ask for the time within a step."""
    with tf.init_scope():  # now, while the step is traced
        try:
            tf.timestamp()
        except tf.errors.FailedPreconditionError:
            return False
    return True


LOSSES = {
    "angle": (losses.udl_angle, losses.supervised_angle),
    "direction": (losses.udl_direction, losses.supervised_direction),
}
