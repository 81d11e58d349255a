"""Tissue without end, as an electron microscope sees it: cells with membranes, mitochondria and vesicles in a 3D field.

Everything is a formula of the place, evaluated at the voxels of one section: a section can lie at any depth, and be turned and
moved, and nothing is interpolated. Cells are the Voronoi cells of points, one in each cube of a lattice, in a space that is
stretched and bent, so that they run through the sections at an angle, each part of the field at another.
"""

import numpy as np

from pipelines.geometry import frames

CELL = 26.0  # pixels, side of the cubes of which each has the middle of one cell
STRETCH = 2.2  # how much longer cells are along their run than across it
WAVES, BEND = 6, 0.5  # that bend the field, and their slope
MITOCHONDRION, SHARE = 34.0, 0.45  # pixels, side of their cubes, and how many of these hold one
VESICLE = 9.0  # pixels, side of their cubes
FULL = 0.35  # of the cells have vesicles
EDGE = 1.1  # pixels over which a structure ends
AROUND = np.array([(k, j, i) for k in (-1, 0, 1) for j in (-1, 0, 1) for i in (-1, 0, 1)])


class Tissue:
    """A block of tissue that has no border.

    Args:
        seed: integer; the same one gives the same tissue.
    """

    def __init__(self, seed: int = 0):
        rng = np.random.default_rng(seed)
        self._seed = int(rng.integers(2**31))
        run = rng.normal(size=3) * [1.0, 0.7, 0.7]  # z, y, x
        run /= np.linalg.norm(run)
        self._across = np.float32((np.eye(3) - (1.0 - 1.0 / STRETCH) * np.outer(run, run)) / CELL)
        directions = rng.normal(size=(WAVES, 3))
        lengths = np.geomspace(60.0, 320.0, WAVES)
        self._waves = np.float32(2 * np.pi * directions / np.linalg.norm(directions, axis=1)[:, None] / lengths[:, None])
        self._phases = np.float32(rng.uniform(0, 2 * np.pi, WAVES))
        self._bends = np.float32(rng.normal(size=(WAVES, 3)) * (BEND * lengths / (2 * np.pi))[:, None] / np.sqrt(WAVES))

    def section(self, depth: float, size: tuple[int, int], angle: float = 0.0, shift=(0.0, 0.0)) -> np.ndarray:
        """The section at `depth` pixels, turned by `angle` degrees about its middle, then moved by `shift` (2,) pixels.

        Returns:
            float32 (height, width), grey values of about 40 (membranes) to 200.
        """
        x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
        back, moved = frames.inverse(angle, np.asarray(shift, np.float64))
        places = np.stack([x, y], -1).reshape(-1, 2) - frames.centre(size)
        places = places @ frames.rotations(back).T + moved
        z = np.full(len(places), depth)
        return self.at(np.stack([z, places[:, 1], places[:, 0]], 1)).reshape(size)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Grey values (n,) at places (n, 3): z, y, x in pixels."""
        places = np.float32(places)
        bent = places + np.sin(places @ self._waves.T + self._phases) @ self._bends
        first, second, cell = self._cells(bent @ self._across.T)
        wall = (second - first) * (0.5 * CELL)  # about the distance from the membrane, pixels
        inside = _step(wall - 1.8)
        grey = 150.0 + 40.0 * _uniform(cell, self._seed + 1) + 7.0 * np.sin(bent @ np.float32([0.41, 0.53, 0.37]))
        full = _uniform(cell, self._seed + 2) < FULL
        holds = np.flatnonzero(full & (wall > 3.0))
        grey[holds] -= 85.0 * self._vesicles(places[holds]) * _step(wall[holds] - 4.0) if len(holds) else 0.0
        body, stripes = self._mitochondria(bent)
        body *= _step(wall - 4.0)
        grey += body * (105.0 + stripes - grey)
        return 48.0 + inside * (grey - 48.0)

    def _cells(self, places):
        """Distances (n,) to the nearest and to the second nearest middle, sides of a cube, and a number of the nearest."""
        lattice = _Lattice(places, self._seed)
        middles = lattice.cubes + _three(lattice.names, 0.15, 0.85)
        first = np.full(len(places), np.inf, np.float32)
        second, nearest = first.copy(), np.zeros(len(places), np.int64)
        for index in lattice.around():
            distance = _length(middles[index] - places)
            nearer = distance < first
            second = np.where(nearer, first, np.minimum(second, distance))
            first, nearest = np.where(nearer, distance, first), np.where(nearer, index, nearest)
        return first, second, lattice.names[nearest]

    def _mitochondria(self, places):
        """How far a place (n,) lies in one, 0 to 1, and what its folds add to the grey value there."""
        places = places / np.float32(MITOCHONDRION)
        lattice = _Lattice(places, self._seed + 3)
        middles = lattice.cubes + _three(lattice.names, 0.2, 0.8)
        runs = _three(lattice.names ^ np.uint32(77777), -1.0, 1.0) + np.float32([0.3, 0.0, 0.0])
        runs /= _length(runs)[:, None]
        widths = 5.0 + 3.0 * _uniform(lattice.names, 5)
        there = _uniform(lattice.names, 6) < SHARE
        body, folds = np.zeros(len(places), np.float32), np.zeros(len(places), np.float32)
        for index in lattice.around():
            near = np.flatnonzero(there[index])
            index = index[near]
            away = (places[near] - middles[index]) * np.float32(MITOCHONDRION)
            along, wide = np.einsum("ni,ni->n", away, runs[index]), widths[index]
            across = np.sqrt(np.maximum(np.einsum("ni,ni->n", away, away) - along**2, 0.0))
            depth = (1.0 - np.sqrt((along / (2.6 * wide)) ** 2 + (across / wide) ** 2)) * wide
            here = _step(depth)
            mine = here > body[near]
            near, depth, along, across = near[mine], depth[mine], along[mine], across[mine]
            body[near] = here[mine]
            folds[near] = np.where(depth < 2.2, -40.0, 22.0 * np.sin(along * 1.1 + 0.5 * across))
        return body, folds

    def _vesicles(self, places):
        """How far a place (n,) lies in the wall of a vesicle, 0 to 1."""
        places = places / np.float32(VESICLE)
        lattice = _Lattice(places, self._seed + 4)
        middles = lattice.cubes + _three(lattice.names, 0.35, 0.65)
        distance = _length(places - middles[lattice.own]) * VESICLE
        return np.exp(-np.square((distance - 2.3) / 0.9))


class _Lattice:
    """The cubes of side 1 that some places (n, 3) lie in, and those around them.

    Attributes:
        cubes: (m, 3) float32, their corners. names: (m,), see `_names`. own: (n,), index of the cube that each place lies in.
    """

    def __init__(self, places, seed):
        cube = np.floor(places).astype(np.int64)
        low = cube.min(0) - 1
        sides = cube.max(0) + 2 - low
        cubes = np.stack(np.meshgrid(*(np.arange(side) for side in sides), indexing="ij"), -1).reshape(-1, 3) + low
        self.cubes, self.names = np.float32(cubes), _names(cubes, seed)
        self._strides = np.array([sides[1] * sides[2], sides[2], 1])
        self.own = (cube - low) @ self._strides

    def around(self):
        """Indices (n,) of the cubes beside each place's own, one of the 27 after the other."""
        return (self.own + offset @ self._strides for offset in AROUND)


def made_volume(count: int, size: tuple[int, int], seed: int = 0, step: float = 2.0, poses=None, noise: float = 12.0):
    """Sections of `Tissue` as a detector of 8 bits records them.

    Args:
        count: sections. size: (height, width). seed: of tissue and noise. step: pixels from one section to the next.
        poses: (angle (count,), shift (count, 2)), see `Tissue.section`; None: none is turned or moved.
        noise: standard deviation at the grey value 128; it grows with the root of the value.

    Returns:
        uint8 (count, height, width).
    """
    tissue, rng = Tissue(seed), np.random.default_rng(seed)
    angle, shift = poses if poses is not None else (np.zeros(count), np.zeros((count, 2)))
    volume = np.empty((count, *size), np.uint8)
    for number in range(count):
        clean = tissue.section(number * step, size, float(angle[number]), shift[number])
        grain = rng.standard_normal(size, np.float32) * np.sqrt(clean / 128.0) * noise
        volume[number] = np.clip(np.rint(clean + grain), 0, 255)
    return volume


def _length(vectors):
    """Lengths (n,) of vectors (n, 3)."""
    return np.sqrt(np.einsum("ni,ni->n", vectors, vectors))


def _step(distance):
    """From 0 outside to 1 inside, smoothly, over `EDGE` pixels on both sides."""
    part = np.clip(0.5 + distance * (0.5 / EDGE), 0.0, 1.0)
    return part * part * (3.0 - 2.0 * part)


def _names(cubes, seed):
    """A number uint32 (n,) for each cube (n, 3) of integers that looks like chance."""
    parts = cubes.astype(np.uint32) * np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D], np.uint32)
    return _mixed(parts[:, 0] ^ parts[:, 1] ^ parts[:, 2] ^ np.uint32(seed * 0x27D4EB2F & 0xFFFFFFFF))


def _mixed(number):
    """The mixing of MurmurHash3."""
    number = (number ^ (number >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    number = (number ^ (number >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return number ^ (number >> np.uint32(16))


def _uniform(name, salt):
    """Numbers (n,) in [0, 1) of names."""
    return _mixed(name ^ np.uint32(salt * 0x9E3779B1 & 0xFFFFFFFF)).astype(np.float32) * np.float32(2.0**-32)


def _three(name, low, high):
    """Three numbers (n, 3) in [low, high) of each name."""
    return np.stack([low + (high - low) * _uniform(name, salt) for salt in (11, 12, 13)], 1)
