"""What particles are compared with, made from the sums of a pass over the stack: filtered averages and the noise spectrum.

Both half-sets of a view have an average of their own, so that their Fourier ring correlation f is not flattered. f is also the
Wiener filter of a half's average: signal over signal plus noise. What the average does not explain of the particles' power is
the noise.
"""

import dataclasses

import numpy as np

from pipelines import geometry
from udl_tf.particles.averaging import HALVES, average, gains
from udl_tf.particles.masks import framed, mask_of, window_of
from udl_tf.particles.measures import ring_correlation
from udl_tf.particles.rings import Rings

SMOOTHING = 5  # rings that correlations are averaged over
SPREAD = 32  # distances from the centre are averaged over box // SPREAD pixels to either side
RESOLVED = 0.143  # correlation of half-sets up to which frequencies say something
BEYOND = 6  # rings compared beyond that
STEP, MOST = 16, 64  # the highest ring compared is a multiple of STEP, at most MOST
LEAST_NOISE = 0.05, 1e-3  # shares of a ring's power and of the mean power: clean images have noise, too, if only of interpolation


@dataclasses.dataclass(frozen=True)
class Reference:
    """What the particles of each half-set of a view are compared with.

    Attributes:
        averages: float32 (2, box, box), masked and filtered. power: (rings,), E|F|^2 of the noise. highest: last ring compared.
        own: (2, rings), by how much a particle of weight 1 that is in its average changes it, per CTF times particle.
    """

    averages: np.ndarray
    power: np.ndarray
    highest: int
    own: np.ndarray


@dataclasses.dataclass(frozen=True)
class ViewAverage:
    """What people look at, of one view.

    Attributes:
        average: (box, box), of all particles, Wiener filtered. halves: (2, box, box), not filtered. frc: (rings,).
    """

    average: np.ndarray
    halves: np.ndarray
    frc: np.ndarray


class Totals:
    """Adds up, in order, what the chunks of a pass return; see `chunk_functions.add_up`."""

    NAMES = ("numerator", "denominator", "power", "ctf_power", "count")

    def __init__(self, sums=None):
        self.sums = sums

    def add(self, part):
        """Add the sums of a chunk."""
        new = {name: np.asarray(part[name], np.float64) for name in self.NAMES}
        self.sums = new if self.sums is None else {name: self.sums[name] + new[name] for name in self.NAMES}


def emerging(totals, config):
    """`Reference` and `ViewAverage` of the particles' own averages."""
    rings, mask = Rings(config.box), mask_of(config)
    halves = _halves(totals, rings)
    frc = ring_correlation(*halves, mask)
    believed = _smooth(np.clip(frc, 0.0, 1.0))
    filtered = _filtered(_framed(halves, mask), believed, rings)
    agreed = _agreed(filtered)
    filtered = filtered * agreed
    joint = _filtered(_framed(_joint(totals, rings)[None], mask)[0], 2.0 * believed / (1.0 + believed), rings)
    window = window_of(config.box)
    # A particle is seen through the window, its part in the average through the mask: what both let through is in common.
    common = float((window * mask * agreed).sum() / np.square(window).sum())
    # Turning has blurred it there by what the gains take back.
    own = common * believed * rings.means(rings.fade / gains(totals.sums["denominator"], rings))
    return _reference(filtered, believed, own, totals, config, rings), ViewAverage(joint, halves, frc)


def given(image, totals, config):
    """The same for a reference image (box, box): each of its rings is scaled to the part that the particles' average shares."""
    rings, mask = Rings(config.box), mask_of(config)
    halves = _halves(totals, rings)
    frc = ring_correlation(*halves, mask)
    believed = _smooth(np.clip(frc, 0.0, 1.0))
    joint, image = _framed(np.stack([_joint(totals, rings), image]), mask)
    spectrum = np.fft.rfft2(image)
    cross, own = rings.means((np.fft.rfft2(joint) * spectrum.conj()).real), rings.means(np.square(np.abs(spectrum)))
    scaled = _filtered(image, _smooth(cross) / (_smooth(own) + 1e-30), rings)
    seen = ViewAverage(_filtered(joint, 2.0 * believed / (1.0 + believed), rings), halves, frc)
    own = np.zeros((HALVES, rings.count))
    return _reference(np.stack([scaled] * HALVES), believed, own, totals, config, rings), seen


def _halves(totals, rings):
    """Unfiltered averages (2, box, box); of an empty half that of the other one."""
    sums = totals.sums
    found = average(sums["numerator"], sums["denominator"], rings)
    full = sums["denominator"].reshape(HALVES, -1).max(1) > 0
    return found if full.all() else np.stack([_joint(totals, rings)] * HALVES)


def _framed(images, mask):
    return framed(images, mask).numpy().astype(np.float64)


def _joint(totals, rings):
    return average(*(totals.sums[name].sum(0, keepdims=True) for name in ("numerator", "denominator")), rings)[0]


def _reference(averages, believed, own, totals, config, rings):
    count = max(float(totals.sums["count"]), 1.0)
    seen, ctf_power = totals.sums["power"] / count, totals.sums["ctf_power"] / count
    signal = rings.means(np.square(np.abs(np.fft.rfft2(averages)))).mean(0)
    least = LEAST_NOISE[0] * seen + LEAST_NOISE[1] * rings.mean(seen) + 1e-12
    noise = np.maximum(seen - signal * ctf_power, least)
    noise[0] = noise[1]  # the mean of each image was taken away
    # The window took this share of the noise's power away; of the particle, which lies inside it, nothing.
    noise /= np.mean(np.square(window_of(config.box)))
    resolved = np.flatnonzero(believed >= RESOLVED)
    highest = (resolved[-1] if resolved.size else 0) + BEYOND
    highest = int(min(-(-highest // STEP) * STEP, MOST, (config.box - 1) // 2))
    return Reference(averages.astype(np.float32), noise, highest, own)


def _filtered(images, gain, rings):
    return np.fft.irfft2(np.fft.rfft2(images) * rings.spread(gain), (rings.box, rings.box))


def _agreed(halves):
    """Share (box, box), 0 to 1, of what averages (2, box, box) show at each distance from the centre that is in both: signal.

    A filter by frequency lets the noise around a particle pass where the particle itself is strong. It is far out, where a turn
    moves it most: it would tell angles, wrong ones, as if it were known well.
    """
    box = halves.shape[-1]
    radius = np.rint(np.linalg.norm(geometry.centred_grid(box, box), axis=-1)).astype(int)
    common, power = (np.bincount(radius.ravel(), values.ravel()) for values in (halves[0] * halves[1], np.square(halves).mean(0)))
    width = np.ones(2 * (box // SPREAD) + 1)
    share = np.convolve(common, width, "same") / (np.convolve(power, width, "same") + 1e-30)
    return np.clip(share, 0.0, 1.0)[radius]


def _smooth(values):
    """Running mean of SMOOTHING rings; ring 0, the mean under the mask, says nothing."""
    values = np.concatenate([values[1:2], values[1:]])
    edge = SMOOTHING // 2
    return np.convolve(np.pad(values, edge, mode="edge"), np.ones(SMOOTHING) / SMOOTHING, "valid")
