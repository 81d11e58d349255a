"""What an aligned stack is written to: a STAR file, the aligned images, the average."""

import os
import pathlib

import numpy as np
from tqdm import tqdm

from pipelines.errors import InputError
from pipelines.files import star, star_images
from pipelines.files.source import chunks
from pipelines.geometry.warp import warp
from pipelines.normalise import border_level, report_unusable, unusable
from udl_tf.alignment.outputs import star_columns
from udl_tf.particles.table import LEFT_OUT

WEIGHT = "udlWeight"  # our own column: 1 for particles in the average, 0 for those left out
CHUNK = 256  # images that are turned at a time


def poses_table(source, particles, path):
    """The STAR table of an aligned source, to be written to `path`: input columns kept, poses, score, standard error, weight set.

    Images that could not be aligned keep their place with angle and shift 0, score 0, weight 0 and standard error 180.

    Args:
        source: `pipelines.files.source.Source`. particles: `ParticleTable`, None to only see whether there can be such a table.

    Raises:
        InputError: the source is neither a STAR file nor an MRC stack, which STAR files can name, or has no pixel size.
    """
    table = source.star
    if table is None and (source.path is None or source.path.suffix.lower() not in (".mrc", ".mrcs")):
        raise InputError(f"{source.path}: a STAR file can only name images of .mrc, .mrcs, .star or .cs input")
    if source.pixel_size is None:
        raise InputError(f"{source.path}: pixel size unknown, expected --pixel-size A for a STAR file")
    if table is not None:
        table = star_images.relocated(table, path)
    else:
        home = pathlib.Path(path).resolve().parent
        # The folders resolved, the name as the user gave it: a link may lead to a file of any name.
        name = os.path.relpath(source.path.parent.resolve() / source.path.name, home)
        if source.path.suffix.lower() == ".mrc" and len(source) > 1:
            name += ":mrcs"  # RELION takes .mrc for a volume
        table = star.new_star([f"{row + 1:06d}@{name}" for row in range(len(source))], source.pixel_size)
    if particles is None:
        return table
    used = particles.usable & (particles.view != LEFT_OUT)
    angle, shift = np.where(used, particles.angle, 0.0), np.where(used[:, None], particles.shift, 0.0)
    table = table.with_poses(angle, shift, source.shape[0], star_columns(vars(particles), used))
    table.particles[WEIGHT] = particles.included.astype(int)
    return table


def unusable_images(source, particles, most=1000):
    """One line that names the images that cannot be used and says why, or None."""
    rows = np.flatnonzero(~particles.usable)[:most]
    if not rows.size:
        return None
    not_finite, constant = unusable(source.read(rows))
    return report_unusable(rows[not_finite], rows[constant])


def turn_images(source, particles, append=None, gallery=None, progress=True, fill=None):
    """Turn and move all images of a source onto the average, as they are in the file, without CTF correction.

    What comes in at the edges is `fill`, or (None) each image's own background, the median of its border.

    Args:
        append: takes aligned images (k, h, w), in order; see `pipelines.files.mrc.mrc_writer`. gallery: `Gallery`, or None.
    """
    with tqdm(total=len(source), unit="particle", desc="aligned images", disable=None if progress else True, leave=False) as bar:
        for rows, images in chunks(source, CHUNK):
            level = (border_level(images) if fill is None else np.full(len(images), fill, np.float32))[:, None, None]
            aligned = warp(images - level, particles.angle[rows], particles.shift[rows]).numpy() + level
            if append:
                append(aligned)
            if gallery:
                gallery.add(rows, aligned)
            bar.update(len(images))
