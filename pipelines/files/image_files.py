"""PNG and JPEG files, read by OpenCV."""

import pathlib

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.lazy import MemoryArray

SUFFIXES = (".png", ".jpg", ".jpeg")
SET_LOG_LEVEL = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel  # by release


class PictureFile(MemoryArray):
    """A PNG or JPEG file, read whole: "YX", or "YXS" with the samples red, green, blue and, where there is one, opacity."""

    def __init__(self, path):
        pixels = _decode(path)
        if pixels.ndim == 3:
            pixels = cv2.cvtColor(pixels, {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}[pixels.shape[2]])
        super().__init__(pixels, "YX" if pixels.ndim == 2 else "YXS", path)


def _decode(path):
    """Pixels as stored, (height, width) or (height, width, 3 or 4) in OpenCV's order blue, green, red."""
    if not pathlib.Path(path).is_file():
        raise InputError(f"{path}: no such file")
    level = SET_LOG_LEVEL(0)  # what OpenCV would print of a damaged file is said below, in one line
    try:
        decoded = None if _cut_jpeg(path) else cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except (cv2.error, OSError) as error:
        raise InputError(f"{path} cannot be read as an image: {' '.join(str(error).split())}") from error
    finally:
        SET_LOG_LEVEL(level)
    if decoded is None:
        raise InputError(f"{path} cannot be read as an image: damaged, or not PNG or JPEG")
    return decoded


def _cut_jpeg(path):
    """Whether a JPEG lacks its end mark: OpenCV would fill the rest of the picture with grey."""
    with open(path, "rb") as file:
        start = file.read(3)
        file.seek(max(0, file.seek(0, 2) - 2**16))
        return start == b"\xff\xd8\xff" and b"\xff\xd9" not in file.read()


def write_grey(path, image):
    """Write an image (height, width) as an 8-bit PNG or TIFF; the file appears when it is whole.

    Grey values that already lie in 0 to 255 and span at least a few levels are kept; others are stretched to that range.
    """
    image = np.asarray(image, np.float32)
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 255 or high - low < 8:
        image = (image - low) * (255.0 / max(high - low, 1e-12))
    encoded, data = cv2.imencode(pathlib.Path(path).suffix, np.round(image).astype(np.uint8))
    if not encoded:
        raise InputError(f"cannot write {path}: OpenCV does not know the format")
    with atomic_path(path) as part:
        part.write_bytes(data.tobytes())
