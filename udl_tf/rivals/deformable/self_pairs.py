"""An image and itself, bent by fields that are made and so known, each with fresh noise: pairs that nobody had to label.

The noise that an image comes with would be in both of its pair, where a network learns to hold on to it. So the image is cleared
of it first: what is left of it looks like texture.
"""

import tensorflow as tf

from pipelines import draws, noise
from pipelines.normalise import normalise
from pipelines.pairs import deformed
from pipelines.spectra.white_noise import without_white_noise

REACH = 1.0 / 16.0  # of the side: how far points move at most


def self_pairs(images, spec, seed):
    """Pairs of one image each.

    Args:
        images: float32 (batch, side, side). spec: `noise.Noise`, of the images; as much is added. seed: int32 (2,).

    Returns:
        (inputs, truth) as of `pipelines.pairs.deformed.from_crops`. Beyond its border an image goes on mirrored.
    """
    side = images.shape[1]
    reach = REACH * side
    seeds = draws.split(seed, 3)
    beyond = -(-(deformed.crop_size(side, reach) - side) // 2)
    crops = tf.pad(without_white_noise(images), [[0, 0], [beyond, beyond], [beyond, beyond]], "SYMMETRIC")
    fixed, moving, field = deformed.deformed_pair(crops, seeds[0], side, reach)
    fixed, moving = (normalise(noise.apply(spec, part, own)) for part, own in ((fixed, seeds[1]), (moving, seeds[2])))
    return {"fixed": fixed, "moving": moving}, {"displacement": field}
