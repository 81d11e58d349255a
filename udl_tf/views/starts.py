"""Where learning begins: single particles as views, and a choice among the averages of several short runs."""

import numpy as np

from udl_tf.views.model import Views


def seeds(particles, rows, count, noise, rng, offset=None):
    """`Views` that are single particles, drawn from rows, moved by the offset (all, 2) pixels, each turned at random."""
    chosen = rng.choice(rows, count, replace=len(rows) < count)
    circles = particles.grid.whole(particles.samples[chosen]) * particles.ctf[chosen][:, :, None]
    if offset is not None:
        circles = circles * particles.grid.phase(offset[chosen])
    turns = rng.integers(particles.grid.angles, size=count)
    averages = np.stack([np.roll(circle, turn, -1) for circle, turn in zip(circles, turns, strict=True)])
    return Views(averages, noise, np.ones(count))


def greedy(by_view, count):
    """The columns of evidence (n, k) that together give particles the largest sum of best evidences above none at all."""
    best, chosen = np.zeros(len(by_view), np.float32), []
    for _ in range(min(count, by_view.shape[1])):
        gain = np.maximum(by_view - best[:, None], 0).sum(0)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        best = np.maximum(best, by_view[:, chosen[-1]])
    return chosen


def losses(by_view):
    """What the particles of each view would lose by their next best one: (k,) nats, of evidence (n, k)."""
    two = np.partition(by_view, -2, 1)[:, -2:]
    return np.bincount(by_view.argmax(1), two[:, 1] - two[:, 0], by_view.shape[1])


def poorly_explained(evidence, low=0.05, high=0.5):
    """Indices of the particles whose evidence (n,) is below the middle, without the very lowest: junk is among those."""
    order = np.argsort(evidence)
    return order[int(low * len(order)) : int(high * len(order))]
