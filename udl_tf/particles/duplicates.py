"""Rows of a stack that hold one image: they must not stand in both half-sets, which would then agree on its noise."""

import hashlib

import numpy as np

from pipelines.files.source import chunks

CHUNK = 512  # images that are looked at together
NAMED = 5  # pairs of rows that a sentence names


def first_of_each(source) -> np.ndarray:
    """For each image of a `Source` the first row (n,) with the same pixels, its own where there is none before it."""
    seen: dict[bytes, int] = {}
    found = np.zeros(len(source), np.int64)
    for rows, images in chunks(source, CHUNK):
        for row, image in zip(range(rows.start, rows.stop), images, strict=True):
            found[row] = seen.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), row)
    return found


def halves(first: np.ndarray) -> np.ndarray:
    """Half-set int32 (n,), 0 or 1: different images take turns, in the order of their first rows; copies follow theirs."""
    own = first == np.arange(len(first))
    return (((np.cumsum(own) - 1) % 2).astype(np.int32))[first]


def sentence(first: np.ndarray) -> str | None:
    """What people are told of images that stand in a stack more than once; None where there are none. Rows count from 1."""
    copies = np.flatnonzero(first != np.arange(len(first)))
    if not copies.size:
        return None
    named = ", ".join(f"{row + 1} is {first[row] + 1}" for row in copies[:NAMED])
    more = f" and {len(copies) - NAMED} more" if len(copies) > NAMED else ""
    return (
        f"{len(copies)} of {len(first)} images are copies of others ({named}{more}): they stay in one half-set, and the "
        f"average is one of {len(first) - len(copies)} images."
    )
