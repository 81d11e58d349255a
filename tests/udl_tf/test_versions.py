"""What a result depends on: the hash of code changes with what the code does and with nothing else."""

import sys

import pytest

from udl_tf.versions import code

SOURCE = '"""A module."""\n\n\ndef double(x):\n    """Twice."""\n    return 2 * x\n'


@pytest.fixture
def hashed(tmp_path, monkeypatch):
    """Function (source, name) -> hash of a package whose one module has this source."""
    folder = tmp_path / "hashed_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def of(source, name="hashed_package"):
        (folder / "part.py").write_text(source)
        return code(name)

    yield of
    for name in [name for name in sys.modules if name.startswith("hashed_package")]:
        del sys.modules[name]


def test_comments_docstrings_and_layout_do_not_count(hashed):
    first = hashed(SOURCE)
    assert hashed(SOURCE) == first
    assert hashed("def double(x):  # twice\n\n    return 2*x\n") == first
    assert hashed(SOURCE, "hashed_package.part") == hashed(SOURCE.replace("Twice", "Two times"), "hashed_package.part")


@pytest.mark.parametrize(
    "change", [("2 * x", "3 * x"), ("double", "twice"), ("2 * x", "'x'"), ("    return", "    'kept'; return")]
)
def test_what_the_code_does_counts(hashed, change):
    first = hashed(SOURCE)
    assert hashed(SOURCE.replace(*change)) != first
    assert hashed(SOURCE) == first


def test_a_module_more_counts(hashed, tmp_path):
    first = hashed(SOURCE)
    (tmp_path / "hashed_package" / "other.py").write_text("X = 1\n")
    assert hashed(SOURCE) != first


def test_a_module_of_a_package_within_counts(hashed, tmp_path):
    first = hashed(SOURCE)
    (tmp_path / "hashed_package" / "within").mkdir()
    (tmp_path / "hashed_package" / "within" / "other.py").write_text("X = 1\n")
    assert hashed(SOURCE) != first
