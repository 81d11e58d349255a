"""From flows between pairs of sections to one field of steps: robust least squares over the whole volume.

The unknowns are the steps of each node from a section to the next; a flow between two sections two apart is the sum of two. Steps
that nothing is known of follow those of the nodes around.
"""

import numpy as np

from udl_tf.volumes.section_flows import SectionFlows

SMOOTH, RIDGE = 0.03, 1e-4  # of the median weight: of differences between nodes side by side, and of steps
ROUNDS, ITERATIONS = 4, 30  # of reweighting, and of conjugate gradients in each
CUT = 3.0  # robust standard deviations: residuals of this size lose half their weight


def agreeing_steps(flows: SectionFlows, count: int) -> np.ndarray:
    """Steps (count - 1, rows, columns, 2) of the nodes, pixels, from each section to the next."""
    apart = flows.second - flows.first
    trust = flows.weight.astype(np.float64)
    level = float(np.median(trust[trust > 0])) if (trust > 0).any() else 1.0
    steps = np.zeros((count - 1, *flows.flow.shape[1:]))
    weight = trust.copy()
    for _ in range(ROUNDS):
        steps = _solved(flows, weight, level, steps)
        away = np.linalg.norm(flows.flow - _summed(steps, flows), axis=-1)
        for k in np.unique(apart):
            rows = apart == k
            known = trust[rows] > 0.05 * level
            scale = np.median(away[rows][known]) / 1.18 if known.any() else 1.0  # of two axes, each with standard deviation 1
            weight[rows] = trust[rows] / (1.0 + np.square(away[rows] / max(CUT * scale, 1e-3)))
    return steps


def _summed(steps, flows):
    """What the steps say of each pair, (pairs, rows, columns, 2)."""
    path = np.concatenate([np.zeros_like(steps[:1]), np.cumsum(steps, 0)])
    return path[flows.second] - path[flows.first]


def _spread(pairs, flows, count):
    """The transpose of `_summed`: (count - 1, rows, columns, 2) of values of pairs."""
    ends = np.zeros((count, *pairs.shape[1:]))
    np.add.at(ends, flows.first, pairs)
    np.add.at(ends, flows.second, -pairs)
    return np.cumsum(ends, 0)[:-1]


def _solved(flows, weight, level, start):
    """Conjugate gradients from `start`, preconditioned by the diagonal."""
    count, weight = len(start) + 1, weight[..., None]

    def product(steps):
        found = _spread(weight * _summed(steps, flows), flows, count) + RIDGE * level * steps
        for axis in (1, 2):
            ends = [(0, 0)] * 4
            ends[axis] = (1, 1)
            found -= SMOOTH * level * np.diff(np.pad(np.diff(steps, axis=axis), ends), axis=axis)
        return found

    diagonal = _spread(np.broadcast_to(weight, (*weight.shape[:-1], 1)), flows, count) + (RIDGE + 4 * SMOOTH) * level
    found, rest = start, _spread(weight * flows.flow, flows, count) - product(start)
    first = direction = rest / diagonal
    power = np.vdot(rest, first)
    for _ in range(ITERATIONS):
        if not power > 0:
            break
        moved = product(direction)
        size = power / np.vdot(direction, moved)
        found, rest = found + size * direction, rest - size * moved
        first = rest / diagonal
        power, before = np.vdot(rest, first), power
        direction = first + (power / before) * direction
    return found
