"""OME-Zarr folders, versions 0.4 and 0.5, and plain Zarr arrays, by the package `zarr` (extra ``zarr``)."""

import importlib.util
import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_folder
from pipelines.files.chunked import ChunkedArray, chunks_of, letters, write_slabs
from pipelines.files.lazy import LazyArray, unit_of
from pipelines.files.ome_levels import Levels, level_sizes, said_of_levels

SUFFIXES = (".zarr",)
KNOWN = set("TCZYX")
METADATA = (".zarray", ".zattrs", ".zgroup", "zarr.json")
UNITS = {"A": "angstrom", "pm": "picometer", "nm": "nanometer", "um": "micrometer", "mm": "millimeter", "cm": "centimeter"}


class ZarrArray(ChunkedArray):
    """The finest resolution of an OME-Zarr image, or an array of its own.

    Raises:
        InputError: `zarr` is not installed; no Zarr, or a group without an image.
    """

    def __init__(self, path):
        zarr, path = package(path), pathlib.Path(path)
        if not path.is_dir():
            raise InputError(f"{path}: no such folder")
        try:
            node = zarr.open(str(path), mode="r")
            image = None if hasattr(node, "shape") else _image(path, dict(node.attrs))
            stored = node if image is None else node[image["datasets"][0]["path"]]
            axes, spacing, unit, origin = _named(path, image, stored)
        except InputError:
            raise
        except Exception as error:  # zarr has errors of many kinds for what is not its own
            raise InputError(f"{path} cannot be read: damaged, or not Zarr ({' '.join(str(error).split())[:200]})") from None
        version, name = int(stored.metadata.zarr_format), (image or {}).get("name")
        about = {"layout": "zarr", "format": version, "name": name, "origin": origin}
        files = sorted(file for name in METADATA for file in path.rglob(name))  # a chunk a file may be a million of them
        super().__init__(path, stored, axes, about, spacing=spacing, unit=unit, files=files)

    def __reduce__(self):
        return ZarrArray, (self.path,)


def write_zarr(path, planes, like: LazyArray, remark: str = "") -> None:
    """Write planes (height, width), as many as `like` has and of its type, as an OME-Zarr image, with levels as of `ome_levels`.

    Of the version of its source, 0.4 where that is no Zarr, and with its origin. The folder appears when it is whole.
    """
    zarr, version = package(path), like.metadata.get("format", 2) if like.metadata.get("layout") == "zarr" else 2
    axes = "".join(letter if letter != "I" else "Z" for letter in like.axes)
    keys = {"name": "v2" if version == 2 else "default", "separator": "/"}
    with atomic_folder(path) as part:
        group = zarr.open_group(str(part), mode="w", zarr_format=version)
        named = {} if version == 2 else {"dimension_names": [letter.lower() for letter in axes]}
        about = {"dtype": like.dtype, "chunk_key_encoding": keys, **named}
        arrays = []
        for number, size in enumerate(level_sizes(like.shape[-2:])):
            shape = (*like.shape[:-2], *size)
            chunks = tuple(map(min, chunks_of(like), shape))
            arrays.append(group.create_array(str(number), shape=shape, chunks=chunks, **about))
        write_slabs(Levels(arrays), planes, like)
        scale = [like.spacing.get(letter, 1.0) if letter in "ZYX" else 1.0 for letter in axes]
        origin = [like.metadata.get("origin", {}).get(letter, 0.0) for letter in axes]
        image = {
            "axes": [_axis(letter, like.unit) for letter in axes],
            **said_of_levels(len(arrays), scale, remark, origin),
            **({"name": like.metadata["name"]} if like.metadata.get("name") else {}),
        }
        if version == 2:
            group.attrs["multiscales"] = [{"version": "0.4", **image}]
        else:
            group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}


def package(path):
    """The package `zarr`.

    Raises:
        InputError: it is not installed, or too old.
    """
    if importlib.util.find_spec("zarr") is None:
        raise InputError(f"{path}: Zarr needs the package zarr: pip install 'zarr>=3'")
    import zarr

    if int(zarr.__version__.split(".")[0]) < 3:
        raise InputError(f"{path}: received zarr {zarr.__version__}, expected version 3 or later: pip install 'zarr>=3'")
    return zarr


def _image(path, attributes):
    """What a group says of its first image."""
    found = attributes.get("ome", attributes).get("multiscales")
    if not found:
        raise InputError(f"{path}: a Zarr group without an OME image: say the folder of an array in it")
    return found[0]


def _named(path, image, stored):
    """(axes, spacing, unit, origin) of an array, and of the image that it belongs to; origin: where the first pixel lies."""
    said = (image or {}).get("axes")
    if said is None:
        names = list(getattr(stored.metadata, "dimension_names", None) or [])
    else:
        names = [axis["name"] if isinstance(axis, dict) else axis for axis in said]
    axes = "".join(map(str, names)).upper()
    if len(axes) != len(stored.shape) or not set(axes) <= KNOWN or not axes.endswith("YX"):
        if said is not None:
            raise InputError(f"{path}: received the axes {axes}, expected some of T, C, Z before Y and X")
        axes = letters(path, len(stored.shape))
    if image is None:
        return axes, {}, None, {}
    scale, origin = np.ones(len(axes)), np.zeros(len(axes))
    for change in (*image["datasets"][0].get("coordinateTransformations", ()), *image.get("coordinateTransformations", ())):
        if change.get("type") == "scale":
            scale, origin = scale * change["scale"], origin * change["scale"]
        if change.get("type") == "translation":
            origin = origin + change["translation"]
    units = {unit_of(_short(axis.get("unit"))) for axis in said if isinstance(axis, dict) and axis.get("type") == "space"}
    if len(units) != 1 or None in units:
        return axes, {}, None, {}
    spacing, places = ({letter: float(one) for letter, one in zip(axes, part) if letter in "ZYX"} for part in (scale, origin))
    return axes, spacing, units.pop(), places if any(places.values()) else {}


def _short(unit):
    """The key of `UNITS` that a unit is, or the unit."""
    return next((short for short, name in UNITS.items() if name == unit), unit)


def _axis(letter, unit):
    if letter in "TC":
        return {"name": letter.lower(), "type": {"T": "time", "C": "channel"}[letter]}
    return {"name": letter.lower(), "type": "space", **({"unit": UNITS.get(unit, unit)} if unit else {})}
