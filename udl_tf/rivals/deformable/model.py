"""What learned deformations share: a network looks at a pair, a field is made of its answer, their likeness is the loss."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import sampling, velocity
from pipelines.geometry.displacement import displacement_at
from pipelines.geometry.transforms import Displacement
from pipelines.spectra.white_noise import signal_share
from udl_tf.rivals import learning
from udl_tf.rivals.deformable.local_flow import LocalFlow
from udl_tf.rivals.deformable.self_pairs import self_pairs
from udl_tf.rivals.pair_model import PairModel, compiled
from udl_tf.rivals.windows import box_mean

SURE = 1e-3  # added to variances, of images with variance 1: flat places say little


class DeformationModel(PairModel):
    """Learns fields from pairs alone; data as in `PairModel`. The truth is not looked at.

    Subclasses define `once`, `spacing`, the distance of a field's nodes in pixels, and how much roughness weighs: ``smooth`` in
    clean pairs, and ``noisy`` what noise adds to ``1 / share^2``. The share of the images that is not noise is the most that they
    can correlate: the less there is to gain from likeness, the more of it is noise that a rough field follows.

    Args:
        network: see `PairModel`. looks: how often the pair is looked at; from the second time on `moving` as bent so far. The
            fields are put after one another. itself: None, or the `noise.Noise` of `self_pairs`: then their known fields are
            what is learned, instead of how alike the images are. seed: of these.
    """

    spacing = 1.0
    smooth, noisy = 0.0, 0.0

    def __init__(self, network, looks=1, itself=None, seed=0):
        super().__init__(network)
        self.looks, self.itself, self.seed = looks, itself, seed
        self.count = tf.Variable(0, trainable=False, dtype=tf.int32, name="steps")

    def once(self, inputs, training):
        """The field (batch, rows, columns, 2) of one look, pulled, and how rough it is, (batch,)."""
        raise NotImplementedError

    def likeness(self, fixed, moved, inside):
        """The loss (batch,) of images (batch, side, side); inside: float32 likewise, 0 where nothing is known."""
        return 1.0 - correlation(fixed, moved, inside)

    def looked(self, inputs, training):
        """The field after all looks, and the mean roughness of them, (batch,)."""
        field, rough = self.once(inputs, training)
        for _ in range(self.looks - 1):
            moved, _ = bent(inputs["moving"], field, self.spacing)
            more, rougher = self.once({"fixed": inputs["fixed"], "moving": moved}, training)
            field, rough = velocity.composed(more, field, self.spacing), rough + rougher
        return field, rough / self.looks

    def pair_losses(self, inputs, truth, training):
        """How unlike the pair still is, and how rough the field; of self-pairs how far the field is from theirs, pixels."""
        if self.itself:
            images = tf.concat([inputs["moving"][::2], inputs["fixed"][1::2]], 0)
            inputs, truth = self_pairs(images, self.itself, tf.stack([self.seed, self.count.assign_add(1)]))
            return away(self.looked(inputs, training)[0], self.spacing, truth["displacement"])
        field, rough = self.looked(inputs, training)
        return self.likeness(inputs["fixed"], *bent(inputs["moving"], field, self.spacing)) + self.stiffness(inputs) * rough

    def stiffness(self, inputs):
        """What roughness weighs in each pair, (batch,)."""
        share = 0.5 * (signal_share(inputs["fixed"]) + signal_share(inputs["moving"]))
        return self.smooth + self.noisy * (share**-2 - 1.0)

    @tf.function(reduce_retracing=True, autograph=False)
    def fields(self, inputs):
        """Fields (batch, rows, columns, 2) that bring moving onto fixed."""
        return self.looked(inputs, False)[0]


def bent(images, field, spacing):
    """Images (batch, side, side) as a pulled field shows them, and where they show something, float32 likewise."""
    side = images.shape[1]
    grid = tf.constant(geometry.centred_grid(side, side).reshape(1, -1, 2))
    points = tf.tile(grid, (tf.shape(images)[0], 1, 1))
    places = points + displacement_at(field, spacing, points)  # (batch, side^2, 2)
    inside = tf.reduce_all(tf.abs(places) <= (side - 1) / 2.0, -1)
    moved = sampling.bilinear(images, places)
    return tuple(tf.reshape(part, tf.shape(images)) for part in (moved, tf.cast(inside, tf.float32)))


def away(field, spacing, truth):
    """Mean distance (batch,) of a pulled field from the true one at every pixel (batch, side, side, 2), pixels."""
    side = truth.shape[1]
    grid = tf.tile(tf.constant(geometry.centred_grid(side, side).reshape(1, -1, 2)), (tf.shape(truth)[0], 1, 1))
    rest = displacement_at(field, spacing, grid) - tf.reshape(truth, (-1, side * side, 2))
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(rest**2, -1) + SURE**2), -1)


def correlation(a, b, weight):
    """Correlation coefficient (batch,) of images (batch, height, width) where they weigh something."""
    weight /= tf.maximum(tf.reduce_sum(weight, (1, 2), keepdims=True), 1.0)
    a, b = (image - tf.reduce_sum(weight * image, (1, 2), keepdims=True) for image in (a, b))
    product, square_a, square_b = (tf.reduce_sum(weight * part, (1, 2)) for part in (a * b, a * a, b * b))
    return product * tf.math.rsqrt((square_a + SURE) * (square_b + SURE))


def local_correlation(a, b, weight, window):
    """Mean (batch,) of the squared correlation coefficient within windows around each place that weighs something."""
    parts = tf.stack([weight, weight * a, weight * b, weight * a * a, weight * b * b, weight * a * b])
    count, a, b, aa, bb, ab = tf.unstack(box_mean(parts, window))  # each (batch, height, width)
    count = tf.maximum(count, 1e-3)
    a, b, aa, bb, ab = (part / count for part in (a, b, aa, bb, ab))
    squared = (ab - a * b) ** 2 / ((aa - a * a + SURE) * (bb - b * b + SURE))
    return tf.math.divide_no_nan(tf.reduce_sum(weight * squared, (1, 2)), tf.reduce_sum(weight, (1, 2)))


def slopes(field, spacing):
    """Mean squared change of a field from node to node, (batch,), pixels^2 a pixel^2."""
    down, right = field[:, 1:] - field[:, :-1], field[:, :, 1:] - field[:, :, :-1]
    return sum(tf.reduce_mean(part**2, (1, 2, 3)) for part in (down, right)) / spacing**2


def learner_of(problem, model, rate, steps):
    """The `learning.Learner` of a model of deformations."""
    model = compiled(model, problem.scale, rate, steps)

    def answer(inputs):
        return Displacement(np.asarray(learning.batched(model.fields, inputs)), model.spacing)

    return learning.of_model(problem, model, steps, answer)


def stacked(box):
    """Inputs `fixed` and `moving` (batch, box, box); both with their `LocalFlow` as channels of one image; that flow alone."""
    inputs = {name: tf.keras.Input((box, box), name=name) for name in ("fixed", "moving")}
    channel = tf.keras.layers.Reshape((box, box, 1))
    flow = LocalFlow()([inputs["fixed"], inputs["moving"]])
    return inputs, tf.keras.layers.Concatenate()([channel(inputs["fixed"]), channel(inputs["moving"]), flow]), flow
