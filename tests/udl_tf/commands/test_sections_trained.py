"""`fit` on a volume, then `sections interpolate --model` and `upsample --model` with what it wrote."""

import dataclasses
import json

import numpy as np
import pytest
import tifffile

from pipelines.pictures.tissue import made_volume
from udl_tf.alignment.saving import save
from udl_tf.commands import console
from udl_tf.networks.build import build
from udl_tf.presets import SECTION_PRESETS, as_dict
from udl_tf.training.section_task import Served

SIZES = {
    "sections-interpolation": {"slice_modules": 0, "fused_modules": 1, "maps": 4},
    "sections-superresolution": {"coarse_modules": 1, "fine_modules": 1, "maps": 4},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a volume, and a run of each preset, made small."""
    folder = tmp_path_factory.mktemp("trained")
    tifffile.imwrite(folder / "volume.tif", made_volume(7, (112, 128), 3, 2.0))
    for preset, sizes in SIZES.items():
        config = SECTION_PRESETS[preset]
        config = dataclasses.replace(config, network=dataclasses.replace(config.network, **sizes), box=48, batch=2, steps=2)
        (folder / f"{preset}.json").write_text(json.dumps(as_dict(config)))
        arguments = ["--preset", str(folder / f"{preset}.json"), "--data", str(folder / "volume.tif"), "--json"]
        assert console(["fit", *arguments, "--output", str(folder / preset)]) == 0
    return folder


def test_what_a_run_leaves(folder):
    run = folder / "sections-interpolation"
    assert {"config.json", "metrics.json", "report.png", "logs", "model", "network.weights.h5"} <= {p.name for p in run.iterdir()}
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["task"] == "section-interpolation" and 0 < metrics["mae"] < metrics["mean_of_slices_mae"]
    assert list((run / "logs").glob("*tfevents*")) and not (run / "checkpoints").exists()


def test_interpolate_and_upsample_by_what_was_trained(folder, capsys):
    volume = tifffile.imread(folder / "volume.tif")
    names = {name: str(folder / f"{name}.tif") for name in ("volume", "filled", "fine", "sigma")}
    command = ["sections", "interpolate", names["volume"], "--sections", "4", "--output", names["filled"], "--json"]
    model = ["--model", str(folder / "sections-interpolation")]
    assert console([*command, *model, "--uncertainty", names["sigma"]]) == 0
    told = json.loads(capsys.readouterr().out)["filled"]["4"]
    filled = tifffile.imread(names["filled"])
    assert told["from"] == [3, 5] and np.array_equal(np.delete(filled, 3, 0), np.delete(volume, 3, 0))
    error, mean = (np.abs(np.float32(volume[3]) - one).mean() for one in (filled[3], volume[[2, 4]].mean(0)))
    assert error < mean and 0.5 * error < tifffile.imread(names["sigma"]).mean() < 3 * error
    command = ["sections", "upsample", names["volume"], "--factor", "3", "--output", names["fine"]]
    assert console([*command, "--model", str(folder / "sections-superresolution")]) == 0
    fine = tifffile.imread(names["fine"])
    assert fine.shape == (19, 112, 128) and np.array_equal(fine[::3], volume) and fine[1].std() > 10


@pytest.mark.parametrize(
    ("command", "run", "message"),
    [
        (["upsample", "--factor", "3"], "sections-interpolation", "is a network for the task section-interpolation"),
        (["upsample", "--factor", "2"], "sections-superresolution", "makes 3 steps of one: received --factor 2"),
        (["interpolate"], "cryo", "is a network for the task pair"),
        (["interpolate"], "nowhere", "no model"),
        (["remake"], "sections-interpolation", "expected one of fit --preset sections-alignment-paper"),
        (["remake"], "nowhere", "no model"),
        (["align"], "sections-superresolution", "is a network for the task section-superresolution: expected an aligner"),
    ],
)
def test_models_that_cannot_do_it(folder, capsys, command, run, message):
    model = str(folder / run) if run.startswith("sections") else run
    name, *options = command
    out = folder / "none.tif"
    assert console(["sections", name, str(folder / "volume.tif"), *options, "--output", str(out), "--model", model]) == 2
    assert message in capsys.readouterr().err and not out.exists()


def test_remake_writes_what_the_network_makes(folder, capsys):
    """A silent network gives the sections as they are; they are told to be made."""
    config = SECTION_PRESETS["sections-alignment-paper"]
    sizes = {"modules": 1, "maps": 3, "norm": False, "residual": True}
    config = dataclasses.replace(config, network=dataclasses.replace(config.network, **sizes))
    save(Served(build(config)), folder / "smooth" / "model" / "1", {"config": as_dict(config)})
    out = folder / "smooth.tif"
    command = ["sections", "remake", str(folder / "volume.tif"), "--output", str(out), "--model", str(folder / "smooth")]
    assert console([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"count": 7, "changed": 0.0} and np.array_equal(tifffile.imread(out), tifffile.imread(folder / "volume.tif"))
    with tifffile.TiffFile(out) as file:
        assert "made anew by a network" in file.pages[0].description
    assert console(command) == 2 and "exists: choose another name" in capsys.readouterr().err
    assert console([*command, "--overwrite"]) == 0
    assert capsys.readouterr().out.startswith("7 sections made anew; pixels differ by 0.00 standard deviations")
