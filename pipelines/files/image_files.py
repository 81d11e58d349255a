"""PNG and JPEG files, read by OpenCV."""

import pathlib

import cv2
from PIL import Image

from pipelines.errors import InputError
from pipelines.files.grey import oriented
from pipelines.files.lazy import MemoryArray

SUFFIXES = (".png", ".jpg", ".jpeg")
ORIENTATION = 274  # EXIF's number for it
SET_LOG_LEVEL = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel  # by release


class PictureFile(MemoryArray):
    """A PNG or JPEG file, read whole and turned as it was taken: "YX", or "YXS".

    The samples S are red, green, blue and, where there is one, opacity.
    """

    def __init__(self, path):
        pixels = _decode(path)
        if pixels.ndim == 3:
            pixels = cv2.cvtColor(pixels, {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}[pixels.shape[2]])
        super().__init__(oriented(pixels, _orientation(path)), "YX" if pixels.ndim == 2 else "YXS", path)


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


def _orientation(path):
    """How the camera was held, EXIF's 1 to 8; 1 where the file does not tell."""
    try:
        with Image.open(path) as picture:
            return picture.getexif().get(ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 1


def _cut_jpeg(path):
    """Whether a JPEG lacks its end mark: OpenCV would fill the rest of the picture with grey."""
    with open(path, "rb") as file:
        start = file.read(3)
        file.seek(max(0, file.seek(0, 2) - 2**16))
        return start == b"\xff\xd8\xff" and b"\xff\xd9" not in file.read()
