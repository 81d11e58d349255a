"""`python -m udl_tf.align`, run in this process: pairs and stacks, JSON, files, bad input."""

import json

import cv2
import mrcfile
import numpy as np
import pytest
import tifffile

from pipelines.files import star
from pipelines.files.mrc import write_mrc
from pipelines.files.opening import open_array, open_source
from udl_tf import align
from udl_tf.commands import run


def test_a_pair(folder, capsys):
    assert command("fixed.png", "moving.png", "--model", "run", "--json", "--output", "aligned.png") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"angle", "shift", "sigma", "score", "symmetry"}
    assert abs(found["angle"] - 40) < 0.3 and np.abs(np.subtract(found["shift"], [3, -2])).max() < 0.1
    assert 0.8 < found["score"] <= 1 and 0 < found["sigma"] < 1 and found["symmetry"] == 1
    aligned, fixed = (cv2.imread(name, cv2.IMREAD_UNCHANGED).astype(float) for name in ("aligned.png", "fixed.png"))
    assert aligned.shape == (80, 80) and np.abs(aligned - fixed).max() < 8


@pytest.mark.once("what is written does not hang on the version")
def test_a_negative_is_found_and_told(folder, capsys):
    cv2.imwrite("negative.png", 255 - cv2.imread("moving.png", cv2.IMREAD_UNCHANGED))
    pair = "fixed.png", "negative.png", "--model", "run"
    assert command(*pair, "--contrast", "any", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["inverted"] is True and abs(found["angle"] - 40) < 0.3
    assert command(*pair, "--contrast", "inverted") == 0
    assert "contrast inverted" in capsys.readouterr().out
    assert command("stack.mrcs", "--model", "run", "--contrast", "any") == 2
    assert "expected two images" in capsys.readouterr().err


def command(*arguments):
    return run(align.__doc__, align.add_args, align.main, [str(argument) for argument in arguments])


@pytest.fixture
def sixteen_bits(folder, picture):
    """fixed.tif and moving.tif: ImageJ's, of 16 bits, pixels of 2 nm, the object's 4000 grey values above 14,000."""
    for name, angle, shift in (("fixed.tif", 40, (9, -2)), ("moving.tif", 0, (0, 0))):
        image = np.round(14_000 + 4000 * picture(angle, shift, 80)[0]).astype(np.uint16)
        tifffile.imwrite(folder / name, image, imagej=True, resolution=(0.5, 0.5), metadata={"unit": "nm"})


@pytest.mark.once("what is written does not hang on the version")
def test_sixteen_bits_stay_sixteen_bits_on_their_own_background(sixteen_bits, capsys):
    assert command("fixed.tif", "moving.tif", "--model", "run", "--json", "--output", "aligned.tif") == 0
    array = open_array("aligned.tif")
    assert array.dtype == np.uint16 and array.spacing == pytest.approx({"X": 2.0, "Y": 2.0}) and array.unit == "nm"
    aligned, fixed = array.read().astype(float), tifffile.imread("fixed.tif").astype(float)
    assert abs(aligned[0, 0] - 14_000) < 100 and abs(aligned.max() - fixed.max()) < 150  # no holes, the same range
    assert np.abs(aligned - fixed).max() < 8 / 100 * 4000
    assert command("fixed.tif", "moving.tif", "--model", "run", "--json", "--output", "aligned.png", "--fill", "7") == 0
    png = cv2.imread("aligned.png", cv2.IMREAD_UNCHANGED)
    assert png.dtype == np.uint16 and png.min() == 7 and abs(int(png.max()) - fixed.max()) < 150
    assert command("fixed.tif", "moving.tif", "--model", "run", "--output", "aligned.png", "--fill", "grey") == 2
    assert "--fill grey: expected background or a grey value" in capsys.readouterr().err


@pytest.mark.once("what is written does not hang on the version")
def test_colours_stay_colours(folder, capsys):
    for name in ("fixed", "moving"):
        grey = cv2.imread(f"{name}.png", cv2.IMREAD_UNCHANGED).astype(float)
        red = np.stack([20 + 0.0 * grey, 30 + 0.5 * grey, 50 + 1.5 * grey], -1)  # OpenCV's order: blue, green, red
        cv2.imwrite(f"{name}-colour.png", np.clip(red, 0, 255).astype(np.uint8))
    assert command("fixed-colour.png", "moving-colour.png", "--model", "run", "--json", "--output", "aligned.png") == 0
    aligned, fixed = (cv2.imread(name, cv2.IMREAD_UNCHANGED).astype(float) for name in ("aligned.png", "fixed-colour.png"))
    assert aligned.shape == (80, 80, 3) and np.abs(aligned - fixed).max() < 16
    np.testing.assert_array_equal(aligned[..., 0], 20.0)


@pytest.mark.once("a pair and a stack go through the model beside it")
def test_pixels_of_other_sizes_are_refused(folder, capsys):
    images = open_source("stack.mrcs").read(slice(None))
    for name, size in (("one.mrc", 1.0), ("two.mrc", 2.0), ("four.mrc", 4.0), ("unknown.mrc", None)):
        write_mrc(folder / name, images[0], size)
    assert command("one.mrc", "two.mrc", "--model", "run") == 2
    message = "two.mrc has pixels of 2 A: expected 1 A, those of one.mrc"
    assert message in capsys.readouterr().err
    assert command("stack.mrcs", "--reference", "four.mrc", "--model", "run") == 2
    assert "four.mrc has pixels of 4 A: expected 2 A, those of stack.mrcs" in capsys.readouterr().err
    for good in (("one.mrc", "unknown.mrc"), ("one.mrc", "two.mrc", "--pixel-size", 3)):
        assert command(*good, "--model", "run", "--json", "--fast") == 0
    assert command("stack.mrcs", "--reference", "four.mrc", "--pixel-size", 3, "--model", "run", "--json", "--fast") == 0


@pytest.mark.once("what is written does not hang on the version")
def test_a_pair_for_people(folder, capsys):
    assert command("fixed.png", "moving.png", "--model", "run/model/1", "--output", "aligned.mrc") == 0
    out = capsys.readouterr().out
    assert "degrees counter-clockwise, +- " in out and "wrote aligned.mrc" in out and "looks the same" not in out
    assert float(out.split()[1]) == pytest.approx(40, abs=0.3)
    assert open_source("aligned.mrc").shape == (80, 80)


@pytest.mark.once("what is written does not hang on the version")
def test_a_symmetric_pair_for_people(folder, capsys, picture, spots_of_order):
    for name, angle in (("here.mrc", 0.0), ("there.mrc", 20.0)):
        write_mrc(folder / name, picture(angle, (0.0, 0.0), 64, spots_of_order(3)), 1.0)
    assert command("there.mrc", "here.mrc", "--model", "run") == 0
    assert "every turn by 360/3 degrees" in capsys.readouterr().out


@pytest.mark.once("what a model answers is compared in the tests of the chain")
def test_fast(folder, capsys):
    assert command("fixed.png", "moving.png", "--model", "run", "--json", "--fast") == 0
    pair = json.loads(capsys.readouterr().out)
    assert abs(pair["angle"] - 40) < 2 and pair["symmetry"] == 1
    assert command("stack.mrcs", "--reference", 1, "--model", "run", "--json", "--fast") == 0
    stack = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(stack["angle"], [0, -30, 100, -170], atol=2)
    assert stack["sigma"] == [pair["sigma"]] * 4  # one for all: nothing was refined


def test_a_stack(folder, capsys):
    options = ("--model", "run", "--output", "out.star", "--aligned", "out.mrcs", "--json")
    assert command("stack.mrcs", "--reference", "reference.mrc", *options) == 0
    found = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(found["angle"], [0, -30, 100, -170], atol=0.2)
    np.testing.assert_allclose(found["shift"], np.zeros((4, 2)), atol=0.1)
    assert len(found["score"]) == 4 and min(found["score"]) > 0.8
    assert len(found["sigma"]) == 4 and max(found["sigma"]) < 1 and found["symmetry"] == [1] * 4
    angle, shift = star.read_star(folder / "out.star").poses(48)
    np.testing.assert_allclose(angle, found["angle"], atol=1e-4)
    np.testing.assert_allclose(shift, found["shift"], atol=1e-4)
    aligned = mrcfile.read("out.mrcs")
    assert aligned.shape == (4, 48, 48) and np.abs(aligned - aligned[0]).max() < 0.12


@pytest.mark.once("what is written does not hang on the version")
def test_a_reference_by_number_from_1(folder, capsys):
    assert command("stack.mrcs", "--reference", 2, "--model", "run", "--json") == 0
    np.testing.assert_allclose(json.loads(capsys.readouterr().out)["angle"], [30, 0, 130, -140], atol=0.2)


@pytest.mark.once("what is written does not hang on the version")
def test_a_bad_image_of_a_stack(folder, capsys):
    assert command("nan.mrcs", "--reference", 1, "--model", "run", "--output", "out.star", "--json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["angle"][2] is None and found["shift"][2] is None and found["score"][2] == 0
    assert found["sigma"][2] is None and found["symmetry"][2] == 1
    np.testing.assert_allclose([found["angle"][i] for i in (1, 3)], [-30, -170], atol=0.2)
    assert err == "images left out: 2 not finite (NaN or infinity)\n"
    assert star.read_star(folder / "out.star").numbers("rlnParticleFigureOfMerit")[2] == 0


@pytest.mark.once("what is written does not hang on the version")
def test_a_stack_for_people(folder, capsys):
    assert command("stack.mrcs", "--reference", 1, "--model", "run", "--max-shift", 5, "--output", "out.star") == 0
    out = capsys.readouterr().out
    assert "4 images aligned to 1" in out and "wrote out.star" in out


@pytest.mark.once("what is written does not hang on the version")
def test_a_movie_is_told_for_what_it_is_taken(folder, capsys):
    with mrcfile.open(folder / "stack.mrcs") as file:
        tifffile.imwrite(folder / "movie.tif", file.data.astype(np.float32), imagej=True, metadata={"axes": "TYX"})
    assert command("movie.tif", "--model", "run", "--reference", "1") == 0
    out, err = capsys.readouterr()
    assert "movie.tif has an axis of time" in err and "udl_tf.register keeps the first one in place" in err
    assert "4 frames aligned to 1" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.png", "moving.png"), "missing.png: no such file"),
        (("fixed.png", "text.txt"), "text.txt: unknown kind of file"),
        (("fixed.png", "flat.png"), "flat.png is constant"),
        (("fixed.png", "small.png"), "fixed of 80x80 and moving of 60x60"),
        (("fixed.png", "stack.mrcs"), "stack.mrcs holds 4 images"),
        (("fixed.png", "truncated.mrcs"), "truncated.mrcs is truncated"),
        (("fixed.png", "moving.png", "--model", "nowhere"), "no model 'nowhere'"),
        (("fixed.png", "moving.png", "--max-shift", "90"), "max_shift of 90"),
        (("fixed.png", "moving.png", "--output", "out.gif"), "out.gif: expected a name that ends with"),
        (("fixed.png", "moving.png", "--output", "no/out.png"), "the folder no does not exist"),
        (("fixed.png", "moving.png", "--reference", "1"), "expected two images, or a stack"),
        (("fixed.png",), "holds 1 image: expected at least 2"),
        (("empty.star", "--reference", "1"), "empty.star"),
        (("truncated.mrcs", "--reference", "1"), "truncated.mrcs is truncated"),
        (("stack.mrcs", "--reference", "0"), "holds images 1 to 4"),
        (("stack.mrcs", "--reference", "5"), "holds images 1 to 4"),
        (("nan.mrcs", "--reference", "3"), "--reference 3: the image is constant or not finite"),
        (("stack.mrcs", "--reference", "flat.png"), "flat.png is constant"),
        (("stack.mrcs", "--reference", "fixed.png"), "80x80 pixels: expected 48x48"),
        (("stack.mrcs", "--reference", "1", "--output", "out.txt"), "expected a name that ends with .star"),
        (("stack.mrcs", "--reference", "1", "--aligned", "out.png"), "expected a name that ends with .mrcs"),
        (("stack.mrcs", "--reference", "1", "--aligned", "a.mrcs", "--output", "no/out.star"), "folder no does not exist"),
        (("fixed.png", "--reference", "1", "--output", "out.star"), "STAR file can only name"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(folder, capsys, arguments, message):
    before = {path: path.stat().st_size for path in folder.rglob("*")}
    model = () if "--model" in arguments else ("--model", "run")
    assert command(*arguments, *model, "--json") == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and message in err, err
    assert {path: path.stat().st_size for path in folder.rglob("*")} == before
