"""The model of a stack of many views: an average of each view, the noise, and how the averages are weighted."""

import dataclasses

import numpy as np

FUDGE = 2.0  # times the signal-to-noise ratio, as RELION's tau2_fudge in 2D
LEAST_SNR = 0.02
ENTROPY = 0.93  # median of the mean power of noise in a ring, against its mean


@dataclasses.dataclass(frozen=True, eq=False)
class Views:
    """K averages on a polar grid.

    Attributes:
        averages: complex64 (k, rings, angles), Wiener filtered. noise: (rings,) mean |F|^2 of the noise.
        mass: (k,) particles in each.
    """

    averages: np.ndarray
    noise: np.ndarray
    mass: np.ndarray

    def __len__(self):
        return len(self.averages)

    def take(self, chosen):
        """Some of the views."""
        return Views(self.averages[chosen], self.noise, self.mass[chosen])

    def join(self, other):
        """These and the views of another model, with the noise of this one."""
        return Views(np.concatenate([self.averages, other.averages]), self.noise, np.concatenate([self.mass, other.mass]))


@dataclasses.dataclass(frozen=True, eq=False)
class Sums:
    """What particles add to the averages: the least-squares average is numerator / weight.

    Attributes:
        numerator: complex64 (k, rings, angles): particles times CTF, aligned. weight: (k, rings), sums of squared CTFs.
        mass: (k,) particles.
    """

    numerator: np.ndarray
    weight: np.ndarray
    mass: np.ndarray

    def __add__(self, other):
        return Sums(self.numerator + other.numerator, self.weight + other.weight, self.mass + other.mass)

    def plain(self):
        """The least-squares averages (k, rings, angles), not filtered."""
        return self.numerator / np.maximum(self.weight, 1e-6)[:, :, None]

    def wiener(self, noise):
        """Weights (k, rings) by the signal-to-noise ratio of each average: power beyond that of the averaged noise."""
        power = np.square(np.abs(self.plain())).mean(-1)
        snr = FUDGE * np.maximum(power * self.weight / noise - 1.0, LEAST_SNR)
        return snr / (1 + snr)

    def views(self, noise):
        """`Views`: the averages, Wiener filtered."""
        return Views((self.plain() * self.wiener(noise)[:, :, None]).astype(np.complex64), noise, self.mass)


def noise_left(particles, rows, views, label):
    """Noise (rings,): what the averages of their classes leave of the power of particles."""
    power = np.square(np.abs(views.averages)).mean(-1)
    left = particles.power[rows] - np.square(particles.ctf[rows]) * power[label]
    least = 0.2 * np.median(particles.power[rows], 0)
    return np.maximum(np.median(left, 0) / ENTROPY, least).astype(np.float32)
