"""Files in, files out, for what is not the aligner's rigid transform: `udl_tf.register --transform` and `--method`."""

import pathlib

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.fields import read_field, write_field
from pipelines.files.opening import open_array
from pipelines.files.transforms import json_file
from pipelines.files.transforms.registry import write_transforms
from pipelines.files.transforms.table import TransformTable
from pipelines.geometry.transforms import Displacement, Rigid
from pipelines.geometry.transforms.base import plain
from udl_tf.methods.by_method import Found, register_by
from udl_tf.registration.jobs import Wanted, check_picture, open_pair, write_moved, write_overlays
from udl_tf.registration.movie import Movie
from udl_tf.registration.overlays import Seen
from udl_tf.registration.placing import pixel_places, placed


def pair(aligner, fixed_path, moving_path, wanted: Wanted, kind: str, method: str, weights=None) -> dict:
    """Register one file onto another by a method; aligner: that puts them onto one another first, or None.

    weights: path of a file, of methods that take one.

    Returns:
        The numbers as plain types: method, kind, start (None, or angle, shift and score of the aligner's transform), correlation,
        correlation_before, disagreement, folded, largest, and matrix, or None for a field.

    Raises:
        InputError: anything a user can mend; before the work where it can be told before.
    """
    fixed, moving = open_pair(fixed_path, moving_path, wanted)
    still, other = fixed.picture(0), moving.picture(0)
    found = register_by(method, kind, still, other, aligner, weights)
    if wanted.transforms:
        _write_transforms(wanted, found, str(moving_path))
    if wanted.field:
        write_field(wanted.field, found.transform, found.fixed, found.moving)
    if wanted.output:
        _write_moved(wanted, moving, found.transform, found.fixed)
    if wanted.overlays:
        nothing = Rigid([0.0], [[0.0, 0.0]])
        seen = Seen(
            still,
            placed(other, nothing, found.fixed, wanted.fill),
            placed(other, found.transform, found.fixed, wanted.fill),
            pixel_places(found.transform, found.fixed, found.moving),
        )
        write_overlays(wanted, seen)
    return {"method": method, "kind": kind, **_numbers(found)}


def applies(path) -> bool:
    """Whether a file holds a field, or transforms of one plane that are not rigid, which `apply` moves by."""
    path = pathlib.Path(path)
    return path.suffix.lower() != ".csv" and (path.suffix.lower() != ".json" or json_file.kind(path) != Rigid.KIND)


def apply(saved, path, wanted: Wanted, inverse: bool = False) -> dict:
    """Bring one picture to where a saved transform, or its inverse, takes it; see `jobs.apply`."""
    movie = Movie(open_array(path), single=True)
    saved = pathlib.Path(saved)
    if saved.suffix.lower() == ".json":
        transform, fixed, moving = json_file.read_plane(saved)
    elif inverse:
        raise InputError(f"received --inverse with the field {saved}: expected a field that was found the other way round")
    else:
        moving = movie.size
        transform, fixed = read_field(saved, moving)
    if inverse:
        transform, fixed, moving = transform.inverse(), moving, fixed
    if movie.size != moving:
        found, expected = (f"{size[1]}x{size[0]}" for size in (movie.size, moving))
        raise InputError(f"{path}: pictures of {found} pixels, expected {expected}, those that the transforms are of")
    if not wanted.output:
        raise InputError("received --apply without --output: expected a file to write")
    check_picture(wanted.output, movie.array)
    _write_moved(wanted, movie, transform, fixed)
    return {"count": 1}


def _write_transforms(wanted, found: Found, name):
    if isinstance(found.transform, Rigid):
        about = found.transform.angle, found.transform.shift
        return write_transforms(TransformTable.of([name], found.fixed, found.moving, *about), wanted.transforms, wanted.format)
    with atomic_path(wanted.transforms) as part:
        json_file.write_plane(found.transform, found.fixed, found.moving, name, part)


def _write_moved(wanted, movie, transform, fixed):
    planes = (placed(movie.array.planes([number])[0], transform, fixed, wanted.fill) for number in range(movie.array.plane_count))
    write_moved(wanted.output, planes, fixed, movie.array)


def _numbers(found: Found):
    start, transform = found.start, found.transform
    return {
        "start": start and {"angle": float(start.angle[0]), "shift": start.shift[0].tolist(), "score": float(start.score[0])},
        "correlation": plain(found.correlation),
        "correlation_before": plain(found.correlation_before),
        "disagreement": dict(zip(("median", "p95"), plain(found.disagreement), strict=True)),
        "folded": found.folded,
        "largest": found.largest,
        "matrix": None if isinstance(transform, Displacement) else transform.matrix[0].tolist(),
    }
