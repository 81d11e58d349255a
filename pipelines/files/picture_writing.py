"""Pictures written to PNG, JPEG and TIFF files: the type of number, the colours and what else a file said are kept."""

import pathlib

import cv2
import numpy as np
import tifffile

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path

JPEGS = (".jpg", ".jpeg")
ENDINGS = (".png", *JPEGS, ".tif", ".tiff")
QUALITY = 95  # of a JPEG file, of 100


def write_picture(path, picture, like=None):
    """Write a picture; the file appears when it is whole.

    A TIFF file holds any type of number, and the description, the resolution, and ImageJ's or OME's pixel sizes of `like`. A PNG
    file holds whole numbers of 8 or 16 bits; others come as 8 bits: as they are where they lie in 0 to 255 and span at
    least a few levels, else stretched to that range. A JPEG file holds 8 bits, without opacity.

    Args:
        path: ends with one of `ENDINGS`. picture: (height, width), or (height, width, samples) with red, green, blue and maybe
            opacity. like: the `pipelines.files.lazy.LazyArray` it was made of, or None.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in ENDINGS:
        raise InputError(f"cannot write {path}: expected a name that ends with {', '.join(ENDINGS)}")
    with atomic_path(path) as part:
        if suffix == ".png" or suffix in JPEGS:
            _encode(part, picture, suffix in JPEGS)
        else:
            colour = picture.ndim == 3 and picture.shape[2] >= 3
            tifffile.imwrite(part, picture, photometric="rgb" if colour else "minisblack", **_about(picture, like))


def _encode(path, picture, jpeg):
    if picture.dtype != np.uint8 and (jpeg or picture.dtype != np.uint16):
        picture = _eight_bits(picture)
    if picture.ndim == 3:
        picture = picture[..., :3] if jpeg else picture
        picture = cv2.cvtColor(picture, {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[picture.shape[2]])
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if jpeg else []
    path.write_bytes(cv2.imencode(".jpg" if jpeg else ".png", picture, options)[1].tobytes())


def _eight_bits(picture):
    picture = np.asarray(picture, np.float64)
    low, high = float(picture.min()), float(picture.max())
    if low < 0 or high > 255 or high - low < 8:
        picture = (picture - low) * (255.0 / max(high - low, 1e-12))
    return np.round(picture).astype(np.uint8)


def _about(picture, like):
    """Arguments of `tifffile.imwrite` that say what `like` says."""
    if like is None:
        return {"metadata": None}
    known, sizes = like.metadata, like.spacing
    if known.get("layout") == "ome":
        physical = {f"PhysicalSize{axis}": sizes[axis] for axis in "XY" if axis in sizes}
        units = {f"PhysicalSize{axis}Unit": {"um": "µm", "A": "Å"}.get(like.unit, like.unit) for axis in "XY" if axis in sizes}
        return {"ome": True, "metadata": {"axes": "YXS"[: picture.ndim], **physical, **units}}
    if known.get("layout") == "imagej" and picture.dtype in (np.uint8, np.uint16, np.float32):
        kept = {key: value for key, value in known.get("imagej", {}).items() if key in ("unit", "Info", "min", "max")}
        resolution = {"resolution": (1.0 / sizes["X"], 1.0 / sizes["Y"])} if {"X", "Y"} <= sizes.keys() else {}
        return {"imagej": True, "metadata": kept, **resolution}
    return {
        "metadata": None,
        "description": known.get("description") or None,
        "resolution": known.get("resolution"),
        "resolutionunit": known.get("resolution_unit"),
    }
