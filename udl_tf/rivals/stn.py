"""The STN-based unsupervised method the paper compares with (section 4): corner displacements, a warp, a loss by pixels.

The network is the paper's but for its last layer, which gives the displacements of two corners. From them follow the rigid
transform, the warped moving image and its difference from the fixed one; no truth is needed. Pixels must agree, which they do
not in noise: the paper reports that it does not converge there.
"""

import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import homography, warp
from pipelines.geometry.transforms import Rigid
from udl_tf.networks.regression import dense_layers
from udl_tf.networks.siamese import siamese
from udl_tf.rivals import learning, photometric
from udl_tf.rivals.pair_model import SIAMESE, PairModel, compiled, held, near_nothing, of_scale

STEPS = {"small": 1000, "paper": 100_000}
LEARNING_RATE = {"small": 1e-3, "paper": 5e-4}
LARGEST_SHIFT = 0.25  # of the box, along each axis: images that do not overlap teach nothing
SHORTEST = 1e-2  # of the box: corners that come closer to each other have no direction


class StnModel(PairModel):
    """Learns rigid transforms from pairs alone; data as in `PairModel`.

    Where the images are larger than the network's box, the warp draws from the whole moving image.

    Args:
        network: with the output ``corners`` (batch, 2, 2), pixels, as of `stn_network`.
    """

    def pair_losses(self, inputs, truth, training):
        """Mean absolute difference over the overlap; the truth is not looked at."""
        back = geometry.inverse(*self._transforms(inputs, training))  # from the fixed image to the moving one
        fixed = warp.centre_crop(inputs["fixed"], self.box)
        return photometric.absolute_difference(fixed, inputs["moving"], homography.from_rigid(*back))

    @tf.function(reduce_retracing=True, autograph=False)
    def transforms(self, inputs):
        """(angle (batch,) degrees, shift (batch, 2) pixels) that bring moving onto fixed."""
        return self._transforms(inputs, False)

    def angles(self, inputs):
        """The angles (batch,) of `transforms` alone."""
        return self.transforms(inputs)[0]

    def _transforms(self, inputs, training):
        angle, shift = rigid_from_corners(self(inputs, training=training)["corners"], self.box)
        return angle, held(shift, LARGEST_SHIFT * self.box)


def rigid_from_corners(displacements, box):
    """The rigid transform nearest to the displacements of two corners, by least squares.

    Differentiable. Where the two would nearly meet there is no direction: the angle is 0 and has no gradient.

    Args:
        displacements: (batch, 2, 2) pixels (dx, dy) of the top left and the bottom right pixel of a square of `box` pixels.

    Returns:
        (angle (batch,) degrees, shift (batch, 2) pixels).
    """
    before = tf.gather(homography.corners(box, box), [0, 2])  # opposite corners: the centre is their mean
    after = before + displacements
    spread = tf.einsum("bik,il->bkl", after, before)
    apart = tf.norm(after[:, 1] - after[:, 0], axis=-1) > SHORTEST * box
    spread = tf.where(apart[:, None, None], spread, tf.eye(2))
    return homography.to_rigid(tf.concat([spread, tf.reduce_mean(displacements, 1)[:, :, None]], 2))


def stn_network(config, box):
    """The paper's network with another last layer.

    Args:
        config: `udl_tf.networks.siamese.SiameseConfig`, whose head is not used. box: side of the images in pixels.

    Returns:
        A functional model. Inputs: dict of `fixed` and `moving`, float32 (batch, box, box). Output: dict of ``corners``
        (batch, 2, 2), see `rigid_from_corners`.
    """
    whole = siamese(config, box)
    joined = next(layer.output for layer in whole.layers if isinstance(layer, tf.keras.layers.Concatenate))
    regression = dense_layers(joined.shape[1], config.dense_widths, 4)
    near_nothing(regression.layers[-1])
    found = tf.keras.layers.Rescaling(box / 4.0)(regression(joined))
    found = tf.keras.layers.Reshape((2, 2))(found)
    return tf.keras.Model(whole.input, {"corners": found}, name="stn")


def build(box, scale="small", steps=None):
    """The model to train on photographs, ready for ``fit``; see `udl_tf.rivals.supervised.build`."""
    network = stn_network(of_scale(SIAMESE, scale), box)
    return compiled(StnModel(network), scale, LEARNING_RATE[scale], steps or STEPS[scale])


def learner(problem, steps=None):
    """See `registry.Rival`."""
    steps = steps or STEPS[problem.scale]
    model = build(problem.side, problem.scale, steps)
    return learning.of_model(problem, model, steps, lambda inputs: Rigid(*learning.batched(model.transforms, inputs)))
