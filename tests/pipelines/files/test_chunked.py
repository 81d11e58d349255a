"""HDF5 and OME-Zarr: what other programs write is read as they mean it, and what we write, they read."""

import json
import pickle

import h5py
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files import chunked, inside
from pipelines.files.fingerprint import fingerprint
from pipelines.files.hdf5 import Hdf5Array, write_hdf5
from pipelines.files.lazy import MemoryArray
from pipelines.files.opening import open_array
from pipelines.files.volumes import finer, open_volume, write_volume

VALUES = np.random.default_rng(0).integers(0, 255, (7, 20, 30)).astype(np.uint8)


@pytest.fixture
def cremi(tmp_path):
    """A file as CREMI's: an array in a group, its resolution in nanometres, something else beside it."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = file.create_dataset("volumes/raw", data=VALUES, chunks=(3, 8, 8), compression="gzip")
        stored.attrs["resolution"] = [40.0, 4.0, 4.0]
        file.create_dataset("volumes/labels", data=np.zeros((7, 20, 30), np.uint64))
        file["names"] = "no image"
    return tmp_path / "a.h5"


def test_a_path_goes_on_within_a_file(cremi):
    assert inside.split(cremi / "volumes" / "raw") == (cremi, "volumes/raw") and inside.split(cremi) == (cremi, "")
    array = open_volume(cremi / "volumes/raw")
    assert (array.axes, array.shape, array.dtype, array.pixel_size) == ("ZYX", (7, 20, 30), np.uint8, 40.0)
    assert array.spacing == {"Z": 40.0, "Y": 4.0, "X": 4.0} and array.unit == "nm" and array.files == (str(cremi),)
    np.testing.assert_array_equal(array.planes([6, 0, 3]), VALUES[[6, 0, 3]])
    np.testing.assert_array_equal(array.read(Z=slice(2, 5), X=[4, 9]), VALUES[2:5][:, :, [4, 9]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array)).planes([4]), VALUES[[4]])
    with pytest.raises(InputError, match="expected one array .* found volumes/labels, volumes/raw: say .*a.h5/NAME"):
        open_array(cremi)
    with pytest.raises(InputError, match="holds no array volumes/row, expected volumes/labels or volumes/raw"):
        open_array(cremi / "volumes/row")


@pytest.mark.parametrize(
    ("attributes", "labels", "axes", "spacing"),
    [
        ({}, "", "ZYX", {}),
        ({"element_size_um": [0.04, 0.004, 0.005]}, "", "ZYX", {"Z": 0.04, "Y": 0.004, "X": 0.005}),
        ({"axistags": json.dumps({"axes": [{"key": "t"}, {"key": "y"}, {"key": "x"}]})}, "", "TYX", {}),
        ({"resolution": [2.0, 3.0], "unit": "um"}, "iyx", "IYX", {"Y": 2.0, "X": 3.0}),
    ],
)
def test_axes_and_sizes_as_other_programs_say_them(tmp_path, attributes, labels, axes, spacing):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        stored = file.create_dataset("exported_data", data=VALUES)
        stored.attrs.update(attributes)
        for number, label in enumerate(labels):
            stored.dims[number].label = label
    array = open_array(tmp_path / "a.hdf5")
    assert array.axes == axes and array.spacing == pytest.approx(spacing) and array.unit == ("um" if spacing else None)
    np.testing.assert_array_equal(array.planes(range(7)), VALUES)


def test_what_is_written_keeps_name_chunks_and_attributes(cremi, tmp_path):
    like = open_volume(cremi / "volumes/raw")
    write_volume(tmp_path / "b.h5", (plane for plane in 255 - VALUES), like, "made by a test")
    with h5py.File(tmp_path / "b.h5") as file:
        stored = file["volumes/raw"]
        np.testing.assert_array_equal(stored[:], 255 - VALUES)
        assert stored.chunks == (3, 8, 8) and stored.compression == "gzip" and stored.attrs["remark"] == "made by a test"
        assert stored.attrs["resolution"].tolist() == [40.0, 4.0, 4.0] and stored.attrs["unit"] == "nm"
    assert Hdf5Array(tmp_path / "b.h5").spacing == like.spacing
    more = finer(like, 3)
    write_volume(tmp_path / "c.h5", np.zeros(more.shape, np.uint8), more)
    assert Hdf5Array(tmp_path / "c.h5").shape == (19, 20, 30)
    assert Hdf5Array(tmp_path / "c.h5").spacing["Z"] == pytest.approx(40.0 / 3)


def test_nothing_is_left_of_a_file_that_was_not_finished(cremi, tmp_path):
    def planes():
        yield VALUES[0]
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        write_hdf5(tmp_path / "b.h5", planes(), open_volume(cremi / "volumes/raw"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_a_slab_is_read_once():
    reads = []

    class Stored:
        shape, dtype, chunks = VALUES.shape, VALUES.dtype, (3, 8, 8)

        def __getitem__(self, index):
            reads.append(index)
            return VALUES[index]

    array = chunked.ChunkedArray(None, Stored(), "ZYX", {})
    for number in range(7):
        np.testing.assert_array_equal(array.planes([number])[0], VALUES[number])
    assert reads == [(slice(0, 3),), (slice(3, 6),), (slice(6, 7),)]


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr_of_both_versions(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=version)
    for name, step in (("fine", 1), ("coarse", 2)):
        group.create_array(name, data=VALUES[None, :, ::step, ::step], chunks=(1, 3, 8, 8))
    axes = [{"name": "c", "type": "channel"}] + [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [1.0, 40.0, 4.0, 4.0]}]
    sets = [{"path": name, "coordinateTransformations": scale} for name in ("fine", "coarse")]
    image = {"axes": axes, "datasets": sets, "name": "tissue"}
    if version == 2:
        group.attrs["multiscales"] = [{"version": "0.4", **image}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    array = open_volume(tmp_path / "a.zarr")
    assert (array.axes, array.shape, array.unit) == ("CZYX", (1, 7, 20, 30), "nm")
    assert array.spacing == {"Z": 40.0, "Y": 4.0, "X": 4.0}
    np.testing.assert_array_equal(array.planes([5, 1]), VALUES[[5, 1]])
    assert fingerprint(array.files)["files"] == len(array.files) > 1
    write_volume(tmp_path / "b.zarr", iter(255 - VALUES), array, "made by a test")
    again = zarr.open_group(str(tmp_path / "b.zarr"), mode="r")
    assert again["0"].metadata.zarr_format == version and again["0"].chunks == (1, 3, 8, 8)
    np.testing.assert_array_equal(again["0"][0], 255 - VALUES)
    said = dict(again.attrs).get("ome", dict(again.attrs))["multiscales"][0]
    assert said["axes"] == axes and said["datasets"][0]["coordinateTransformations"] == scale
    assert said["name"] == "tissue" and said["metadata"] == {"remark": "made by a test"}


def test_a_plain_zarr_array_and_what_is_none(tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.save_array(str(tmp_path / "a.zarr"), VALUES)
    assert open_volume(tmp_path / "a.zarr").axes == "ZYX"
    zarr.open_group(str(tmp_path / "b.zarr"), mode="w")
    with pytest.raises(InputError, match="a Zarr group without an OME image"):
        open_array(tmp_path / "b.zarr")
    (tmp_path / "c.zarr").mkdir()
    with pytest.raises(InputError, match="c.zarr cannot be read: damaged, or not Zarr"):
        open_array(tmp_path / "c.zarr")


def test_bad_files_are_told(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"no")
    with pytest.raises(InputError, match="a.h5 cannot be read: damaged, or not HDF5"):
        open_array(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("x", data=np.zeros((2, 2, 3, 4, 4)))
    with pytest.raises(InputError, match="an array of 5 axes without names"):
        open_array(tmp_path / "b.h5")
    with pytest.raises(InputError, match=r"expected .tif or .tiff or .mrc or .mrcs or .h5 or .hdf5 or .hdf or .zarr"):
        write_volume(tmp_path / "a.png", [], MemoryArray(np.float32(VALUES), "ZYX"))
