"""`python -m udl_tf.register`, run in this process: a pair, a series, saved transforms, what is refused before the work."""

import json

import cv2
import numpy as np
import pytest
import tifffile

import udl_tf
from pipelines.files.opening import open_array
from pipelines.geometry import frames
from pipelines.pictures.scenes import Scene
from udl_tf import register
from udl_tf.commands import run

SIZE = (150, 180)


def command(*arguments):
    return run(register.__doc__, register.add_args, register.main, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path, monkeypatch, aligner):
    """The current folder, with a pair in colour, a movie of two channels, and the transforms of all of them."""
    scene = Scene(180, seed=4, reach=8)
    poses = [(0.0, (0.0, 0.0)), (1.5, (2.3, -1.6)), (-0.8, (-1.2, 3.1)), (2.0, (3.0, 0.4))]
    seen = np.stack([scene.seen(angle, shift, SIZE) for angle, shift in poses]).clip(0, 255)
    colours = np.stack([seen[:2], 0.8 * seen[:2], 255 - seen[:2]], -1).astype(np.uint8)
    for name, picture in zip(("fixed.png", "moving.png"), colours):
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
    channels = np.stack([np.full_like(seen, 30), seen], 1)
    movie = (100 * channels + np.random.default_rng(1).normal(0, 50, channels.shape)).clip(0).astype(np.uint16)
    tifffile.imwrite(tmp_path / "movie.tif", movie, imagej=True, metadata={"axes": "TCYX", "finterval": 2.5})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(udl_tf, "load", lambda model: aligner)
    return tmp_path, [frames.inverse(angle, np.array(shift)) for angle, shift in poses]


def test_a_pair_in_colour(folder, capsys):
    _, truth = folder
    assert command("fixed.png", "moving.png", "--json", "--output", "moved.jpg", "--transforms", "t.json") == 0
    found = json.loads(capsys.readouterr().out)
    assert frames.error(found["angle"], np.array(found["shift"]), truth[1], SIZE) < 0.02
    assert found["score"] > 0.3 and 0.0 < found["angle_sigma"] < 0.02 and max(found["shift_sigma"]) < 0.02
    moved, fixed, unmoved = (open_array(name).planes([0])[0].astype(float) for name in ("moved.jpg", "fixed.png", "moving.png"))
    away, before = (np.abs(picture - fixed)[20:-20, 20:-20].mean() for picture in (moved, unmoved))
    assert away < 0.3 * before  # what is left: JPEG has half the resolution of colours
    # The same from the file of transforms, and back again.
    assert command("--apply", "t.json", "moving.png", "--output", "again.png") == 0
    assert np.abs(open_array("again.png").planes([0])[0] - moved)[20:-20, 20:-20].mean() < 4
    assert command("--apply", "t.json", "again.png", "--inverse", "--output", "back.png") == 0
    back, moving = (open_array(name).planes([0])[0].astype(float) for name in ("back.png", "moving.png"))
    assert np.corrcoef(back[20:-20, 20:-20].ravel(), moving[20:-20, 20:-20].ravel())[0, 1] > 0.99


def test_an_overlay(folder):
    assert command("fixed.png", "moving.png", "--overlay", "red-green", "both.png") == 0
    both = open_array("both.png").planes([0])[0].astype(float)
    assert both.shape == (*SIZE, 3) and both[..., 2].max() == 0
    assert np.abs(both[20:-20, 20:-20, 0] - both[20:-20, 20:-20, 1]).mean() < 4


@pytest.mark.parametrize("to, anchor", [("first", 0), ("3", 2)])
def test_a_movie_by_one_of_its_channels(folder, to, anchor, capsys):
    path, truth = folder
    options = "--channel", 2, "--to", to, "--output", "out.tif", "--transforms", "t.csv", "--crop", "common"
    assert command("movie.tif", *options, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    back = frames.inverse(*truth[anchor])
    for k in range(4):
        expected = frames.compose(truth[k], back)
        assert frames.error(found["angle"][k], np.array(found["shift"][k]), expected, SIZE) < 0.03
    assert found["angle"][anchor] == 0.0 and found["failed"] == []
    with tifffile.TiffFile("out.tif") as file:
        assert file.series[0].axes == "TCYX" and file.series[0].dtype == np.uint16 and file.series[0].shape[2] < 150
        assert file.imagej_metadata["finterval"] == 2.5
        moved = file.asarray().astype(float)
    assert min(np.corrcoef(moved[0, 1].ravel(), moved[k, 1].ravel())[0, 1] for k in (1, 2, 3)) > 0.99
    assert len((path / "t.csv").read_text().splitlines()) == 5


BAD = {
    "a folder that is not there": (["fixed.png", "moving.png", "--output", "no/a.png"], "the folder no does not exist"),
    "an output that is there": (["fixed.png", "moving.png", "--output", "moving.tif"], "say --overwrite"),
    "an input as output": (["fixed.png", "moving.png", "--output", "fixed.png", "--overwrite"], "it is an input"),
    "two outputs of one name": (["fixed.png", "moving.png", "--output", "a.tif", "--transforms", "a.tif"], "ends with .json"),
    "a picture of no kind": (["fixed.png", "moving.png", "--output", "a.gif"], "expected a name that ends with .png"),
    "a movie as a pair": (["fixed.png", "movie.tif"], "holds 4 pictures: expected one"),
    "a picture as a movie": (["fixed.png"], "holds one picture: expected a series"),
    "a frame beyond the end": (["movie.tif", "--to", "5"], "a number from 1 to 4"),
    "--to of a pair": (["fixed.png", "moving.png", "--to", "mean"], "received --to mean with MOVING"),
    "a channel beyond": (["movie.tif", "--channel", "3"], "expected 1 to 2"),
    "an unknown overlay": (
        ["fixed.png", "moving.png", "--overlay", "blue", "a.png"],
        "checkerboard, red-green, difference or grid",
    ),
    "a method of no name": (["fixed.png", "moving.png", "--method", "udl2"], "expected one of ecc, simpleitk"),
    "a method of another kind": (["fixed.png", "moving.png", "--method", "dis"], "--method dis of rigid transforms"),
    "a method of a movie": (["movie.tif", "--transform", "affine"], "received --transform affine: expected FIXED and MOVING"),
    "a start of ours": (["fixed.png", "moving.png", "--start", "none"], "received --start none without --method"),
    "a field of ours": (["fixed.png", "moving.png", "--field", "f.npy"], "received --field without --transform"),
    "a field of no kind": (["fixed.png", "moving.png", "--transform", "affine", "--field", "f.x"], "ends with .npy"),
    "a field as transforms": (
        ["fixed.png", "moving.png", "--transform", "displacement", "--transforms", "a.json"],
        "expected --field",
    ),
    "an affine table": (["fixed.png", "moving.png", "--transform", "affine", "--transforms", "a.csv"], "ends with .json"),
    "a crop by a method": (["fixed.png", "moving.png", "--transform", "affine", "--crop", "common"], "received --crop with"),
    "rigid methods of what is not square": (["fixed.png", "moving.png", "--method", "ecc"], "expected two square ones"),
    "an inverse of nothing": (["fixed.png", "moving.png", "--inverse"], "without --apply"),
    "an inverse of nothing, applied": (["--apply", "no.json", "fixed.png"], "no.json: no such file"),
    "a fill": (["movie.tif", "--fill", "black"], "expected background or a grey value"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_what_is_refused_before_the_work(folder, arguments, message, monkeypatch, capsys):
    def work(*_):
        raise AssertionError("it has begun")

    monkeypatch.setattr("udl_tf.registration.jobs.register_pair", work)
    monkeypatch.setattr("udl_tf.registration.jobs.register_series", work)
    (folder[0] / "moving.tif").write_bytes(b"")
    before = sorted(folder[0].iterdir())
    assert command(*arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
    assert sorted(folder[0].iterdir()) == before


def test_pictures_that_have_nothing_in_common_are_told(folder, capsys):
    other = Scene(180, seed=9).seen(0.0, (0.0, 0.0), SIZE).clip(0, 255).astype(np.uint8)
    cv2.imwrite("other.png", other)
    assert command("fixed.png", "other.png", "--json") == 0
    assert json.loads(capsys.readouterr().out)["score"] < 0.1


def test_transforms_of_another_size_are_refused(folder, capsys):
    assert command("fixed.png", "moving.png", "--transforms", "t.csv") == 0
    cv2.imwrite("small.png", np.zeros((50, 60), np.uint8))
    assert command("--apply", "t.csv", "small.png", "--output", "a.png") == 2
    assert "pictures of 60x50 pixels, expected 180x150" in capsys.readouterr().err


def test_a_field_is_found_written_and_applied(folder, capsys):
    outputs = "--output", "moved.tif", "--field", "f.npy", "--overlay", "grid", "grid.png", "--overlay", "difference", "left.png"
    assert command("fixed.png", "moving.png", "--transform", "displacement", *outputs, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["correlation"] > 0.98 > found["correlation_before"] - 0.02 and found["matrix"] is None
    assert found["method"] == "dis" and found["start"]["score"] > 0.3 and np.load("f.npy").shape == (*SIZE, 2)
    moved, fixed, unmoved = (open_array(name).planes([0])[0].astype(float) for name in ("moved.tif", "fixed.png", "moving.png"))
    away, before = (np.abs(picture - fixed)[20:-20, 20:-20].mean() for picture in (moved, unmoved))
    assert away < 0.3 * before
    assert open_array("grid.png").shape == (*SIZE, 3) and open_array("left.png").shape == (SIZE[0], 2 * SIZE[1])
    assert command("--apply", "f.npy", "moving.png", "--output", "again.png") == 0
    np.testing.assert_array_equal(open_array("again.png").planes([0])[0], moved)
    assert command("--apply", "f.npy", "moving.png", "--inverse", "--output", "back.png") == 2
    assert "received --inverse with the field f.npy" in capsys.readouterr().err


def test_a_homography_is_found_written_applied_and_undone(folder, capsys):
    _, truth = folder
    options = "--transform", "homography", "--method", "ecc", "--start", "none"
    assert command("fixed.png", "moving.png", *options, "--transforms", "h.json", "--output", "moved.png") == 0
    text = capsys.readouterr().out
    assert "ecc moved what was there by up to" in text and "do not take this" not in text and "wrote h.json" in text
    matrix = np.array(json.loads((folder[0] / "h.json").read_text())["matrix"]["values"][0])
    expected = frames.pixel_maps(truth[1][0], truth[1][1], SIZE, SIZE)[0]
    corners = np.array([[0, 0, 1], [179, 0, 1], [0, 149, 1], [179, 149, 1]]).T
    np.testing.assert_allclose((matrix @ corners)[:2] / (matrix @ corners)[2], (expected @ corners)[:2], atol=0.1)
    assert command("--apply", "h.json", "moving.png", "--output", "again.png") == 0
    moved, again = (open_array(name).planes([0])[0].astype(float) for name in ("moved.png", "again.png"))
    assert np.abs(moved - again).max() <= 1
    assert command("--apply", "h.json", "again.png", "--inverse", "--output", "back.png") == 0
    back, moving = (open_array(name).planes([0])[0].astype(float) for name in ("back.png", "moving.png"))
    assert np.corrcoef(back[20:-20, 20:-20].ravel(), moving[20:-20, 20:-20].ravel())[0, 1] > 0.99
    cv2.imwrite("small.png", np.zeros((50, 60), np.uint8))
    assert command("--apply", "h.json", "small.png", "--output", "a.png") == 2
    assert "pictures of 60x50 pixels, expected 180x150" in capsys.readouterr().err


def test_features_of_a_network_are_told_and_their_weights_checked_first(folder, monkeypatch, capsys):
    vgg = "fixed.png", "moving.png", "--transform", "displacement", "--method", "vgg"
    assert command(*vgg, "--field", "f.npy", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["correlation"] > found["correlation_before"] - 0.02 and found["correlation"] > 0.95
    assert np.load("f.npy").shape == (*SIZE, 2)
    monkeypatch.setattr("udl_tf.methods.jobs.pair", None)  # the rest is told before the work
    (folder[0] / "broken.h5").write_text("nothing")
    for arguments, message in (
        ((*vgg, "--weights", "no.h5"), "--weights no.h5: no such file"),
        ((*vgg[:5], "dis", "--weights", "broken.h5"), "--weights broken.h5: received the method dis, expected vgg"),
        ((*vgg[:2], "--weights", "broken.h5"), "received --weights broken.h5 without --method"),
        ((*vgg, "--weights", "broken.h5", "--output", "broken.h5"), "it is an input"),
    ):
        assert command(*arguments) == 2
        error = capsys.readouterr().err.strip()
        assert message in error and len(error.splitlines()) == 1


def test_weights_of_another_network_are_refused(folder, capsys):
    (folder[0] / "broken.h5").write_text("nothing")
    arguments = "--transform", "displacement", "--method", "vgg", "--weights", "broken.h5"
    assert command("fixed.png", "moving.png", *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert "broken.h5: expected Keras weights of VGG16" in error and len(error.splitlines()) == 1
