"""DIRNet (de Vos et al. 2017): a network gives the control points of a cubic B-spline, correlation teaches it, no truth.

Convolutions and average poolings bring the pair down to as many places as there are control points; two layers beyond the border
see the padding. The spline makes a field of every pixel of them, a sampler bends the moving image by it. Beyond the original, the
network sees the pair's `local_flow`, and looks again at what it has bent.
"""

import tensorflow as tf

from pipelines import noise
from pipelines.errors import InputError
from pipelines.geometry import splines
from udl_tf.rivals.deformable.model import DeformationModel, learner_of, slopes, stacked
from udl_tf.rivals.pair_model import near_nothing, of_scale

# Channels of the convolutions, each followed by a pooling, and of those at the control points.
WIDTHS = {"small": ((16, 32, 32), (64, 32)), "paper": ((16, 32, 32), (64, 64))}
STEPS = {"small": 2000, "paper": 50_000}
LEARNING_RATE = {"small": 4e-3, "paper": 1e-3}
UNIT = 16.0  # of the side is what the network's answer 1 stands for
LOOKS = 3
BEYOND = 2  # control points on each side beyond the image's own


class SplineModel(DeformationModel):
    """See the module; network: with the output ``control`` (batch, rows, columns, 2) pixels, as of `network`."""

    noisy = 2.5  # clean, the grid is smooth enough

    def __init__(self, network, *args, **options):
        super().__init__(network, *args, **options)
        self.apart = self.box / (network.output["control"].shape[1] - 2 * BEYOND)  # pixels

    def once(self, inputs, training):
        control = self(inputs, training=training)["control"]
        field = splines.dense(control, self.apart, self.box, self.box)
        return field, slopes(field, self.spacing)


def network(box, pooled, wide):
    """DIRNet's regressor.

    Args:
        box: side of the images in pixels, a multiple of 2 to the number of `pooled`. pooled, wide: channels, see `WIDTHS`.

    Returns:
        A functional model. Inputs: dict of `fixed` and `moving`, float32 (batch, box, box). Output: dict of ``control``
        (batch, n, n, 2), pixels, with n = box / 2^poolings + 2 `BEYOND`.

    Raises:
        InputError: a side that cannot be halved as often.
    """
    if box % 2 ** len(pooled):
        raise InputError(f"DIRNet: received images of {box} pixels, expected a multiple of {2 ** len(pooled)}")
    inputs, x, flow = stacked(box)
    for width in pooled:
        x = tf.keras.layers.AveragePooling2D(2)(_conv(x, width))
    x = tf.keras.layers.ZeroPadding2D(BEYOND)(x)
    for width in wide:
        x = _conv(x, width)
    flow = tf.keras.layers.ZeroPadding2D(BEYOND)(tf.keras.layers.AveragePooling2D(2 ** len(pooled))(flow))
    x = tf.keras.layers.Concatenate()([x, flow])
    answer = tf.keras.layers.Conv2D(2, 1)
    x = tf.keras.layers.Rescaling(box / UNIT)(answer(x))
    near_nothing(answer)
    return tf.keras.Model(inputs, {"control": x}, name="dirnet")


def learner(problem, steps=None, itself=False):
    """See `registry.Rival`. itself: learn from self-pairs instead of likeness."""
    own = noise.parse(problem.noise) if itself else None
    model = SplineModel(network(problem.side, *of_scale(WIDTHS, problem.scale)), LOOKS, own)
    return learner_of(problem, model, LEARNING_RATE[problem.scale], steps or STEPS[problem.scale])


def _conv(x, width):
    x = tf.keras.layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", use_bias=False)(x)
    return tf.keras.layers.Activation("elu")(tf.keras.layers.BatchNormalization()(x))
