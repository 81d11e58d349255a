"""Displacement fields in files: numbers by hand, OpenCV's and ITK's reading of them, what is no field."""

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.fields import check_field, read_field, write_field
from pipelines.geometry.transforms import Displacement, Rigid
from udl_tf.registration.placing import placed


def test_a_shift_between_frames_of_two_sizes_by_hand(tmp_path):
    """Centres lie at (4.5, 3.5) and (7.5, 5.5): pixel 0, 0 is found 3 and 2 further, less the shift."""
    write_field(tmp_path / "f.npy", Rigid([0.0], [[1.5, -0.5]]), (8, 10), (12, 16))
    field = np.load(tmp_path / "f.npy")
    assert field.shape == (8, 10, 2) and field.dtype == np.float32
    np.testing.assert_allclose(field, np.broadcast_to([3 - 1.5, 2 + 0.5], (8, 10, 2)), atol=1e-5)
    back, fixed = read_field(tmp_path / "f.npy", (12, 16))
    assert fixed == (8, 10)
    np.testing.assert_allclose(back.field, np.broadcast_to([-1.5, 0.5], (1, 8, 10, 2)), atol=1e-5)


@pytest.fixture
def bent():
    rng = np.random.default_rng(4)
    moving = cv2.GaussianBlur(rng.normal(size=(40, 50)), (0, 0), 2.0)
    y, x = np.mgrid[:36, :44].astype(np.float32)
    return moving, Displacement(np.stack([2 * np.sin(y / 9), np.cos(x / 8)], -1)[None].astype(np.float32))


def test_opencv_moves_by_it_as_we_do(bent, tmp_path):
    moving, transform = bent
    write_field(tmp_path / "f.npy", transform, (36, 44), (40, 50))
    field = np.load(tmp_path / "f.npy")
    y, x = np.mgrid[:36, :44].astype(np.float32)
    by_hand = cv2.remap(moving, x + field[..., 0], y + field[..., 1], cv2.INTER_LANCZOS4)
    np.testing.assert_allclose(by_hand[6:-6, 6:-6], placed(moving, transform, (36, 44))[6:-6, 6:-6], atol=1e-3)


@pytest.mark.parametrize("ending", [".mha", ".nrrd", ".nii.gz"])
def test_itk_moves_by_it_as_we_do(bent, tmp_path, ending):
    sitk = pytest.importorskip("SimpleITK")
    moving, transform = bent
    path = str(tmp_path / f"f{ending}")
    write_field(path, transform, (36, 44), (40, 50))
    field = sitk.DisplacementFieldTransform(sitk.ReadImage(path, sitk.sitkVectorFloat64))
    frame = sitk.GetImageFromArray(np.zeros((36, 44)))
    moved = sitk.GetArrayFromImage(sitk.Resample(sitk.GetImageFromArray(moving), frame, field, sitk.sitkBSpline))
    np.testing.assert_allclose(moved[6:-6, 6:-6], placed(moving, transform, (36, 44))[6:-6, 6:-6], atol=0.01)
    np.testing.assert_allclose(read_field(path, (40, 50))[0].field, transform.field, atol=1e-5)


def test_what_is_no_field_is_told(tmp_path):
    with pytest.raises(InputError, match="expected a name that ends with .npy, .mha"):
        check_field("field.txt")
    with pytest.raises(InputError, match="no such file"):
        read_field(tmp_path / "none.npy", (8, 8))
    (tmp_path / "text.npy").write_text("no")
    with pytest.raises(InputError, match="text.npy: no displacement field"):
        read_field(tmp_path / "text.npy", (8, 8))
    for name, array in (("matrix", np.eye(3)), ("nan", np.full((4, 4, 2), np.nan)), ("whole", np.zeros((4, 4, 2), int))):
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(InputError, match=f"{name}.npy: received .* of shape .*, expected finite numbers"):
            read_field(tmp_path / f"{name}.npy", (8, 8))
