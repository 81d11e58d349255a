"""Prepare: from raw images to what the network sees, without what is not the object."""

import tensorflow as tf

from pipelines.normalise import normalise, usable
from pipelines.preparation.background import without_slow_background, without_surface, without_uneven_light
from pipelines.preparation.dirt import without_dirt
from pipelines.preparation.edges import without_edge
from pipelines.preparation.places import without_empty_places
from pipelines.spectra.resample import fourier_resample
from udl_tf.alignment.repair import repair


def prepare(images, box, particles):
    """Repair, fill what holds no information, bring to the box, take dirt and the slow background off, normalise.

    Args:
        images: float32 (batch, n, n), any grey values. box: side of the result, pixels.
        particles: wild pixels are no part of the object. In photographs they may be.

    Returns:
        good: bool (batch,), finite and not constant. prepared: float32 (batch, box, box), zeros where not good. uneven: (batch,),
        how uneven the background was, see `background.unevenness`.
    """
    good = usable(images)
    images = tf.where(good[:, None, None], repair(images), tf.zeros_like(images))
    images = without_empty_places(images, wild=particles)
    prepared = tf.ensure_shape(fourier_resample(images, box), (None, box, box))
    prepared, uneven = (
        without_slow_background(without_dirt(without_edge(prepared))) if particles else without_uneven_light(prepared)
    )
    return good, normalise(prepared), uneven


def clean(images):
    """Particles as they are added up to averages: places without information filled, dirt and the background's surface gone.

    Args:
        images: float32 (batch, n, n), n known.

    Returns:
        Images of the same shape, mean 0 and standard deviation 1, zeros where not good; good: bool (batch,), as of `prepare`.
    """
    good = usable(images)
    images = tf.where(good[:, None, None], images, tf.zeros_like(images))
    return normalise(without_surface(without_dirt(without_edge(without_empty_places(images))))), good
