"""`python -m udl_tf.fit`, run in this process: what it writes, what it prints, what it refuses."""

import dataclasses
import json

import mrcfile
import numpy as np
import pytest
import tensorflow as tf

import udl_tf
from pipelines.errors import InputError
from pipelines.files.mrc import write_mrc
from pipelines.pictures import phantoms
from udl_tf import fit
from udl_tf.alignment.confidence import Confidence
from udl_tf.commands import run
from udl_tf.presets import as_dict, load
from udl_tf.training import calibration_pairs, confidence


def command(*arguments):
    return run(fit.__doc__, fit.add_args, fit.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def config_file(small_config, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "small.json"
    path.write_text(json.dumps(as_dict(dataclasses.replace(small_config, calibration_pairs=256))))
    return path


@pytest.fixture(scope="module")
def finished(config_file, tmp_path_factory):
    """A run without data, of 4 steps, calibrated on four batches of pairs."""
    folder = tmp_path_factory.mktemp("runs") / "one" / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration_pairs, "PLAN", ((2, 0.03, 1.0, ""), (1, 0.03, 1.0, "strangers"), (1, 0.0, 0.0, "")))
        assert command("--preset", config_file, "--output", folder, "--steps", 4, "--seed", 7) == 0
    return folder


@pytest.mark.slow("its fixture is a whole run, calibration and all, which the tests after it look at")
def test_the_run_folder(finished):
    names = {item.name for item in finished.iterdir()}
    assert names == {"config.json", "metrics.json", "network.weights.h5", "model", "logs", "report.png"}
    assert list((finished / "logs").rglob("events.out.tfevents.*"))
    assert (finished / "report.png").read_bytes().startswith(b"\x89PNG")
    assert (finished / "model" / "1" / "saved_model.pb").exists()
    assert not list(finished.rglob("*.part"))


def test_metrics(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["steps"] == 4 and metrics["period_deg"] == 180.0 and metrics["held_out_pairs"] == 32
    assert metrics["seconds"] > 0 and abs(metrics["bias_deg"]) < 2
    # rounded to a tenth, which is much of it where other work runs beside
    assert metrics["pairs_per_second"] == pytest.approx(64 / metrics["seconds"], rel=0.02, abs=0.051)
    for name in ("rotation_error_deg", "network_rotation_error_deg", "shift_error_px"):
        assert set(metrics[name]) == {"mean", "median", "p95"} and metrics[name]["median"] <= metrics[name]["p95"]
    assert metrics["rotation_error_deg"]["median"] < 3.0  # its network starts at a good guess
    assert 0.5 < metrics["right_half_turn"] <= 1


def test_the_configuration_can_be_run_again(finished, small_config):
    content = json.loads((finished / "config.json").read_text())
    assert {"config", "material", "command", "versions", "git_revision", "data_fingerprint"} <= set(content)
    config = load(finished / "config.json")
    assert (config.seed, config.steps, config.box) == (7, 4, 64) and config.network == small_config.network
    travels = json.loads((finished / "model" / "1" / "assets.extra" / "config.json").read_text())
    assert {name: travels[name] for name in content} == content and set(travels) == {*content, "bias_deg", "confidence"}


def test_the_saved_model_has_the_trained_weights(finished, small_config, picture):
    from udl_tf.alignment.chain import Chain
    from udl_tf.networks.build import build

    network = build(small_config)
    fresh = [np.array(weight) for weight in network.get_weights()]
    network.load_weights(str(finished / "network.weights.h5"))
    assert max(np.abs(a - b).max() for a, b in zip(fresh, network.get_weights())) > 0.001
    rng = np.random.default_rng(0)
    pair = [(picture(a, (1.0, 0.0)) + rng.normal(0, 0.3, (1, 64, 64))).astype(np.float32) for a in (50.0, 0.0)]
    result = udl_tf.load(finished).align(*pair)
    bias = json.loads((finished / "metrics.json").read_text())["bias_deg"]
    chain = Chain(network, small_config, bias)
    fixed, moving = (tf.constant(images) for images in pair)
    expected = chain.careful(chain.describe_fixed(fixed), chain.describe(moving), tf.constant(16.0))["angle"]
    assert abs(result.angle[0] - float(expected[0])) < 1e-2
    assert abs(result.angle[0] - 50) < 3


def test_what_was_calibrated_travels_with_the_model(finished, picture):
    about = json.loads((finished / "model" / "1" / "assets.extra" / "config.json").read_text())
    known = Confidence(**about["confidence"])
    assert np.isfinite([*known.sigma, *known.score, known.fast_sigma, *known.fast_score]).all()
    assert known.sigma[1] > 0 and known.fast_sigma > 0.2 and known != Confidence()
    pair = picture(30.0, (0.0, 0.0)), picture(0.0, (0.0, 0.0))
    assert udl_tf.load(finished).align(*pair, fast=True).sigma[0] == pytest.approx(known.fast_sigma, rel=1e-5)


@pytest.mark.once("another run is made above")
@pytest.mark.slow("a whole run, calibration and all")
def test_a_noisy_stack_without_truth(config_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(confidence, "calibrate", lambda *_: Confidence())  # it takes as long as all else
    images = phantoms.particles(9, 40, seed=1) + np.random.default_rng(0).normal(0, 0.3, (9, 40, 40))
    images[3] = np.nan
    write_mrc(tmp_path / "stack.mrcs", images, 2.0)
    arguments = ("--preset", config_file, "--data", tmp_path / "stack.mrcs", "--output", tmp_path / "run", "--json")
    assert command(*arguments, "--steps", 1) == 0
    printed = json.loads(capsys.readouterr().out)  # nothing else on stdout
    assert printed == json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert not any("error" in name for name in printed) and printed["steps"] == 1
    assert (tmp_path / "run" / "report.png").stat().st_size > 10_000
    assert len(udl_tf.load(tmp_path / "run").align(images[0], images[1])) == 1


def write_bad(folder):
    """Files that cannot be used, by name."""
    write_mrc(folder / "good.mrcs", phantoms.particles(4, 32), 2.0)
    content = (folder / "good.mrcs").read_bytes()
    (folder / "truncated.mrcs").write_bytes(content[:-100])
    (folder / "empty.star").write_text("")
    (folder / "norows.star").write_text("\ndata_particles\n\nloop_\n_rlnImageName #1\n\n")
    mrcfile.write(folder / "constant.mrcs", np.ones((4, 32, 32), np.float32))
    (folder / "nothing").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("keep me")
    (folder / "file").write_text("keep me")
    (folder / "pairs.csv").write_text("fixed,moving\na.png,b.png\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "missing.mrcs"), "missing.mrcs: no such file"),
        (("--data", "truncated.mrcs"), "truncated.mrcs is truncated"),
        (("--data", "empty.star"), "empty.star"),
        (("--data", "norows.star"), "norows.star"),
        (("--data", "constant.mrcs"), "constant.mrcs"),
        (("--data", "nothing"), "nothing: no images found"),
        (("--simulate-from", "constant.mrcs"), "constant.mrcs: image 0 is constant"),
        (("--data", "good.mrcs", "--simulate-from", "good.mrcs"), "both --data and --simulate-from"),
        (("--noise", "fog:3"), "unknown noise 'fog:3'"),
        (("--data", "good.mrcs", "--snr", "0.1"), "noisy images, which have their own"),
        (("--fixed", "nothing"), "received --fixed alone: expected --fixed DIR --moving DIR"),
        (("--fixed", "nothing", "--moving", "missing"), "missing: no such file"),
        (("--fixed", "nothing", "--moving", "full"), "nothing: no images found"),
        (("--fixed", "nothing", "--moving", "full", "--data", "good.mrcs"), "received --fixed with --data"),
        (("--data", "pairs.csv"), "pairs.csv: 1 pair(s), expected at least 3"),
        (("--snr", "-1"), "gaussian:-1"),
        (("--steps", "0"), "'steps': received 0"),
        (("--preset", "cyro"), "unknown preset 'cyro': expected one of cryo, photo"),
        (("--preset", "missing.json"), "missing.json"),
        (("--output", "full"), "full exists: expected a new or empty folder"),
        (("--output", "file/run"), "cannot make the run folder file/run: Not a directory"),
        (("--output", "file"), "file exists: expected a new or empty folder"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(config_file, tmp_path, monkeypatch, capsys, arguments, message):
    write_bad(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    assert command("--preset", config_file, "--output", "run", "--json", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and message in err, err
    assert {path: path.stat().st_size for path in tmp_path.rglob("*")} == before


def test_wrong_options_say_how_they_are_used(capsys):
    with pytest.raises(SystemExit) as caught:
        command("--preset", "cryo", "--snr", "1", "--noise", "clean")
    assert caught.value.code == 2 and "not allowed with" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        command("--help")
    text = capsys.readouterr().out
    assert caught.value.code == 0 and "photo-paper" in text and "usage: python -m udl_tf.fit" in text


def test_ctrl_c_before_training(config_file, tmp_path, monkeypatch, capsys):
    from udl_tf.training import datasets

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "gather", interrupted)
    assert command("--preset", config_file, "--output", tmp_path / "run") == 130
    assert capsys.readouterr().err == "interrupted\n" and not (tmp_path / "run").exists()


def test_training_starts_from_a_model(tmp_path, model_folder, small_config, chain):
    from udl_tf.alignment.saving import load_weights
    from udl_tf.networks.build import build

    network = build(small_config)
    network.set_weights([weight + 1.0 for weight in network.get_weights()])
    load_weights(model_folder / "model" / "1", network)
    for found, wanted in zip(network.get_weights(), [weight.numpy() for weight in chain.weights], strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_model_of_another_network_is_refused(model_folder, small_config):
    from udl_tf.alignment.saving import load_weights
    from udl_tf.networks.build import build
    from udl_tf.presets import PRESETS

    other = dataclasses.replace(PRESETS["cryo-polar"], box=64)
    with pytest.raises(InputError, match="those of the preset's network"):
        load_weights(model_folder / "model" / "1", build(other))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "cryo-views"], "--preset cryo-views without --data: expected a stack of particles (.mrcs, .star)"),
        (["--preset", "cryo-views", "--data", ".", "--steps", "5"], "received --steps with --preset cryo-views"),
        (["--preset", "cryo-views", "--data", ".", "--views", "many"], "--views many: expected a number of at least 1, or auto"),
        (["--preset", "cryo", "--views", "3"], "received --views with --preset cryo: expected --preset cryo-views"),
    ],
)
def test_options_of_views_and_of_others_do_not_mix(options, message, capsys):
    assert command(*options) == 2
    assert message in capsys.readouterr().err


def test_what_a_run_of_views_prints(tmp_path, monkeypatch, capsys):
    from udl_tf.chunks import executors
    from udl_tf.classification import fitting

    found = {"classes": 2, "particles": 9, "seconds": 61.4, "members": [5, 4], "resolution": [12.34, None]}
    asked = []
    monkeypatch.setattr(executors, "single_threaded", lambda: None)  # of this process, which has more to do
    monkeypatch.setattr(fitting, "fit_views", lambda *given: asked.append(given) or found | {"psi_sigma_deg": [0.456, None]})
    assert command("--preset", "cryo-views", "--data", tmp_path, "--views", 2, "--seed", 3, "--output", tmp_path / "run") == 0
    preset, config, data, output, progress, say = asked[0]
    assert (preset, data, output, progress) == ("cryo-views", str(tmp_path), str(tmp_path / "run"), True)
    assert (config.views, config.seed) == (2, 3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 views of 9 particles in 61 s"
    assert " ".join(lines[1].split()) == "view 1 5 particles, resolved to 12.3, psi to 0.46 deg"
    assert " ".join(lines[2].split()) == "view 2 4 particles, nothing resolved"
    assert lines[-1] == f"next: python -m udl_tf.classify PARTICLES --model {tmp_path / 'run'} --output classified.star"
