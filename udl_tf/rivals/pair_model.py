"""What the trained rivals have in common: a network on pairs, and one optimizer step on the mean loss of a batch."""

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry.warp import centre_crop
from udl_tf.presets import PRESETS

FRESH = 0.05
# One network for every method that finds rotations, as in the paper's comparison (section 4.1).
SIAMESE = {"small": PRESETS["photo-paper-small"].network, "paper": PRESETS["photo-paper"].network}


class BuiltModel(tf.keras.Model):
    """A model whose parts come with their weights and whose step reports its own loss."""

    def compile(self, *args, jit_compile=False, **options):
        """As of every Keras model, but XLA is not taken unasked."""
        super().compile(*args, jit_compile=jit_compile, **options)

    def build(self, input_shape):
        """Nothing is left to build."""
        self.built = True

    @property
    def metrics(self):
        return []  # else Keras 3 would report its own mean loss, which nobody updates


class PairModel(BuiltModel):
    """Trains a network on pairs ``(inputs, truth)``, or on ``inputs`` alone where the loss needs no truth; on one device.

    `inputs`: dict of `fixed` and `moving`, float32 (batch, side, side), normalised; the network sees their centres.

    Args:
        network: a model with inputs `fixed` and `moving` (batch, box, box).
    """

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.box = network.input["fixed"].shape[1]
        self.build(None)

    def call(self, inputs, training=False):
        """The network's output for pairs as they are."""
        return self.network({name: centre_crop(inputs[name], self.box) for name in ("fixed", "moving")}, training=training)

    def pair_losses(self, inputs, truth, training):
        """Loss of each pair, (batch,)."""
        raise NotImplementedError

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step; returns ``loss``, the mean over this batch alone."""
        inputs, truth = data if isinstance(data, tuple) else (data, None)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.pair_losses(inputs, truth, training=True))
        weights = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}


def compiled(model, scale, rate, steps):
    """The model with Adam: `rate` falls by a cosine to zero over `steps`, at scale ``paper`` by 20 % every 12,000 steps."""
    schedules = tf.keras.optimizers.schedules
    if scale == "paper":
        schedule = schedules.ExponentialDecay(rate, 12_000, 0.8, staircase=True)
    else:
        schedule = schedules.CosineDecay(rate, steps)
    model.compile(optimizer=tf.keras.optimizers.Adam(schedule, epsilon=1e-8))
    return model


def held(values, limit):
    """Values cut to [-limit, limit]; beyond it the gradient is that at the limit, not zero, so that training can lead back."""
    return values + tf.stop_gradient(tf.clip_by_value(values, -limit, limit) - values)


def near_nothing(layer):
    """Let training begin near the identity, as Jaderberg et al. have it: the last layer keeps `FRESH` of its weights."""
    layer.kernel.assign(FRESH * layer.kernel)


def of_scale(values, scale):
    """The entry of a dict by scale.

    Raises:
        InputError: there is none.
    """
    if scale not in values:
        raise InputError(f"scale: received {scale!r}, expected one of {', '.join(values)}")
    return values[scale]
