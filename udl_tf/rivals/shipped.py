"""The aligner that comes with the package, which was trained on other images, as one method among the others."""

import functools

from udl_tf.alignment import models
from udl_tf.alignment.aligner import Aligner


def answer(problem, inputs):
    """See `registry.Rival`."""
    return _aligner(problem.model).align(inputs["fixed"], inputs["moving"]).transform


@functools.cache
def _aligner(name):
    """A shipped model, loaded once."""
    return Aligner(models.find(name))
