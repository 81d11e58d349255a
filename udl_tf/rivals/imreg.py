"""imreg_dft's `similarity`, the scale held at 1: the turn from the amplitude spectra, then the shift."""

import imreg_dft

from pipelines.geometry import pixel_matrix
from udl_tf.rivals import pairwise


def answer(problem, inputs):
    """See `registry.Rival`."""
    return pairwise.each(_align_pair, inputs["fixed"], inputs["moving"])


def _align_pair(fixed, moving):
    try:
        found = imreg_dft.similarity(fixed, moving, numiter=3, constraints={"scale": [1.0, 0.0]})
    except ValueError:  # "images are not compatible"
        return None
    return pixel_matrix.from_rigid(found["angle"], found["tvec"][::-1], len(fixed))
