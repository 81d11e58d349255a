"""Whether an aligner knows how far it can be trusted: its error bars and its scores, held against the truth."""

import numpy as np

GROSS = 5.0  # degrees; an angle further off is wrong
TRUSTED = 0.9  # score: the probability, as the aligner sees it, that the angle is not
INTERVAL = 1.96  # standard errors on either side of a value hold 95 % of a normal distribution


def intervals_held(error, sigma):
    """Share in percent of the pairs that are not gross errors whose 95 % interval holds the truth.

    Args:
        error: (n,) degrees, of the angle, without its sign. sigma: (n,) degrees, predicted standard error of the angle.
    """
    fine = np.asarray(error) < GROSS
    return _percent(error[fine] <= INTERVAL * sigma[fine])


def trusted(score):
    """Share in percent of the pairs whose score (n,) is above `TRUSTED`."""
    return _percent(score > TRUSTED)


def gross_among_trusted(error, score):
    """Share in percent of gross errors (n,) among the pairs that are `trusted`."""
    return _percent(error[score > TRUSTED] >= GROSS)


def columns(error, sigma, score):
    """All three as a row of a table."""
    return {
        "95 % interval holds, %": intervals_held(error, sigma),
        "score > 0.9, %": trusted(score),
        "gross of these, %": gross_among_trusted(error, score),
    }


def _percent(mask):
    """Of an empty selection there is no share: None, an empty cell in the table."""
    return 100.0 * float(np.mean(mask)) if len(mask) else None
