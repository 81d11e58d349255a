"""Files in, files out: a pair, a series, transforms that were saved. What `udl_tf.register` does."""

import dataclasses
import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.fields import check_field
from pipelines.files.lazy import SAME_PIXEL_SIZE, LazyArray
from pipelines.files.mrc import write_mrc
from pipelines.files.opening import open_array
from pipelines.files.picture_writing import ENDINGS, write_picture
from pipelines.files.series_writing import check_series, write_series
from pipelines.files.transforms.registry import format_of, read_transforms, write_transforms
from pipelines.files.transforms.table import TransformTable
from pipelines.geometry.transforms import Rigid
from udl_tf.registration.movie import Movie
from udl_tf.registration.moving_planes import WHOLE, common_part, moved_plane, moved_planes
from udl_tf.registration.overlays import OVERLAYS, Seen
from udl_tf.registration.pairs import register_pair
from udl_tf.registration.placing import pixel_places, placed
from udl_tf.registration.series import register_series


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be written, and how.

    Attributes:
        output: the moved picture or series. transforms: a file of transforms. format: of it, None: by its ending.
        overlays: {kind: path}, see `overlays.OVERLAYS`. channel: to align by, from 1.
        crop: whether only what all pictures show is kept. fill: of what a picture does not show, None: its border's level.
        overwrite: whether files that are there may be replaced.
    """

    output: str | None = None
    transforms: str | None = None
    format: str | None = None
    overlays: dict = dataclasses.field(default_factory=dict)
    channel: int | None = None
    crop: bool = False
    fill: float | None = None
    overwrite: bool = False
    field: str | None = None

    def check(self, inputs: list) -> None:
        """Tell before the work what could not be written after it.

        Raises:
            InputError: no such folder, a file that is there, an input, or a name of no format.
        """
        paths = [path for path in (self.output, self.transforms, self.field, *self.overlays.values()) if path]
        if self.transforms:
            format_of(self.transforms, self.format)
        if self.field:
            check_field(self.field)
        for path in map(pathlib.Path, paths):
            if not path.parent.is_dir():
                raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")
            if any(path.exists() and path.samefile(one) for one in inputs if pathlib.Path(one).exists()):
                raise InputError(f"cannot write {path}: it is an input, and would be read while it is written")
            if path.exists() and not self.overwrite:
                raise InputError(f"{path} exists: choose another name, or say --overwrite")
        if len({pathlib.Path(path).resolve() for path in paths}) < len(paths):
            raise InputError("two outputs have one name")


def pair(aligner, fixed_path, moving_path, wanted: Wanted) -> dict:
    """Register one file onto another.

    Returns:
        The numbers as plain types: angle, shift, angle_sigma, shift_sigma, score, correlation, overlap, matrix.

    Raises:
        InputError: anything a user can mend; before the work where it can be told before.
    """
    fixed, moving = open_pair(fixed_path, moving_path, wanted)
    still = fixed.picture(0)
    found = register_pair(aligner, still, moving.picture(0))
    table = TransformTable(
        (str(moving_path),), fixed.size, moving.size, found.angle, found.shift, found.angle_sigma, found.shift_sigma, found.score
    )
    _write(wanted, table, moving)
    if wanted.overlays:
        write_overlays(wanted, _seen(still, moving, table, wanted.fill))
    return {
        **_numbers(table, 0),
        "correlation": float(found.correlation[0]),
        "overlap": float(found.overlap[0]),
    }


def series(aligner, path, wanted: Wanted, to="first", tell=lambda done, of: None) -> dict:
    """Register the pictures of a series to one frame.

    Args:
        to: "first", "mean", "previous" (each against the one before it only; the first stays), or the number of a picture from 1.

    Returns:
        Lists of plain numbers, a picture an entry: angle, shift, angle_sigma, shift_sigma, score, correlation, matrix;
        "failed", the numbers of pictures that could not be placed; "pairs".

    Raises:
        InputError: as `pair`.
    """
    movie = Movie(open_array(path), wanted.channel)
    if movie.count < 2:
        raise InputError(f"{path} holds one picture: expected a series, or a second picture that is brought onto it")
    if wanted.overlays:
        raise InputError(f"received --overlay with the series {path}: expected two pictures")
    if wanted.output:
        check_series(wanted.output, movie.array)
    anchor = {"first": 0, "previous": 0, "mean": None}.get(to, to)
    if isinstance(anchor, str):
        if not anchor.isdigit() or not 1 <= int(anchor) <= movie.count:
            raise InputError(f"--to {to}: expected first, previous, mean or a number from 1 to {movie.count}")
        anchor = int(anchor) - 1
    found = register_series(aligner, movie.picture, movie.count, anchor, to == "previous", tell)
    poses, names = found.poses, tuple(str(number + 1) for number in range(movie.count))
    about = poses.angle, poses.shift, poses.angle_sigma, poses.shift_sigma, found.score
    table = TransformTable(names, movie.size, movie.size, *about)
    _write(wanted, table, movie)
    rows = [_numbers(table, row) for row in range(len(table))]
    return {
        **{key: [row[key] for row in rows] for key in rows[0]},
        "correlation": found.correlation.tolist(),
        "failed": [int(row) + 1 for row in found.failed],
        "pairs": found.pairs,
    }


def apply(transforms_path, path, wanted: Wanted, inverse: bool = False) -> dict:
    """Bring a file to where saved transforms, or their inverses, take it.

    Returns:
        {"count": pictures moved}.

    Raises:
        InputError: as `pair`; another number of pictures, or another size, than the transforms are of.
    """
    table = read_transforms(transforms_path)
    table = table.inverse() if inverse else table
    movie = Movie(open_array(path), single=len(table) == 1)
    if movie.count != len(table):
        raise InputError(
            f"{path} holds {movie.count} pictures: expected {len(table)}, as many as {transforms_path} has transforms"
        )
    if movie.size != table.moving:
        found, expected = (f"{size[1]}x{size[0]}" for size in (movie.size, table.moving))
        raise InputError(f"{path}: pictures of {found} pixels, expected {expected}, those that the transforms are of")
    if not wanted.output:
        raise InputError("received --apply without --output: expected a file to write")
    (check_picture if movie.count == 1 else check_series)(wanted.output, movie.array)
    _write(wanted, table, movie)
    return {"count": len(table)}


def _write(wanted, table, movie):
    """The files of transforms and of moved pictures."""
    crop = common_part(table) if wanted.crop and wanted.output else WHOLE
    if any(part.stop == part.start for part in crop if part.stop is not None):
        raise InputError("--crop common: no part of the frame is shown by all pictures")
    if wanted.transforms:
        write_transforms(table, wanted.transforms, wanted.format)
    if not wanted.output:
        return
    planes = moved_planes(movie, table, wanted.fill, crop)
    size = tuple(len(range(*part.indices(side))) for part, side in zip(crop, table.fixed))
    write_moved(wanted.output, planes, size, movie.array)


def open_pair(fixed_path, moving_path, wanted: Wanted) -> tuple[Movie, Movie]:
    """Two files as single pictures; InputError where they do not fit together, or the moved one could not be written."""
    fixed, moving = (Movie(open_array(path), wanted.channel, single=True) for path in (fixed_path, moving_path))
    _same_pixels(fixed.array, moving.array)
    if wanted.output:
        check_picture(wanted.output, moving.array)
    return fixed, moving


def write_overlays(wanted: Wanted, seen: Seen) -> None:
    """Write the pictures of a pair that are wanted."""
    for kind, path in wanted.overlays.items():
        write_picture(path, OVERLAYS[kind](seen))


def write_moved(path, planes, size, array: LazyArray) -> None:
    """Write moved planes of (height, width) = size in the form of the file that they come from."""
    if array.plane_count > 1 or len(array.axes) > array.plane_axes:
        write_series(path, planes, size, array)
    elif pathlib.Path(path).suffix.lower() == ".mrc":
        write_mrc(path, next(planes), array.pixel_size)
    else:
        write_picture(path, next(planes), array)


def _seen(still, moving, table, fill):
    """What overlays show of a pair."""
    transform, nothing = Rigid(table.angle, table.shift), Rigid([0.0], [[0.0, 0.0]])
    picture = moving.picture(0)
    places = pixel_places(transform, table.fixed, table.moving)
    return Seen(still, placed(picture, nothing, table.fixed, fill), moved_plane(picture, table, 0, fill), places)


def check_picture(path, array: LazyArray) -> None:
    """InputError where a moved picture cannot be written under a name."""
    if len(array.axes) > array.plane_axes:
        check_series(path, array)
    elif pathlib.Path(path).suffix.lower() not in (*ENDINGS, *([".mrc"] if array.plane_axes == 2 else [])):
        raise InputError(f"cannot write {path}: expected a name that ends with {', '.join(ENDINGS)} or .mrc")


def _same_pixels(fixed: LazyArray, moving: LazyArray) -> None:
    """InputError where two files say that their pixels have different sizes."""
    one, other = fixed.pixel_size, moving.pixel_size
    if one and other and abs(one / other - 1) > SAME_PIXEL_SIZE:
        raise InputError(f"{moving.path} has pixels of {other:g} A: expected {one:g} A, those of {fixed.path}")


def _numbers(table, row):
    """What is said of one picture, plain types; None for what is not known."""

    def plain(value):
        return (
            np.where(np.isfinite(value), value, None).tolist()
            if np.ndim(value)
            else (float(value) if np.isfinite(value) else None)
        )

    return {
        "angle": plain(table.angle[row]),
        "shift": plain(table.shift[row]),
        "angle_sigma": plain(table.angle_sigma[row]),
        "shift_sigma": plain(table.shift_sigma[row]),
        "score": plain(table.score[row]),
        "matrix": table.pull[row].tolist(),
    }
