"""Training as programs: what is written, what is refused, and that JAX trains with them as TensorFlow does."""

import dataclasses
import importlib
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf import export
from udl_tf.commands import run
from udl_tf.networks.siamese import SiameseConfig
from udl_tf.presets import as_dict
from udl_tf.programs.exporting import export_programs
from udl_tf.programs.initial_state import initial_state
from udl_tf.programs.training import state_of
from udl_tf.training import trainer
from udl_tf.training.datasets import gather

ACCELERATOR = pathlib.Path(__file__).parents[3] / "benchmarks" / "accelerator"
SIAMESE = SiameseConfig(
    head="direction", mask_widths=(2, 1), feature_widths=(4, 8), match_widths=(8,), dense_widths=(64,), spectrum_crop=16
)


@pytest.fixture(scope="module")
def config(small_config):
    return dataclasses.replace(small_config, network=SIAMESE, box=48, batch=16, sources=3, period=180.0, self_pair_share=0.5)


@pytest.fixture(scope="module")
def written(config, tmp_path_factory):
    """(folder of programs, what it says); skips where this TensorFlow writes none."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "config.json").write_text(json.dumps(as_dict(config)))
    try:
        return folder / "out", export_programs(folder / "config.json", folder / "out")
    except InputError as error:
        assert "writes no StableHLO: expected 2.21 or later" in str(error) and not (folder / "out").exists()
        pytest.skip(str(error))


def test_what_is_written_fits_together(written, config):
    folder, content = written
    assert json.loads((folder / "programs.json").read_text()) == json.loads(json.dumps(content))
    programs = content["programs"]
    assert set(programs) == {"initialise", "pairs", "step", "angles", "disturbed"}
    for entry in programs.values():
        assert (folder / entry["file"]).read_bytes()[:4] == b"ML\xefR"  # MLIR's bytecode
        for output, place in entry["feeds"].items():
            assert entry["outputs"][int(output)] == entry["inputs"][place]
    step = programs["step"]
    state = {one["name"] for one in programs["initialise"]["outputs"]}
    assert {one["name"] for one in step["inputs"]} <= state | {"fixed", "moving"}
    trainable = {name for name in state if name.startswith("weight/")}
    fed = {step["outputs"][int(output)]["name"] for output in step["feeds"]}
    assert trainable <= fed and "optimizer/0" in fed  # the count of steps
    images = np.load(folder / "images.npy")
    assert list(images.shape) == content["images"]["shape"] == programs["pairs"]["inputs"][0]["shape"] == [3, 48, 48]
    assert json.dumps(content["config"]) == json.dumps(as_dict(config))


def test_the_initial_state_is_as_keras_would_have_it(config):
    """Kernels with the standard deviation of He et al. and cut at two of the normal distribution's own; the rest as it is."""
    model = trainer.compiled(config, gather(config))
    variables = state_of(model)
    found = initial_state(model, variables, tf.constant([5, 0]))
    large = [name for name, variable in variables.items() if variable.shape.num_elements() > 2000]
    assert large
    for name in large:
        if name.startswith("weight/"):
            values = found[name].numpy()
            expected = np.sqrt(2.0 / np.prod(values.shape[:-1]))
            assert values.std() == pytest.approx(expected, rel=0.05)
            assert np.abs(values).max() <= 2.0 * expected / 0.87962566 + 1e-6
    for name, variable in variables.items():
        assert found[name].shape == variable.shape and found[name].dtype == variable.dtype
        if name.startswith("optimizer/") or np.ptp(variable.numpy()) == 0:
            np.testing.assert_array_equal(found[name], variable.numpy())


@pytest.mark.once("needs StableHLO")
@pytest.mark.slow("two compilers, two trainings")
def test_jax_trains_as_tensorflow_does(config, written, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.syspath_prepend(str(ACCELERATOR))
    monkeypatch.syspath_prepend(str(ACCELERATOR.parent))
    proof = importlib.import_module("proof")
    losses, weights = proof.compared(config, steps=3)
    assert len({round(a, 4) for a, _ in losses}) == 3
    np.testing.assert_allclose([b for _, b in losses], [a for a, _ in losses], rtol=1e-4)
    assert max(np.abs(last - first).max() for (first, last, _), _ in weights) > 1e-4
    for (_, last, other), _ in weights:
        np.testing.assert_allclose(other, last, rtol=0, atol=1e-5)


@pytest.mark.once("needs StableHLO")
@pytest.mark.slow("compiles a training by XLA")
def test_rows_are_trained_and_judged_and_one_that_fails_is_told(written, monkeypatch, tmp_path, capsys):
    pytest.importorskip("jax")
    monkeypatch.syspath_prepend(str(ACCELERATOR))
    rows = importlib.import_module("rows")
    (tmp_path / "good").symlink_to(written[0])
    (tmp_path / "bad").mkdir()
    output = tmp_path / "result.json"
    options = [
        "--minutes",
        "3",
        "--together",
        "2",
        "--every",
        "2",
        "--test-batches",
        "2",
        "--checkpoints",
        str(tmp_path / "states"),
    ]
    assert rows.main([str(tmp_path), "--rows", "good", "bad", "--steps", "4", "--output", str(output), *options]) == 1
    found = json.loads(output.read_text())
    result = found["good"]
    assert result["steps"] == 4 and [point["step"] for point in result["curve"]] == [2, 4]
    assert all(0.0 <= point["mean"] <= 90.0 and np.isfinite(point["loss"]) for point in result["curve"])
    assert 0.0 <= result["on trained pairs"]["mean"] <= 90.0 and result["operations/step"] > 1e6
    with np.load(tmp_path / "states" / "good.npz") as state:
        assert state["optimizer/0"] == 4  # the count of steps
        assert set(state.files) == {one["name"] for one in written[1]["programs"]["initialise"]["outputs"]}
    assert "programs.json" in found["bad"]["failed"] and "== bad: FileNotFoundError" in capsys.readouterr().err


@pytest.mark.once("needs StableHLO")
def test_what_jax_gets_is_plain_stablehlo(written, monkeypatch):
    jax_mlir = pytest.importorskip("jax.interpreters.mlir")
    monkeypatch.syspath_prepend(str(ACCELERATOR))
    programs = importlib.import_module("programs")
    folder, content = written

    def operations(code):
        names = []
        with jax_mlir.make_ir_context():
            module = programs.ir.Module.parse(code)
            module.operation.walk(lambda one: (names.append(one.name), programs.ir.WalkResult.ADVANCE)[1])
        return names

    raw = (folder / content["programs"]["step"]["file"]).read_bytes()
    before, left = operations(raw), operations(programs.pure(raw))
    copies, sizes = (before.count(name) for name in ("mhlo.copy", "stablehlo.set_dimension_size"))
    assert copies == len(content["programs"]["step"]["feeds"])  # TensorFlow copies each output that is an input of the next step
    assert {name.partition(".")[0] for name in left} == {"builtin", "func", "stablehlo"}
    assert "stablehlo.set_dimension_size" not in left and len(left) == len(before) - copies - sizes


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "received neither: expected RUN_OR_MODEL"),
        (["--program", "cryo"], "received --program without --output"),
        (["cryo", "--program", "cryo", "--output", "x"], "received model"),
        (["cryo", "--output", "x"], "received output"),
        (["--program", "nothing", "--output", "x"], "unknown preset 'nothing'"),
        (["--program", "photo", "--output", "x"], "noise any: expected one kind"),
        (["--program", "cryo", "--output", "."], "expected a new folder for the programs"),
    ],
)
def test_what_is_refused(arguments, told, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(export.__doc__, export.add_args, export.main, arguments) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())
