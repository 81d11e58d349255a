"""Liao et al. 2016: an agent that aligns a pair by steps of a pixel or a degree; its network is supervised greedily.

The value of an action is by how much it lowers the distance to the true pose: a closed form, so states are drawn at random and
nobody has to walk in training. A second network with finer steps and the whole resolution goes on where the first one goes round
in a circle. Trained on self-pairs (`self_pairs`), it does without the truth.
"""

import collections
import functools

import numpy as np
import tensorflow as tf

from pipelines import draws, noise
from pipelines.geometry.transforms import Rigid
from pipelines.geometry.warp import centre_crop, warp
from pipelines.normalise import normalise
from udl_tf.rivals import learning
from udl_tf.rivals.agents import actions, walking
from udl_tf.rivals.agents.network import network
from udl_tf.rivals.agents.self_pairs import self_pairs
from udl_tf.rivals.pair_model import BuiltModel, compiled, of_scale

# (channels of the convolutions over each image), of those over both, of the dense layer
WIDTHS = {"small": ((16, 32), 64, 128), "paper": ((32, 64), 128, 512)}
STEPS = {"small": 1500, "paper": 100_000}
LEARNING_RATE = {"small": 2e-3, "paper": 5e-4}
BEYOND = 1.2  # of a level's reach: rests that are drawn
MOST = 1.5  # of the steps that the furthest rest takes: a walk ends at the latest

Walked = collections.namedtuple("Walked", "transform steps")
Walked.__doc__ = """`transform`: `Rigid` of n rows. `steps`: (n,) taken."""


class AgentModel(BuiltModel):
    """Values of actions, one network a level; trained on pairs ``(inputs, truth)`` of known poses.

    `inputs`: dict of `fixed` and `moving`, float32 (batch, side, side), of which the centres are looked at; `truth`: dict of
    `angle` and `shift`.

    Args:
        box: side of the images, pixels. widths: see `WIDTHS`. seed: of the states. itself: None, or the `noise.Noise` of
            self-pairs: then the truth is not looked at, and the images have to be large enough for `self_pairs`.
    """

    def __init__(self, box, widths, seed=0, itself=None):
        super().__init__()
        self.box, self.seed, self.itself = box, seed, itself
        self.networks = {
            name: network(box // level.reduced, *widths, level.reach, actions.COUNT, name)
            for name, level in actions.LEVELS.items()
        }
        self.count = tf.Variable(0, trainable=False, dtype=tf.int32, name="steps")
        self.build(None)

    def values(self, name, fixed, moving, angle, shift, training=False):
        """Values (batch, 6) of the actions of a level for images (batch, box, box), the moving ones under poses."""
        reduced = actions.LEVELS[name].reduced
        shown = {"fixed": fixed, "moving": tf.ensure_shape(warp(moving, angle, shift), fixed.shape)}
        if reduced > 1:
            pooled = {part: tf.nn.avg_pool2d(image[..., None], reduced, reduced, "VALID") for part, image in shown.items()}
            shown = {part: normalise(image[..., 0]) for part, image in pooled.items()}
        return self.networks[name](shown, training=training)

    def level_losses(self, inputs, truth, seed):
        """Mean squared error of the values of each level, for rests drawn at random; a dict of scalars."""
        seeds = draws.split(seed, 1 + len(actions.LEVELS))
        if self.itself:
            images = tf.concat([inputs["moving"][::2], inputs["fixed"][1::2]], 0)
            inputs, truth = self_pairs(images, self.itself, self.box, seeds[0])
        fixed, moving = (normalise(centre_crop(inputs[name], self.box)) for name in ("fixed", "moving"))
        found = {}
        for own, (name, level) in zip(tf.unstack(seeds)[1:], actions.LEVELS.items(), strict=True):
            rest = drawn_rest(tf.shape(fixed)[0], level, self.box, own)
            pose = actions.pose_with(rest, (truth["angle"], truth["shift"]))
            error = self.values(name, fixed, moving, *pose, training=True) - actions.values(rest, level.step)
            found[name] = tf.reduce_mean(error**2)
        return found

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step of both networks on states drawn from a batch of pairs."""
        weights = [weight for part in self.networks.values() for weight in part.trainable_variables]
        with tf.GradientTape() as tape:
            loss = tf.add_n(list(self.level_losses(*data, tf.stack([self.seed, self.count.assign_add(1)])).values()))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}

    def walked(self, inputs):
        """Align pairs, dict of `fixed` and `moving` (n, box, box): (angle (n,), shift (n, 2), steps (n,)), NumPy."""
        fixed, moving = (np.asarray(inputs[name], np.float32) for name in ("fixed", "moving"))
        found, steps = walking.Walk(np.zeros((len(fixed), 3), np.float32), 0), 0
        for name, level in actions.LEVELS.items():

            def values(pose, rows, look=self.lookers[name]):
                return look(fixed[rows], moving[rows], pose[:, 0], pose[:, 1:]).numpy()

            taken = functools.partial(actions.stepped, step=level.step)
            found = walking.walk(values, taken, found.state, level.step / 2.0, self.most(level))
            steps = steps + found.steps
        return found.state[:, 0], found.state[:, 1:], steps

    def most(self, level):
        """Steps after which a walk ends at the latest."""
        return int(MOST * (level.angle + 2.0 * level.shift * self.box) / level.step)

    @functools.cached_property
    def lookers(self):
        """{level: compiled `values`}."""
        image = tf.TensorSpec((None, self.box, self.box))
        signature = (image, image, tf.TensorSpec((None,)), tf.TensorSpec((None, 2)))
        return {name: self._looker(name, signature) for name in actions.LEVELS}

    def _looker(self, name, signature):
        def look(fixed, moving, angle, shift):
            return self.values(name, fixed, moving, angle, shift)

        return tf.function(look, input_signature=signature, autograph=False)


def drawn_rest(count, level, side, seed):
    """Random rests of a level, (angle (count,), shift (count, 2)): uniform up to a reach that is drawn, too: many are near."""
    seeds = draws.split(seed, 2)
    way = draws.uniform(tf.stack([count, 3]), seeds[0], -1.0, 1.0) * draws.uniform(tf.stack([count, 1]), seeds[1])
    way *= BEYOND * tf.constant([level.angle, level.shift * side, level.shift * side])
    return way[:, 0], way[:, 1:]


def learner(problem, steps=None, itself=False):
    """See `registry.Rival`. itself: learn from self-pairs instead of the truth."""
    steps = steps or STEPS[problem.scale]
    own = noise.parse(problem.noise) if itself else None
    model = AgentModel(problem.side, of_scale(WIDTHS, problem.scale), itself=own)
    compiled(model, problem.scale, LEARNING_RATE[problem.scale], steps)

    def answer(inputs):
        angle, shift, taken = learning.batched(model.walked, {name: inputs[name] for name in ("fixed", "moving")})
        return Walked(Rigid(angle, shift), taken)

    weights = [weight for part in model.networks.values() for weight in part.weights]
    return learning.Learner(model, steps, problem.train, weights, answer)
