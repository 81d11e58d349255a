"""An image and its own disturbed copy, each with fresh noise: a pair of a known pose that nobody had to label."""

from pipelines import draws, noise
from pipelines.normalise import normalise
from pipelines.pairs.photo_pair import photo_pair
from udl_tf.rivals.agents import actions


def self_pairs(images, spec, box, seed):
    """Pairs of one image each.

    The noise that an image comes with is in both of its pair; the fresh one is drawn for each.

    Args:
        images: (batch, size, size), size at least `pipelines.pictures.crops.crop_size` of box and reach. spec: `noise.Noise`.
        box: side of the pairs. seed: int32 (2,).

    Returns:
        (inputs, truth) as of `pipelines.pairs.rigid`.
    """
    seeds = draws.split(seed, 3)
    fixed, moving, angle, shift = photo_pair(images, seeds[0], box, actions.SHIFT * box, actions.ANGLE)
    fixed, moving = (normalise(noise.apply(spec, part, own)) for part, own in ((fixed, seeds[1]), (moving, seeds[2])))
    return {"fixed": fixed, "moving": moving}, {"angle": angle, "shift": shift}
