"""Exemplar-CNN (Dosovitskiy et al. 2014): a network that tells surrogate classes apart, and its last maps as descriptors.

Beyond the original, descriptors and the classes' weights have unit length, so that the angle between two descriptors is what the
training has made meaningful; and one network serves all kinds of noise and light.
"""

import numpy as np
import tensorflow as tf

from pipelines import draws
from pipelines.geometry.warp import centre_crop
from pipelines.normalise import normalise
from udl_tf.rivals import consensus, learning
from udl_tf.rivals.features import surrogate
from udl_tf.rivals.features.matching import places
from udl_tf.rivals.pair_model import BuiltModel, compiled, of_scale

CHANNELS = {"small": (32, 64, 96), "paper": (64, 128, 256)}
CLASSES = {"small": 2000, "paper": 16_000}
STEPS = {"small": 1500, "paper": 100_000}
LEARNING_RATE = {"small": 2e-3, "paper": 1e-3}
PATCH, STRIDE = 32, 4  # pixels that a descriptor sees, and between two of them
CONTEXT = 72  # pixels kept of a class's patch
BATCH = 128
SHARP = 20.0  # of the softmax over cosines


def trunk(channels):
    """Convolutions without padding, (batch, height, width) -> (batch, (height - 28) / 4, ..., channels[-1]) of unit length."""
    images = tf.keras.Input((None, None, 1))
    x = images
    for count in channels[:-1]:
        x = tf.keras.layers.Conv2D(count, 5, activation="relu", kernel_initializer="he_normal")(x)
        x = tf.keras.layers.MaxPooling2D(2)(x)
    x = tf.keras.layers.Conv2D(channels[-1], 5)(x)
    return tf.keras.Model(images, tf.keras.layers.UnitNormalization()(x), name="exemplar")


class ExemplarModel(BuiltModel):
    """Learns to tell surrogate classes apart.

    Args:
        network: see `trunk`. patches: function () -> float32 (classes, context, context), one patch a class; called once, when
            the training begins. classes: how many. seed: of the transformations.
    """

    def __init__(self, network, patches, classes, seed=0):
        super().__init__()
        self.network, self.seed, self._patches, self._stored = network, seed, patches, None
        self.centres = tf.Variable(tf.random.normal((network.output.shape[-1], classes)), name="classes")
        self.count = tf.Variable(0, trainable=False, dtype=tf.int32, name="steps")
        self.build(None)

    def call(self, images, training=False):
        """Descriptors of images (batch, height, width)."""
        return self.network(surrogate.flattened(images)[..., None], training=training)

    def draw(self):
        """Load the patches; the training does it itself."""
        self._stored = tf.constant(self._patches())

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step on `BATCH` transformed patches; what the data say is not looked at."""
        seeds = draws.split(tf.stack([self.seed, self.count.assign_add(1)]), 2)
        classes = draws.integers((BATCH,), seeds[0], 0, tf.shape(self._stored)[0])
        seen = surrogate.transformed(tf.gather(self._stored, classes), PATCH, seeds[1])
        weights = [*self.network.trainable_variables, self.centres]
        with tf.GradientTape() as tape:
            descriptor = self.network(seen[..., None], training=True)[:, 0, 0]
            cosine = tf.matmul(descriptor, tf.math.l2_normalize(self.centres, 0))
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(classes, SHARP * cosine))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}

    @tf.function(autograph=False)
    def descriptors(self, images):
        """Descriptors (batch, height / 4, width / 4, channels) of images; at nodes `STRIDE` pixels apart around the centre."""
        beyond = (PATCH - STRIDE) // 2
        flat = surrogate.flattened(images)
        return self.network(tf.pad(flat, [[0, 0], [beyond, beyond], [beyond, beyond]], "REFLECT")[..., None], training=False)


def learner(problem, steps=None):
    """See `registry.Rival`. The patches are those of `fixed` of the problem's training pairs; truth is not looked at."""
    steps = steps or STEPS[problem.scale]
    classes = CLASSES[problem.scale]
    model = ExemplarModel(trunk(of_scale(CHANNELS, problem.scale)), lambda: patches_of(problem.train(), classes), classes)
    compiled(model, problem.scale, LEARNING_RATE[problem.scale], steps)

    def data():
        model.draw()
        return tf.data.Dataset.from_tensors(0).repeat()

    def answer(inputs):
        found = places(model.descriptors, inputs, STRIDE)
        if problem.kind == "homography":
            return consensus.homographies(found, inputs["moving"].shape[1:])
        best = consensus.Matched.of(found, inputs["moving"].shape[1])
        return best if problem.kind == "features" else best.transform

    return learning.Learner(model, steps, data, list(model.network.weights), answer)


def patches_of(dataset, count):
    """The middles of `count` images `fixed` of a dataset of pairs, normalised as whole images, float32 (count, side, side)."""
    found, have = [], 0
    for inputs, _ in dataset.as_numpy_iterator():
        images = normalise(inputs["fixed"]).numpy()
        found.append(centre_crop(images, min(CONTEXT, images.shape[1])))
        have += len(images)
        if have >= count:
            break
    return np.concatenate(found)[:count]
