"""Quicksilver (Yang et al. 2017): an encoder-decoder predicts LDDMM's initial momentum patch by patch, a second one corrects it.

Both learn from the momenta that `lddmm` finds for training pairs. Patches overlap, what is predicted is averaged; those without
content do not count. The second network sees the moving image and the fixed one as the first momentum brings it back, and says
what is left. Beyond the original, networks see the pair's `local_flow`, both learn at once, the second one is asked again, and
the loss also counts what the momenta push.
"""

import numpy as np
import tensorflow as tf

from pipelines import draws, geometry
from pipelines.errors import InputError
from pipelines.geometry import sampling, shooting
from pipelines.geometry.transforms import Displacement
from udl_tf.rivals import learning
from udl_tf.rivals.deformable.local_flow import WINDOWS, flow_at_nodes
from udl_tf.rivals.deformable.momentum import MomentumGrid
from udl_tf.rivals.deformable.momentum_targets import targets, turned
from udl_tf.rivals.deformable.patches import assembled, cut, starts
from udl_tf.rivals.pair_model import BuiltModel, compiled, near_nothing, of_scale

WIDTHS = {"small": (8, 16, 16, 24), "paper": (32, 64, 128, 256)}
PAIRS = {"small": 480, "paper": 5000}  # whose momenta are learned
STEPS = {"small": 2000, "paper": 50_000}
LEARNING_RATE = {"small": 4e-3, "paper": 1e-3}
PATCH, STRIDE = 12, 8  # nodes; the patch of small images is all of them
LOOKS = 3  # at a pair, the second network has all but the first; in training two
BATCH = 16  # pairs a step
DROPOUT = 0.05
VELOCITY = 3.0  # weight of differences of velocities beside those of momenta
SAMPLES = 8  # of dropout
FLAT = 1e-6  # images of variance 1 that differ less from each other and from pixel to pixel are empty


def network(patch, zoom, widths):
    """The encoder-decoder of one patch, without ways past its narrowest place but for the local flow.

    Args:
        patch: nodes along each axis, even. zoom: pixels a node, 4. widths: channels, see `WIDTHS`.

    Returns:
        A functional model, images (batch, zoom x patch, zoom x patch, 2) and flows (batch, patch, patch, 2 x windows) to momenta
        (batch, patch, patch, 2).
    """
    images = tf.keras.Input((zoom * patch, zoom * patch, 2))
    flow = tf.keras.Input((patch, patch, 2 * len(WINDOWS)))
    x = _conv(_conv(images, widths[0], 5, 2), widths[1], 3, 2)
    x = tf.keras.layers.Concatenate()([x, flow])
    for width, stride in ((widths[2], 1), (widths[3], 2), (widths[3], 1)):
        x = tf.keras.layers.Dropout(DROPOUT)(_conv(x, width, 3, stride))
    x = tf.keras.layers.Conv2DTranspose(widths[2], 4, 2, "same", activation=tf.nn.leaky_relu, kernel_initializer="he_normal")(x)
    answer = tf.keras.layers.Conv2D(2, 3, padding="same")
    x = answer(tf.keras.layers.Concatenate()([x, flow]))
    near_nothing(answer)
    return tf.keras.Model([images, flow], x, name="momentum")


class MomentumModel(BuiltModel):
    """See the module.

    Args:
        side: of the images, pixels. first, second: networks of patches of one size, see `network`.
        learned: function () -> (images, momenta) as of `momentum_targets.targets`; called once, when the training begins.
        seed: of what is drawn.

    Raises:
        InputError: an odd side.
    """

    def __init__(self, side, first, second, learned, seed=0):
        super().__init__()
        if side % 2:
            raise InputError(f"Quicksilver: received images of {side} pixels, expected an even number")
        self.grid = MomentumGrid(side, side)
        self.first, self.second, self.seed, self._learned, self._stored = first, second, seed, learned, None
        self.patch = first.output_shape[1]
        self.places = starts(self.grid.size[0], self.patch, STRIDE)
        self.count = tf.Variable(0, trainable=False, dtype=tf.int32, name="steps")
        self.build(None)

    def call(self, inputs, training=False, looks=2):
        """Momenta (batch, nodes, nodes, 2) that bring moving onto fixed, after each look."""
        fixed, moving = inputs["fixed"], inputs["moving"]
        found = [self._predicted(self.first, fixed, moving, training)]
        for _ in range(looks - 1):
            so_far = tf.stop_gradient(found[-1])
            back, known = self._bent(fixed, self.grid.inverse(so_far))
            back = tf.where(known, back, moving)  # where nothing is known nothing differs
            found.append(so_far + self._predicted(self.second, back, moving, training))
        return found

    def draw(self):
        """Make what is learned; the training does it itself."""
        self._stored = self._learned()

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step on `BATCH` pairs; what the data say is not looked at."""
        images, momenta = self._stored
        seeds = draws.split(tf.stack([self.seed, self.count.assign_add(1)]), 2)
        rows = draws.integers((BATCH,), seeds[0], 0, tf.shape(images)[0])
        choice = draws.integers((BATCH, 3), seeds[1], 0, 2) == 1
        images, momenta = turned(tf.gather(images, rows), tf.gather(momenta, rows), choice)
        weights = self.first.trainable_variables + self.second.trainable_variables
        with tf.GradientTape() as tape:
            answers = self({"fixed": images[..., 0], "moving": images[..., 1]}, training=True)
            loss = tf.add_n([self.unlike(found, momenta) for found in answers])
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}

    def unlike(self, found, momenta):
        """Mean absolute difference of momenta, and of their velocities: momenta that differ may push alike."""
        away = found - momenta
        return tf.reduce_mean(tf.abs(away)) + VELOCITY * tf.reduce_mean(tf.abs(shooting.smoothed(away, self.grid.kernel)))

    @tf.function(reduce_retracing=True, autograph=False)
    def fields(self, inputs):
        """Fields (batch, nodes, nodes, 2) that bring moving onto fixed."""
        return self.grid.field(self(inputs, looks=LOOKS)[-1])

    @tf.function(reduce_retracing=True, autograph=False)
    def sampled(self, inputs):
        """`fields` of networks whose dropout is not switched off."""
        return self.grid.field(self(inputs, training=True, looks=LOOKS)[-1])

    def spread(self, inputs, samples=SAMPLES):
        """How uncertain the field is at each node, (batch, nodes, nodes): standard deviation over `samples`, pixels."""
        fields = tf.stack([self.sampled(inputs) for _ in range(samples)])
        return tf.sqrt(tf.reduce_sum(tf.math.reduce_variance(fields, 0), -1))

    def _predicted(self, predict, fixed, moving, training):
        """The momentum that a network predicts, patch by patch."""
        zoom, nodes, count, patch = self.grid.spacing, self.grid.size[0], len(self.places), self.patch
        flow = tf.concat([flow_at_nodes(fixed, moving, *window, self.grid.size, zoom) for window in WINDOWS], -1)
        beyond = (zoom * nodes - fixed.shape[1]) // 2
        images = tf.pad(tf.stack([fixed, moving], -1), [[0, 0], [beyond, beyond], [beyond, beyond], [0, 0]])
        seen = cut(images, zoom * self.places, zoom * patch), cut(flow, self.places, patch)
        images, flow = (tf.reshape(part, (-1, *part.shape[3:])) for part in seen)
        found = predict([images, flow], training=training)
        found = tf.where(content(images)[:, None, None, None], found, 0.0)
        return assembled(tf.reshape(found, (-1, count, count, patch, patch, 2)), self.places, nodes)

    def _bent(self, images, field):
        """Images (batch, side, side) as a field at the nodes shows them, and where they show something, bool likewise."""
        side = images.shape[1]
        places = tf.constant(geometry.centred_grid(side, side)) + self.grid.at_pixels(field)
        known = tf.reduce_all(tf.abs(places) <= (side - 1) / 2.0, -1)
        return tf.reshape(sampling.bilinear(images, tf.reshape(places, (-1, side * side, 2))), tf.shape(images)), known


def content(patches):
    """Whether there is something in patches (n, patch, patch, 2) to bring onto one another, bool (n,)."""
    return tf.reduce_max(tf.reduce_max(patches, (1, 2)) - tf.reduce_min(patches, (1, 2)), -1) > FLAT


def learner(problem, steps=None):
    """See `registry.Rival`."""
    scale = problem.scale
    steps = steps or STEPS[scale]
    grid, widths = MomentumGrid(problem.side, problem.side), of_scale(WIDTHS, scale)
    networks = [network(min(PATCH, grid.size[0]), grid.spacing, widths) for _ in range(2)]
    model = MomentumModel(problem.side, *networks, lambda: targets(problem.train(), PAIRS[scale]))
    compiled(model, scale, LEARNING_RATE[scale], steps)

    def data():
        model.draw()
        return tf.data.Dataset.from_tensors(0).repeat()

    def answer(inputs):
        return Displacement(np.asarray(learning.batched(model.fields, inputs)), model.grid.spacing)

    return learning.Learner(model, steps, data, [*model.first.weights, *model.second.weights], answer)


def _conv(x, width, kernel, stride):
    x = tf.keras.layers.Conv2D(width, kernel, stride, "same", kernel_initializer="he_normal")(x)
    return tf.keras.layers.Activation(tf.nn.leaky_relu)(x)
