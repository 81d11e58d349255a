import json
import subprocess
import sys

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files import star
from pipelines.files.mrc import MrcStack, write_mrc
from udl_tf import classify, commands
from udl_tf.chunks.executors import single_threaded
from udl_tf.classification.job import classify_stack
from udl_tf.classification.request import ClassRequest

BOX, COUNT = 32, 160


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Two views by turns, noise, and a particle that holds NaN, as .mrcs; the views (n,)."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    images = np.empty((COUNT, BOX, BOX), np.float32)
    for row in range(COUNT):
        t = rng.uniform(0, 2 * np.pi)
        u, v = np.cos(t) * x - np.sin(t) * y, np.sin(t) * x + np.cos(t) * y
        places = ((-6, 0), (5, 3)) if row % 2 else ((0, 0), (0, 7), (-6, -3))
        images[row] = sum(np.exp(-((u - a) ** 2 + (v - b) ** 2) / 6) for a, b in places)
    images += 0.25 * rng.standard_normal(images.shape).astype(np.float32)
    images[7, 3, 3] = np.nan
    folder = tmp_path_factory.mktemp("classify")
    write_mrc(folder / "particles.mrcs", images, 3.0)
    return folder, np.arange(COUNT) % 2


@pytest.fixture(scope="module")
def classed(stack):
    single_threaded()  # as the command does: sums of several threads differ in their last digits
    folder, _ = stack
    request = ClassRequest(
        str(folder / "particles.mrcs"), 2, *(str(folder / name) for name in ("out.star", "averages.mrcs", "report.html")), "good"
    )
    return folder, classify_stack(request, "the command", progress=False)


def test_the_star_file_tells_class_and_pose(stack, classed):
    _, view = stack
    folder, _ = classed
    table = star.read_star(folder / "out.star")
    number = table.numbers("rlnClassNumber")
    assert number[7] == 0  # not finite
    used = np.arange(COUNT) != 7
    same = np.mean((number[used] == 1) == (view[used] == view[used & (number == 1)][0]))
    assert same > 0.95
    names = ("rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnLogLikeliContribution", "rlnMaxValueProbDistribution")
    assert set(names) <= set(table.particles.columns)


def test_averages_classes_selection_and_report_are_written(classed):
    folder, table = classed
    assert MrcStack(folder / "averages.mrcs").shape == (len(table.averages), BOX, BOX)
    text = (folder / "out_model.star").read_text(encoding="utf-8")
    assert "data_model_classes" in text and "000001@averages.mrcs" in text
    good = star.read_star(folder / "out_good.star")
    assert len(good) == np.sum(table.usable & ~table.junk)
    assert "particles.mrcs, classed" in (folder / "report.html").read_text(encoding="utf-8")
    assert not (folder / "out.star.parts").exists()


def test_every_class_of_noise_alone_is_told_to_be_junk(tmp_path):
    noise = np.random.default_rng(2).standard_normal((COUNT, BOX, BOX)).astype(np.float32)
    write_mrc(tmp_path / "noise.mrcs", noise, 3.0)
    table = classify_stack(ClassRequest(str(tmp_path / "noise.mrcs"), 3), progress=False)
    assert table.junk_class.all() and table.junk.all()


@pytest.mark.once("chunks are Python and NumPy")
def test_workers_and_resume_give_the_same_bytes(stack, classed):
    folder, _ = classed
    request = ClassRequest(str(folder / "particles.mrcs"), 2, str(folder / "again.star"), workers=2, resume=True)
    classify_stack(request, progress=False)
    assert (folder / "again.star").read_bytes() == (folder / "out.star").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": 0}, "--views 0: expected a number of at least 1, or auto"),
        ({"views": 40}, "holds 160 images: expected at least 400 for 40 views"),
        ({"output": "out.mrc"}, "--output out.mrc: expected a name that ends with .star"),
        ({"select": "good"}, "--select good: expected --output"),
    ],
)
def test_bad_requests_are_told_before_anything_is_computed(stack, options, message):
    folder, _ = stack
    with pytest.raises(InputError, match=message):
        classify_stack(ClassRequest(str(folder / "particles.mrcs"), **options), progress=False)


def test_the_command_prints_json(stack, capsys, monkeypatch):
    folder, _ = stack
    monkeypatch.setattr(sys, "argv", ["classify"])
    argv = [str(folder / "particles.mrcs"), "--views", "2", "--json"]
    assert commands.run(classify.__doc__, classify.add_args, classify.main, argv) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["class"]) == COUNT and sum(found["particles"]) <= COUNT


def test_a_wrong_number_of_views_is_one_line_and_exit_code_2(stack, capsys):
    folder, _ = stack
    argv = [str(folder / "particles.mrcs"), "--views", "many"]
    assert commands.run(classify.__doc__, classify.add_args, classify.main, argv) == 2
    assert capsys.readouterr().err == "error: --views many: expected a number, or auto\n"


def test_help_comes_without_computing():
    shown = subprocess.run([sys.executable, "-m", "udl_tf.classify", "--help"], capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0 and "--views" in shown.stdout
