"""What a user asks for, what that means for the stack at hand, and what tells one request from another."""

import dataclasses
import hashlib
import os
import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.fingerprint import stamp
from udl_tf.alignment import models
from udl_tf.alignment.aligner import LARGEST, SMALLEST
from udl_tf.particles import outputs
from udl_tf.particles.config import StackConfig
from udl_tf.particles.lengths import length
from udl_tf.particles.reader import ctf_of
from udl_tf.versions import versions

AVERAGE = "average"
MASK = 0.45  # default radius of the mask, share of the box
ENDINGS = {"output": (".star",), "aligned": (".mrcs",), "average": (".mrc",), "report": (".html",)}


@dataclasses.dataclass(frozen=True)
class StackRequest:
    """What to do with a stack, as a user says it.

    Attributes:
        path: the stack. reference: "average", the number of an image from 1, or an image (box, box) with `reference_name`.
        model: name or folder. output: .star. aligned: .mrcs. average: .mrc. report: .html. each None if not wanted.
        max_shift, mask_diameter: text or number, see `length`. pixel_size: Angstrom, in place of what the
            files say. fill: grey value at the edges of aligned images, None for each one's background.
        ctf: correct for the CTF where the STAR file has one. fast: see `Aligner.align`.
        server, rest: a server that has the model, see `open_aligner`. workers, scheduler: see `open_executor`.
        resume: go on from the finished chunks of a killed run.
    """

    path: str
    reference: object = AVERAGE
    reference_name: str = AVERAGE
    model: str = "cryo"
    output: str | None = None
    aligned: str | None = None
    average: str | None = None
    report: str | None = None
    max_shift: object = None
    mask_diameter: object = None
    pixel_size: float | None = None
    fill: float | None = None
    ctf: bool = True
    fast: bool = False
    server: str | None = None
    rest: bool = False
    workers: int = 1
    scheduler: str | None = None
    resume: bool = False


def check(request, source):
    """Tell before, not after hours, what is wrong with the outputs of a request.

    Raises:
        InputError: a name of another kind, poses that a STAR file cannot hold, nothing to resume from.
    """
    for name, endings in ENDINGS.items():
        path = getattr(request, name)
        if path and pathlib.Path(path).suffix.lower() not in endings:
            raise InputError(f"--{name} {path}: expected a name that ends with {' or '.join(endings)}")
    if request.output:
        outputs.poses_table(source, None, request.output)
    if request.resume and not request.output:
        raise InputError("received --resume without --output: the finished chunks are kept beside the STAR file")


def config_of(request, source):
    """(`StackConfig`, one sentence on the CTF) of a request, its lengths in pixels.

    Raises:
        InputError: a length that makes no sense for these images, or images that cannot be aligned.
    """
    box = source.shape[0]
    if not SMALLEST <= box <= LARGEST:
        raise InputError(f"{request.path}: images of {box} pixels, expected {SMALLEST} to {LARGEST}")
    max_shift = length(request.max_shift, source.pixel_size, "max-shift")
    if max_shift is not None and max_shift > box / 4:
        raise InputError(
            f"--max-shift {request.max_shift}: {max_shift:g} pixels, expected at most {box / 4:g}, a quarter of the image"
        )
    diameter = length(request.mask_diameter, source.pixel_size, "mask-diameter")
    if diameter is not None and not 8.0 <= diameter <= box:
        raise InputError(
            f"--mask-diameter {request.mask_diameter}: {diameter:g} pixels, expected 8 to {box}, the side of the images"
        )
    known = ctf_of(source) if request.ctf else None
    if known is not None:
        ctf = "Corrected for the CTF of each particle: signs for the network, the whole CTF in averages and comparisons."
    elif not request.ctf:
        ctf = "No CTF correction was asked for."
    else:
        ctf = "No CTF correction: the input has no defocus columns."
    config = StackConfig(
        path=os.path.abspath(request.path),  # links unresolved: their names tell what they are, and where images are sought
        model=request.model if request.server else str(pathlib.Path(models.find(request.model)).resolve()),
        stamp=stamp(source.paths()),
        box=box,
        mask_radius=diameter / 2.0 if diameter is not None else MASK * box,
        pixel_size=request.pixel_size,
        masked=diameter is not None,
        max_shift=max_shift,
        fast=request.fast,
        ctf=known is not None,
        server=request.server,
        rest=request.rest,
    )
    return config, ctf


def fingerprint(request, config):
    """All that the poses depend on, for `ChunkStore`."""
    image = np.ndim(request.reference) > 0
    reference = hashlib.sha256(np.ascontiguousarray(request.reference)).hexdigest() if image else request.reference
    return {
        "config": dataclasses.asdict(config),
        "reference": reference,
        "model": None if request.server else models.digest(config.model),
        "versions": {name: version for name, version in versions().items() if name in ("udl_tf", "tensorflow", "numpy")},
    }
