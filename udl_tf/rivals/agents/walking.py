"""A greedy walk of many pairs at once, until each goes round in a circle; the answer is the middle of it."""

import collections

import numpy as np

from udl_tf.rivals.agents import actions

Walk = collections.namedtuple("Walk", "angle shift steps")
Walk.__doc__ = """`angle` (n,) degrees, `shift` (n, 2) pixels: where each walk ends. `steps` (n,) that it has taken."""


def walk(values, angle, shift, step, most):
    """Take the action of the highest value again and again.

    A pair that comes back to within half a step of a pose where it has been goes round in a circle: its walk ends with the mean
    of the poses since then. One that does not ends where it is after `most` steps.

    Args:
        values: function (angle (m,), shift (m, 2), rows (m,)) -> values (m, 6) of the pairs of these rows under these poses.
        angle, shift: (n,), (n, 2), where the walk begins. step: degrees and pixels. most: steps.

    Returns:
        `Walk`, NumPy.
    """
    pose = np.concatenate([np.float32(angle)[:, None], np.float32(shift)], 1)  # (n, 3)
    track, steps, active = [pose], np.zeros(len(pose), np.int32), np.arange(len(pose))
    ends = pose.copy()
    for _ in range(most):
        here = track[-1]
        chosen = np.argmax(values(here[active, 0], here[active, 1:], active), 1)
        turned, moved = actions.taken((here[active, 0], here[active, 1:]), chosen, step)
        pose = here.copy()
        pose[active] = np.concatenate([np.asarray(turned)[:, None], moved], 1)
        steps[active] += 1
        been = np.abs(np.stack(track)[:, active] - pose[active]).max(-1) < step / 2.0  # (poses, m)
        closed, first = been.any(0), been.argmax(0)
        ends[active] = pose[active]
        for row, begin in zip(active[closed], first[closed], strict=True):
            ends[row] = np.mean([old[row] for old in track[begin:]], 0)
        track.append(pose)
        active = active[~closed]
        if not len(active):
            break
    return Walk(ends[:, 0], ends[:, 1:], steps)
