"""Krebs et al. 2017: an agent that bends the moving image by steps along the modes of a statistical model of deformations.

Its network says what each step is worth. The states that it is trained on lie on walks by fuzzy actions, which the closed form of
the values leads; without the truth, on self-pairs: an image, and itself bent by a random draw of the model.
"""

import functools

import numpy as np
import tensorflow as tf

from pipelines import draws, noise
from pipelines.geometry.transforms import Displacement
from pipelines.geometry.warp import displaced
from pipelines.normalise import normalise
from udl_tf.rivals import learning
from udl_tf.rivals.agents import fuzzy, modes, walking
from udl_tf.rivals.agents.network import network
from udl_tf.rivals.deformable.model import bent
from udl_tf.rivals.pair_model import BuiltModel, compiled, of_scale

WIDTHS = {"small": ((16, 32), 64, 128), "paper": ((32, 64), 128, 512)}  # as of `agents.rigid`
STEPS = {"small": 1000, "paper": 50_000}
LEARNING_RATE = {"small": 2e-3, "paper": 5e-4}
MODES = 32
STEP = 1.0 / 400.0  # of the side, root mean square of what an action moves
STATES = 4  # of each pair a training step
TAUGHT, MOST = 32, 80  # actions, at most: of a walk in training, and in use


class DeformableAgent(BuiltModel):
    """Values of steps along modes; trained on pairs ``(inputs, truth)`` of known fields.

    `inputs`: dict of `fixed` and `moving`, float32 (batch, box, box); `truth`: dict of `displacement` (batch, box, box, 2).

    Args:
        network: see `agents.network`; two outputs a mode. model: `modes.Modes`. seed: of the states. itself: None, or the
            `noise.Noise` of self-pairs: then the truth is not looked at.
    """

    def __init__(self, network, model, seed=0, itself=None):
        super().__init__()
        self.network, self.model, self.seed, self.itself = network, model, seed, itself
        self.box = model.fields.shape[1]
        self.step = STEP * self.box
        self.count = tf.Variable(0, trainable=False, dtype=tf.int32, name="steps")
        self.build(None)

    def values(self, fixed, moving, weights, training=False):
        """Values (batch, 2 modes) of the actions for images (batch, box, box), the moving ones bent as far as `weights` say."""
        moved, _ = bent(moving, self.model.field(weights), 1.0)
        return self.network({"fixed": fixed, "moving": tf.ensure_shape(moved, moving.shape)}, training=training)

    def state_loss(self, inputs, truth, seed):
        """Mean squared error of the values, for states on fuzzy walks; a scalar."""
        seeds = draws.split(seed, 2)
        if self.itself:
            inputs, true = self.self_pairs(tf.concat([inputs["moving"][::2], inputs["fixed"][1::2]], 0), seeds[0])
        else:
            true = self.model.weights(truth["displacement"])
        fixed, moving, true = (tf.repeat(part, STATES, 0) for part in (inputs["fixed"], inputs["moving"], true))
        rest = fuzzy.rests(true, self.step, TAUGHT, seeds[1])
        error = self.values(fixed, moving, true - rest, training=True) - fuzzy.values(rest, self.step)
        return tf.reduce_mean(error**2)

    def self_pairs(self, images, seed):
        """Images (batch, box, box) and themselves bent by a draw of the model, with fresh noise; ``(inputs, weights)``."""
        seeds = draws.split(seed, 3)
        shape = tf.stack([tf.shape(images)[0], len(self.model.deviations)])
        weights = tf.constant(self.model.deviations) * draws.normal(shape, seeds[0])
        pair = displaced(images, self.model.field(weights), 1.0, "reflect"), images
        fixed, moving = (
            normalise(noise.apply(self.itself, part, own)) for part, own in zip(pair, (seeds[1], seeds[2]), strict=True)
        )
        return {"fixed": fixed, "moving": moving}, weights

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step on states of a batch of pairs."""
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.state_loss(*data, tf.stack([self.seed, self.count.assign_add(1)]))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}

    def walked(self, inputs):
        """Align pairs, dict of `fixed` and `moving` (n, box, box): (fields (n, box, box, 2), steps (n,)), NumPy."""
        fixed, moving = (np.asarray(inputs[name], np.float32) for name in ("fixed", "moving"))
        count = len(self.model.deviations)
        moves = fuzzy.moves(count, self.step)
        found = walking.walk(
            lambda weights, rows: self.look(fixed[rows], moving[rows], weights).numpy(),
            lambda weights, chosen: weights + moves[chosen],
            np.zeros((len(fixed), count), np.float32),
            self.step / 2.0,
            MOST,
        )
        return self.model.field(tf.constant(found.state)).numpy(), found.steps

    @functools.cached_property
    def look(self):
        """Compiled `values`."""
        image, weights = tf.TensorSpec((None, self.box, self.box)), tf.TensorSpec((None, len(self.model.deviations)))
        return tf.function(self.values, input_signature=(image, image, weights), autograph=False)


def learner(problem, steps=None, itself=False):
    """See `registry.Rival`. itself: learn from self-pairs instead of the truth."""
    steps = steps or STEPS[problem.scale]
    of_box = network(problem.side, *of_scale(WIDTHS, problem.scale), reach=0, outputs=2 * MODES, name="deformable")
    own = noise.parse(problem.noise) if itself else None
    model = DeformableAgent(of_box, modes.expected(problem.side, MODES), itself=own)
    compiled(model, problem.scale, LEARNING_RATE[problem.scale], steps)

    def answer(inputs):
        return Displacement(learning.batched(model.walked, inputs)[0])

    return learning.of_model(problem, model, steps, answer)
