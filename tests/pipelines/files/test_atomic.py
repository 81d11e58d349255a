import errno
import os

import pytest

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_folder, atomic_path, holds_anything


def names(folder):
    return sorted(os.listdir(folder))


def test_a_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "a.weights.h5"
    target.write_text("old")
    with atomic_path(target) as part:
        part.write_text("new")
        assert part.name.endswith(".weights.h5") and part.parent == tmp_path  # Keras insists on the ending
        assert target.read_text() == "old"
    assert target.read_text() == "new" and names(tmp_path) == ["a.weights.h5"]


def test_a_failure_leaves_the_older_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_folder_appears_when_it_is_whole_and_takes_the_place_of_an_older_one(tmp_path):
    target = tmp_path / "deep" / "model"
    for content in ("first", "second"):
        with atomic_folder(target) as part:
            (part / content).write_text(content)
            assert not (target / content).exists()
        assert names(target) == [content] and names(target.parent) == ["model"]
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as part:
        (part / "third").write_text("")
        raise ZeroDivisionError
    assert names(target) == ["second"] and names(target.parent) == ["model"]
    with pytest.raises(OSError) as raised, atomic_folder(target, replace=False):
        pass
    assert raised.value.errno == errno.ENOTEMPTY and names(target) == ["second"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("writer", [atomic_path, atomic_folder])
def test_a_full_disk_is_one_line(tmp_path, writer):
    with (
        pytest.raises(InputError, match=r"^cannot write .*/a: No space left on device$"),
        writer(tmp_path / "a"),
        open("/dev/full", "w") as file,
    ):
        file.write("x")
        file.flush()
    # As TensorFlow says it: an exception of its own, without a number.
    with pytest.raises(InputError, match="cannot write .*/a: No space left on device"), writer(tmp_path / "a"):
        raise RuntimeError("/somewhere/variables.data; No space left on device")
    with pytest.raises(FileNotFoundError), writer(tmp_path / "a"):
        open(tmp_path / "not there")  # noqa: SIM115  another fault stays what it is
    assert names(tmp_path) == []


def test_what_cannot_be_written_is_told_before(tmp_path):
    with pytest.raises(InputError, match="the folder .*nowhere does not exist"), atomic_path(tmp_path / "nowhere" / "a"):
        pass
    with pytest.raises(InputError, match="it is a folder, expected a file name"), atomic_path(tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write .*file/a: "), atomic_folder(tmp_path / "file" / "a"):
        pass


def test_leftovers_of_a_killed_process_do_not_count(tmp_path):
    (tmp_path / ".part.99.a.star").write_text("half")
    (tmp_path / ".lock").write_text("")
    assert not holds_anything(tmp_path)
    (tmp_path / ".hidden").write_text("")
    assert holds_anything(tmp_path)
