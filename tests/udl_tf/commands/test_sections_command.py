"""`sections` from end to end: on made tissue, files in and out, messages for what cannot be done."""

import base64
import json
import re

import cv2
import h5py
import numpy as np
import pytest
import tensorflow as tf
import tifffile

from pipelines.files.transforms.registry import read_transforms
from pipelines.geometry import frames
from pipelines.pictures.tissue import made_volume
from udl_tf.commands import console


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a volume of eight sections; `poses.npz` has what they were moved by."""
    folder = tmp_path_factory.mktemp("sections")
    rng = np.random.default_rng(4)
    angle, shift = rng.normal(0, 1, 8), rng.normal(0, 2, (8, 2))
    volume = made_volume(8, (100, 120), 3, 1.5, (angle, shift))
    about = {"resolution": (1 / 0.01, 1 / 0.01), "metadata": {"axes": "ZYX", "spacing": 0.015, "unit": "um"}}
    tifffile.imwrite(folder / "volume.tif", volume, imagej=True, **about)
    tifffile.imwrite(folder / "two.tif", volume[:2], imagej=True, **about)
    np.savez(folder / "poses.npz", angle=angle, shift=shift)
    return folder


def test_align_then_apply(folder, capsys):
    volume, aligned, moved = (str(folder / name) for name in ("volume.tif", "aligned.tif", "moved.json"))
    assert console(["sections", "align", volume, "--output", aligned, "--transforms", moved, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    poses = np.load(folder / "poses.npz")
    left = frames.compose((poses["angle"], poses["shift"]), (np.array(found["angle"]), np.array(found["shift"])))[1]
    assert np.square(np.diff(left, axis=0)).mean() < 0.2 * np.square(np.diff(poses["shift"], axis=0)).mean()
    assert np.array_equal(read_transforms(moved).angle, found["angle"])
    with tifffile.TiffFile(aligned) as file:
        assert file.series[0].shape == (8, 100, 120) and file.series[0].dtype == np.uint8
        assert file.imagej_metadata["spacing"] == 0.015 and file.imagej_metadata["unit"] == "um"
    again = str(folder / "again.tif")
    assert console(["sections", "apply", moved, volume, "--output", again]) == 0
    assert "8 sections moved" in capsys.readouterr().out
    assert np.array_equal(tifffile.imread(again), tifffile.imread(aligned))

    with h5py.File(folder / "volume.h5", "w") as file:
        file["raw"], file["mask"] = tifffile.imread(volume), np.ones((8, 100, 120), np.uint8)
    inside = str(folder / "volume.h5" / "raw")
    assert console(["sections", "apply", moved, inside, "--output", str(folder / "again.h5")]) == 0
    with h5py.File(folder / "again.h5") as file:
        np.testing.assert_array_equal(file["raw"][:], tifffile.imread(aligned))
    assert console(["sections", "apply", moved, inside, "--output", str(folder / "volume.h5"), "--overwrite"]) == 2
    assert "it is the input" in capsys.readouterr().err


def test_what_is_printed(folder, capsys):
    report = folder / "printed.html"
    command = ["sections", "align", str(folder / "volume.tif"), "--output", str(folder / "printed.tif")]
    assert console([*command, "--report", str(report)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("8 sections: jitter of ") and lines[2].split()[:2] == ["section", "right"]
    assert lines[-2:] == [f"wrote {folder / 'printed.tif'}", f"wrote {report}"]
    page = report.read_text()
    pictures = [np.frombuffer(base64.b64decode(code), np.uint8) for code in re.findall(r"base64,([^\"]+)", page)]
    xy, xz = (cv2.imdecode(pictures[k], cv2.IMREAD_GRAYSCALE) for k in (1, 3))
    assert len(pictures) == 7 and xy.shape == (100, 120) and xz.shape == (8 * 7, 120)
    aligned = np.float32(tifffile.imread(folder / "printed.tif"))
    assert np.corrcoef(xy.ravel(), aligned[4].ravel())[0, 1] > 0.99
    assert np.corrcoef(xz[::7].ravel(), aligned[:, 50].ravel())[0, 1] > 0.99
    assert page.count("<tr>") == 1 + 8 and "volume.tif: 8 sections" in page and "xz, after, each section 7 pixels high" in page


def test_elastic_then_apply(folder, capsys):
    """What is written is what `apply` makes of the written fields, at another resolution too; the report has their size."""
    volume, aligned, moved, report = (str(folder / name) for name in ("volume.tif", "unbent.tif", "fields.json", "unbent.html"))
    command = ["sections", "align", volume, "--output", aligned, "--transforms", moved, "--report", report]
    assert console([*command, "--elastic", "--elastic-spacing", "40", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    elastic = found["elastic"]
    assert elastic["spacing"] == 40 and len(elastic["rms"]) == 8 and max(elastic["rms"]) < 0.3  # nothing was bent
    page = (folder / "unbent.html").read_text()
    assert "and root mean square of the field that unbends it" in page and "<th>field, px</th>" in page
    assert all(f"<td>{size:.3f}</td></tr>" in page for size in elastic["rms"])
    assert json.loads((folder / "fields.json").read_text())["kind"] == "displacement"
    again, coarse = folder / "again_unbent.tif", folder / "coarse_unbent.tif"
    assert console(["sections", "apply", moved, volume, "--output", str(again)]) == 0
    made = tifffile.imread(again)
    assert np.array_equal(made, tifffile.imread(aligned)) and made.dtype == np.uint8 and made.shape == (8, 100, 120)
    assert console(["sections", "align", volume, "--output", str(folder / "rigid.tif")]) == 0
    inner = np.s_[:, 12:-12, 12:-12]
    rigid = tifffile.imread(folder / "rigid.tif")
    assert np.corrcoef(made[inner].ravel(), rigid[inner].ravel())[0, 1] > 0.97
    small = tifffile.imread(volume).reshape(8, 50, 2, 60, 2).mean((2, 4)).astype(np.uint8)
    tifffile.imwrite(folder / "small.tif", small)
    assert console(["sections", "apply", moved, str(folder / "small.tif"), "--output", str(coarse)]) == 0
    expected = made.reshape(8, 50, 2, 60, 2).mean((2, 4))
    inner = np.s_[:, 6:-6, 6:-6]
    assert np.corrcoef(tifffile.imread(coarse)[inner].ravel(), expected[inner].ravel())[0, 1] > 0.99


def test_adversarial_writes_the_same_kind_of_transforms(tmp_path, monkeypatch, capsys):
    """And the same ones from the same seed."""
    from udl_tf.volumes import volume_alignment
    from udl_tf.volumes.adversarial import AdversarialConfig, adversarial_poses

    def twice(read, poses, size, ratio, tell):
        assert ratio == pytest.approx(1.5) and size == (56, 60)
        config = AdversarialConfig(steps=3, warm=0.4, batch=4, side=16, maps=(4, 4, 4), dense=8)
        tf.config.run_functions_eagerly(True)  # a few steps are done before they are traced
        one, other = (adversarial_poses(read, poses, size, ratio, config, tell) for _ in range(2))
        tf.config.run_functions_eagerly(False)
        assert np.array_equal(one.shift, other.shift) and np.array_equal(one.angle, other.angle)
        return one

    monkeypatch.setattr(volume_alignment, "adversarial_poses", twice)
    about = {"resolution": (1 / 0.01, 1 / 0.01), "metadata": {"axes": "ZYX", "spacing": 0.015, "unit": "um"}}
    tifffile.imwrite(tmp_path / "volume.tif", made_volume(16, (56, 60), 3, 1.5), imagej=True, **about)
    found = {}
    for objective in ("correlation", "adversarial"):
        moved = tmp_path / f"{objective}.json"
        command = ["sections", "align", str(tmp_path / "volume.tif"), "--output", str(tmp_path / f"{objective}.tif"), "--json"]
        assert console([*command, "--transforms", str(moved), "--objective", objective]) == 0
        found[objective] = json.loads(moved.read_text())
        assert found[objective]["provenance"] == {"objective": objective}
        assert read_transforms(moved).provenance == {"objective": objective}
        told = json.loads(capsys.readouterr().out)
    assert told["objective"] == "adversarial" and 0 < told["moved_on"] < 1.0
    assert found["adversarial"].keys() == found["correlation"].keys()
    assert found["adversarial"]["values"] != found["correlation"]["values"]


def test_a_volume_that_is_not_written_leaves_no_transforms(folder, monkeypatch):
    from udl_tf.volumes import volume_alignment

    def interrupted(path, sections, like):
        next(sections)
        assert list(folder.glob(".part.*half.json"))  # made, not yet named
        raise KeyboardInterrupt

    monkeypatch.setattr(volume_alignment, "write_volume", interrupted)
    command = ["sections", "align", str(folder / "volume.tif"), "--output", str(folder / "half.tif")]
    assert console([*command, "--transforms", str(folder / "half.json"), "--report", str(folder / "half.html")]) == 130
    assert {path.name for path in folder.glob("*half*")} == {"half.tif.parts"} and not list(folder.glob(".part.*"))


@pytest.mark.once("files in and out")
def test_another_resolution_moves_as_far(folder):
    """Pixels twice as large: half as many of them."""
    coarse = tifffile.imread(folder / "volume.tif").reshape(8, 50, 2, 60, 2).mean((2, 4)).astype(np.uint8)
    tifffile.imwrite(folder / "coarse.tif", coarse)
    moved, out = folder / "two.csv", folder / "coarse_moved.tif"
    from pipelines.files.transforms.registry import write_transforms
    from pipelines.files.transforms.table import TransformTable

    table = TransformTable.of([str(k) for k in range(8)], (100, 120), (100, 120), np.zeros(8), np.tile([4.0, -2.0], (8, 1)))
    write_transforms(table, moved)
    assert console(["sections", "apply", str(moved), str(folder / "coarse.tif"), "--output", str(out)]) == 0
    assert np.array_equal(tifffile.imread(out)[:, :49, 2:], coarse[:, 1:, :58])


@pytest.mark.once("files in and out")
def test_interpolate_changes_nothing_else_by_a_bit(folder, capsys):
    volume = made_volume(8, (100, 120), 3, 1.5)
    bad, filled, sigma = (folder / name for name in ("bad.tif", "filled.tif", "sigma.tif"))
    volume[3] = 0
    tifffile.imwrite(bad, volume, imagej=True)
    assert console(["sections", "interpolate", str(bad), "--output", str(filled), "--uncertainty", str(sigma), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["filled"]
    assert list(found) == ["4"] and found["4"]["why"] == "shows nothing" and found["4"]["from"] == [3, 5]
    made = tifffile.imread(filled)
    assert np.array_equal(np.delete(made, 3, 0), np.delete(volume, 3, 0)) and made[3].std() > 20
    with tifffile.TiffFile(filled) as file:
        assert "made from their neighbours: 4" in file.imagej_metadata["Info"]
    assert tifffile.imread(sigma).shape == (100, 120) and tifffile.imread(sigma).min() > 0
    told = ["sections", "interpolate", str(bad), "--output", str(folder / "told.tif"), "--sections", "2,5"]
    assert console([*told, "--uncertainty", str(folder / "two_sigma.tif")]) == 0
    with tifffile.TiffFile(folder / "two_sigma.tif") as file:
        assert [page.shape for page in file.pages] == [(100, 120)] * 2 and file.series[0].dtype == np.float32
        assert file.pages[0].description == "standard errors of the sections made from their neighbours: 2, 5"
    assert "as told; from 1 and 3" in capsys.readouterr().out
    assert np.array_equal(tifffile.imread(folder / "told.tif")[[0, 2, 3, 5, 6, 7]], volume[[0, 2, 3, 5, 6, 7]])


@pytest.mark.once("files in and out")
def test_upsample_keeps_what_is_given(folder, capsys):
    out, volume = folder / "finer.tif", tifffile.imread(folder / "volume.tif")
    assert console(["sections", "upsample", str(folder / "volume.tif"), "--factor", "3", "--output", str(out)]) == 0
    assert capsys.readouterr().out.startswith("22 sections")
    made = tifffile.imread(out)
    assert made.shape == (22, 100, 120) and made.dtype == np.uint8 and np.array_equal(made[::3], volume)
    near, far = (np.abs(np.float32(made[1]) - volume[k]).mean() for k in (0, 1))
    assert near < far
    with tifffile.TiffFile(out) as file:
        assert file.imagej_metadata["spacing"] == pytest.approx(0.005) and "followed by 2" in file.imagej_metadata["Info"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["align", "none.tif", "--output", "a.tif"], "none.tif: no such file or folder"),
        (["align", "volume.tif", "--output", "a.png"], "cannot write a.png: expected .tif or .tiff"),
        (["align", "volume.tif", "--output", "volume.tif"], "cannot write volume.tif: it is the input"),
        (["align", "volume.tif", "--output", "poses.npz"], "cannot write poses.npz"),
        (["align", "volume.tif", "--output", "a.tif", "--transforms", "a.dat"], "transforms a.dat: expected a name"),
        (["align", "volume.tif", "--output", "a.tif", "--keep-trend", "0"], "--keep-trend 0: expected pixels, more than 0"),
        (
            ["align", "volume.tif", "--output", "a.tif", "--elastic", "--transforms", "a.csv"],
            "transforms a.csv: expected a name that ends with .json",
        ),
        (["align", "volume.tif", "--output", "a.tif", "--elastic-spacing", "32"], "--elastic-spacing 32: expected --elastic"),
        (["align", "volume.tif", "--output", "a.tif", "--elastic", "--elastic-spacing", "4"], "--elastic-spacing 4: expected 8"),
        (["align", "volume.tif", "--output", "a.tif", "--elastic", "--elastic-spacing", "1e9"], "volume.tif: nodes 1e+09"),
        (
            ["align", "volume.tif", "--output", "a.tif", "--objective", "adversarial"],
            "objective adversarial: received 8 sections, expected 16 or more",
        ),
        (["align", "two.tif", "--output", "a.tif", "--elastic"], "two.tif holds 2 sections: expected three or more"),
        (["interpolate", "volume.tif", "--output", "a.tif", "--sections", "9"], "--sections 9: expected numbers from 1 to 8"),
        (["interpolate", "volume.tif", "--output", "a.tif", "--sections", "x"], "--sections x: expected auto, or numbers"),
        (["interpolate", "volume.tif", "--output", "a.tif", "--uncertainty", "a.png"], "cannot write a.png: expected .tif"),
        (["upsample", "volume.tif", "--output", "a.tif", "--factor", "1"], "--factor 1: expected 2 or more steps"),
        (["apply", "volume.tif", "volume.tif", "--output", "a.tif"], "transforms volume.tif: expected a name"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(folder, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(folder)
    before = sorted(path.name for path in folder.iterdir())
    assert console(["sections", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}") and error.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before
