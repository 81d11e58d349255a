"""How well classes and poses were found, against the truth of `mixtures.sets`."""

import numpy as np

NEAR = 20.0  # degrees from the mode within which differences of psi are taken for its middle
CONE = np.cos(np.radians(30.0))


def adjusted_rand(first, second):
    """Adjusted Rand index of two partitions (n,) of integers: 1 the same, 0 chance (Hubert and Arabie, 1985)."""
    _, first = np.unique(first, return_inverse=True)
    _, second = np.unique(second, return_inverse=True)
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)

    def pairs(counts):
        return (counts * (counts - 1) / 2).sum()

    both, one, other, total = pairs(table), pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array([len(first)]))
    chance = one * other / total
    most = (one + other) / 2
    return 1.0 if most == chance else float((both - chance) / (most - chance))


def area_under_curve(positive, score):
    """Probability that a random positive has a higher score than a random negative; ties count half."""
    ranks = np.empty(len(score))
    values, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    hits = int(np.sum(positive))
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * (len(score) - hits)))


def score(mixture, label, psi, junk=None, told=None, offset=None):
    """Figures of merit of a set A to C, a dict.

    Args:
        label: (n,) class. psi: (n,) degrees. junk: (n,), larger is more like junk. told: (n,) bool, said to be junk.
        offset: (n, 2) pixels.
    """
    good = mixture.view >= 0
    view, found = mixture.view[good], label[good]
    major = {k: np.bincount(view[found == k]).argmax() for k in np.unique(found)}
    right = np.array([major[k] for k in found]) == view
    error = psi_error(found, psi[good], mixture.psi[good], right)
    row = {"ARI": adjusted_rand(view, found), "psi deg": float(np.median(error[right]))}
    row["within 10"] = float(np.mean(right & (error < 10)))
    row["views found"] = len({major[k] for k in major if (found == k).sum() >= 5})
    if offset is not None:
        kept = np.ones(len(found), bool) if told is None else ~told[good]  # junk has no centre
        error, centre = shift_error(found[kept], psi[good][kept], offset[good][kept], mixture.offset[good][kept], right[kept])
        largest = {}  # class of each view
        for k in sorted(np.unique(found[kept]), key=lambda k: np.sum(found[kept] == k)):
            largest[major[k]] = centre[k]
        row |= {"shift px": float(np.median(error)), "off centre px": float(max(largest.values()))}
        row["off centre, median px"] = float(np.median(list(largest.values())))
    if (~good).any() and junk is not None:
        row["junk AUC"] = area_under_curve(~good, junk)
        ranked = np.sort(junk[~good])[int(0.1 * (~good).sum())]
        row["lost at 90 %"] = float(np.mean(junk[good] >= ranked))
    if told is not None:
        row["told junk"] = float(told[~good].mean()) if (~good).any() else None
        row["lost"] = float(told[good].mean())
    return row


def psi_error(label, psi, true, right):
    """Degrees (n,) between psi and truth, less the rotation of each class that most of its right members agree on."""
    error = np.full(len(label), np.nan)
    for k in np.unique(label):
        at = label == k
        difference = _wrap(psi[at] - true[at])
        error[at] = np.abs(_wrap(difference - middle(difference[right[at]])))
    return error


def shift_error(label, psi, offset, true, right):
    """Pixels between offsets of the right members (n,), less the place of each class's centre that they agree on; class: that."""
    parts, centres = [], {}
    for k in np.unique(label):
        at = (label == k) & right
        c, s = np.cos(np.radians(psi[at])), np.sin(np.radians(psi[at]))
        d = offset[at] - true[at]
        d = np.stack([c * d[:, 0] - s * d[:, 1], s * d[:, 0] + c * d[:, 1]], 1)  # in the frame of the average
        parts.append(np.hypot(*(d - np.median(d, 0)).T))
        centres[k] = np.hypot(*np.median(d, 0))
    return np.concatenate(parts), centres


def middle(difference):
    """The angle (degrees) that most differences (n,) agree on: the mode, then the median around it."""
    grid = np.arange(0, 360, 2.0)
    mode = grid[np.exp(-0.5 * (_wrap(difference[:, None] - grid) / 6) ** 2).sum(0).argmax()]
    near = _wrap(difference - mode)
    near = near[np.abs(near) < NEAR]
    return mode + (np.median(near) if len(near) else 0.0)


def directions(mixture, label, psi):
    """Set D: how far members look from their class's middle direction, and the error of psi relative to it, a dict."""
    rotation = mixture.rotation
    axis = rotation[:, 2]  # direction seen, in the molecule's frame
    spread, error = np.full(len(label), np.nan), np.full(len(label), np.nan)
    for k in np.unique(label):
        at = np.flatnonzero(label == k)
        if len(at) < 3:
            continue
        members = axis[at]
        near = members @ members.T > CONE
        centre = members[near[near.sum(1).argmax()]].mean(0)
        centre /= np.linalg.norm(centre)
        spread[at] = np.degrees(np.arccos(np.clip(members @ centre, -1, 1)))
        relative = rotation[at] @ rotation[at[np.argmax(members @ centre)]].T  # nearly a turn about the axis
        turn = np.degrees(np.arctan2(relative[:, 1, 0] - relative[:, 0, 1], relative[:, 0, 0] + relative[:, 1, 1]))
        difference = _wrap(psi[at] - mixture.psi[at] + turn)
        error[at] = np.abs(_wrap(difference - middle(difference)))
    return {"direction deg": float(np.nanmedian(spread)), "psi deg": float(np.nanmedian(error))}


def _wrap(angle):
    return (angle + 180) % 360 - 180
