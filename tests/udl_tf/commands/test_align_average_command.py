"""`python -m udl_tf.align`, run in this process: a stack to its own average, killed and resumed."""

import json

import mrcfile
import numpy as np
import pytest

from pipelines.files import star
from pipelines.files.mrc import write_mrc
from udl_tf import align
from udl_tf.commands import run


def command(*arguments):
    return run(align.__doc__, align.add_args, align.main, [str(argument) for argument in arguments])


@pytest.fixture
def noisy(folder, picture):
    """many.mrcs: 18 noisy pictures of known angles, one of them constant; many.star names them, with defocus columns."""
    angle = np.random.default_rng(4).uniform(-180, 180, 18)
    images = picture(-angle, np.zeros((18, 2)), 48)
    images += 0.7 * images.std() * np.random.default_rng(5).standard_normal(images.shape).astype(np.float32)
    images[7] = 1.0
    write_mrc(folder / "many.mrcs", images, 2.0)
    table = star.new_star([f"{row + 1:06d}@many.mrcs" for row in range(18)], 2.0)
    defocus = {"rlnDefocusU": 1000.0, "rlnDefocusV": 1000.0, "rlnDefocusAngle": 0.0}
    optics = {"rlnVoltage": 300.0, "rlnSphericalAberration": 0.0, "rlnAmplitudeContrast": 1.0}
    star.write_star(star.StarTable(table.particles.assign(**defocus), table.optics.assign(**optics)), folder / "many.star")
    return angle


@pytest.mark.once("its passes are tested with the stacks")
def test_a_stack_to_its_own_average(folder, noisy, capsys):
    outputs = ("--output", "out.star", "--aligned", "out.mrcs", "--average", "out.mrc", "--report", "out.html")
    assert command("many.mrcs", "--model", "run", *outputs) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("18 images aligned to their average; mean score ")
    assert 0.5 < float(lines[0].split()[-1]) <= 17 / 18 + 0.01
    assert "No CTF correction: the input has no defocus columns." in lines
    assert "1 images cannot be used: constant or not finite." in lines
    assert any(line.endswith("particles left out of the average: they hold nothing of it, or too little.") for line in lines)
    assert lines[-4:] == [f"wrote out.{ending}" for ending in ("star", "mrcs", "mrc", "html")]
    assert "images left out: 7 constant" in err
    angle, _ = star.read_star(folder / "out.star").poses(48)
    good = np.arange(18) != 7
    difference = np.exp(1j * np.deg2rad(angle - noisy))[good]
    assert np.abs(np.rad2deg(np.angle(difference / difference.mean()))).max() < 3.0
    assert mrcfile.read("out.mrcs").shape == (18, 48, 48) and mrcfile.read("out.mrc").shape == (48, 48)
    assert "python -m udl_tf.align" in (folder / "out.html").read_text()
    assert not list(folder.glob("*.parts"))


@pytest.mark.once("the words are tested above")
def test_a_stack_to_its_own_average_as_json(folder, noisy, capsys):
    assert command("many.star", "--model", "run", "--json", "--max-shift", "16A", "--mask-diameter", "80A") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    found = json.loads(out)
    assert set(found) == {"angle", "shift", "sigma", "score", "symmetry", "weight", "ctf", "resolution", "notes"}
    assert {len(found[name]) for name in ("angle", "shift", "sigma", "score", "symmetry", "weight")} == {18}
    assert found["ctf"].startswith("Corrected for the CTF") and 4.0 <= found["resolution"] < 48.0  # A, of pixels of 2 A
    assert found["weight"][7] == 0 and found["score"][7] == 0 and found["angle"][7] is None and sum(found["weight"]) >= 15
    assert np.linalg.norm([shift for shift in found["shift"] if shift], axis=1).max() < 10.0
    assert command("many.star", "--model", "run", "--json", "--no-ctf", "--fast", "--reference", "average") == 0
    assert json.loads(capsys.readouterr().out)["ctf"] == "No CTF correction was asked for."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("many.mrcs", "--max-shift", "13"), "--max-shift 13: 13 pixels, expected at most 12"),
        (("many.mrcs", "--max-shift", "12nm"), "--max-shift 12nm: expected pixels such as 12 or 12px"),
        (("many.mrcs", "--mask-diameter", "3"), "--mask-diameter 3: 3 pixels, expected 8 to 48"),
        (("many.mrcs", "--workers", "0"), "0 workers: expected 1 or more"),
        (("many.mrcs", "--resume"), "--resume without --output"),
        (("many.mrcs", "--output", "o.star", "--average", "o.png"), "--average o.png: expected a name that ends with .mrc"),
        (("many.mrcs", "--output", "o.star", "--report", "no/o.html"), "folder no does not exist"),
        (("fixed.png", "moving.png", "--average", "o.mrc"), "received MOVING with --average"),
        (("fixed.png", "moving.png", "--max-shift", "9A"), "--max-shift 9A: pixel size unknown"),
        (("fixed.png", "--output", "o.star"), "STAR file can only name"),
    ],
)
def test_bad_requests_of_stacks(folder, noisy, capsys, arguments, message):
    before = sorted(folder.iterdir())
    assert command(*arguments, "--model", "run") == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and message in err, err
    assert sorted(folder.iterdir()) == before


@pytest.mark.once("chunks are Python and NumPy")
def test_a_killed_stack_is_resumed(folder, noisy, capsys, monkeypatch):
    from udl_tf.particles import chunk_functions

    def killed(*_):
        raise KeyboardInterrupt

    options = ("many.mrcs", "--model", "run", "--output", "out.star")
    search = chunk_functions.search
    monkeypatch.setattr(chunk_functions, "search", killed)
    assert command(*options) == 130
    assert "interrupted" in capsys.readouterr().err and not (folder / "out.star").exists()
    assert (folder / "out.star.parts").is_dir()
    monkeypatch.setattr(chunk_functions, "search", search)
    monkeypatch.setattr(chunk_functions, "align_pairs", None)  # not done again
    assert command(*options, "--resume") == 0
    assert (folder / "out.star").exists() and not (folder / "out.star.parts").exists()
