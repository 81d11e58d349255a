"""What is done with a chunk of a stack: the functions that `udl_tf.chunks.run` runs here, in workers, or on a cluster.

Each takes ``(payload, start, stop)`` and returns a dict of arrays; the same payload and range give the same bytes anywhere.
"""

import numpy as np
import tensorflow as tf

from udl_tf.particles.averaging import HALVES, half_of
from udl_tf.particles.chunk_context import workbench
from udl_tf.particles.refinement import Fit


def pairs(payload, start, stop):
    """Align pairs start to stop of ``payload["pairs"]`` (p, 2), which are rows of the stack, to each other.

    Returns:
        ``angle`` (pairs,), ``shift`` (pairs, 2): bring the second of each pair onto the first; ``score``, ``sigma``, ``symmetry``
        (pairs,). Angle and shift are 0 and the score is 0 where an image cannot be used.
    """
    bench = workbench(payload["setting"])
    rows, place = np.unique(payload["pairs"][start:stop], return_inverse=True)
    images, _ = bench.read(rows)
    images = bench.for_network(images, bench.ctf(rows)).numpy()
    setting = bench.setting
    _, found = bench.aligner.align_pairs(images, place.reshape(-1, 2), setting.max_shift, setting.fast, report=False)
    return {
        "angle": np.nan_to_num(found.angle),
        "shift": np.nan_to_num(found.shift),
        "score": found.score,
        "sigma": found.sigma,
        "symmetry": found.symmetry,
    }


def poses(payload, start, stop):
    """Improve the poses of particles start to stop and add them up.

    ``payload`` holds ``setting``; ``rows``, the particles of this stage; their ``angle``, ``shift`` so far, their ``weight`` for
    the sums, and ``inside`` (rows,), their weight in the reference's averages;
    ``reference`` (`references.Reference`) or None to only add up; ``search`` (2, box, box), averages of both half-sets to look
    for the particles anew all around, or None; ``known`` (rows,), whether a particle has a pose already, which is then kept if it
    fits better than the one found; ``steps`` of refinement.

    Returns:
        ``angle`` (n,), ``shift`` (n, 2); with a reference the other fields of `Fit` at these poses; with a search the network's
        ``symmetry``, ``score``, ``sigma``; ``usable``; the sums ``numerator``, ``denominator`` (`averaging.sums`); ``power``,
        ``ctf_power``: sums over the particles of the windowed images' and the CTFs' squares in each ring; ``count``.
    """
    bench = workbench(payload["setting"])
    rows = payload["rows"][start:stop]
    angle, shift = (payload[name][start:stop].astype(np.float32) for name in ("angle", "shift"))
    images, good = bench.read(rows)
    ctfs = bench.ctf(rows)
    half = half_of(rows)
    found = {}
    starts = [(angle, shift)]
    if payload["search"] is not None:
        angle, shift, found = _searched(bench, images, ctfs, half, payload["search"])
        known = payload["known"][start:stop]
        starts = [(angle, shift), *starts] if known.any() else [(angle, shift)]
    reference = payload["reference"]
    if reference is not None:
        fits = _refined(bench, images, ctfs, half, reference, payload["steps"], starts, payload["inside"][start:stop])
        better = known & (fits[-1].detection > fits[0].detection) if len(fits) > 1 else np.zeros(len(rows), bool)
        fit = Fit(
            *(np.where(better.reshape(-1, *[1] * (one.ndim - 1)), two, one) for one, two in zip(fits[0], fits[-1], strict=True))
        )
        angle, shift = fit.angle, fit.shift
        found |= {name: getattr(fit, name) for name in Fit._fields[2:]}
    weight = payload["weight"][start:stop].astype(np.float32) * good
    added = bench.sums(images, ctfs, angle, shift, weight, half.astype(np.int32))
    power, ctf_power = _powers(bench, images, ctfs, good)
    return {
        "angle": np.asarray(angle),
        "shift": np.asarray(shift),
        "usable": good,
        "numerator": added[0].numpy(),
        "denominator": added[1].numpy(),
        "power": power,
        "ctf_power": ctf_power,
        "count": np.array(good.sum()),
        **found,
    }


def _searched(bench, images, ctfs, half, averages):
    """What the network finds, each particle against the average of its own half-set: angle, shift, and the rest as a dict."""
    setting = bench.setting
    images = bench.for_network(images, ctfs).numpy()
    n = len(images)
    angle, shift = np.zeros(n, np.float32), np.zeros((n, 2), np.float32)
    rest = {"symmetry": np.ones(n, np.int32), "score": np.zeros(n, np.float32), "sigma": np.zeros(n, np.float32)}
    for number in range(HALVES):
        rows = np.flatnonzero(half == number)
        if len(rows):
            found = bench.aligner.align(averages[number], images[rows], setting.max_shift, report=False, fast=setting.fast)
            angle[rows], shift[rows] = np.nan_to_num(found.angle), np.nan_to_num(found.shift)
            for name, values in rest.items():
                values[rows] = getattr(found, name)
    return angle, shift, rest


def _refined(bench, images, ctfs, half, reference, steps, starts, inside):
    """`Fit` of arrays (n, ...) for each of some starting poses (angle (n,), shift (n, 2)); the fit is that at the final pose."""
    comparison = bench.comparison(reference.highest)
    tables = tf.unstack(comparison.table(tf.constant(reference.averages)))
    rounds = [comparison.round(table) for table in tables]
    spectra = comparison.spectra(images)
    sampled = tf.ones((len(images), spectra.shape[1])) if ctfs is None else comparison.sampled(ctfs)
    rings = comparison.refinement.highest + 1
    power = tf.constant(reference.power[:rings], tf.float32)
    own = (reference.own[half, :rings] * inside[:, None]).astype(np.float32)
    limit = bench.setting.limit + 1.0
    results = []
    for angle, shift in starts:
        fit = Fit(angle.copy(), shift.copy(), *(np.zeros(len(angle), np.float32) for _ in Fit._fields[2:]))
        for number, table in enumerate(tables):
            rows = np.flatnonzero(half == number)
            seen = table, rounds[number], tf.gather(spectra, rows), tf.gather(sampled, rows), power, own[rows]
            pose = tf.constant(angle[rows]), tf.constant(shift[rows])
            for _ in range(steps):
                ahead = comparison.step(*seen, *pose)
                # What refinement carries further out than the search looked was not asked for.
                near = tf.norm(ahead.shift, axis=1) <= limit
                pose = tf.where(near, ahead.angle, pose[0]), tf.where(near[:, None], ahead.shift, pose[1])
            here = comparison.step(*seen, *pose)
            for part, values in zip(fit, (*pose, *here[2:]), strict=True):
                part[rows] = values.numpy()
        results.append(fit)
    return results


def _powers(bench, images, ctfs, good):
    """Sums over the usable particles of |F|^2 of the windowed images, and of the squared CTFs, in each ring: (rings,) each."""
    rings = bench.rings
    spectra = bench.windowed_power(images).numpy()[good].sum(0, dtype=np.float64)
    squares = (
        np.full(spectra.shape, float(good.sum())) if ctfs is None else np.square(ctfs.numpy()[good]).sum(0, dtype=np.float64)
    )
    return rings.means(spectra), rings.means(squares)
