"""A U-Net whose answer is a velocity, as in VoxelMorph (Balakrishnan et al. 2019, Dalca et al. 2019): never a fold.

The velocity is stationary, on a grid of half the resolution, and becomes a field by scaling and squaring. The loss is the local
correlation of the bent and the fixed image, and how much the velocity changes from node to node. Beyond the original, the network
sees the pair's `local_flow`, and looks again at what it has bent (Zhao et al. 2019, recursive cascades).
"""

import tensorflow as tf

from pipelines import noise
from pipelines.errors import InputError
from pipelines.geometry import velocity
from udl_tf.rivals.deformable.model import DeformationModel, learner_of, local_correlation, slopes, stacked
from udl_tf.rivals.pair_model import near_nothing, of_scale

# Channels on the way down, each at half the resolution of the one before, and back up; those of `paper` are VoxelMorph's.
WIDTHS = {"small": ((16, 32, 32, 32), (32, 32, 32), 16), "paper": ((16, 32, 32, 32, 32), (32, 32, 32, 32), 16)}
STEPS = {"small": 2000, "paper": 50_000}
LEARNING_RATE = {"small": 2e-3, "paper": 4e-4}
WINDOW = 9  # pixels, of the local correlation
LOOKS = 2
SPACING = 2.0
SQUARINGS = 4  # no point moves by more than a fraction of a node in the first step
UNIT = 16.0  # of the side is what the network's answer 1 stands for


class VelocityModel(DeformationModel):
    """See the module; network: with the output ``velocity`` (batch, box / 2, box / 2, 2) pixels, as of `unet`."""

    spacing = SPACING
    smooth = noisy = 0.2

    def once(self, inputs, training):
        flow = self(inputs, training=training)["velocity"]
        return velocity.exponential(flow, SPACING, SQUARINGS), slopes(flow, SPACING)

    def likeness(self, fixed, moved, inside):
        return 1.0 - local_correlation(fixed, moved, inside, WINDOW)


def unet(box, down, up, last):
    """The network.

    Args:
        box: side of the images in pixels, a multiple of 2 to the number of `down`. down, up, last: channels, see `WIDTHS`.

    Returns:
        A functional model. Inputs: dict of `fixed` and `moving`, float32 (batch, box, box). Output: dict of ``velocity``
        (batch, box / 2, box / 2, 2), pixels, at the middles of two by two pixels.

    Raises:
        InputError: a side that cannot be halved as often.
    """
    if box % 2 ** len(down):
        raise InputError(f"U-Net: received images of {box} pixels, expected a multiple of {2 ** len(down)}")
    inputs, x, flow = stacked(box)
    kept = []
    for width in down:
        x = _conv(x, width, stride=2)
        kept.append(x)
    for width, beside in zip(up, kept[-2::-1], strict=True):
        x = tf.keras.layers.UpSampling2D(2)(_conv(x, width))
        x = tf.keras.layers.Concatenate()([x, beside])
    x = tf.keras.layers.Concatenate()([_conv(_conv(x, up[-1]), last), tf.keras.layers.AveragePooling2D(2)(flow)])
    answer = tf.keras.layers.Conv2D(2, 3, padding="same")
    x = tf.keras.layers.Rescaling(box / UNIT)(answer(x))
    near_nothing(answer)
    return tf.keras.Model(inputs, {"velocity": x}, name="unet")


def learner(problem, steps=None, itself=False):
    """See `registry.Rival`. itself: learn from self-pairs instead of likeness."""
    own = noise.parse(problem.noise) if itself else None
    model = VelocityModel(unet(problem.side, *of_scale(WIDTHS, problem.scale)), LOOKS, own)
    return learner_of(problem, model, LEARNING_RATE[problem.scale], steps or STEPS[problem.scale])


def _conv(x, width, stride=1):
    x = tf.keras.layers.Conv2D(width, 3, strides=stride, padding="same", kernel_initializer="he_normal")(x)
    return tf.keras.layers.Activation(tf.nn.leaky_relu)(x)
