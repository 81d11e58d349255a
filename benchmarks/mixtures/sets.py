"""The sets A to D: mixtures of views of molecules, with truth.

A: 6 molecules, one direction each, SNR 0.1, white noise. B: the same at 0.03. C: 10 directions of one molecule, 25 to 3 % of the
particles each, CTF, coloured noise, SNR 0.05, 10 % junk (noise, neighbours cut by the edge, ice). D: one molecule in all
directions, SNR 0.1. Boxes of 64 px of 4.4 A, random turns, shifts within 4 px.

What is reported comes from the draw "report"; settings are chosen on the draw "tune", which has other molecules and directions.
"""

import dataclasses
import pathlib

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from mixtures.projections import Volume, finer, placed

BOX, PIXEL = 64, 4.4
REACH = 4.0  # pixels
COUNTS = {"A": 1200, "B": 1200, "C": 1500, "D": 1500}
SNR = {"A": 0.1, "B": 0.03, "C": 0.05, "D": 0.1}
VIEWS = {"A": 6, "B": 6, "C": 10, "D": 20}  # classes asked for
SHARES = np.array([25, 18, 13, 10, 9, 7, 6, 5, 4, 3]) / 100.0
JUNK = ("noise", "neighbours", "ice", "neighbours")
WIDE = 128  # box in which the CTF is applied before particles are cut out
MICROSCOPE = {"voltage": 300.0, "cs": 2.7, "amplitude_contrast": 0.1}
DEFOCUS = (10_000.0, 25_000.0)  # A


@dataclasses.dataclass(frozen=True)
class Draw:
    """Molecules and directions that views are taken from.

    Attributes:
        six: molecules of A and B, directions from the random state `six_state`. many: molecule of C, its directions turned by
            the random state `many_state` (None: not turned). all: molecule of D.
    """

    six: tuple
    six_state: int
    many: str
    many_state: int | None
    all: str


DRAWS = {
    "report": Draw(("rubisco", "clpb", "cand1", "p97", "polII", "30S"), 4, "30S", None, "polII"),
    "tune": Draw(("hsp90", "clpb", "cav1.1", "cand1", "polII", "rubisco"), 11, "30S", 12, "cand1"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Mixture:
    """A set with truth.

    Attributes:
        images: float32 (n, BOX, BOX). view: (n,), -1 for junk. psi: (n,) degrees, offset: (n, 2) pixels, see
            `projections.placed`. kind: (n,), "particle" or one of `JUNK`. views: (k, BOX, BOX), empty for D. rotation:
            (n, 3, 3), only for D. defocus: (n,) A, or None.
    """

    images: np.ndarray
    view: np.ndarray
    psi: np.ndarray
    offset: np.ndarray
    kind: np.ndarray
    views: np.ndarray
    rotation: np.ndarray | None = None
    defocus: np.ndarray | None = None


def make(maps, name, seed, draw="report", count=None, snr=None):
    """A `Mixture`.

    Args:
        maps: folder of the density maps. name: A to D. seed: of particles and noise. draw: of `DRAWS`. count: particles.
        snr: in place of that of the set.
    """
    maps, chosen = pathlib.Path(maps), DRAWS[draw]
    rng = np.random.default_rng([seed, ord(name), sorted(DRAWS).index(draw)])
    count = count or COUNTS[name]
    psi, offset = rng.uniform(0, 360, count), rng.uniform(-REACH, REACH, (count, 2))
    kind, rotation, defocus = np.array(["particle"] * count, object), None, None
    if name == "D":
        rotation = Rotation.random(count, random_state=rng.integers(2**31)).as_matrix()
        volume = Volume(maps / f"{chosen.all}.mrc")
        views, view = np.zeros((0, BOX, BOX), np.float32), np.zeros(count, int)
        signal = np.stack([_placed(volume.project(r), p, o) for r, p, o in zip(rotation, psi, offset, strict=True)])
    elif name == "C":
        views = _standard(_around(Volume(maps / f"{chosen.many}.mrc"), chosen.many_state))
        view, defocus = rng.choice(len(SHARES), count, p=SHARES), rng.uniform(*DEFOCUS, count)
        for number, row in enumerate(rng.permutation(count)[: count // 10]):
            kind[row] = JUNK[number % len(JUNK)]
        signal = _seen(rng, [finer(v) for v in views], view, kind, psi, offset, defocus)
    else:
        rotations = Rotation.random(len(chosen.six), random_state=chosen.six_state).as_matrix()
        views = _standard(np.stack([Volume(maps / f"{m}.mrc").project(r) for m, r in zip(chosen.six, rotations, strict=True)]))
        view = rng.permutation(np.arange(count) % len(views))
        fine = [finer(v) for v in views]
        signal = np.stack([placed(fine[k], p, o, BOX) for k, p, o in zip(view, psi, offset, strict=True)])
    good = kind == "particle"
    level = np.sqrt(signal[good].var((1, 2)).mean())
    noise = _coloured(rng, count) if name == "C" else rng.standard_normal((count, BOX, BOX)).astype(np.float32)
    images = _background_normalised(signal / level * np.sqrt(snr or SNR[name]) + noise)
    return Mixture(images, np.where(good, view, -1), psi, offset, kind, views, rotation, defocus)


def write(mixture, folder, name):
    """FOLDER/NAME.mrcs and FOLDER/NAME.star; returns the path of the STAR file."""
    from pipelines.files import star
    from pipelines.files.mrc import write_mrc

    folder = pathlib.Path(folder)
    write_mrc(folder / f"{name}.mrcs", mixture.images, PIXEL)
    columns = {"rlnImageName": [f"{row + 1:06d}@{name}.mrcs" for row in range(len(mixture.images))], "rlnOpticsGroup": 1}
    if mixture.defocus is not None:
        columns |= {"rlnDefocusU": mixture.defocus, "rlnDefocusV": mixture.defocus, "rlnDefocusAngle": 0.0}
    optics = {"rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1], "rlnVoltage": [300.0]}
    optics |= {"rlnSphericalAberration": [2.7], "rlnAmplitudeContrast": [0.1], "rlnImagePixelSize": [PIXEL]}
    optics |= {"rlnImageSize": [BOX], "rlnImageDimensionality": [2]}
    star.write_star(star.StarTable(pd.DataFrame(columns), pd.DataFrame(optics)), folder / f"{name}.star")
    return folder / f"{name}.star"


def _around(volume, state):
    """Projections in ten directions that are spread evenly over the half sphere."""
    i = np.arange(len(SHARES)) + 0.5
    polar, azimuth = np.arccos(1 - 2 * i / len(SHARES)), np.pi * (1 + 5**0.5) * i
    rotations = Rotation.from_euler("ZYZ", np.stack([0 * i, polar, azimuth], 1))
    if state is not None:
        rotations = rotations * Rotation.random(random_state=state)
    return np.stack([volume.project(r) for r in rotations.as_matrix()])


def _standard(views):
    return views / views.std((1, 2), keepdims=True)


def _placed(view, psi, offset):
    return placed(finer(view), psi, offset, BOX)


def _seen(rng, fine, view, kind, psi, offset, defocus):
    """Particles and junk (n, BOX, BOX) through the microscope, without noise."""
    from pipelines.spectra.ctf import ctf

    cut = slice((WIDE - BOX) // 2, (WIDE + BOX) // 2)
    y, x = np.mgrid[:WIDE, :WIDE].astype(np.float32) - WIDE // 2
    signal = np.zeros((len(view), BOX, BOX), np.float32)
    gains = ctf(WIDE, PIXEL, defocus, **MICROSCOPE).numpy()
    for row, what in enumerate(kind):
        wide = np.zeros((WIDE, WIDE), np.float32)
        if what == "particle":
            wide = placed(fine[view[row]], psi[row], offset[row], WIDE)
        elif what == "neighbours":  # one or two, cut by the edge
            for _ in range(rng.integers(1, 3)):
                turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(20, 30)
                away = (far * np.cos(turn), far * np.sin(turn))
                wide = wide + placed(fine[view[row]], rng.uniform(0, 360), away, WIDE)
        elif what == "ice":
            for _ in range(rng.integers(1, 4)):
                width, at = rng.uniform(2.5, 7), rng.uniform(-16, 16, 2)
                wide = wide + rng.uniform(3, 8) * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * width**2))
        if what != "noise":
            signal[row] = np.fft.irfft2(np.fft.rfft2(wide) * gains[row], (WIDE, WIDE))[cut, cut]
    return signal


def _coloured(rng, count):
    """Noise of variance 1 with the power of a micrograph: white plus a rise at low frequencies."""
    frequency = np.hypot(np.fft.fftfreq(WIDE)[:, None], np.fft.rfftfreq(WIDE)[None])
    gain = np.sqrt(1 + 6 / (1 + (frequency / 0.06) ** 2) ** 1.5)
    cut = slice((WIDE - BOX) // 2, (WIDE + BOX) // 2)
    noise = np.empty((count, BOX, BOX), np.float32)
    for row in range(count):
        noise[row] = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((WIDE, WIDE))) * gain, (WIDE, WIDE))[cut, cut]
    return noise / noise.std()


def _background_normalised(images):
    """As RELION's extraction: outside the particle mean 0 and standard deviation 1."""
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    ground = images[:, np.hypot(x, y) > 30]
    return ((images - ground.mean(1)[:, None, None]) / ground.std(1)[:, None, None]).astype(np.float32)
