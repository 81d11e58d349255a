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
from pipelines.files.ome_levels import level_sizes
from pipelines.files.ome_zarr import write_zarr
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


def test_a_slab_is_read_once(monkeypatch):
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
    reads.clear()
    monkeypatch.setattr(chunked, "MOST", 2 * 600 + 1)  # bytes, of planes of 600: a chunk is read in parts
    array = chunked.ChunkedArray(None, Stored(), "ZYX", {})
    for number in range(7):
        np.testing.assert_array_equal(array.planes([number])[0], VALUES[number])
    assert reads == [(slice(0, 2),), (slice(2, 3),), (slice(3, 5),), (slice(5, 6),), (slice(6, 7),)]


def test_chunks_too_deep_for_memory_are_written_less_deep(monkeypatch):
    like = MemoryArray(VALUES, "ZYX", metadata={"chunks": (7, 8, 8)})
    assert chunked.chunks_of(like) == (7, 8, 8)
    monkeypatch.setattr(chunked, "MOST", 3 * 600 + 1)  # bytes, of planes of 600
    assert chunked.chunks_of(like) == (3, 8, 8)
    stored = np.zeros_like(VALUES)
    chunked.write_slabs(stored, iter(VALUES), like)
    np.testing.assert_array_equal(stored, VALUES)
    with pytest.raises(ValueError):
        chunked.write_slabs(stored, iter(VALUES[:4]), like)


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
    image["coordinateTransformations"] = [{"type": "translation", "translation": [0.0, 80.0, -12.5, 0.0]}]
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
    moved = scale + image["coordinateTransformations"]
    assert said["axes"] == axes and said["datasets"][0]["coordinateTransformations"] == moved
    assert open_volume(tmp_path / "b.zarr").metadata["origin"] == {"Z": 80.0, "Y": -12.5, "X": 0.0}
    assert said["name"] == "tissue" and said["metadata"] == {"remark": "made by a test"}


def means(values, side, dtype):
    """Means of blocks of side x side pixels of each plane, what is left over at the end cut."""
    height, width = (length // side * side for length in values.shape[-2:])
    blocks = np.float64(values[..., :height, :width]).reshape(*values.shape[:-2], height // side, side, width // side, side)
    found = blocks.mean((-3, -1))
    return found if dtype == "float32" else np.rint(found)


@pytest.mark.parametrize(("version", "dtype"), [(2, "uint8"), (3, "float32")])
def test_ome_zarr_has_coarser_levels(tmp_path, version, dtype):
    """Each of them the mean of the image itself, over its own blocks; where these lie, its transformations say."""
    zarr = pytest.importorskip("zarr")
    values = np.random.default_rng(3).uniform(0, 255, (2, 3, 70, 1037)).astype(dtype)
    spacing = {"Z": 40.0, "Y": 4.0, "X": 5.0}
    known = {"layout": "zarr", "format": version, "chunks": (1, 2, 64, 64)}
    like = MemoryArray(values, "CZYX", spacing=spacing, unit="nm", metadata=known)
    write_zarr(tmp_path / "a.zarr", iter(values.reshape(-1, 70, 1037)), like, "made by a test")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    image = dict(group.attrs).get("ome", dict(group.attrs))["multiscales"][0]
    assert sorted(group.array_keys()) == [one["path"] for one in image["datasets"]] == ["0", "1", "2"]
    assert image["type"] == "mean" and image["metadata"]["remark"] == "made by a test"
    for number, side in enumerate((1, 2, 4)):
        stored = group[str(number)]
        assert stored.dtype == dtype and stored.chunks == (1, 2, min(64, 70 // side), 64)
        np.testing.assert_array_equal(stored[...], means(values, side, dtype).astype(dtype))
        scale, *more = image["datasets"][number]["coordinateTransformations"]
        assert scale == {"type": "scale", "scale": [1.0, 40.0, 4.0 * side, 5.0 * side]}
        # The first pixel lies in the middle of those that it is the mean of.
        middle = [4.0 * np.arange(side).mean(), 5.0 * np.arange(side).mean()]
        assert more == ([{"type": "translation", "translation": [0.0, 0.0, *middle]}] if number else [])
    again = open_array(tmp_path / "a.zarr")
    assert again.shape == values.shape and again.spacing == spacing
    np.testing.assert_array_equal(again.planes([4])[0], values[1, 1])


def test_levels_end_where_they_are_small():
    assert level_sizes((512, 300)) == [(512, 300)] and level_sizes((2000, 513)) == [(2000, 513), (1000, 256), (500, 128)]
    assert level_sizes((1, 4000)) == [(1, 4000)] and len(level_sizes((3, 5000))) == 2


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
