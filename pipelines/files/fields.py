"""Displacement fields of a pair of pictures as files hold them: every pixel of the fixed frame and what to add to find it.

The numbers are pixels of the moving frame minus pixels of the fixed one, (dx, dy), both counted from the centre of their first
pixel. So ``cv2.remap(moving, x + dx, y + dy, ...)`` is the moved picture, and ITK's displacement field transform takes them as
they are, for images with a spacing of 1 and the origin 0.
"""

import importlib.util
import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path
from pipelines.geometry import frames
from pipelines.geometry.transforms import Displacement, Transform

ITK = (".mha", ".nrrd", ".nii", ".nii.gz")  # written by SimpleITK
ENDINGS = (".npy", *ITK)


def check_field(path) -> None:
    """Tell what could not be written.

    Raises:
        InputError: an ending that is none, or one that needs a package that is not installed.
    """
    if not str(path).lower().endswith(ENDINGS):
        raise InputError(f"field {path}: expected a name that ends with {', '.join(ENDINGS)}")
    if not str(path).lower().endswith(".npy") and importlib.util.find_spec("SimpleITK") is None:
        raise InputError(f"field {path}: needs SimpleITK: pip install SimpleITK, or a name that ends with .npy")


def write_field(path, transform: Transform, fixed: tuple[int, int], moving: tuple[int, int]) -> None:
    """Write what a transform of one row, of any kind, does at every pixel of the fixed frame; float32 (height, width, 2).

    Args:
        fixed, moving: (height, width) of the frames.
    """
    check_field(path)
    field = Displacement.of(transform, *fixed).field[0] + _between(fixed, moving)
    with atomic_path(path) as part:
        if str(path).lower().endswith(".npy"):
            with open(part, "wb") as file:
                np.save(file, np.float32(field))
        else:
            import SimpleITK as sitk  # noqa: N813

            sitk.WriteImage(sitk.GetImageFromArray(np.float64(field), isVector=True), str(part))


def read_field(path, moving: tuple[int, int]) -> tuple[Displacement, tuple[int, int]]:
    """The transform of a file that `write_field` wrote, and (height, width) of its fixed frame.

    Args:
        moving: (height, width) of the moving frame, which files do not hold.

    Raises:
        InputError: no such file, or no field.
    """
    check_field(path)
    if not pathlib.Path(path).is_file():
        raise InputError(f"{path}: no such file")
    try:
        field = _read(path)
    except (ValueError, OSError, RuntimeError, EOFError) as error:
        raise InputError(f"{path}: no displacement field: {' '.join(str(error).split())}") from None
    if field.ndim != 3 or field.shape[2] != 2 or field.dtype.kind != "f" or min(field.shape) < 2 or not np.isfinite(field).all():
        raise InputError(f"{path}: received {field.dtype} of shape {field.shape}, expected finite numbers (height, width, 2)")
    fixed = field.shape[:2]
    return Displacement(np.float32(field - _between(fixed, moving))[None]), fixed


def _read(path):
    if str(path).lower().endswith(".npy"):
        return np.load(path, allow_pickle=False)
    import SimpleITK as sitk  # noqa: N813

    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def _between(fixed, moving):
    """What places counted from the first pixel differ by, where those counted from the centres do not."""
    return frames.centre(moving) - frames.centre(fixed)
