"""Finished chunks on disk: what is kept, what is refused, and what damage does."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from pipelines.errors import InputError, NoAnswerError
from udl_tf.chunks.store import ChunkStore, kept

ROOT = pathlib.Path(__file__).parents[3]
JOB = {"input": {"size": 100, "mtime": 1.5}, "box": 64, "version": "1"}


@pytest.fixture
def arrays():
    return {
        "angle": np.linspace(0, 1, 7, dtype=np.float32),
        "shift": np.arange(14.0).reshape(7, 2),
        "name": np.array(["a", "bc"]),
    }


def same(one, other):
    return list(one) == list(other) and all(
        one[k].dtype == other[k].dtype and one[k].shape == other[k].shape and one[k].tobytes() == other[k].tobytes() for k in one
    )


def test_chunks_are_there_for_the_same_job_only_if_it_resumes(tmp_path, arrays):
    store = ChunkStore(tmp_path / "job", JOB, resume=False)
    assert not store.has("align", 3)
    store.write("align", 3, arrays)
    again = ChunkStore(tmp_path / "job", {**JOB, "box": 64}, resume=True)
    assert again.has("align", 3) and same(again.read("align", 3), arrays)
    assert not again.has("align", 4) and not again.has("other", 3)
    with pytest.raises(KeyError, match="chunk 4 of align"):
        again.read("align", 4)
    assert not ChunkStore(tmp_path / "job", JOB, resume=False).has("align", 3)  # started over
    assert not ChunkStore(tmp_path / "job", JOB, resume=True).has("align", 3)


def test_the_last_write_holds(tmp_path, arrays):
    store = ChunkStore(tmp_path / "job", JOB, resume=False)
    store.write("align", 0, arrays)
    assert store.has("align", 0)
    store.write("align", 0, {"angle": np.ones(2)})
    assert same(store.read("align", 0), {"angle": np.ones(2)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"box": 96}, "box was 64 and is 96"),
        ({"input": {"size": 100, "mtime": 2.0}}, "input.mtime was 1.5 and is 2.0"),
        ({"mask": 30}, "mask was not there and is 30"),
        ({"box": None}, "box was 64 and is null"),
    ],
)
def test_another_job_is_refused_and_its_chunks_stay(tmp_path, arrays, change, words):
    ChunkStore(tmp_path / "job", JOB, resume=False).write("align", 0, arrays)
    with pytest.raises(InputError) as caught:
        ChunkStore(tmp_path / "job", {**JOB, **change}, resume=True)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert ChunkStore(tmp_path / "job", JOB, resume=True).has("align", 0)


def test_nothing_to_resume_is_a_notice(tmp_path, arrays, caplog):
    store = ChunkStore(tmp_path / "job", JOB, resume=True)
    assert "nothing to resume" in caplog.text
    store.write("align", 0, arrays)
    caplog.clear()
    assert ChunkStore(tmp_path / "job", JOB, resume=True).has("align", 0)
    assert not caplog.text


def test_a_damaged_chunk_is_not_there(tmp_path, arrays):
    store = ChunkStore(tmp_path / "job", JOB, resume=False)
    store.write("align", 0, arrays)
    store.write("align", 1, arrays)
    path = tmp_path / "job" / "align" / "00000000.chunk"
    good = path.read_bytes()
    damaged = [good[:length] for length in range(0, len(good), 13)]
    for place in range(0, len(good), 5):
        damaged.append(good[:place] + bytes([good[place] ^ (1 << place % 8)]) + good[place + 1 :])
    for content in damaged:
        path.write_bytes(content)
        assert not store.has("align", 0)
        assert store.has("align", 1)  # and nothing is remembered of the other
    path.write_bytes(good)
    assert store.has("align", 0) and same(store.read("align", 0), arrays)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(InputError, match="holds other things"):
            ChunkStore(tmp_path / "thesis", JOB, resume)
    (tmp_path / "thesis" / "job.json").write_text(json.dumps({"fingerprint": {}}))
    with pytest.raises(InputError, match="holds other things"):
        ChunkStore(tmp_path / "thesis", JOB, resume=False)
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"
    with pytest.raises(InputError, match="is a file: expected a folder"):
        ChunkStore(tmp_path / "thesis" / "chapter1.txt", JOB, resume=False)
    with pytest.raises(InputError, match="nowhere does not exist"):
        ChunkStore(tmp_path / "nowhere" / "job", JOB, resume=False)


def test_a_folder_of_an_older_version_is_refused_or_begun_anew(tmp_path, arrays):
    """What udl_tf 0.5 left behind: another format, chunks and all."""
    old = {"format": "udl_tf chunks, version 1", "fingerprint": JOB}
    (tmp_path / "job" / "align").mkdir(parents=True)
    (tmp_path / "job" / "job.json").write_text(json.dumps(old))
    (tmp_path / "job" / "align" / "00000000.chunk").write_bytes(b"whatever it was")
    with pytest.raises(
        InputError, match="cannot resume from .*: received udl_tf chunks, version 1, expected version 2"
    ) as caught:
        ChunkStore(tmp_path / "job", JOB, resume=True)
    assert "start without --resume" in str(caught.value) and (tmp_path / "job" / "align" / "00000000.chunk").exists()
    store = ChunkStore(tmp_path / "job", JOB, resume=False)
    assert not store.has("align", 0) and not (tmp_path / "job" / "align").exists()
    store.write("align", 0, arrays)
    assert ChunkStore(tmp_path / "job", JOB, resume=True).has("align", 0)


def test_remove_leaves_nothing(tmp_path, arrays):
    store = ChunkStore(tmp_path / "job", JOB, resume=False)
    store.write("align", 0, arrays)
    (tmp_path / "job" / "align" / ".00000001.chunk.99.part").write_bytes(b"left by a kill")
    store.remove()
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_share_a_folder(tmp_path, arrays):
    store = ChunkStore(tmp_path / "job", JOB, resume=False)
    store.write("align", 0, arrays)
    code = f"from udl_tf.chunks.store import ChunkStore; ChunkStore({str(tmp_path / 'job')!r}, {{}}, False)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert "another process works in" in done.stderr
    assert store.has("align", 0)


@pytest.mark.parametrize(
    ("error", "chunk", "there", "told"),
    [
        (None, True, False, False),
        (KeyboardInterrupt(), True, True, True),
        (InputError("the disk is full"), True, True, True),
        (InputError("no such model"), False, False, False),
        (NoAnswerError("nothing agrees"), True, False, False),
    ],
)
def test_what_ends_early_leaves_what_can_be_gone_on_from(tmp_path, arrays, caplog, error, chunk, there, told):
    """And nothing else: where there is no chunk, or going on would end the same way, no folder stays."""
    with pytest.raises(type(error)) if error else contextlib.nullcontext(), kept(tmp_path / "a.parts", {}, False) as store:
        if chunk:
            store.write("poses", 0, arrays)
        if error:
            raise error
    assert (tmp_path / "a.parts").exists() == there
    assert ("the same command with --resume goes on from them" in caplog.text) == told
