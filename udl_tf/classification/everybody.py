"""The pass over everybody: what is done with a chunk of particles."""

import dataclasses

import numpy as np

from udl_tf.classification.class_sums import class_sums
from udl_tf.classification.particle_images import Stack, images_of, smaller
from udl_tf.views.view_model import ViewModel, classify

SIZE = 500  # particles of a chunk


@dataclasses.dataclass(frozen=True, eq=False)
class Payload:
    """A `Stack`; a `ViewModel`; rows (s,) the views were learned from, sorted, and what these lent to them, (s, k)."""

    stack: Stack
    model: ViewModel
    learned_rows: np.ndarray
    own: np.ndarray


def class_chunk(payload, start, stop):
    """Class particles start to stop and add them up.

    Returns:
        ``label``, ``psi`` degrees, ``offset`` (n, 2) pixels of the stack, ``evidence`` nats, ``probability`` of the class,
        ``usable``; the sums ``numerator``, ``denominator`` (`class_sums`) of those that are not junk.
    """
    stack, model = payload.stack, payload.model
    reader, rows = images_of(stack), np.arange(start, stop)
    images, usable = reader.read(rows)
    ctf = reader.ctf(rows)
    own = np.zeros((len(rows), len(model.coarse)), np.float32)
    place = np.searchsorted(payload.learned_rows, rows)
    there = np.isin(rows, payload.learned_rows)
    own[there] = payload.own[place[there]]
    found = classify(model, smaller(images, stack.small), None if ctf is None else ctf[:, 1:], own)
    fit, offset = found.fit, found.offset * np.float32(stack.scale)
    inside = np.where(usable & (fit.evidence >= model.threshold), fit.label, -1)
    numerator, denominator = class_sums(images, ctf, inside, fit.psi, offset, rows % 2, len(model.coarse))
    return {
        "label": fit.label,
        "psi": fit.psi,
        "offset": offset,
        "evidence": fit.evidence,
        "probability": fit.share.max(1),
        "usable": usable,
        "numerator": numerator,
        "denominator": denominator,
    }
