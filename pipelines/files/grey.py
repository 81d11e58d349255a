"""Colours turned to grey, and pictures of any size brought to one."""

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.geometry.warp import centre_crop


def grey(pictures, path=None):
    """Luminance, float32 (..., height, width), of pictures (..., height, width, samples): grey, RGB, with or without opacity.

    Raises:
        InputError: another number of samples; `path` names the file.
    """
    samples = pictures.shape[-1]
    if samples <= 2:
        return pictures[..., 0].astype(np.float32)
    if samples > 4:
        raise InputError(f"{path or 'array'} has {samples} channels, expected 1, 3 or 4")
    flat = np.ascontiguousarray(pictures[..., :3], np.float32).reshape(-1, 1, 3)
    return cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY).reshape(pictures.shape[:-1])


def oriented(pictures, orientation, axis=0):
    """Pictures turned as a camera's orientation tag (EXIF's and TIFF's 274) says; rows are `axis`, columns the next one."""
    if orientation in (5, 6, 7, 8):
        pictures = np.swapaxes(pictures, axis, axis + 1)
    if orientation in (3, 4, 7, 8):
        pictures = np.flip(pictures, axis)
    return np.flip(pictures, axis + 1) if orientation in (2, 3, 6, 7) else pictures


def fit_square(image, size):
    """Central square of image (height, width), resampled to (size, size) about its centre; reducing averages areas."""
    image = centre_crop(image[None], min(image.shape))[0]
    if image.shape[0] == size:
        return image
    method = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=method)


def framed(image, shape):
    """An image (height, width) in a frame of `shape` (height, width).

    It stays as it is if it has that shape. Else its central square, resampled to the frame's short side, comes into the
    middle, where a central crop finds it again.
    """
    if image.shape == tuple(shape):
        return image
    (height, width), side = shape, min(shape)
    top, left = (height - side) // 2, (width - side) // 2
    frame = np.zeros(shape, np.float32)
    frame[top : top + side, left : left + side] = fit_square(image, side)
    return frame
