"""Brings every image of a stack onto one reference, chunk by chunk: a stack may be larger than memory."""

import contextlib
import os
import pathlib

import numpy as np
from tqdm import tqdm

from pipelines import star, star_images
from pipelines.errors import InputError
from pipelines.mrc import mrc_writer
from pipelines.normalise import report_unusable, unusable
from pipelines.source import chunks
from udl_tf.alignment.result import Result


def align_stack(aligner, source, reference, max_shift=None, aligned_path=None, chunk=256, progress=True, fast=False):
    """Align all images of a source to a reference.

    Args:
        aligner: `Aligner`. source: `pipelines.source.Source`. reference: (h, w), of the source's image size.
        max_shift: pixels, see `Aligner.align`. aligned_path: None, or an .mrcs file for the aligned images.
        chunk: images read at a time. progress: show a bar on stderr.
        fast: see `Aligner.align`.

    Returns:
        `Result` of all images, and a message about images left out (NaN or constant), or None.
    """
    parts, bad = [], ([], [])
    writer = mrc_writer(aligned_path, source.pixel_size) if aligned_path else contextlib.nullcontext()
    with writer as append, tqdm(total=len(source), unit="img", disable=not progress) as bar:
        for rows, images in chunks(source, chunk):
            for found, new in zip(bad, unusable(images, rows.start), strict=True):
                found.extend(new)
            part = aligner.align(reference, images, max_shift, report=False, fast=fast)
            if append:
                append(part.apply(images))
            parts.append(part)
            bar.update(len(images))
    return Result.joined(parts), report_unusable(*bad)


def poses_table(source, result, path):
    """The STAR table of an aligned source, to be written to `path`: input columns kept, poses, score and standard error set.

    Images that could not be aligned keep their place with angle and shift 0, score 0 and standard error 180.

    Raises:
        InputError: the source is neither a STAR file nor an MRC stack, which STAR files can name.
    """
    table = source.star
    if table is not None:
        table = star_images.relocated(table, path)
    elif source.path is not None and source.path.suffix.lower() in (".mrc", ".mrcs"):
        home = pathlib.Path(path).resolve().parent
        name = os.path.relpath(source.path.resolve(), home)
        names = [f"{row + 1:06d}@{name}" for row in range(len(source))]
        table = star.new_star(names, source.pixel_size or 1.0)
    else:
        raise InputError(f"{source.path}: a STAR file can only name images of .mrc, .mrcs or .star input")
    sigma = np.minimum(result.sigma, 180.0)
    return table.with_poses(np.nan_to_num(result.angle), np.nan_to_num(result.shift), source.shape[0], result.score, sigma)
