"""The table of what is said of a pair: what follows from it, with an entry made up for it; and what shipped models answer."""

import dataclasses
import math
import pathlib
import tarfile

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf import presets
from udl_tf.alignment import aligner, models, outputs, result
from udl_tf.alignment.chain import Chain
from udl_tf.alignment.outputs import Column, Output
from udl_tf.serving.backend import ServerBackend
from udl_tf.serving.remote import ServerError

MADE_UP = Output("twice", "float32", (2,), "degrees", "twice the angle, and half of it", -1.0)
FAINT = Output("faint", "int32", (), "", "7", 5, Column("udlFaint", 0.0, 6.0))
VALUES = {
    "angle": np.array([10.0, 20.0]),
    "shift": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "score": np.array([0.5, 0.25]),
    "sigma": np.array([200.0, 0.125]),
    "symmetry": np.array([2, 3]),
    "faint": np.array([7, 7]),
}


def test_what_pairs_have_that_cannot_be_aligned():
    for where, array in ((np.where, np.asarray), (tf.where, tf.constant)):
        found = outputs.filled({name: array(value) for name, value in VALUES.items()}, array([True, False]), where)
        assert list(found) == ["angle", "shift", "score", "sigma", "symmetry"]
        np.testing.assert_equal(np.asarray(found["angle"]), [10.0, math.nan])
        np.testing.assert_equal(np.asarray(found["shift"]), [[1.0, 2.0], [math.nan, math.nan]])
        np.testing.assert_equal(np.asarray(found["score"]), [0.5, 0.0])
        np.testing.assert_equal(np.asarray(found["sigma"]), [200.0, math.inf])
        np.testing.assert_equal(np.asarray(found["symmetry"]), [2, 1])


def test_json_has_no_number_that_is_none():
    found = outputs.as_json(outputs.filled(VALUES, np.array([True, False])))
    assert found == {
        "angle": [10.0, None],
        "shift": [[1.0, 2.0], None],
        "score": [0.5, 0.0],
        "sigma": [200.0, None],
        "symmetry": [2, 1],
    }


def test_star_columns_are_finite(monkeypatch):
    monkeypatch.setattr(outputs, "OUTPUTS", (*outputs.OUTPUTS, FAINT))
    columns = outputs.star_columns({**VALUES, "sigma": np.array([200.0, math.inf])}, np.array([True, False]))
    assert {name: values.tolist() for name, values in columns.items()} == {
        "rlnParticleFigureOfMerit": [0.5, 0.0],
        "udlSigmaPsi": [180.0, 180.0],
        "udlFaint": [6.0, 0.0],
    }


class Answers:
    """Stands for a connection that answers the same to everything."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def call(self, signature, inputs):
        self.asked.append((signature, sorted(inputs)))
        return self.answer

    def close(self):
        self.asked.append("closed")


@pytest.fixture
def remote():
    pytest.importorskip("tensorflow_serving")
    backend = ServerBackend("localhost:1")
    backend.close()
    return backend


def test_a_new_output_is_an_entry_and_where_it_is_computed(monkeypatch, small_config, picture, remote):
    """From the graph to JSON, here and through a server: nobody else knows the names of the outputs."""
    table = (*outputs.OUTPUTS, MADE_UP)
    monkeypatch.setattr(outputs, "OUTPUTS", table)
    fields = dataclasses.make_dataclass("Fields", [one.name for one in table], frozen=True)
    wider = type("Wider", (fields,), {name: vars(result.Result)[name] for name in ("joined", "as_json", "__len__")})
    monkeypatch.setattr(aligner, "Result", wider)

    class Twice(Chain):
        def quick(self, fixed, moving, limit, size=None):
            found = super().quick(fixed, moving, limit)
            return {**found, "twice": tf.stack([2.0 * found["angle"], 0.5 * found["angle"]], 1)}

        careful = quick

    from udl_tf.networks.build import build

    chain = Twice(build(small_config), small_config)

    class Here:
        path, config = "here", {}

        def align(self, fixed, moving, max_shift, fast):
            answer = chain.align(*(tf.constant(part, tf.float32) for part in (fixed, moving, max_shift)), tf.constant(fast))
            return {name: value.numpy() for name, value in answer.items()}

    moving = np.concatenate([picture(0.0, (0.0, 0.0)), np.ones((1, 64, 64))])
    found = aligner.Aligner(Here()).align(picture(40.0, (0.0, 0.0)), moving, fast=True, report=False)
    assert abs(found.twice[0, 0] - 80.0) < 4.0 and abs(found.twice[0, 1] - 20.0) < 1.0
    assert found.twice[1].tolist() == [-1.0, -1.0]
    assert found.as_json()["twice"] == found.twice.tolist()
    remote._transport = Answers({name: np.asarray(value, np.float64) for name, value in vars(found).items()})
    served = aligner.Aligner(remote).align(picture(40.0, (0.0, 0.0)), moving, fast=True, report=False)
    np.testing.assert_array_equal(served.twice, found.twice)
    assert served.twice.dtype == np.float32 and served.symmetry.dtype == np.int32
    remote._transport = Answers({name: value for name, value in vars(found).items() if name != "twice"})
    with pytest.raises(ServerError, match="localhost:1/cryo: the answer has no twice of 2 pairs"):
        aligner.Aligner(remote).align(picture(40.0, (0.0, 0.0)), moving, report=False)


def test_what_is_asked_of_a_server(remote, picture):
    remote._transport = Answers({name: np.asarray(value) for name, value in VALUES.items()})
    images = picture([0.0, 10.0], np.zeros((2, 2)))
    with aligner.Aligner(remote) as client:
        client.align(images, images)
        client.align(images, images, max_shift=3.0)
        client.align_pairs(images, [[0, 1], [1, 0]])
        with pytest.raises(InputError, match="the answer has no angle, shift, score, sigma, symmetry of 1 pairs"):
            client.align(images[0], images[0])
    everything = ["fast", "fixed", "max_shift", "moving"]
    assert remote._transport.asked == [
        ("serving_default", ["fixed", "moving"]),
        ("align_within", everything),
        ("align_pairs", ["fast", "first", "images", "max_shift", "second"]),
        ("serving_default", ["fixed", "moving"]),
        "closed",
    ]


BEFORE = pathlib.Path(__file__).with_name("cryo-of-2026-11-26.tar.xz")  # the shipped model as commit 1644244 has it


def assert_answers(signatures):
    """Names, types and shapes of what is served have not changed."""
    wanted = {one.name: (one.dtype, (None, *one.shape)) for one in outputs.OUTPUTS}
    assert wanted == {
        "angle": ("float32", (None,)),
        "shift": ("float32", (None, 2)),
        "score": ("float32", (None,)),
        "sigma": ("float32", (None,)),
        "symmetry": ("int32", (None,)),
    }
    assert {"serving_default", "align_within", "align_pairs"} <= set(signatures)
    for signature in signatures.values():
        found = {key: (spec.dtype.name, spec.shape) for key, spec in signature.structured_outputs.items()}
        assert found.keys() == wanted.keys()
        for key, (dtype, shape) in found.items():
            assert dtype == wanted[key][0] and shape.is_compatible_with(wanted[key][1])


@pytest.mark.parametrize("name", ["cryo", "photo"])
def test_the_shipped_models_answer_what_the_table_says(name):
    assert_answers(tf.saved_model.load(str(models.find(name))).signatures)


def test_a_model_of_before_the_table_still_aligns(tmp_path, monkeypatch):
    """Written by a version without rooms, registries or this table; its folder is read, and its answers are taken."""
    with tarfile.open(BEFORE) as archive:
        archive.extractall(tmp_path, filter="data")
    load, loaded = tf.saved_model.load, []
    monkeypatch.setattr(tf.saved_model, "load", lambda *given, **options: loaded.append(load(*given, **options)) or loaded[0])
    before = aligner.Aligner(tmp_path / "1")
    x, y = (np.mgrid[:128, :128][::-1] - 63.5) / 20.0
    image = np.exp(-(x**2) - y**2) + np.exp(-((x - 1.5) ** 2) - 4 * (y - 0.5) ** 2) + np.exp(-9 * (x + 0.7) ** 2 - (y + 1.2) ** 2)
    found = before.align(np.rot90(image), image)
    assert found.angle[0] == pytest.approx(90.0, abs=0.1) and np.abs(found.shift).max() < 0.1 and found.score[0] > 0.9
    assert_answers(loaded[0].signatures)
    assert presets.load(tmp_path / "1" / "assets.extra" / "config.json").box == 128


def test_the_result_tells_what_it_holds():
    assert [field.name for field in dataclasses.fields(result.Result)] == [one.name for one in outputs.OUTPUTS]
    assert "shift: (n, 2) pixels, dx to the right and dy down, after the turn." in result.Result.__doc__
    assert "symmetry: (n,) int32, m where" in result.Result.__doc__
    assert "angle nan, shift nan, score 0, sigma inf, symmetry 1." in result.Result.__doc__
