"""Ordinary image files (PNG, JPEG, TIFF) read by OpenCV, and folders of them."""

import pathlib

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.files.source import Source
from pipelines.geometry.warp import centre_crop

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
SET_LOG_LEVEL = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel  # by release


def read_grey(path):
    """The first page of an image file as float32 (height, width): grey values as stored, colour turned to grey."""
    return _grey(_decode(cv2.imread, path), path)


def read_pages(path):
    """All pages of an image file (more than one only in TIFF), a list of float32 (height, width)."""
    return [_grey(page, path) for page in _decode(_pages, path)]


def fit_square(image, size):
    """Central square of image (height, width), resampled to (size, size) about its centre; reducing averages areas."""
    image = centre_crop(image[None], min(image.shape))[0]
    if image.shape[0] == size:
        return image
    method = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=method)


class FolderSource(Source):
    """The images of a folder in the order of their names, each decoded when it is read.

    The first image decides the size: one of another size is cropped to its largest central square and resampled.
    """

    def __init__(self, folder, pixel_size=None):
        self.files = image_files(folder)
        first = read_grey(self.files[0])
        super().__init__(pathlib.Path(folder), len(self.files), *first.shape, pixel_size)
        self._full = first.shape

    def _load(self, rows):
        return np.stack([self._image(self.files[row]) for row in rows]) if rows.size else np.empty((0, *self._full))

    def _image(self, path):
        image = read_grey(path)
        if image.shape == self._full:
            return image
        # Into the middle of a frame of the first image's size, where the source's own crop finds it again.
        (height, width), side = self._full, self.shape[0]
        top, left = (height - side) // 2, (width - side) // 2
        frame = np.zeros(self._full, np.float32)
        frame[top : top + side, left : left + side] = fit_square(image, side)
        return frame


def image_files(folder):
    """Sorted paths of the image files in a folder (not in its subfolders). InputError if there are none."""
    folder = pathlib.Path(folder)
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not files:
        raise InputError(f"{folder}: no images found, expected files that end with {', '.join(SUFFIXES)}")
    return files


def _pages(path, flags):
    found, pages = cv2.imreadmulti(path, flags=flags)
    return pages if found and len(pages) else None


def _decode(reader, path):
    if not pathlib.Path(path).is_file():
        raise InputError(f"{path}: no such file")
    level = SET_LOG_LEVEL(0)  # what OpenCV would print of a damaged file is said below, in one line
    try:
        decoded = None if _cut_jpeg(path) else reader(str(path), cv2.IMREAD_UNCHANGED)
    except (cv2.error, OSError) as error:
        raise InputError(f"{path} cannot be read as an image: {' '.join(str(error).split())}") from error
    finally:
        SET_LOG_LEVEL(level)
    if decoded is None:
        raise InputError(f"{path} cannot be read as an image: damaged, or not PNG, JPEG or TIFF")
    return decoded


def _cut_jpeg(path):
    """Whether a JPEG lacks its end mark: OpenCV would fill the rest of the picture with grey."""
    if pathlib.Path(path).suffix.lower() not in (".jpg", ".jpeg"):
        return False
    with open(path, "rb") as file:
        start = file.read(3)
        file.seek(max(0, file.seek(0, 2) - 2**16))
        return start == b"\xff\xd8\xff" and b"\xff\xd9" not in file.read()


def _grey(pixels, path):
    pixels = np.asarray(pixels).astype(np.float32)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return pixels.reshape(pixels.shape[:2])
    if channels in (3, 4):
        return cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_BGR2GRAY)  # transparency is ignored
    raise InputError(f"{path} has {channels} channels, expected 1, 3 or 4")


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
