"""Every script in benchmarks/ starts: its imports exist and its arguments parse. What they measure is not repeated here."""

import pathlib
import runpy
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"
SCRIPTS = [path for path in sorted(FOLDER.glob("*.py")) if "__main__" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_help(path, monkeypatch, capsys):
    before = set(sys.modules)
    monkeypatch.syspath_prepend(FOLDER)  # as `python benchmarks/NAME.py` does
    monkeypatch.setattr(sys, "argv", [path.name, "--help"])
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(path), run_name="__main__")
    finally:
        for name in set(sys.modules) - before:  # siblings under short names
            if getattr(sys.modules[name], "__file__", None) and pathlib.Path(sys.modules[name].__file__).parent == FOLDER:
                del sys.modules[name]
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: {path.name}") and len(out.splitlines()) > 5
