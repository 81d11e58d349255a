"""A greedy walk of many pairs at once, until each goes round in a circle; the answer is the middle of it."""

import collections

import numpy as np

Walk = collections.namedtuple("Walk", "state steps")
Walk.__doc__ = """`state` (n, d) where each walk ends, `steps` (n,) that it has taken."""


def walk(values, taken, start, near, most):
    """Take the action of the highest value again and again.

    A pair that comes back to near a state where it has been goes round in a circle: its walk ends with the mean of the states
    since then. One that does not ends where it is after `most` steps.

    Args:
        values: function (states (m, d), rows (m,)) -> values (m, actions) of the pairs of these rows in these states.
        taken: function (states (m, d), actions (m,)) -> states (m, d) after them.
        start: (n, d), where the walk begins. near: states that differ by less in every number are one. most: steps.

    Returns:
        `Walk`, NumPy.
    """
    state = np.array(start, np.float32)
    track, steps, active, ends = [state], np.zeros(len(state), np.int32), np.arange(len(state)), state.copy()
    for _ in range(most):
        here = track[-1][active]
        chosen = np.argmax(values(here, active), 1)
        state = track[-1].copy()
        state[active] = taken(here, chosen)
        steps[active] += 1
        been = np.abs(np.stack(track)[:, active] - state[active]).max(-1) < near  # (states, m)
        closed, first = been.any(0), been.argmax(0)
        ends[active] = state[active]
        for row, begin in zip(active[closed], first[closed], strict=True):
            ends[row] = np.mean([old[row] for old in track[begin:]], 0)
        track.append(state)
        active = active[~closed]
        if not len(active):
            break
    return Walk(ends, steps)
