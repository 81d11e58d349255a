"""`python -m udl_tf.align`, run in this process: pairs and stacks, JSON, files, bad input."""

import json

import cv2
import mrcfile
import numpy as np
import pytest

import udl_tf
from pipelines import star
from pipelines.mrc import write_mrc
from pipelines.stacks import open_source
from udl_tf import align
from udl_tf.alignment import models
from udl_tf.commands import run


def command(*arguments):
    return run(align.__doc__, align.add_args, align.main, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path, monkeypatch, picture, model_folder, aligner):
    """The current folder, with a pair, a stack and files that cannot be used; the model is in `run`, loaded once for all."""
    grey = [np.round(100 * picture(angle, shift, 80)[0]).astype(np.uint8) for angle, shift in ((40, (3, -2)), (0, (0, 0)))]
    cv2.imwrite(str(tmp_path / "fixed.png"), grey[0])
    cv2.imwrite(str(tmp_path / "moving.png"), grey[1])
    cv2.imwrite(str(tmp_path / "small.png"), grey[1][:60, :60])
    cv2.imwrite(str(tmp_path / "flat.png"), np.full((80, 80), 9, np.uint8))
    stack = picture(np.array([0.0, 30.0, -100.0, 170.0]), np.zeros((4, 2)), 48)
    write_mrc(tmp_path / "stack.mrcs", stack, 2.0)
    write_mrc(tmp_path / "reference.mrc", stack[0], 2.0)
    stack[2] = np.nan
    write_mrc(tmp_path / "nan.mrcs", stack, 2.0)
    (tmp_path / "truncated.mrcs").write_bytes((tmp_path / "stack.mrcs").read_bytes()[:-50])
    (tmp_path / "empty.star").write_text("")
    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "run").symlink_to(model_folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(udl_tf, "load", lambda name: aligner if models.find(name).samefile(aligner.path) else None)
    return tmp_path


def test_a_pair(folder, capsys):
    assert command("fixed.png", "moving.png", "--model", "run", "--json", "--output", "aligned.png") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"angle", "shift", "sigma", "score", "symmetry"}
    assert abs(found["angle"] - 40) < 0.3 and np.abs(np.subtract(found["shift"], [3, -2])).max() < 0.1
    assert 0.8 < found["score"] <= 1 and 0 < found["sigma"] < 1 and found["symmetry"] == 1
    aligned, fixed = (cv2.imread(name, cv2.IMREAD_UNCHANGED).astype(float) for name in ("aligned.png", "fixed.png"))
    assert aligned.shape == (80, 80) and np.abs(aligned - fixed).max() < 8


def test_a_pair_for_people(folder, capsys):
    assert command("fixed.png", "moving.png", "--model", "run/model/1", "--output", "aligned.mrc") == 0
    out = capsys.readouterr().out
    assert "degrees counter-clockwise, +- " in out and "wrote aligned.mrc" in out and "looks the same" not in out
    assert float(out.split()[1]) == pytest.approx(40, abs=0.3)
    assert open_source("aligned.mrc").shape == (80, 80)


def test_a_symmetric_pair_for_people(folder, capsys, picture, spots_of_order):
    for name, angle in (("here.mrc", 0.0), ("there.mrc", 20.0)):
        write_mrc(folder / name, picture(angle, (0.0, 0.0), 64, spots_of_order(3)), 1.0)
    assert command("there.mrc", "here.mrc", "--model", "run") == 0
    assert "every turn by 360/3 degrees" in capsys.readouterr().out


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


def test_a_reference_by_number_from_1(folder, capsys):
    assert command("stack.mrcs", "--reference", 2, "--model", "run", "--json") == 0
    np.testing.assert_allclose(json.loads(capsys.readouterr().out)["angle"], [30, 0, 130, -140], atol=0.2)


def test_a_bad_image_of_a_stack(folder, capsys):
    assert command("nan.mrcs", "--reference", 1, "--model", "run", "--output", "out.star", "--json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["angle"][2] is None and found["shift"][2] is None and found["score"][2] == 0
    assert found["sigma"][2] is None and found["symmetry"][2] == 1
    np.testing.assert_allclose([found["angle"][i] for i in (1, 3)], [-30, -170], atol=0.2)
    assert err == "images left out: 2 not finite (NaN or infinity)\n"
    assert star.read_star(folder / "out.star").particles[star.SCORE][2] == 0


def test_a_stack_for_people(folder, capsys):
    assert command("stack.mrcs", "--reference", 1, "--model", "run", "--max-shift", 5, "--output", "out.star") == 0
    out = capsys.readouterr().out
    assert "4 images aligned to 1" in out and "wrote out.star" in out


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
