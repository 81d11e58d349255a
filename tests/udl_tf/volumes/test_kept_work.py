"""What a killed alignment of sections leaves behind, and what goes on from it."""

import dataclasses
import os
import pathlib

import numpy as np
import pytest
import tifffile

from pipelines.files.transforms.registry import read_transforms
from pipelines.files.volumes import open_volume
from pipelines.pictures.tissue import made_volume
from udl_tf.chunks.store import ChunkStore
from udl_tf.commands import console
from udl_tf.registration.result import PER_PAIR
from udl_tf.volumes import kept_work, section_flows, section_pairs, volume_alignment

COUNT, SIZE = 11, (64, 72)


@pytest.fixture(scope="module")
def volume():
    """Sections (11, 64, 72) uint8, the seventh of which shows nothing: a pair three apart leads over it."""
    rng = np.random.default_rng(5)
    volume = made_volume(COUNT, SIZE, 2, 1.5, (rng.normal(0, 0.5, COUNT), rng.normal(0, 1, (COUNT, 2))))
    volume[6] = 90
    return volume


@pytest.fixture
def path(volume, tmp_path):
    tifffile.imwrite(tmp_path / "volume.tif", volume, photometric="minisblack")
    return tmp_path / "volume.tif"


def killed_at(monkeypatch, room, name, number):
    """The calls of a function of a room; the one of this number is the last."""
    function, calls = getattr(room, name), []

    def counted(*arguments):
        calls.append(name)
        if len(calls) == number:
            raise KeyboardInterrupt
        return function(*arguments)

    monkeypatch.setattr(room, name, counted)
    return calls


def same(one, other):
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in PER_PAIR)


def test_pairs_are_not_compared_twice(volume, tmp_path, monkeypatch):
    def compare(store=None):
        return section_pairs.compare_sections(None, lambda number: volume[number], COUNT, store=store)

    whole = compare()
    assert (5, 8) in set(zip(whole.first, whole.second)) and whole.first.tolist()[-2:] == [9, 8]
    with monkeypatch.context() as patch:
        killed_at(patch, section_pairs, "_neighbours", 9)  # sections 9 and 10, in the second piece
        with pytest.raises(KeyboardInterrupt):
            compare(ChunkStore(tmp_path / "parts", {}, resume=False))
    calls = killed_at(monkeypatch, section_pairs, "_neighbours", 0)
    again = compare(ChunkStore(tmp_path / "parts", {}, resume=True))
    assert len(calls) == COUNT - section_pairs.PIECE == 3
    assert again.first.tobytes() == whole.first.tobytes() and again.second.tobytes() == whole.second.tobytes()
    assert same(again.registration, whole.registration) and np.isinf(again.registration.covariance).any()


def test_a_killed_command_goes_on(path, monkeypatch, capsys, caplog):
    """It was killed while sections were bent: no pair is compared again, flows of the last piece alone."""
    monkeypatch.chdir(path.parent)

    def command(name, *more):
        outputs = ["--output", f"{name}.tif", "--transforms", f"{name}.json", "--elastic", "--elastic-spacing", "24"]
        return console(["sections", "align", "volume.tif", *outputs, *more])

    with monkeypatch.context() as patch:
        killed_at(patch, section_flows, "_believed", 16)
        assert command("killed") == 130
    assert "finished chunks are kept in killed.tif.parts: the same command with --resume goes on" in caplog.text
    assert not os.path.exists("killed.tif") and not os.path.exists("killed.json")
    capsys.readouterr()
    assert command("killed", "--resume", "--keep-trend", "2") == 2
    error = capsys.readouterr().err
    assert error == (
        "error: cannot resume from killed.tif.parts, it is of another job: settings.keep_trend was null and is 2.0\n"
    )
    pairs = killed_at(monkeypatch, section_pairs, "judged", 0)
    flows = killed_at(monkeypatch, section_flows, "_believed", 0)
    assert command("killed", "--resume") == 0
    assert not pairs and len(flows) == 2 * (COUNT - section_flows.PIECE)
    assert not os.path.exists("killed.tif.parts")
    assert command("whole") == 0 and pairs and not os.path.exists("whole.tif.parts")
    for ending in ("tif", "json"):
        killed, whole = (pathlib.Path(f"{name}.{ending}").read_bytes() for name in ("killed", "whole"))
        assert killed == whole and len(whole) > 1000


def test_another_volume_is_refused(path, monkeypatch, capsys):
    """By its times, and where these tell nothing, by its pixels: those of Zarr lie in many files."""
    monkeypatch.chdir(path.parent)
    settings = {"elastic": None, "objective": "correlation", "keep_trend": None}

    def told():
        return kept_work.fingerprint(open_volume("volume.tif"), "photo", settings)

    def differing(one, other):
        return [key for key in one["volume"] if one["volume"][key] != other["volume"][key]]

    before = told()
    ChunkStore("a.tif.parts", before, resume=False)._lock.close()
    os.utime("volume.tif", ns=(1, 1))
    touched = told()
    assert differing(before, touched) == ["files (names, sizes, times of change)"]
    tifffile.imwrite("volume.tif", ~tifffile.imread("volume.tif"), photometric="minisblack")
    os.utime("volume.tif", ns=(1, 1))
    assert differing(touched, told()) == ["content of three sections"]
    assert console(["sections", "align", "volume.tif", "--output", "a.tif", "--resume"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: cannot resume from a.tif.parts, it is of another job: volume.content of three sections was ")
    assert "volume.files (names, sizes, times of change) was " in error and error.count("\n") == 1


@pytest.mark.once("files in and out")
def test_what_the_objective_found_is_kept(tmp_path, monkeypatch):
    """A run that was killed while it wrote is not moved on again."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("volume.tif", made_volume(16, (56, 60), 3, 1.5), photometric="minisblack")
    calls = []

    def moved_on(read, poses, size, ratio, tell):
        calls.append(size)
        return dataclasses.replace(poses, shift=poses.shift + [0.25, -0.5])

    monkeypatch.setattr(volume_alignment, "adversarial_poses", moved_on)
    command = ["sections", "align", "volume.tif", "--output", "a.tif", "--transforms", "a.csv", "--objective", "adversarial"]
    with monkeypatch.context() as patch:
        killed_at(patch, volume_alignment, "write_volume", 1)
        assert console(command) == 130
    pairs = killed_at(monkeypatch, section_pairs, "judged", 0)
    assert console([*command, "--resume"]) == 0
    assert len(calls) == 1 and not pairs
    assert console(["sections", "align", "volume.tif", "--output", "b.tif", "--transforms", "b.csv"]) == 0
    moved = read_transforms("a.csv").shift - read_transforms("b.csv").shift
    np.testing.assert_allclose(moved, np.tile([0.25, -0.5], (16, 1)), atol=1e-5)
