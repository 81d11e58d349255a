"""Particles as the learner of views takes them: normalised, made smaller, with their CTF on rings."""

import dataclasses
import functools

import numpy as np

from pipelines.files import opening
from pipelines.spectra import ctf
from udl_tf.particles.reader import ctf_of

BOX = 64  # pixels; larger images are made smaller: the views are learned at low resolution


@dataclasses.dataclass(frozen=True)
class Stack:
    """What all chunks of a job share; small.

    Attributes:
        path: absolute. stamp: another one when the files change. box: side of the images. small: side of the images classed.
        pixel_size: Angstrom, or None. ctf: correct for the CTF of the STAR file.
    """

    path: str
    stamp: str
    box: int
    small: int
    pixel_size: float | None
    ctf: bool

    @property
    def scale(self):
        """Pixels of the stack per pixel of the small images."""
        return self.box / self.small


@functools.lru_cache(maxsize=1)
def images_of(stack):
    """The `ParticleImages` of a stack; a process keeps those of the job it works on."""
    return ParticleImages(stack)


class ParticleImages:
    """Reads particles of a `Stack`."""

    def __init__(self, stack):
        self.stack = stack
        self.source = opening.open_source(stack.path, stack.pixel_size)
        self._parameters = ctf_of(self.source) if stack.ctf else None

    def read(self, rows):
        """Images (n, box, box) of mean 0 and standard deviation 1, and which are usable, bool (n,); the others are zeros."""
        images = self.source.read(rows)
        with np.errstate(invalid="ignore", over="ignore"):
            mean, deviation = images.mean((1, 2)), images.std((1, 2))
        good = np.isfinite(mean) & np.isfinite(deviation) & (deviation > 0)
        images[~good] = 0.0
        images -= np.where(good, mean, 0.0)[:, None, None].astype(np.float32)
        images /= np.where(good, deviation, 1.0)[:, None, None].astype(np.float32)
        return images, good

    def ctf(self, rows):
        """CTF (n, box // 2 + 1) at 0, 1, 2, ... cycles per box, without astigmatism; None where it is not corrected for."""
        if self._parameters is None:
            return None
        p = self._parameters.take(rows)
        return ring_ctf(p, self.stack.box, self.source.pixel_size)


def ring_ctf(parameters, box, pixel_size):
    """CTF (n, box // 2 + 1) of the mean defocus, at 0, 1, 2, ... cycles per box. Signs that were corrected are positive."""
    p = parameters
    defocus = (np.asarray(p.defocus_u) + np.asarray(p.defocus_v)) / 2
    rest = {"voltage": p.voltage, "cs": p.cs, "amplitude_contrast": p.amplitude_contrast, "phase_shift": p.phase_shift}
    values = ctf.ctf(box, pixel_size, defocus, **rest).numpy()[:, 0, :]
    return np.where(np.asarray(p.phase_flipped)[:, None], np.abs(values), values).astype(np.float32)


def smaller(images, side):
    """Images (n, box, box) Fourier-cropped to (n, side, side); pixel box // 2 becomes pixel side // 2."""
    box = images.shape[1]
    if box <= side:
        return images
    spectra = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(images, (1, 2))), (1, 2))
    low = box // 2 - side // 2
    spectra = spectra[:, low : low + side, low : low + side]
    cut = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(spectra, (1, 2))).real, (1, 2))
    return (cut * (side / box) ** 2).astype(np.float32)
