"""Series of pictures written plane by plane: axes, type of number, pixel sizes, frame interval and channels are kept."""

import contextlib
import pathlib
from collections.abc import Iterable

import numpy as np
import tifffile

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.lazy import LazyArray
from pipelines.files.mrc import mrc_writer

TIFFS, MRCS = (".tif", ".tiff"), (".mrc", ".mrcs")
LARGE = 2**32 - 2**25  # bytes above which a TIFF file becomes a BigTIFF
OF_IMAGEJ = (np.uint8, np.uint16, np.float32)
COUNTED = ("ImageJ", "images", "channels", "slices", "frames", "hyperstack")  # tifffile writes these itself
OF_PIXELS = ("TimeIncrement", "TimeIncrementUnit")
OF_CHANNELS = ("Name", "Color", "Fluor", "EmissionWavelength", "ExcitationWavelength")


def check_series(path, like: LazyArray) -> None:
    """InputError where `write_series` would refuse the name of a file."""
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in TIFFS + (MRCS if like.plane_axes == 2 else ()):
        kinds = " or ".join(TIFFS + MRCS if like.plane_axes == 2 else TIFFS)
        raise InputError(f"cannot write {path}: expected a name that ends with {kinds}")


def write_series(path, planes: Iterable[np.ndarray], size: tuple[int, int], like: LazyArray) -> None:
    """Write planes in the order and form of the array they were made of; the file appears when it is whole.

    Args:
        path: .tif or .tiff; .mrc or .mrcs, float32, where there are no colours.
        planes: (height, width) or (height, width, samples), as many as `like` has, of its type. size: (height, width).
        like: `LazyArray`; of its metadata ImageJ's, OME's pixel sizes, time increment and channels, and plain descriptions are
            kept.
    """
    check_series(path, like)
    if pathlib.Path(path).suffix.lower() in MRCS:
        with mrc_writer(path, like.pixel_size) as append:
            for plane in planes:
                append(plane)
        return
    before = len(like.axes) - like.plane_axes
    shape = (*like.shape[:before], *size, *like.shape[before + 2 :])
    about, axes = _about(like), like.axes
    if about.get("imagej") and "I" in axes:
        axes = axes.replace("I", "T" if "T" not in axes else "Z")
    about["metadata"] = None if about["metadata"] is None else {"axes": axes, **about["metadata"]}
    colour = like.axes.endswith("S") and like.shape[-1] >= 3
    large = int(np.prod(shape, dtype=np.float64)) * like.dtype.itemsize > LARGE
    with atomic_path(path) as part, contextlib.closing(iter(planes)) if hasattr(planes, "close") else contextlib.nullcontext():
        tifffile.imwrite(
            part,
            (np.ascontiguousarray(plane) for plane in planes),
            shape=shape,
            dtype=like.dtype,
            photometric="rgb" if colour else "minisblack",
            bigtiff=large and not about.get("imagej"),
            **about,
        )


def _about(like):
    """Arguments of tifffile that say what `like` says."""
    known, sizes = like.metadata, like.spacing
    layout = known.get("layout")
    if layout == "imagej" and like.dtype in OF_IMAGEJ:
        kept = {key: value for key, value in known.get("imagej", {}).items() if key not in COUNTED}
        resolution = {"resolution": (1.0 / sizes["X"], 1.0 / sizes["Y"])} if {"X", "Y"} <= sizes.keys() else {}
        if not resolution and "resolution" in known:
            resolution = {"resolution": known["resolution"], "resolutionunit": known.get("resolution_unit")}
        return {"imagej": True, "metadata": kept, **resolution}
    if layout == "ome" or set(like.axes) & set("TC") or "Z" in sizes:
        units = {f"PhysicalSize{axis}Unit": {"um": "µm", "A": "Å"}.get(like.unit, like.unit) for axis in sizes}
        physical = {f"PhysicalSize{axis}": size for axis, size in sizes.items()}
        interval = {"TimeIncrement": known["frame_interval"], "TimeIncrementUnit": "s"} if "frame_interval" in known else {}
        said = {**interval, **_of_ome(known.get("description") or "")}
        return {"ome": "I" not in like.axes, "metadata": {**physical, **units, **said}}
    kept = {"description": known.get("description"), "resolution": known.get("resolution")}
    if kept["resolution"] is not None:
        kept["resolutionunit"] = known.get("resolution_unit")
    return {"metadata": None, **{key: value for key, value in kept.items() if value is not None}}


def _of_ome(text):
    """What an OME description says of time and channels, as tifffile takes it."""
    if not text.lstrip().startswith("<"):
        return {}
    images = tifffile.xml2dict(text).get("OME", {}).get("Image", {})
    pixels = (images[0] if isinstance(images, list | tuple) else images).get("Pixels", {})
    channels = pixels.get("Channel", [])
    channels = channels if isinstance(channels, list | tuple) else [channels]
    kept = {key: pixels[key] for key in OF_PIXELS if key in pixels}
    named = {key: [one.get(key) for one in channels] for key in OF_CHANNELS if channels and all(key in one for one in channels)}
    return {**kept, **({"Channel": named} if named else {})}
