"""What a process needs to work on chunks of one stack: the open source, the model, CTFs, compiled functions."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.normalise import normalise, usable
from pipelines.spectra import ctf
from udl_tf.networks.window import soft_disc
from udl_tf.particles import averaging
from udl_tf.particles.refinement import ReferenceRefinement
from udl_tf.serving.open_aligner import open_aligner

WINDOW, WINDOW_EDGE = 0.94, 0.04  # of particles, shares of half the box: as the network sees them
RIM = 0.85  # share of a disc's radius beyond which is its rim
MASK_EDGE = 3.0  # pixels over which the mask of averages fades


@dataclasses.dataclass(frozen=True)
class Setting:
    """What stays the same from the first chunk of a job to the last; small, and sent to every worker.

    Attributes:
        path: the stack. model: folder of the SavedModel. Both absolute. stamp: another one when the stack's files change.
        pixel_size: Angstrom, for a stack that does not tell, or None.
        box: side of the images, pixels. mask_radius: of the averages, pixels. masked: particles are masked for the network, too.
        server, rest: where the model is, if not here, see `opening.open_aligner`; `model` is its name there.
        max_shift: pixels. fast: the network's search without verification. ctf: correct for the CTF of the STAR file.
    """

    path: str
    model: str
    stamp: str
    box: int
    mask_radius: float
    pixel_size: float | None = None
    masked: bool = False
    max_shift: float | None = None
    fast: bool = False
    ctf: bool = False
    server: str | None = None
    rest: bool = False

    @property
    def limit(self):
        """Largest shift looked for, pixels."""
        return self.box / 4.0 if self.max_shift is None else self.max_shift


@functools.lru_cache(maxsize=1)
def workbench(setting):
    """The `Workbench` of a setting; a process keeps that of the job it works on."""
    return Workbench(setting)


class Workbench:
    """Reads particles of a stack and prepares them; see `Setting`."""

    def __init__(self, setting):
        self.setting = setting
        self.source = opening.open_source(setting.path, setting.pixel_size)
        self.parameters = ctf_of(self.source) if setting.ctf else None
        self.pixel_size = self.source.pixel_size
        n = setting.box
        self.window = window_of(n)
        self.network_mask = soft_disc(n, 2.0 * (setting.mask_radius + setting.limit) / n, 2.0 / n) if setting.masked else None
        signature = [tf.TensorSpec((None, n, n))]
        batch = [tf.TensorSpec((None,)), tf.TensorSpec((None, 2)), tf.TensorSpec((None,)), tf.TensorSpec((None,), tf.int32)]
        plain = tf.function(lambda images, *rest: averaging.sums(images, None, *rest), input_signature=[*signature, *batch])
        corrected = tf.function(averaging.sums, input_signature=[*signature, tf.TensorSpec((None, n, n // 2 + 1)), *batch])
        self._sums = plain, corrected
        self.normalise = tf.function(lambda images: (normalise(images), usable(images)), input_signature=signature)
        self.windowed_power = tf.function(
            lambda images: tf.square(tf.abs(tf.signal.rfft2d(framed(images, self.window)))), input_signature=signature
        )
        self.rings = averaging.Rings(n)

    @functools.cached_property
    def aligner(self):
        """The model, loaded when it is first asked for."""
        return open_aligner(self.setting.model, self.setting.server, self.setting.rest)

    def read(self, rows):
        """Images float32 (n, box, box) of rows, mean 0 and standard deviation 1, and which are usable, bool (n,)."""
        images, good = self.normalise(tf.constant(self.source.read(rows)))
        return images, good.numpy()

    def ctf(self, rows):
        """CTFs (n, box, box // 2 + 1) of rows; None where they are not corrected for."""
        if self.parameters is None:
            return None
        p = self.parameters.take(rows)
        values = ctf.ctf(
            self.setting.box,
            self.pixel_size,
            p.defocus_u,
            p.defocus_v,
            p.angle,
            voltage=p.voltage,
            cs=p.cs,
            amplitude_contrast=p.amplitude_contrast,
            phase_shift=p.phase_shift,
        )
        return tf.where(p.phase_flipped[:, None, None], tf.abs(values), values)

    def sums(self, images, ctfs, *rest):
        """`averaging.sums`, compiled; ctfs as from `ctf`."""
        plain, corrected = self._sums
        return plain(images, *rest) if ctfs is None else corrected(images, ctfs, *rest)

    def for_network(self, images, ctfs):
        """Images as the network is given them: the CTF's signs corrected, and masked where a mask was asked for."""
        if ctfs is not None:
            images = ctf.phase_flip(images, ctfs)
        return images if self.network_mask is None else images * self.network_mask

    @functools.lru_cache(maxsize=8)  # noqa: B019  a process has one workbench, for as long as it lives
    def comparison(self, highest):
        """`Comparison` up to a frequency."""
        return Comparison(self.setting.box, highest, self.window)


class Comparison:
    """`ReferenceRefinement` with its functions compiled once, for chunks of any length."""

    def __init__(self, box, highest, window):
        refinement = self.refinement = ReferenceRefinement(box, highest)
        count, rings = len(refinement.points), refinement.highest + 1
        vector, points = tf.TensorSpec((None,)), tf.TensorSpec((None, count))
        spectra, shift = tf.TensorSpec((None, count), tf.complex64), tf.TensorSpec((None, 2))
        table = tf.TensorSpec((refinement.height * refinement.width, 16))
        power, own = tf.TensorSpec((rings,)), tf.TensorSpec((None, rings))
        self.round = tf.function(refinement.round, input_signature=[table])
        even = tf.TensorSpec((count,), tf.complex64)
        self.step = tf.function(refinement.step, input_signature=[table, even, spectra, points, power, own, vector, shift])
        self.table = tf.function(refinement.table, input_signature=[tf.TensorSpec((None, box, box))])
        self.sampled = tf.function(refinement.sampled, input_signature=[tf.TensorSpec((None, box, box // 2 + 1))])
        self.spectra = tf.function(
            lambda images: refinement.spectra(framed(images, window)), input_signature=[tf.TensorSpec((None, box, box))]
        )


def window_of(box):
    """The soft disc (box, box) that particles are seen through."""
    return soft_disc(box, WINDOW, WINDOW_EDGE)


def framed(images, disc):
    """Images (n, box, box), tensor or array, times a soft disc (box, box), less their mean along its rim.

    What is left at the edge would be a step there, which the pixels make look different in every direction.
    """
    rim = disc * (np.linalg.norm(geometry.centred_grid(*disc.shape), axis=-1) > RIM * np.sqrt(disc.sum() / np.pi))
    level = tf.einsum("nij,ij->n", tf.cast(images, tf.float32), tf.constant(rim / rim.sum(), tf.float32))
    return (tf.cast(images, tf.float32) - level[:, None, None]) * disc


def mask_of(setting):
    """The soft mask (box, box) of averages."""
    return soft_disc(setting.box, 2.0 * setting.mask_radius / setting.box, MASK_EDGE / setting.box)


def ctf_of(source):
    """The CTF parameters of a source, or None where it has none.

    Raises:
        InputError: images that are already multiplied by their CTF.
    """
    parameters = source.star.ctf_parameters() if source.star is not None else None
    if parameters is None:
        return None
    if parameters.premultiplied.any():
        raise InputError(
            f"{source.path}: images are multiplied by their CTF already (rlnCtfDataAreCtfPremultiplied); use --no-ctf"
        )
    return parameters
