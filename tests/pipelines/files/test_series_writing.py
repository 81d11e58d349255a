"""Series written plane by plane and read again: axes, values, type of number, and what a file says of itself."""

import numpy as np
import pytest
import tifffile

from pipelines.errors import InputError
from pipelines.files.opening import open_array
from pipelines.files.series_writing import check_series, write_series

VALUES = np.random.default_rng(0).integers(0, 60000, (3, 2, 12, 16)).astype(np.uint16)


def rewritten(path, out, crop=(slice(None), slice(None))):
    array = open_array(path)
    planes = (array.planes([k])[0][crop] for k in range(array.plane_count))
    size = tuple(len(range(*part.indices(side))) for part, side in zip(crop, array.shape[-array.plane_axes :]))
    write_series(out, planes, size, array)
    return open_array(out)


def test_imagej_s_hyperstacks_stay_what_they_are(tmp_path):
    about = {"axes": "TCYX", "unit": "um", "finterval": 1.5, "Labels": list("abcdef"), "Info": "of a scope"}
    tifffile.imwrite(tmp_path / "a.tif", VALUES, imagej=True, resolution=(5.0, 4.0), metadata=about)
    found = rewritten(tmp_path / "a.tif", tmp_path / "b.tif")
    assert (found.axes, found.dtype, found.unit) == ("TCYX", np.uint16, "um")
    assert found.spacing == pytest.approx({"X": 0.2, "Y": 0.25})
    kept = found.metadata["imagej"]
    assert (kept["finterval"], kept["Labels"], kept["Info"], kept["frames"], kept["channels"]) == (
        1.5,
        list("abcdef"),
        "of a scope",
        3,
        2,
    )
    assert (found.read() == VALUES).all()


def test_ome_keeps_pixel_sizes_time_and_channels(tmp_path):
    sizes = {"PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.3, "PhysicalSizeYUnit": "µm"}
    about = {**sizes, "axes": "TCYX", "TimeIncrement": 1.5, "TimeIncrementUnit": "s", "Channel": {"Name": ["red", "green"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", VALUES, ome=True, metadata=about)
    found = rewritten(tmp_path / "a.ome.tif", tmp_path / "b.ome.tif", (slice(2, 10), slice(1, 16)))
    assert (found.axes, found.shape, found.spacing, found.unit) == ("TCYX", (3, 2, 8, 15), {"X": 0.2, "Y": 0.3}, "um")
    assert (found.read() == VALUES[:, :, 2:10, 1:]).all()
    pixels = tifffile.xml2dict(found.metadata["description"])["OME"]["Image"]["Pixels"]
    assert (pixels["TimeIncrement"], pixels["TimeIncrementUnit"]) == (1.5, "s")
    assert [channel["Name"] for channel in pixels["Channel"]] == ["red", "green"]


def test_plain_pages_with_colours(tmp_path):
    colours = (VALUES[:, :, :, :15, None] // 256).astype(np.uint8).reshape(6, 12, 5, 3)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", description="of a camera")
    found = rewritten(tmp_path / "a.tif", tmp_path / "b.tif")
    assert found.axes == "IYXS" and (found.read() == colours).all() and found.metadata["description"] == "of a camera"


def test_an_mrc_stack_as_float32(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VALUES[:, 0], photometric="minisblack")
    found = rewritten(tmp_path / "a.tif", tmp_path / "b.mrcs")
    assert found.axes == "IYX" and (found.read() == VALUES[:, 0]).all()


def test_names_of_other_kinds_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VALUES[:, 0], photometric="minisblack")
    with pytest.raises(InputError, match="expected a name that ends with .tif or .tiff or .mrc or .mrcs"):
        check_series("b.png", open_array(tmp_path / "a.tif"))
