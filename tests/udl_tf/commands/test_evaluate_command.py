"""The command on methods that need no training worth the name: what is written, kept, and said of bad input."""

import csv
import dataclasses
import json

import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf

from pipelines.geometry.transforms import Rigid
from udl_tf import commands, evaluate
from udl_tf.rivals import learning, registry
from udl_tf.rivals.problem import Problem
from udl_tf.tables import protocol, running
from udl_tf.tables.cases import Case

ANGLES = np.float32([10.0, -20.0, 170.0, 90.0])
FITTED = []


def case_of(table, condition, scale, data, output, seed):
    """Four pairs whose angles are known; training data that nobody looks at."""
    images = np.random.default_rng(seed).normal(size=(4, 16, 16)).astype(np.float32)
    inputs = {"fixed": images, "moving": images[:, ::-1]}

    def train():
        return tf.data.Dataset.from_tensors((inputs, {"angle": ANGLES})).repeat()

    return Case(Problem("rigid", 16, train=train), inputs, {"angle": ANGLES, "shift": np.zeros((4, 2))}, ())


class Counter(tf.keras.Model):
    """Its only weight counts the steps; its answer is off by as many degrees."""

    def __init__(self):
        super().__init__()
        self.supports_jit = False
        self.count = tf.Variable(0.0)
        self.built = True

    def call(self, inputs):
        return inputs

    def train_step(self, data):
        self.count.assign_add(1.0)
        return {"loss": 1.0 / self.count}


class Fake(registry.Rival):
    """A rival whose function is given."""

    def function(self, kind):
        return self.options["function"]


def fake(title, function, learns=False):
    return Fake(title, {"rigid": "none"}, learns, {"function": function})


def counting(problem, steps):
    model = Counter()
    model.compile()

    def answer(inputs):
        return Rigid(ANGLES + float(model.count), np.zeros((4, 2)))

    return learning.Learner(model, steps or 3, problem.train, [model.count], answer, lambda: FITTED.append(1))


def lost(problem, steps):
    return dataclasses.replace(counting(problem, steps), answer=lambda inputs: Rigid(ANGLES + 90.0, np.zeros((4, 2))))


def off_by_five(problem, inputs):
    return Rigid(ANGLES + np.float32([5.0, 5.0, 5.0, 365.0]), np.zeros((4, 2)))


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    FITTED.clear()
    known = {
        "udl": fake("UDL", counting, learns=True),
        "stn": fake("STN-based", lost, learns=True),
        "fourier": fake("Fourier-based", off_by_five),
    }
    monkeypatch.setattr(registry, "RIVALS", known)
    monkeypatch.setitem(running.BUILDERS, "photos", case_of)
    table = protocol.TABLES["1"]
    two = dataclasses.replace(table, conditions=(table.conditions[0], table.conditions[5]), methods=("udl", "stn", "fourier"))
    monkeypatch.setitem(protocol.TABLES, "1", two)


def test_the_table_has_the_numbers_of_the_methods_and_of_the_paper(tmp_path):
    found = evaluate.evaluate("1", output=tmp_path, steps=4)
    lines = found["text"].splitlines()
    stn = "figures/table-1-small-loss-stn"
    assert lines[2] == "|  | UDL | STN-based | Fourier-based | paper: supervised | paper: STN-based | paper: UDL |"
    assert lines[4] == f"| clean | 4.00 | [n.c.]({stn}-clean.png) | 5.00 | 3.87 | 0.96 | 2.57 |"
    assert lines[5] == f"| salt-and-pepper 0.2 | 4.00 | [n.c.]({stn}-s-p-0.2.png) | 5.00 | 5.47 | n.c. | 4.92 |"
    assert (tmp_path / "table-1-small.md").read_text() == found["text"]
    rows = list(csv.DictReader((tmp_path / "table-1-small.csv").open()))
    assert [(row["condition"], row["method"], float(row["mean"]), row["converged"]) for row in rows[:3]] == [
        ("clean", "udl", 4.0, "True"),
        ("clean", "stn", 90.0, "False"),
        ("clean", "fourier", 5.0, "True"),
    ]
    assert all((tmp_path / path).is_file() for path in (f"{stn}-clean.png", f"{stn}-s-p-0.2.png"))
    height, width, _ = matplotlib.image.imread(tmp_path / "figures/table-1-small.png").shape
    assert (height, width) == (320, 705)  # 2 rows of 1.35 inches and 0.5; 5 columns and 0.3; 100 dots each


def test_keypoint_methods_also_get_a_picture_of_their_matches(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "RIVALS", {"orb": fake("ORB", off_by_five)})
    files = evaluate.evaluate("1", ["orb"], output=tmp_path)["files"]
    assert str(tmp_path / "figures/table-1-small-matches.png") in files
    height, width, _ = matplotlib.image.imread(tmp_path / "figures/table-1-small-matches.png").shape
    assert (height, width) == (450, 430)  # 2 rows of 2 inches and 0.5; one column of 2 x 2 and 0.3; 100 dots each


@pytest.mark.once("keys and files of models are Python")
def test_a_second_run_measures_only_and_says_the_same(tmp_path):
    first = evaluate.evaluate("1", ["udl"], output=tmp_path)["rows"]
    assert len(FITTED) == 2 and [row["cached"] for row in first] == [False, False]
    second = evaluate.evaluate("1", ["udl", "fourier"], output=tmp_path)["rows"]
    assert len(FITTED) == 2 and [row["cached"] for row in second] == [True, None, True, None]
    assert [row["mean"] for row in second if row["method"] == "udl"] == [row["mean"] for row in first]
    evaluate.evaluate("1", ["udl"], output=tmp_path, seed=1)
    evaluate.evaluate("1", ["udl"], output=tmp_path, steps=7)
    assert len(FITTED) == 6 and len(list((tmp_path / "models").iterdir())) == 6


@pytest.mark.once("the cache knows no TensorFlow")
def test_other_code_is_trained_anew(tmp_path, monkeypatch):
    evaluate.evaluate("1", ["udl"], output=tmp_path)
    monkeypatch.setattr("udl_tf.versions.code", lambda *names: "another")
    rows = evaluate.evaluate("1", ["udl"], output=tmp_path)["rows"]
    assert len(FITTED) == 4 and [row["cached"] for row in rows] == [False, False]


def test_the_loss_of_every_step_is_kept_with_the_model(tmp_path):
    (row, _) = evaluate.evaluate("1", ["udl"], output=tmp_path, steps=4)["rows"]
    text = (tmp_path / "models" / row["model"] / "loss.csv").read_text().split()
    assert text == ["step,loss", "1,1", "2,0.5", "3,0.333333", "4,0.25"] and row["steps"] == 4


def test_a_training_says_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "EVERY", 0.0)
    said = []
    evaluate.evaluate("1", ["udl"], output=tmp_path, steps=4, tell=said.append)
    progress = [line.split(", ")[:2] for line in said if line.startswith("  step")]
    assert progress[:3] == [["  step 2 of 4", "loss 0.75"], ["  step 3 of 4", "loss 0.611"], ["  step 4 of 4", "loss 0.521"]]
    assert said[0] == "clean, udl (1 of 2)"


def test_ctrl_c_leaves_the_finished_cells(tmp_path, monkeypatch, capsys):
    def interrupted(problem, inputs):
        raise KeyboardInterrupt

    monkeypatch.setitem(registry.RIVALS, "fourier", fake("Fourier-based", interrupted))
    arguments = ["--table", "1", "--output", str(tmp_path), "--steps", "4", "--methods", "udl", "fourier"]
    assert commands.run("", evaluate.add_args, evaluate.main, arguments) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert "| clean | 4.00 | - |" in (tmp_path / "table-1-small.md").read_text()
    assert len(list((tmp_path / "models").iterdir())) == 1


def test_json_is_all_that_is_printed(tmp_path, capsys):
    arguments = ["--table", "1", "--output", str(tmp_path), "--methods", "fourier", "--json"]
    assert commands.run("", evaluate.add_args, evaluate.main, arguments) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["condition"], row["method"], row["mean"], row["printed"]) for row in rows] == [
        ("clean", "fourier", 5.0, None),
        ("s&p-0.2", "fourier", 5.0, None),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--table", "7"], "unknown table '7': expected one of 1, 2, homography, tracking"),
        (["--table", "1", "--methods", "surf"], "unknown method 'surf' for rigid transforms: expected some of udl, stn, fourier"),
        (["--table", "1", "--scale", "big"], "unknown scale 'big': expected one of small, paper"),
        (["--table", "1", "--data", "/nowhere"], "/nowhere: no such file or folder"),
        (["--table", "1", "--methods", "fourier", "--weights", "w.h5"], "--weights w.h5: received the method fourier, expected"),
        (["--table", "1", "--steps", "0"], "--steps: received 0, expected at least 1"),
        (["--table", "1", "--seed", "-1"], "--seed: received -1, expected 0 or more"),
        (["--table", "1", "--device", "tpu"], "--device: received 'tpu', expected auto, cpu, gpu or gpu:N"),
        (["--table", "1", "--device", "gpu:99"], "--device gpu:99: this machine has"),
    ],
)
def test_bad_input_is_one_line_and_2(arguments, message, tmp_path, capsys):
    code = commands.run("", evaluate.add_args, evaluate.main, [*arguments, "--output", str(tmp_path / "new")])
    said = capsys.readouterr().err.strip().splitlines()
    assert code == 2 and len(said) == 1 and said[0].startswith(f"error: {message}")
    assert not (tmp_path / "new").exists() and not FITTED
