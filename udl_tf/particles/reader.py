"""What a process has open to work on chunks of one stack: the source, the CTFs, the model."""

import functools

import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.files.source import Source
from pipelines.files.star_rows import RowsArray
from pipelines.normalise import normalise, usable
from pipelines.spectra import ctf
from udl_tf.alignment.preparation import clean
from udl_tf.particles.masks import network_mask_of
from udl_tf.serving.open_aligner import open_aligner


@functools.lru_cache(maxsize=1)
def reader_of(config):
    """The `ParticleReader` of a configuration; a process keeps that of the stack it works on."""
    return ParticleReader(config)


class ParticleReader:
    """Reads particles of a stack and prepares them; see `StackConfig`."""

    def __init__(self, config):
        self.config = config
        self.source = Source(RowsArray(config.rows)) if config.rows else opening.open_source(config.path, config.pixel_size)
        self.parameters = ctf_of(self.source) if config.ctf else None
        self.network_mask = network_mask_of(config)
        prepare = clean if config.clean else (lambda images: (normalise(images), usable(images)))
        self._prepare = tf.function(prepare, input_signature=[tf.TensorSpec((None, config.box, config.box))], autograph=False)

    @functools.cached_property
    def aligner(self):
        """The model, loaded when it is first asked for."""
        return open_aligner(self.config.model, self.config.server, self.config.rest)

    def read(self, rows):
        """Images float32 (n, box, box) of rows, mean 0 and standard deviation 1, and which are usable, bool (n,)."""
        images, good = self._prepare(tf.constant(self.source.read(rows)))
        return images, good.numpy()

    def ctf(self, rows):
        """CTFs (n, box, box // 2 + 1) of rows; None where they are not corrected for."""
        if self.parameters is None:
            return None
        p = self.parameters.take(rows)
        values = ctf.ctf(
            self.config.box,
            self.source.pixel_size,
            p.defocus_u,
            p.defocus_v,
            p.angle,
            voltage=p.voltage,
            cs=p.cs,
            amplitude_contrast=p.amplitude_contrast,
            phase_shift=p.phase_shift,
        )
        return tf.where(p.phase_flipped[:, None, None], tf.abs(values), values)

    def for_network(self, images, ctfs):
        """Images as the network is given them: the CTF's signs corrected, and masked where a mask was asked for."""
        if ctfs is not None:
            images = ctf.phase_flip(images, ctfs)
        return images if self.network_mask is None else images * self.network_mask


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
