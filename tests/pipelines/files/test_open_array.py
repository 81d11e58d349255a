"""What every opened path says of itself, and blocks of it."""

import pickle

import cv2
import mrcfile
import numpy as np
import pytest
import tifffile

from pipelines.errors import InputError
from pipelines.files.opening import open_array, open_source

VALUES = np.random.default_rng(0).integers(0, 4000, (2, 3, 5, 6), np.uint16)  # T or C, Z, Y, X


def about(array):
    return array.axes, array.shape, array.dtype, array.spacing, array.unit


def test_a_stack_and_a_volume_of_mrc_differ_by_a_letter(tmp_path):
    values = VALUES[0].astype(np.int16)
    mrcfile.write(tmp_path / "a.mrcs", values, voxel_size=2.0)
    with mrcfile.new(tmp_path / "volume.mrc") as file:
        file.set_data(values)
        file.set_volume()
        file.voxel_size = 4.0, 3.0, 2.0  # x, y, z
        file.add_label("from the scope")
    with mrcfile.new(tmp_path / "volumes.mrc") as file:
        file.set_data(VALUES.astype(np.float32))
        file.voxel_size = 1.5
    sizes = {"X": 2.0, "Y": 2.0}
    assert about(open_array(tmp_path / "a.mrcs")) == ("IYX", (3, 5, 6), np.int16, sizes, "A")
    volume = open_array(tmp_path / "volume.mrc")
    assert about(volume) == ("ZYX", (3, 5, 6), np.int16, {"X": 4.0, "Y": 3.0, "Z": 2.0}, "A")
    assert volume.metadata["labels"][-1].startswith("from the scope") and volume.pixel_size == 4.0
    volumes = open_array(tmp_path / "volumes.mrc")
    assert about(volumes) == ("IZYX", (2, 3, 5, 6), np.float32, {"X": 1.5, "Y": 1.5, "Z": 1.5}, "A")
    np.testing.assert_array_equal(volumes.read(I=[1], Y=slice(1, 4), X=[5, 0, 2]), VALUES[1:2, :, 1:4][..., [5, 0, 2]])
    assert len(open_source(tmp_path / "volumes.mrc")) == 6


@pytest.mark.parametrize(
    "layout, axes, spacing, unit",
    [
        ({"imagej": True, "metadata": {"axes": "TZYX"}}, "TZYX", {}, None),
        (
            {"imagej": True, "resolution": (0.5, 0.25), "metadata": {"axes": "TZYX", "spacing": 40.0, "unit": "nm"}},
            "TZYX",
            {"X": 2.0, "Y": 4.0, "Z": 40.0},
            "nm",
        ),
        (
            {
                "ome": True,
                "metadata": {
                    "axes": "CZYX",
                    "PhysicalSizeX": 0.1,
                    "PhysicalSizeY": 0.2,
                    "PhysicalSizeZ": 0.5,
                    "PhysicalSizeXUnit": "µm",
                },
            },
            "CZYX",
            {"X": 0.1, "Y": 0.2, "Z": 0.5},
            "um",
        ),
        ({"ome": True, "compression": "zlib", "tile": (16, 16), "metadata": {"axes": "TZYX"}}, "TZYX", {}, None),
        ({"bigtiff": True, "ome": True, "metadata": {"axes": "TZYX"}}, "TZYX", {}, None),
        ({"compression": "zlib", "metadata": None}, "IYX", {}, None),
        ({"byteorder": ">", "metadata": None}, "IYX", {}, None),
    ],
    ids=["imagej", "imagej-sizes", "ome", "ome-tiles", "bigtiff", "pages", "big-endian"],
)
def test_layouts_of_tiff(tmp_path, layout, axes, spacing, unit):
    tifffile.imwrite(tmp_path / "a.tif", VALUES, photometric="minisblack", **layout)
    array = open_array(tmp_path / "a.tif")
    wanted = VALUES.reshape(-1, 5, 6) if axes == "IYX" else VALUES
    assert (array.axes, array.shape, array.dtype, array.unit) == (axes, wanted.shape, np.uint16, unit)
    assert array.spacing == pytest.approx(spacing)
    np.testing.assert_array_equal(array.read(), wanted)
    np.testing.assert_array_equal(array.read(Y=slice(4, 0, -2), X=[1])[..., 0], wanted[..., 4:0:-2, 1])
    source = open_source(tmp_path / "a.tif")
    np.testing.assert_array_equal(source.read([4, 1, 4]), VALUES.reshape(-1, 5, 6)[[4, 1, 4]][:, :, :5])
    assert source.pixel_size == (None if unit is None else pytest.approx({"nm": 20.0, "um": 1000.0}[unit]))
    again = pickle.loads(pickle.dumps(array))
    np.testing.assert_array_equal(again.planes([5]), VALUES.reshape(-1, 5, 6)[[5]])


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_come_last_and_become_luminance(tmp_path, planar):
    colours = np.zeros((2, 4, 4, 3), np.uint8) + np.uint8([200, 50, 100])
    stored = colours if planar == "contig" else np.moveaxis(colours, -1, 1)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, metadata=None)
    cv2.imwrite(str(tmp_path / "a.png"), colours[0, ..., ::-1])
    luminance = 0.299 * 200 + 0.587 * 50 + 0.114 * 100
    for name, axes, wanted in (("a.tif", "IYXS", colours), ("a.png", "YXS", colours[0])):
        array = open_array(tmp_path / name)
        assert (array.axes, array.shape, array.dtype) == (axes, wanted.shape, np.uint8)
        np.testing.assert_array_equal(array.read(S=[2, 0]), wanted[..., [2, 0]])
        np.testing.assert_allclose(open_source(tmp_path / name).read([0]), np.full((1, 4, 4), luminance), rtol=1e-4)


def test_a_star_file_and_a_folder_are_series(tmp_path):
    mrcfile.write(tmp_path / "a.mrcs", VALUES[0].astype(np.float32), voxel_size=2.0)
    (tmp_path / "a.star").write_text("data_\nloop_\n_rlnImageName\n2@a.mrcs\n1@a.mrcs\n")
    array = open_array(tmp_path / "a.star")
    assert about(array) == ("IYX", (2, 5, 6), np.float32, {"X": 2.0, "Y": 2.0}, "A") and len(array.star) == 2
    np.testing.assert_array_equal(array.read(X=slice(0, 2)), VALUES[0, [1, 0], :, :2])
    assert [file.rpartition("/")[2] for file in array.files] == ["a.star", "a.mrcs"]
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, picture in (("b.png", VALUES[0, 0]), ("a.tif", VALUES[0, 1])):
        cv2.imwrite(str(folder / name), picture)
    array = open_array(folder)
    assert about(array) == ("IYX", (2, 5, 6), np.float32, {}, None)
    np.testing.assert_array_equal(array.read(), VALUES[0, [1, 0]])


def test_blocks_that_are_not_there(tmp_path):
    mrcfile.write(tmp_path / "a.mrcs", VALUES[0].astype(np.float32))
    array = open_array(tmp_path / "a.mrcs")
    for where, message in (
        ({"Z": [0]}, "received axis Z, expected one of I, Y, X"),
        ({"I": [3]}, "received I=.3., expected a slice or integers from 0 to 2"),
        ({"Y": [0.5]}, "expected a slice or integers from 0 to 4"),
    ):
        with pytest.raises(InputError, match=message):
            array.read(**where)
    assert array.read(I=slice(0, 0)).shape == (0, 5, 6)
