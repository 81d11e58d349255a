"""Do the particles of a stack agree with one view? What the average leaves of them tells.

Of particles of one view it leaves noise, which looks the same however each is turned, and what small errors of the poses
make. Of several views it leaves what sets them apart, the same in many particles once they are aligned, and smeared out
once each is turned at random: that comparison needs no model of the noise.
"""

import dataclasses

import numpy as np

from pipelines.geometry.warp import warp
from pipelines.spectra.resample import fourier_resample
from udl_tf.particles.masks import mask_of
from udl_tf.particles.reader import reader_of

BOX = 32  # pixels that aligned images are reduced to
HIGHEST = 12  # cycles per box that are compared
MOST = 2048  # particles that are looked at
CHUNK = 256  # particles that are read together
FEWEST = 40  # particles below which nothing is said
DRAWS = 4  # sets of random turns
TIMES = 1.35  # by how much the variance that aligned particles share must exceed that of turned ones
SMALL = np.array([[4.0, 0, 0], [-4, 0, 0], [9, 0, 0], [-9, 0, 0], [0, 0.5, 0], [0, -0.5, 0], [0, 0, 0.5], [0, 0, -0.5]])


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Whether particles agree with one view.

    Attributes:
        ratio: variance that the other half's main difference has among them, over that with random turns; about 1 for one view.
        belongs: (n,), probability of each to be of the view that most are of; 1 for all where they agree.
    """

    ratio: float
    belongs: np.ndarray

    @property
    def one(self) -> bool:
        """They do."""
        return self.ratio < TIMES

    @property
    def sentence(self) -> str | None:
        """What people are told, or None."""
        if self.one:
            return None
        share = 100.0 * float(np.mean(self.belongs < 0.5))
        return (
            f"The particles do not agree with one view: what their average leaves of them differs in one way for "
            f"{share:.0f} % of them ({self.ratio:.1f} times what chance gives). Several views, or conformations, seem to be "
            "in this stack; the scores of the smaller part are lowered."
        )


def judge(alignment, config):
    """Look at the particles of each view of a `StackAlignment`: lower the scores of those that do not agree, and say so.

    Scores of particles that are not looked at, beyond `MOST`, are lowered by the share of those that do not.
    """
    table, reader, mask = alignment.particles, reader_of(config), mask_of(config)
    for view in table.views:
        members = np.flatnonzero((table.view == view) & table.included)
        places = members[np.linspace(0, len(members) - 1, min(MOST, len(members))).astype(int)]
        if len(places) < FEWEST:
            continue
        images = []
        for part in np.array_split(places, -(-len(places) // CHUNK)):
            read, _ = reader.read(table.rows[part])
            read = reader.for_network(read, reader.ctf(table.rows[part]))
            images.append(fourier_resample(warp(read, table.angle[part], table.shift[part]) * mask, BOX).numpy())
        found = agreement(np.concatenate(images), table.half[places])
        if not found.one:
            belongs = np.full(len(members), np.mean(found.belongs))
            belongs[np.searchsorted(members, places)] = found.belongs
            table.score[members] *= belongs
            alignment.note(view, found.sentence)


def agreement(aligned: np.ndarray, half: np.ndarray, seed: int = 0) -> Agreement:
    """Compare aligned particles with their average.

    Args:
        aligned: float32 (n, side, side), turned and moved onto the average, masked. half: (n,), 0 or 1, of two sets that do not
            share an image. seed: of the random turns.
    """
    count = len(aligned)
    if count < FEWEST:
        return Agreement(1.0, np.ones(count))
    images = fourier_resample(aligned, BOX).numpy()
    random = np.random.default_rng(seed)
    found, coordinate = _shared_variance(images, half)
    chance = []
    for _ in range(DRAWS):
        turns = random.uniform(0.0, 360.0, count).astype(np.float32)
        turned = warp(_without(images, _poses(images.mean(0))), turns, np.zeros((count, 2), np.float32)).numpy()
        chance.append(_shared_variance(turned, half)[0])
    ratio = found / float(np.mean(chance))
    return Agreement(ratio, _larger_part(coordinate) if ratio >= TIMES else np.ones(count))


def _shared_variance(images, half):
    """Variance of each half along the other half's first principal axis, mean of both; coordinates (n,) along the axis of all."""
    rest = _spectra(_without(images, _poses(images.mean(0))))
    parts = [rest[half == number] for number in (0, 1)]
    axes = [_first_axis(part) for part in parts]
    variance = np.mean([np.var(part @ axis) for part, axis in zip(parts, axes[::-1], strict=True)])
    return float(variance), rest @ _first_axis(rest)


def _poses(average):
    """Orthonormal vectors (k, pixels): the average, and what small errors of poses make of it."""
    turn, shift = SMALL[:, 0].astype(np.float32), SMALL[:, 1:].astype(np.float32)
    moved = warp(np.repeat(average[None], len(SMALL), 0).astype(np.float32), turn, shift).numpy() - average
    level = np.ones_like(average)
    basis = np.concatenate([average[None], level[None], moved]).reshape(len(SMALL) + 2, -1).astype(np.float64)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True) + 1e-12
    u, scale, _ = np.linalg.svd(basis.T, full_matrices=False)
    return u[:, scale > 1e-3 * scale[0]].T


def _without(images, basis):
    flat = images.reshape(len(images), -1)
    return (flat - flat @ basis.T @ basis).reshape(images.shape).astype(np.float32)


def _spectra(images):
    """Real numbers (n, k) of images (n, BOX, BOX): their frequencies up to HIGHEST, each ring scaled to the same power."""
    spectra = np.fft.rfft2(images)
    y, x = np.fft.fftfreq(BOX)[:, None] * BOX, np.arange(BOX // 2 + 1)[None, :]
    ring = np.rint(np.hypot(y, x)).astype(int)
    inside = (ring > 0) & (ring <= HIGHEST) & ((x > 0) | (y > 0))
    values, rings = spectra[:, inside], ring[inside]
    power = np.bincount(rings, np.square(np.abs(values)).mean(0)) / np.maximum(np.bincount(rings), 1)
    values = values / np.sqrt(power[rings] + 1e-12)
    return np.concatenate([values.real, values.imag], 1)


def _first_axis(rows):
    rows = rows - rows.mean(0)
    return np.linalg.eigh(rows.T @ rows)[1][:, -1]


def _larger_part(coordinate, rounds=100):
    """Probability (n,) of belonging to the larger of two normal distributions of one width, by expectation-maximisation."""
    low, high = np.quantile(coordinate, [0.15, 0.85])
    mean, width, share = np.array([low, high]), max((high - low) / 3.0, 1e-9), np.array([0.5, 0.5])
    for _ in range(rounds):
        log = np.log(share) - 0.5 * np.square((coordinate[:, None] - mean) / width)
        part = np.exp(log - log.max(1, keepdims=True))
        part /= part.sum(1, keepdims=True)
        share = np.maximum(part.mean(0), 1e-6)
        mean = (part * coordinate[:, None]).sum(0) / (part.sum(0) + 1e-9)
        width = max(float(np.sqrt((part * np.square(coordinate[:, None] - mean)).sum() / len(coordinate))), 1e-9)
    return part[:, int(share.argmax())]
