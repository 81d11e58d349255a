"""The sums of `tile_sums` over the whole overlap of a pair at one level of its pyramids, a few tiles in memory at a time."""

import numpy as np
import tensorflow as tf

from pipelines.geometry import frames
from udl_tf.registration.numbers import radius
from udl_tf.registration.pyramid import Pyramid
from udl_tf.registration.tile_sums import BLOCK, HALO, ROWS, tile_sums

TILE = 256  # pixels, largest side of a tile
PIXELS = 4 * TILE**2  # in tiles at a time
CLUSTERS = 12  # along the shorter side of the frame: what blocks are taken together to


def block_sums(fixed: Pyramid, moving: Pyramid, level: int, angle: float, shift: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Sums of products over clusters of blocks.

    Args:
        fixed, moving: `Pyramid`. level: of both.
        angle: degrees. shift: (2,) pixels of the pictures themselves.
        known: see `tile_sums`.

    Returns:
        float64 (clusters, 9, 9), those with any weight, turns by an arc of one of the level's pixels at `radius`.
    """
    size, other = fixed.level(level).shape, moving.level(level).shape
    maps = level_map(level, angle, shift, fixed.size, moving.size)
    tile = tuple(BLOCK * -(-side // (BLOCK * -(-side // TILE))) for side in size)
    reach = np.abs(maps[:, :2]) @ (np.array(tile[::-1]) + 1.0)  # what a tile with a border of a pixel covers, x and y
    patch = tuple(int(np.ceil(side)) + 2 * HALO + 2 for side in reach[::-1])
    frame = np.float32([size[1], size[0], other[1], other[0], radius(size)])
    down, right = (-(-side // one) for side, one in zip(size, tile))
    sums = np.zeros((down * tile[0] // BLOCK, right * tile[1] // BLOCK, ROWS, ROWS))
    batch = max(1, PIXELS // (tile[0] * tile[1]))
    places = [(x, y) for y in range(0, size[0], tile[0]) for x in range(0, size[1], tile[1])]
    work = [one for one in (_placed(place, maps, tile, patch, other) for place in places) if one]
    traced = tile_sums.get_concrete_function()  # a small tile takes less time than to look it up again
    for start in range(0, len(work), batch):
        corners, local, there = (np.array(part) for part in zip(*work[start : start + batch]))
        still = np.stack([fixed.patch(level, x - HALO, y - HALO, (tile[0] + 2 * HALO, tile[1] + 2 * HALO)) for x, y in corners])
        moved = np.stack([moving.patch(level, x, y, patch) for x, y in there])
        tensors = (
            still,
            moved,
            *(np.float32(part) for part in (local, corners, there)),
            frame,
            np.tile(np.float32(known), (len(still), 1)),
        )
        found = traced(*map(tf.constant, tensors))
        for (x, y), blocks in zip(corners, found.numpy()):
            sums[y // BLOCK :, x // BLOCK :][: blocks.shape[0], : blocks.shape[1]] = blocks
    return _clustered(sums)


def level_map(level, angle, shift, fixed, moving):
    """The map (2, 3) from a level's pixels of the fixed frame to those of the moving one."""
    scale = 2.0**level
    maps = frames.pixel_maps(angle, shift, fixed, moving)[0, :2]
    first = (scale - 1.0) / 2.0  # where the first pixel of the level lies
    maps[:, 2] = (maps[:, :2].sum(1) * first + maps[:, 2] - first) / scale
    return maps


def _placed(place, maps, tile, patch, other):
    """(corner of a tile, its map to its patch, corner of the patch); None where the tile does not meet the moving frame."""
    ends = np.array([[x, y] for x in (-1, tile[1]) for y in (-1, tile[0])], np.float64) + place
    ends = ends @ maps[:, :2].T + maps[:, 2]
    if (ends.max(0) < 0).any() or (ends.min(0) > np.array(other[::-1]) - 1.0).any():
        return None
    corner = np.floor(ends.min(0)).astype(int) - HALO
    local = maps.copy()
    local[:, 2] += maps[:, :2] @ np.array(place, np.float64) - corner
    return place, local, corner


def _clustered(sums):
    """Blocks (down, right, 9, 9) taken together to clusters (n, 9, 9)."""
    side = max(1, min(sums.shape[:2]) // CLUSTERS)
    rows = np.add.reduceat(sums, np.arange(0, sums.shape[0], side), 0)
    found = np.add.reduceat(rows, np.arange(0, sums.shape[1], side), 1).reshape(-1, ROWS, ROWS)
    return found[found[:, -1, -1] > 0.0]
