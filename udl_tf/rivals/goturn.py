"""A tracker by regression in the manner of GOTURN (Held et al. 2016): two crops through one network, the warp comes out.

One crop shows the patch as it looked at first, the other what is now where it was last. Nothing ties the answer to the images but
what was seen in training. The original compares with the frame before instead (`renews`): its errors then add up.

GOTURN's convolutions came trained on ImageNet; ours begin with nothing, and dense layers alone then stay at "nothing has moved"
for thousands of steps: a convolution over the maps of both crops takes them off it.
"""

import functools

import tensorflow as tf

from udl_tf.rivals.pair_model import of_scale
from udl_tf.rivals.tracking import PlaceModel, cut, learner_of

# Filters of the convolutions of each crop, all of stride 2, and units of the dense layers.
SIZES = {"small": ((16, 32, 64), (256,)), "paper": ((64, 128, 256, 256), (2048, 2048))}
STEPS = {"small": 2000, "paper": 50000}
LEARNING_RATE = {"small": 1e-3, "paper": 1e-4}
RANGE = 0.5  # parameters of the warp lie within, in halves of the patch, or radians


def learner(problem, steps=None):
    """See `registry.Rival`."""
    return learner_of(problem, build(problem.side, problem.scale), LEARNING_RATE[problem.scale], steps or STEPS[problem.scale])


def build(box, scale, kind="homography"):
    """An untrained `Goturn` for patches of `box` pixels. scale: a key of `SIZES`.

    Raises:
        InputError: unknown scale or kind.
    """
    return Goturn(box, kind, *of_scale(SIZES, scale))


class Goturn(PlaceModel):
    """See the module.

    Args:
        side: of the crops, pixels. kind: a key of `lucas_kanade.WARPS`. filters, units: of the layers, see `SIZES`.
        renews: whether the first crop is taken anew from every frame.
    """

    def __init__(self, side, kind, filters, units, renews=False):
        super().__init__(side, kind, renews)
        conv = functools.partial(tf.keras.layers.Conv2D, padding="same", activation="relu", kernel_initializer="he_normal")
        image = tf.keras.Input((side, side, 1))
        x = image
        for i, count in enumerate(filters):
            x = conv(count, 3 if i else 5, strides=2)(x)
        look = tf.keras.Model(image, x, name="look")
        crops = [tf.keras.Input((side, side, 1)) for _ in range(2)]
        x = tf.keras.layers.Concatenate()([look(crop) for crop in crops])
        x = conv(filters[-1], 3)(x)
        x = tf.keras.layers.Flatten()(x)
        for count in units:
            x = tf.keras.layers.Dense(count, activation="relu", kernel_initializer="he_normal")(x)
        small = tf.keras.initializers.RandomNormal(stddev=1e-3, seed=0)  # it begins by saying that nothing has moved
        x = tf.keras.layers.Dense(self.warp.count, activation="tanh", kernel_initializer=small)(x)
        self.network = tf.keras.Model(crops, x, name="goturn")

    def placed(self, patches, frames, places):
        """The places that one look gives, a list of one (batch, 3, 3)."""
        parameters = RANGE * self.network([patches[..., None], cut(frames, places, self.side)[..., None]])
        moved = tf.matmul(self.in_units(places), self.warp.matrix(parameters))
        return [self.in_units(moved / moved[:, 2:, 2:], backwards=True)]
