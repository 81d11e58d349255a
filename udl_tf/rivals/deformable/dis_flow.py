"""OpenCV's dense inverse search (Kroeger et al. 2016): optical flow by patches, refined by variation."""

import cv2
import numpy as np

from udl_tf.rivals.deformable import pairwise

CLIPPED = 0.2  # percent of the grey values at either end, before the other ones fill 8 bits


def answer(problem, inputs):
    """See `registry.Rival`."""
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(0)
    return pairwise.each(lambda fixed, moving: flow.calc(*_bytes(fixed, moving), None), inputs)


def _bytes(*images):
    """Images as 8 bits, all with one scale."""
    low, high = np.percentile(images, (CLIPPED, 100.0 - CLIPPED))
    return [np.clip((image - low) * (255.0 / max(high - low, 1e-12)), 0.0, 255.0).astype(np.uint8) for image in images]
