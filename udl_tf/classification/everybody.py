"""The pass over everybody: what is done with a chunk of particles."""

import dataclasses

import numpy as np

from udl_tf.classification.class_sums import class_sums
from udl_tf.classification.classers import Learned, Trained
from udl_tf.classification.particle_images import Stack, images_of

SIZE = 500  # particles of a chunk


@dataclasses.dataclass(frozen=True, eq=False)
class Payload:
    """What all chunks share.

    Attributes:
        stack: `Stack`. half: int8 (all,), half-set of each particle. classer: tells classes and poses.
    """

    stack: Stack
    half: np.ndarray
    classer: Learned | Trained


def class_chunk(payload, start, stop):
    """Class particles start to stop and add them up.

    Returns:
        ``label``, ``psi`` degrees, ``offset`` (n, 2) pixels of the stack, ``evidence`` nats, ``probability`` of the class,
        ``usable``, ``poor``, where the classer tells it ``sigma`` degrees; of those that are not poor the sums ``numerator``,
        ``denominator`` (`class_sums`) and ``confusion`` (k, k), of their probabilities by class.
    """
    rows = np.arange(start, stop)
    reader = images_of(payload.stack)
    images, usable = reader.read(rows)
    ctf = reader.ctf(rows)
    found = payload.classer(payload.stack, rows, images, ctf)
    inside = np.where(usable & ~found.poor, found.label, -1)
    count = found.share.shape[1]
    numerator, denominator = class_sums(images, ctf, inside, found.psi, found.offset, payload.half[rows], count)
    confusion = np.zeros((count, count))
    np.add.at(confusion, inside[inside >= 0], found.share[inside >= 0])
    return {
        "label": found.label,
        "psi": found.psi,
        "offset": found.offset,
        "evidence": found.evidence,
        "probability": found.share.max(1),
        "usable": usable,
        "poor": found.poor,
        **({} if found.sigma is None else {"sigma": found.sigma}),
        "numerator": numerator,
        "denominator": denominator,
        "confusion": confusion,
    }
