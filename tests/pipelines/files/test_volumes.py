"""Volumes of every kind: what is written reads back as it was, in type of number, voxel size and names."""

import tracemalloc

import mrcfile
import numpy as np
import pytest
import tifffile

from pipelines.errors import InputError
from pipelines.files.lazy import MemoryArray
from pipelines.files.picture_writing import write_picture
from pipelines.files.volumes import check_volume, finer, open_volume, write_volume


def made(dtype):
    return np.random.default_rng(1).integers(0, 120, (3, 20, 24)).astype(dtype)


def written(array, path):
    write_volume(path, (array.planes([k])[0] for k in range(array.plane_count)), array)
    return open_volume(path)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float32"])
def test_mrc(tmp_path, dtype):
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(made(dtype))
        file.set_volume()
        file.voxel_size = (90.0, 90.0, 300.0)
    again = written(open_volume(tmp_path / "a.mrc"), tmp_path / "b.mrc")
    assert np.array_equal(again.read(), made(dtype)) and again.dtype == dtype and again.axes == "ZYX"
    assert again.spacing == pytest.approx({"Z": 300.0, "Y": 90.0, "X": 90.0})
    assert mrcfile.validate(tmp_path / "b.mrc")
    with mrcfile.open(tmp_path / "b.mrc") as file:
        assert file.is_volume() and file.header.dmin == made(dtype).min() and file.header.dmax == made(dtype).max()
        assert file.header.dmean == pytest.approx(made(dtype).mean()) and file.header.rms == pytest.approx(made(dtype).std())


def test_a_remark_that_the_labels_of_mrc_cannot_hold_is_cut(tmp_path):
    array = MemoryArray(made("int16"), "IYX", spacing={"X": 0.4, "Y": 0.5}, unit="nm")
    write_volume(tmp_path / "a.mrc", (plane for plane in made("int16")), array, "sections 1, 2, 3, " * 100)
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert file.is_image_stack() and file.voxel_size.tolist() == pytest.approx((4.0, 5.0, 4.0))
        np.testing.assert_array_equal(file.data, made("int16"))
        labels = [str(label) for label in file.get_labels()]
    assert len(labels) == 10 and labels[0] == ("sections 1, 2, 3, " * 5)[:80].rstrip() and labels[-1].endswith("...")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_imagej(tmp_path, dtype):
    about = {"resolution": (1 / 0.01, 1 / 0.01), "metadata": {"axes": "ZYX", "spacing": 0.03, "unit": "um"}}
    tifffile.imwrite(tmp_path / "a.tif", made(dtype), imagej=True, **about)
    again = written(open_volume(tmp_path / "a.tif"), tmp_path / "b.tif")
    assert np.array_equal(again.read(), made(dtype)) and again.dtype == dtype
    assert again.unit == "um" and again.spacing == pytest.approx({"Z": 0.03, "Y": 0.01, "X": 0.01})


@pytest.mark.parametrize("ending, dtype", [("png", "uint8"), ("tif", "uint16")])
def test_folder(tmp_path, ending, dtype):
    (tmp_path / "a").mkdir()
    for number, section in enumerate(made(dtype)):
        write_picture(tmp_path / "a" / f"s{number:03d}.{ending}", section)
    array = open_volume(tmp_path / "a")
    assert array.axes == "ZYX" and array.dtype == dtype
    again = written(array, tmp_path / "b")
    assert np.array_equal(again.read(), made(dtype))
    assert [path.name for path in again.names] == [path.name for path in array.names]


@pytest.mark.parametrize("ending", [".tif", ".mrc", ".h5", ".zarr", ""])
def test_memory_does_not_grow_with_the_sections(tmp_path, ending):
    """What is held while a volume is read and written again: of 16 sections more, less than one more."""
    if ending == ".zarr":
        pytest.importorskip("zarr")

    def peak(count):
        like = MemoryArray(
            np.broadcast_to(np.int16(0), (count, 256, 256)), "ZYX", spacing={"Z": 3.0, "Y": 1.0, "X": 1.0}, unit="nm"
        )
        if not ending:
            (tmp_path / f"{count}").mkdir()
            for number in range(count):
                write_picture(tmp_path / f"{count}" / f"{number:03d}.png", np.zeros((256, 256), np.uint16))
        else:
            write_volume(tmp_path / f"{count}{ending}", (like.planes([number])[0] for number in range(count)), like)
        tracemalloc.start()
        try:
            written(open_volume(tmp_path / f"{count}{ending}"), tmp_path / f"again{count}{ending}")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # imports
    assert peak(48) - peak(32) < 256 * 256 * 2


def test_a_finer_volume_has_smaller_steps(tmp_path):
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(made("int16"))
        file.set_volume()
        file.voxel_size = (90.0, 90.0, 300.0)
    write_volume(tmp_path / "b.mrc", list(np.repeat(made("int16"), 3, 0)[1:-1]), finer(open_volume(tmp_path / "a.mrc"), 3), "why")
    again = open_volume(tmp_path / "b.mrc")
    assert again.shape == (7, 20, 24) and again.spacing == pytest.approx({"Z": 100.0, "Y": 90.0, "X": 90.0})
    assert "why" in again.metadata["labels"]
    (tmp_path / "a").mkdir()
    for number, section in enumerate(made("uint8")):
        write_picture(tmp_path / "a" / f"s{number}.png", section)
    write_volume(tmp_path / "b", list(np.repeat(made("uint8"), 2, 0)[1:]), finer(open_volume(tmp_path / "a"), 2), "why")
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [*(f"{k:05d}.png" for k in range(1, 6)), "remark.txt"]


def test_what_is_no_volume_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", made("uint8")[0])
    tifffile.imwrite(tmp_path / "colour.tif", np.zeros((4, 20, 24, 3), np.uint8), photometric="rgb")
    for name in ("one.tif", "colour.tif"):
        with pytest.raises(InputError, match="expected two or more grey sections"):
            open_volume(tmp_path / name)
    (tmp_path / "mixed").mkdir()
    write_picture(tmp_path / "mixed" / "0.png", np.zeros((20, 24), np.uint8))
    write_picture(tmp_path / "mixed" / "1.png", np.zeros((20, 22), np.uint8))
    with pytest.raises(InputError, match=r"1.png: a section of 22x20 uint8, expected 24x20 uint8"):
        open_volume(tmp_path / "mixed").read()


def test_names_that_cannot_be_written_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", made("uint8"), photometric="minisblack")
    array = open_volume(tmp_path / "a.tif")
    with pytest.raises(InputError, match="expected .tif or .tiff or .h5 or"):  # an MRC file has no such type of number
        check_volume(tmp_path / "b.mrc", array)
    with pytest.raises(InputError, match="it is the input"):
        check_volume(tmp_path / "a.tif", array)
    with pytest.raises(InputError, match="does not exist"):
        check_volume(tmp_path / "no" / "b.tif", array)


def test_half_a_volume_is_not_left(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", made("uint8"), photometric="minisblack")
    array = open_volume(tmp_path / "a.tif")

    def broken():
        yield array.planes([0])[0]
        raise ValueError("the disk was pulled out")

    with pytest.raises(ValueError):
        write_volume(tmp_path / "b.tif", broken(), array)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
