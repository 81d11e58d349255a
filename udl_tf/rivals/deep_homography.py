"""Deep homography: a VGG-style network gives the displacements of four corners, and these the homography.

Supervised by the true corners (DeTone et al., 2016), or unsupervised (Nguyen et al., 2018): the direct linear transform and a
spatial transformer lay one image over the other, and their difference by pixels is the loss.
"""

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import homography, warp
from pipelines.geometry.transforms import Homography
from udl_tf.networks.mask import conv_block
from udl_tf.rivals import learning, photometric
from udl_tf.rivals.pair_model import PairModel, compiled, held, near_nothing, of_scale

POOLED_AFTER = (2, 4, 6)  # convolutions
WIDTHS = {"small": ((8, 8, 16, 16, 32, 32, 64, 64), 256, 0.0), "paper": ((64, 64, 64, 64, 128, 128, 128, 128), 1024, 0.5)}
STEPS = {"small": 3000, "paper": 90_000}
LEARNING_RATE = {"small": 1e-3, "paper": 1e-4}
LIMIT = 0.249  # of the side: a quadrilateral is convex while its corners stay less than a quarter of it from the square's


class DeepHomographyModel(PairModel):
    """Learns homographies; data as in `PairModel`, truth (supervised) a dict of ``homography`` (batch, 3, 3).

    Unsupervised, where the fixed images are larger than the network's box, the warp draws from the whole of them, as Nguyen's.

    Args:
        network: with the output ``corners`` (batch, 4, 2), pixels, as of `vgg`. unsupervised: whether to do without truth.
    """

    def __init__(self, network, unsupervised=False):
        super().__init__(network)
        self.unsupervised = unsupervised

    def pair_losses(self, inputs, truth, training):
        """Unsupervised the mean absolute difference over the overlap, else half the summed square of the corners, pixels^2."""
        moves = self(inputs, training=training)["corners"]
        if self.unsupervised:
            moving = warp.centre_crop(inputs["moving"], self.box)
            return photometric.absolute_difference(moving, inputs["fixed"], from_corners(moves, self.box))
        corners = tf.tile(homography.corners(self.box, self.box)[None], (tf.shape(moves)[0], 1, 1))
        true = homography.apply(truth["homography"], corners) - corners
        return 0.5 * tf.reduce_sum((moves - true) ** 2, (1, 2))

    @tf.function(reduce_retracing=True, autograph=False)
    def homographies(self, inputs):
        """The homography (batch, 3, 3) that brings moving onto fixed."""
        return from_corners(self(inputs, training=False)["corners"], self.box)


def from_corners(moves, box):
    """The homography that moves the corners of a square of `box` pixels by (batch, 4, 2) pixels, in order of `corners`.

    Moves beyond `LIMIT` are cut there, and have the gradient they would have there: so the four points never lie on a line.
    """
    moves = held(moves, LIMIT * (box - 1))
    corners = tf.tile(homography.corners(box, box)[None], (tf.shape(moves)[0], 1, 1))
    return homography.from_points(corners, corners + moves)


def vgg(box, widths, dense, dropout):
    """DeTone's network: eight 3x3 convolutions with batch norm and ReLU, pooling after each second, two dense layers.

    Args:
        box: side of the images in pixels, a multiple of 8. widths: of the convolutions. dense: width of the hidden dense layer.
        dropout: share of what goes into either dense layer.

    Returns:
        A functional model. Inputs: dict of `fixed` and `moving`, float32 (batch, box, box). Output: dict of ``corners``
        (batch, 4, 2), pixels: how `moving`'s corners move on their way onto `fixed`.

    Raises:
        InputError: a side that the poolings do not divide.
    """
    if box % 2 ** len(POOLED_AFTER):
        raise InputError(f"deep homography: received images of {box} pixels, expected a multiple of {2 ** len(POOLED_AFTER)}")
    inputs = {name: tf.keras.Input((box, box), name=name) for name in ("fixed", "moving")}
    channel = tf.keras.layers.Reshape((box, box, 1))
    x = tf.keras.layers.Concatenate()([channel(inputs["fixed"]), channel(inputs["moving"])])  # (batch, box, box, 2)
    for number, width in enumerate(widths, 1):
        for layer in conv_block(width):
            x = layer(x)
        if number in POOLED_AFTER:
            x = tf.keras.layers.MaxPooling2D(2)(x)
    x = tf.keras.layers.Dropout(dropout)(tf.keras.layers.Flatten()(x))
    x = tf.keras.layers.Dense(dense, "relu", kernel_initializer="he_normal")(x)
    x = tf.keras.layers.Dropout(dropout)(x)
    # Answers that are large at random cost the supervised loss its first hundreds of steps: it then stays at one answer for all.
    last = tf.keras.layers.Dense(8)
    x = tf.keras.layers.Rescaling(box / 8.0)(last(x))  # of the size of the moves that are looked for
    near_nothing(last)
    return tf.keras.Model(inputs, {"corners": tf.keras.layers.Reshape((4, 2))(x)}, name="deep_homography")


def build(box, scale="small", unsupervised=False, steps=None):
    """The model, ready for ``fit``.

    Args:
        box: side of the images in pixels. scale: ``small`` or ``paper``, the size of the network. unsupervised: see
            `DeepHomographyModel`. steps: over which the learning rate falls, if not `STEPS`.
    """
    network = vgg(box, *of_scale(WIDTHS, scale))
    return compiled(DeepHomographyModel(network, unsupervised), scale, LEARNING_RATE[scale], steps or STEPS[scale])


def learner(problem, steps=None, unsupervised=False):
    """See `registry.Rival`; unsupervised: see `DeepHomographyModel`."""
    steps = steps or STEPS[problem.scale]
    model = build(problem.side, problem.scale, unsupervised, steps)
    return learning.of_model(problem, model, steps, lambda inputs: Homography(learning.batched(model.homographies, inputs)))
