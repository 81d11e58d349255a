"""What is done with a chunk of a stack: the functions that `udl_tf.chunks.run` runs here, in workers, or on a cluster.

Each takes ``(task, start, stop)`` and returns a dict of arrays; the same task and range give the same bytes anywhere. The
particles of a task are ordered by view, and no chunk holds particles of two views: each is added up, looked for and refined
as if its view were a stack of its own.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from udl_tf.particles.averaging import HALVES
from udl_tf.particles.compiled import averaging_of, comparison_of
from udl_tf.particles.config import StackConfig
from udl_tf.particles.reader import reader_of
from udl_tf.particles.refinement import Fit


@dataclasses.dataclass(frozen=True)
class PairTask:
    """Pairs to align: rows of the stack int (p, 2)."""

    config: StackConfig
    pairs: np.ndarray


@dataclasses.dataclass(frozen=True)
class SearchTask:
    """Particles to look for all around in the images of their view, ``images[view][half]`` (box, box).

    rows, view, half: int (n,).
    """

    config: StackConfig
    rows: np.ndarray
    view: np.ndarray
    half: np.ndarray
    images: dict


@dataclasses.dataclass(frozen=True)
class AddUpTask:
    """Particles to add up at their poses: rows, half: int (n,). angle (n,), shift (n, 2), weight (n,)."""

    config: StackConfig
    rows: np.ndarray
    half: np.ndarray
    angle: np.ndarray
    shift: np.ndarray
    weight: np.ndarray


@dataclasses.dataclass(frozen=True)
class RefineTask:
    """Particles to refine against the average of their view and half, and to add up at the poses found.

    Attributes:
        rows, view, half: int (n,). weight: (n,), in the sums. in_average: (n,), in the averages that are compared with.
        starts: poses to begin from, (angle (n,), shift (n, 2), known (n,)) each; what fits best is kept, of those that are known.
            All of the first are.
        references: view -> `references.Reference`. steps: of Gauss-Newton.
    """

    config: StackConfig
    rows: np.ndarray
    view: np.ndarray
    half: np.ndarray
    weight: np.ndarray
    in_average: np.ndarray
    starts: tuple
    references: dict
    steps: int


def align_pairs(task, start, stop):
    """Align the images of pairs to each other.

    Returns:
        ``angle`` (pairs,), ``shift`` (pairs, 2): bring the second of each pair onto the first; ``score``, ``sigma``, ``symmetry``
        (pairs,). Angle and shift are 0 and the score is 0 where an image cannot be used.
    """
    config, reader = task.config, reader_of(task.config)
    rows, place = np.unique(task.pairs[start:stop], return_inverse=True)
    images, _ = reader.read(rows)
    images = reader.for_network(images, reader.ctf(rows)).numpy()
    _, found = reader.aligner.align_pairs(images, place.reshape(-1, 2), config.max_shift, config.fast, report=False)
    return {
        "angle": np.nan_to_num(found.angle),
        "shift": np.nan_to_num(found.shift),
        "score": found.score,
        "sigma": found.sigma,
        "symmetry": found.symmetry,
    }


def search(task, start, stop):
    """Look for particles with the network, each in the image of its own half-set.

    Returns:
        ``angle`` (n,), ``shift`` (n, 2), ``symmetry``, ``score``, ``sigma``, ``usable`` (n,).
    """
    config, reader = task.config, reader_of(task.config)
    rows, half, targets = task.rows[start:stop], task.half[start:stop], task.images[int(task.view[start])]
    images, good = reader.read(rows)
    images = reader.for_network(images, reader.ctf(rows)).numpy()
    n = len(rows)
    angle, shift = np.zeros(n, np.float32), np.zeros((n, 2), np.float32)
    rest = {"symmetry": np.ones(n, np.int32), "score": np.zeros(n, np.float32), "sigma": np.zeros(n, np.float32)}
    for number in range(HALVES):
        members = np.flatnonzero(half == number)
        if len(members):
            found = reader.aligner.align(targets[number], images[members], config.max_shift, report=False, fast=config.fast)
            angle[members], shift[members] = np.nan_to_num(found.angle), np.nan_to_num(found.shift)
            for name, values in rest.items():
                values[members] = getattr(found, name)
    return {"angle": angle, "shift": shift, "usable": good, **rest}


def add_up(task, start, stop):
    """Add particles up at their poses.

    Returns:
        ``usable`` (n,); the sums ``numerator``, ``denominator`` (`averaging.sums`); ``power``, ``ctf_power``: sums over the
        particles of the windowed images' and the CTFs' squares in each ring; ``count``.
    """
    reader, rows = reader_of(task.config), task.rows[start:stop]
    images, good = reader.read(rows)
    pose = task.angle[start:stop], task.shift[start:stop]
    return _sums(task, start, stop, images, reader.ctf(rows), good, *pose)


def refine(task, start, stop):
    """Improve poses, and add the particles up there.

    Returns:
        What `add_up` does; ``angle`` (n,), ``shift`` (n, 2); the other fields of `Fit`, at these poses.
    """
    reader, rows = reader_of(task.config), task.rows[start:stop]
    images, good = reader.read(rows)
    ctfs = reader.ctf(rows)
    starts = [[part[start:stop] for part in one] for one in task.starts]
    starts = [one for number, one in enumerate(starts) if number == 0 or one[2].any()]
    fit, *others = _refined(task, start, stop, images, ctfs, [(angle, shift) for angle, shift, _ in starts])
    for other, (*_, known) in zip(others, starts[1:], strict=True):
        fit = _better(fit, other, known)
    return _sums(task, start, stop, images, ctfs, good, fit.angle, fit.shift) | fit._asdict()


def _refined(task, start, stop, images, ctfs, poses):
    """`Fit` of arrays (n, ...) after some steps from each of several poses (angle (n,), shift (n, 2)): that at the last pose."""
    reference, half = task.references[int(task.view[start])], task.half[start:stop]
    comparison = comparison_of(task.config.box, reference.highest)
    tables = tf.unstack(comparison.table(tf.constant(reference.averages)))
    rounds = [comparison.round(table) for table in tables]
    spectra = comparison.spectra(images)
    sampled = tf.ones((len(images), spectra.shape[1])) if ctfs is None else comparison.sampled(ctfs)
    rings = comparison.refinement.highest + 1
    power = tf.constant(reference.power[:rings], tf.float32)
    own = (reference.own[half, :rings] * task.in_average[start:stop][:, None]).astype(np.float32)
    limit = task.config.limit + 1.0
    fits = []
    for angle, shift in poses:
        angle, shift = np.array(angle, np.float32), np.array(shift, np.float32)
        fit = Fit(angle, shift, *(np.zeros(len(angle), np.float32) for _ in Fit._fields[2:]))
        for number, table in enumerate(tables):
            members = np.flatnonzero(half == number)
            seen = table, rounds[number], tf.gather(spectra, members), tf.gather(sampled, members), power, own[members]
            pose = tf.constant(angle[members]), tf.constant(shift[members])
            for _ in range(task.steps):
                ahead = comparison.step(*seen, *pose)
                # What refinement carries further out than the search looked was not asked for.
                near = tf.norm(ahead.shift, axis=1) <= limit
                pose = tf.where(near, ahead.angle, pose[0]), tf.where(near[:, None], ahead.shift, pose[1])
            here = comparison.step(*seen, *pose)
            for part, values in zip(fit, (*pose, *here[2:]), strict=True):
                part[members] = values.numpy()
        fits.append(fit)
    return fits


def _better(one, two, known):
    """Particle by particle the `Fit` of higher detection; of the second only where its start was known."""
    better = known & (two.detection > one.detection)
    return Fit(*(np.where(better.reshape(-1, *[1] * (a.ndim - 1)), b, a) for a, b in zip(one, two, strict=True)))


def _sums(task, start, stop, images, ctfs, good, angle, shift):
    averaging = averaging_of(task.config.box)
    weight = task.weight[start:stop].astype(np.float32) * good
    added = averaging.sums(images, ctfs, angle, shift, weight, task.half[start:stop].astype(np.int32))
    spectra = averaging.windowed_power(images).numpy()[good].sum(0, dtype=np.float64)
    squares = (
        np.full(spectra.shape, float(good.sum())) if ctfs is None else np.square(ctfs.numpy()[good]).sum(0, dtype=np.float64)
    )
    return {
        "usable": good,
        "numerator": added[0].numpy(),
        "denominator": added[1].numpy(),
        "power": averaging.rings.means(spectra),
        "ctf_power": averaging.rings.means(squares),
        "count": np.array(good.sum()),
    }
