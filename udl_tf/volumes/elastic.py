"""Sections that are bent, each by itself: smooth fields that take that out, after the rigid alignment, and keep slow drift.

Flows between sections one and two apart give a path to each node of a coarse grid. It is split as the path of rigid sections is
(`drift`): what is white from section to section is taken out, tissue that runs obliquely stays. That is done for waves over the
grid (cosines), those of about one length together. Coarse ones, by which sections differ much, are followed; fine ones, mostly
errors of the flow, are not. How much of each is jitter is told by the volume: where nothing is bent, next to nothing. The mean
of the field is what the rigid alignment, which sections that are bent lead astray, left: of it, too, what is white is taken out.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pipelines.geometry import displacement
from udl_tf.chunks.store import ChunkStore
from udl_tf.volumes.drift import separate
from udl_tf.volumes.field_steps import agreeing_steps
from udl_tf.volumes.section_flows import compare_fields

BANDS = 2  # of waves, in an octave
LEAST, DAMPING = 0.2, 0.8  # determinant of the Jacobian that is left everywhere; a field that has less is made smaller by this


@dataclasses.dataclass(frozen=True)
class SectionFields:
    """What unbends n sections.

    Attributes:
        field: float32 (n, rows, columns, 2), pixels (dx, dy), pulled: a point q is found at ``q + field(q)`` in the section that
            lies where the rigid alignment put it. spacing: pixels between nodes, see `pipelines.geometry.displacement`.
        damped: numbers from 0 of sections whose field would have folded and was made smaller.
    """

    field: np.ndarray
    spacing: float
    damped: np.ndarray

    @property
    def rms(self) -> np.ndarray:
        """Root mean square displacement over the nodes, (n,) pixels."""
        return np.sqrt(np.square(self.field, dtype=np.float64).sum(-1).mean((1, 2)))


def align_fields(
    read: Callable,
    count: int,
    spacing: float,
    known: np.ndarray | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
    store: ChunkStore | None = None,
    executor=None,
) -> SectionFields:
    """Fields that take out by what sections are bent, each by itself.

    Args:
        read: from a number to a section (height, width) that lies where the rigid alignment put it, and which of its pixels show
            something, bool. count: sections, two or more. spacing: pixels between nodes.
        known: (count,) bool, others are not moved; None: all. tell: called with the sections done and their count.
        store, executor: see `section_flows.compare_fields`.
    """
    known = np.ones(count, bool) if known is None else known
    flows = compare_fields(read, count, spacing, tell, store, executor)
    told = known[flows.first] & known[flows.second]
    steps = agreeing_steps(dataclasses.replace(flows, weight=flows.weight * told[:, None, None]), count)
    path = np.concatenate([np.zeros_like(steps[:1]), np.cumsum(steps, 0)])
    field, damped = unfolded(jitter_of(path, known), spacing)
    return SectionFields(np.float32(field), float(spacing), np.flatnonzero(damped))


def jitter_of(path: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What of the path of nodes (n, rows, columns, 2) is white from section to section.

    The tissue as a whole is taken to run as far as its coarsest waves do: two axes of one mean would not tell that apart from
    jitter. Of fewer than three sections nobody can tell: nothing is white.
    """
    if len(path) < 3:
        return np.zeros_like(path)
    rows, columns = path.shape[1:3]
    down, across = _cosines(rows), _cosines(columns)
    waves = np.einsum("ir,jc,nrca->nija", down, across, path, optimize=True)
    cycles = np.hypot(np.arange(rows)[:, None] / rows, np.arange(columns) / columns) * min(rows, columns)
    band = np.rint(BANDS * np.log2(np.maximum(cycles, 1.0))).astype(int)
    band[0, 0] = -1  # the mean
    moved = np.zeros_like(waves)
    for number in np.unique(band[band >= 0]):
        rows_of, columns_of = np.nonzero(band == number)
        part = waves[:, rows_of, columns_of]
        found = separate(part.reshape(len(path), -1), None, known)
        moved[:, rows_of, columns_of] = found.moved.reshape(part.shape)
        if number == 0:
            moved[:, 0, 0] = separate(waves[:, 0, 0], found.step, known).moved
    return np.einsum("ir,jc,nija->nrca", down, across, moved, optimize=True)


def unfolded(field: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Fields (n, rows, columns, 2), made smaller where they would fold; which were, bool (n,)."""
    field, damped = field.copy(), np.zeros(len(field), bool)
    while True:
        least = displacement.least_determinant(tf.constant(field, tf.float32), spacing).numpy().min((1, 2))
        folds = least < LEAST
        if not folds.any():
            return field, damped
        field[folds] *= DAMPING
        damped |= folds


def _cosines(count):
    """Cosine waves (waves, count) along an axis of nodes, orthonormal, the constant one first."""
    wave, node = np.mgrid[:count, :count]
    return np.cos(np.pi * wave * (node + 0.5) / count) * np.sqrt(np.where(wave > 0, 2.0, 1.0) / count)
