"""Every kind of image input through open_source."""

import logging

import cv2
import mrcfile
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.opening import ArraySource, chunks, open_source


def blob(size, x=0.0, y=0.0):
    """A round blob at (x, y) from the centre, in fractions of the size: the same picture at any size."""
    grid = (np.arange(size) - (size - 1) / 2) / size
    return np.exp(-((grid[None, :] - x) ** 2 + (grid[:, None] - y) ** 2) / (2 * 0.1**2)).astype(np.float32)


def test_mrc_source(tmp_path):
    data = np.random.default_rng(0).normal(size=(7, 5, 5)).astype(np.float32)
    mrcfile.write(tmp_path / "a.mrcs", data, voxel_size=1.5)
    source = open_source(tmp_path / "a.mrcs")
    assert (len(source), source.shape, source.pixel_size, source.star) == (7, (5, 5), 1.5, None)
    assert source.path == tmp_path / "a.mrcs"
    np.testing.assert_array_equal(source.read(slice(None, None, 2)), data[::2])
    np.testing.assert_array_equal(source.read(np.array([6, 0, 6])), data[[6, 0, 6]])
    np.testing.assert_array_equal(source.read(3), data[3:4])
    np.testing.assert_array_equal(source.read(data[:, 0, 0] > 0), data[data[:, 0, 0] > 0])
    assert source.read([]).shape == (0, 5, 5)


def test_chunks_cover_the_source_once():
    data = np.arange(7 * 4, dtype=np.float32).reshape(7, 2, 2)
    parts = list(chunks(ArraySource(data), 3))
    assert [rows.stop - rows.start for rows, _ in parts] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([images for _, images in parts]), data)


@pytest.mark.parametrize("indices", [[0, 7], [-1], 7, [0.5], [[0, 1]]])
def test_bad_indices(indices):
    with pytest.raises(InputError, match="expected"):
        ArraySource(np.zeros((7, 2, 2))).read(indices)


def test_not_square_is_cropped_with_one_notice(tmp_path, caplog):
    data = np.arange(2 * 4 * 7, dtype=np.float32).reshape(2, 4, 7)
    mrcfile.write(tmp_path / "a.mrcs", data)
    with caplog.at_level(logging.WARNING):
        source = open_source(tmp_path / "a.mrcs")
        assert source.shape == (4, 4)
        np.testing.assert_array_equal(source.read([1, 0]), data[[1, 0], :, 1:5])
    assert len(caplog.messages) == 1 and "4x7 pixels are centre-cropped to 4x4" in caplog.messages[0]


def test_reading_never_gives_a_view():
    data = np.zeros((3, 4, 4), np.float32)
    ArraySource(data).read(slice(None))[:] = 1.0
    assert data.max() == 0


def test_grey_values_of_every_format(tmp_path):
    rng = np.random.default_rng(1)
    pictures = {
        "8.png": rng.integers(0, 256, (6, 6), np.uint8),
        "16.png": rng.integers(0, 65536, (6, 6), np.uint16),
        "16.tif": rng.integers(0, 65536, (6, 6), np.uint16),
        "float.tiff": rng.normal(size=(6, 6)).astype(np.float32),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(tmp_path / name), picture)
        source = open_source(tmp_path / name)
        assert len(source) == 1 and source.pixel_size is None
        np.testing.assert_array_equal(source.read([0])[0], picture.astype(np.float32))


def test_colour_becomes_luminance(tmp_path):
    blue_green_red = np.zeros((4, 4, 4), np.uint8)
    blue_green_red[...] = 100, 50, 200, 128  # and transparency, which does not count
    cv2.imwrite(str(tmp_path / "a.png"), blue_green_red)
    wanted = 0.114 * 100 + 0.587 * 50 + 0.299 * 200
    np.testing.assert_allclose(open_source(tmp_path / "a.png").read([0]), np.full((1, 4, 4), wanted), rtol=1e-4)


def test_pages_of_a_tiff_are_a_stack(tmp_path):
    pages = [np.full((4, 4), value, np.uint16) for value in (1, 300, 7)]
    cv2.imwritemulti(str(tmp_path / "a.tif"), pages)
    np.testing.assert_array_equal(open_source(tmp_path / "a.tif").read([2, 1])[:, 0, 0], [7, 300])


def test_folder_in_order_of_names_with_sizes_made_equal(tmp_path):
    x, y = 0.15, -0.1
    for name, size in (("c.tif", 60), ("a.tif", 90), ("b.tif", 45)):
        cv2.imwrite(str(tmp_path / name), blob(size, x, y))
    (tmp_path / "notes.txt").write_text("not an image")
    source = open_source(tmp_path)
    assert (len(source), source.shape) == (3, (90, 90))
    read = source.read([2, 0, 1])
    np.testing.assert_array_equal(read[1], blob(90, x, y))
    # the resampled ones show the same picture, centred alike: half a pixel off would be an error of 0.03
    np.testing.assert_allclose(read, np.stack([blob(90, x, y)] * 3), atol=0.01)


def test_folder_of_wide_images_and_one_of_another_shape(tmp_path):
    wide = np.zeros((40, 61), np.float32)
    wide[:, 10:50] = blob(40, 0.1, 0.1)
    cv2.imwrite(str(tmp_path / "a.tif"), wide)
    cv2.imwrite(str(tmp_path / "b.tif"), np.pad(blob(80, 0.1, 0.1), ((5, 5), (0, 0))))
    read = open_source(tmp_path).read(slice(None))
    np.testing.assert_array_equal(read[0], blob(40, 0.1, 0.1))
    np.testing.assert_allclose(read[1], blob(40, 0.1, 0.1), atol=0.02)


def test_what_cannot_be_opened(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.png").write_bytes(b"not a picture")
    (tmp_path / "a.txt").write_text("text")
    for name, message in [
        ("missing.mrcs", "no such file or folder"),
        ("empty", "no images found"),
        ("a.png", "cannot be read as an image"),
        ("a.txt", "unknown kind of file"),
    ]:
        with pytest.raises(InputError, match=message):
            open_source(tmp_path / name)


def test_arrays_that_are_no_stack():
    assert len(ArraySource(np.zeros((4, 4)))) == 1
    for wrong in (np.zeros((2, 4, 4, 3)), np.zeros((0, 4, 4)), np.zeros((2, 4, 4), complex)):
        with pytest.raises(InputError, match="received"):
            ArraySource(wrong)
