"""Views learned from a sample of a stack."""

import numpy as np

from pipelines.errors import NoAnswerError
from udl_tf.chunks.run import ranges
from udl_tf.classification.classers import Learned
from udl_tf.classification.everybody import SIZE
from udl_tf.classification.particle_images import images_of, smaller
from udl_tf.classification.request import FEWEST
from udl_tf.views.learning import AUTO, Settings
from udl_tf.views.view_model import learn_views

SAMPLE, SAMPLE_PER_VIEW = 3000, 200  # particles that views are learned from, at most


def learned(request, stack, count, radius, reach, say):
    """A `Learned` of views.

    Args:
        request: `ClassRequest`. stack: `Stack` of count particles. radius, reach: see `request.checked`. say: is told.

    Raises:
        InputError: too few images can be used.
    """
    rng = np.random.default_rng([request.seed, 0])
    most = max(SAMPLE, SAMPLE_PER_VIEW * (request.views or AUTO))
    rows = np.sort(rng.permutation(count)[:most])
    reader = images_of(stack)
    images, good = [], []
    for start, stop in ranges(len(rows), SIZE):
        part, usable = reader.read(rows[start:stop])
        images.append(smaller(part, stack.small))
        good.append(usable)
    good = np.concatenate(good)
    if good.sum() < FEWEST:
        raise NoAnswerError(f"{stack.path}: {good.sum()} usable images of {len(rows)} looked at, expected at least {FEWEST}")
    rows, images = rows[good], np.concatenate(images)[good]
    ctf = reader.ctf(rows)
    settings = Settings(views=request.views, reach=reach, seed=request.seed)
    model, own = learn_views(images, None if ctf is None else ctf[:, 1:], settings, radius, say)
    return Learned(model, rows, own)
