"""Checkpoints: bit by bit what was saved, whole or not there, and the one before where the last is damaged."""

import errno
import logging

import numpy as np
import pytest

from udl_tf.training.checkpoints import Checkpoints

ARRAYS = [np.array([0.1, np.pi, np.nan], np.float32), np.int64(7) * np.ones((), np.int64), np.zeros((0, 3), np.float16)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoints"


def test_what_was_saved_comes_back(folder):
    state = {"step": 12, "loss": 0.1 + 0.2, "history": {"loss": [1e-300, float("nan"), 1 / 3]}}
    assert Checkpoints(folder).latest() is None
    assert Checkpoints(folder).save(12, ARRAYS, state)
    step, arrays, found = Checkpoints(folder).latest()
    assert step == 12 and found["loss"] == 0.30000000000000004 and found["history"]["loss"][2] == 1 / 3
    for expected, array in zip(ARRAYS, arrays, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype and array.shape == expected.shape


def test_the_last_two_are_kept(folder):
    checkpoints = Checkpoints(folder)
    for step in (5, 90, 1000, 99_999_999):
        checkpoints.save(step, ARRAYS, {})
    assert sorted(path.name for path in folder.iterdir()) == ["step-00001000.npz", "step-99999999.npz"]
    checkpoints.remove()
    assert not folder.exists()


def damage(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "truncated": content[:middle],
            "empty": b"",
            "a bit flipped": content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :],
            "zeros": bytes(len(content)),
            "another file": b"PK\x03\x04 not a checkpoint at all",
        }[how]
    )


@pytest.mark.parametrize("how", ["truncated", "empty", "a bit flipped", "zeros", "another file"])
def test_a_damaged_one_falls_back_to_the_one_before(folder, caplog, how):
    big = [np.random.default_rng(0).normal(size=5000)]  # most of the file is array, so the bit flipped is one of it
    checkpoints = Checkpoints(folder)
    checkpoints.save(1, [np.ones(3)], {"of": 1})
    checkpoints.save(2, big, {"of": 2})
    damage(folder / "step-00000002.npz", how)
    step, arrays, state = checkpoints.latest()
    assert step == 1 and state == {"of": 1} and arrays[0].tolist() == [1, 1, 1]
    assert len(caplog.messages) == 1 and "step-00000002.npz is damaged" in caplog.messages[0]
    assert "going back to the checkpoint before" in caplog.messages[0]
    damage(folder / "step-00000001.npz", how)
    assert checkpoints.latest() is None


def test_a_full_disk_loses_nothing_and_says_so(folder, caplog, monkeypatch):
    checkpoints = Checkpoints(folder)
    checkpoints.save(1, ARRAYS, {"of": 1})
    savez = np.savez

    def full(file, **arrays):
        savez(file, **arrays)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(np, "savez", full)
        assert not checkpoints.save(2, ARRAYS, {"of": 2})
    assert "No space left on device" in caplog.text and "training goes on" in caplog.text
    assert [path.name for path in folder.iterdir()] == ["step-00000001.npz"]
    assert checkpoints.latest()[0] == 1


def test_one_is_due_after_its_time_and_the_reader_never_writes(folder):
    assert Checkpoints(folder, every=0.0).due and not Checkpoints(folder, every=60.0).due
    reader = Checkpoints(folder, every=0.0, writes=False)
    assert not reader.due and not reader.save(3, ARRAYS, {}) and not folder.exists()
