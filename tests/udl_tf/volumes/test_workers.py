"""Sections compared elsewhere: what is sent there can be sent, and each piece gives the same bytes by itself."""

import contextlib
import pickle
from concurrent.futures import Future

import h5py
import numpy as np
import pytest
import tifffile

from pipelines.errors import InputError
from pipelines.files.volumes import open_volume
from pipelines.pictures.tissue import made_volume
from udl_tf.commands import console
from udl_tf.volumes.section_readers import SectionReader, Told

COUNT, SIZE = 11, (64, 72)


class Elsewhere:
    """Each chunk with a payload of its own, that came as bytes; those behind before those in front."""

    in_flight = 99

    @contextlib.contextmanager
    def stage(self, function, payload):
        blob = pickle.dumps((function, payload))
        waiting = []

        class Later(Future):
            def result(self):
                for done, start, stop in reversed(waiting):
                    other, task = pickle.loads(blob)
                    done.set_result(pickle.loads(pickle.dumps(other(task, start, stop))))
                waiting.clear()
                return super().result()

        def submit(start, stop):
            waiting.append((Later(), start, stop))
            return waiting[-1][0]

        yield submit


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A volume (11, 64, 72) uint8 whose seventh section shows nothing."""
    rng = np.random.default_rng(5)
    volume = made_volume(COUNT, SIZE, 2, 1.5, (rng.normal(0, 0.5, COUNT), rng.normal(0, 1, (COUNT, 2))))
    volume[6] = 90
    path = tmp_path_factory.mktemp("elsewhere") / "volume.tif"
    tifffile.imwrite(path, volume, photometric="minisblack")
    return path


def test_readers_travel_by_name(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with h5py.File("two.h5", "w") as file:
        file["raw"], file["mask"] = tifffile.imread("volume.tif"), np.ones((COUNT, *SIZE), np.uint8)
    for name in ("volume.tif", "two.h5/raw"):
        blob = pickle.dumps(SectionReader(open_volume(name)))
        assert len(blob) < 300 and str(path.parent).encode() in blob
        assert np.array_equal(pickle.loads(blob)(4), tifffile.imread("volume.tif")[4])
    tifffile.imwrite("changed.tif", np.zeros((COUNT, *SIZE), np.uint8), photometric="minisblack")
    blob = pickle.dumps(SectionReader(open_volume("changed.tif")))
    tifffile.imwrite("changed.tif", np.zeros((COUNT, *SIZE), np.uint16), photometric="minisblack")
    with pytest.raises(InputError, match=r"changed.tif: found \(11, 64, 72\) uint16, expected \(11, 64, 72\) uint8"):
        pickle.loads(blob)
    said = []
    pickle.loads(pickle.dumps(Told(said.append)))(1)
    Told(said.append)(2)
    assert said == [2]


def test_the_bytes_are_the_same_elsewhere(path, tmp_path, monkeypatch):
    """--workers and --scheduler open what compares all pairs and finds all flows; without them nothing is opened."""
    from udl_tf.chunks import executors

    opened = []

    @contextlib.contextmanager
    def opening(workers, scheduler):
        opened.append((workers, scheduler))
        yield Elsewhere()

    monkeypatch.setattr(executors, "open_executor", opening)
    monkeypatch.chdir(tmp_path)
    command = ["sections", "align", str(path), "--elastic", "--elastic-spacing", "24"]
    for name, more in (("here", []), ("there", ["--workers", "2"]), ("far", ["--scheduler", "tcp://node:8786"])):
        assert console([*command, "--output", f"{name}.tif", "--transforms", f"{name}.json", *more]) == 0
    assert opened == [(2, None), (1, "tcp://node:8786")]
    for ending in ("tif", "json"):
        assert len({(tmp_path / f"{name}.{ending}").read_bytes() for name in ("here", "there", "far")}) == 1


def test_nothing_is_left_where_nobody_answers(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["sections", "align", str(path), "--output", "a.tif"]
    assert console([*command, "--workers", "0"]) == 2 and console([*command, "--workers", "2", "--scheduler", "x"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "error: 0 workers: expected 1 or more" and told[1].startswith(
        "error: received 2 workers and the scheduler x"
    )
    assert not list(tmp_path.iterdir())
