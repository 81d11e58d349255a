"""Which rivals there are, and that they are found where they are said to be."""

import subprocess
import sys

import pytest

from pipelines.errors import InputError
from udl_tf.rivals import registry
from udl_tf.tables import protocol


@pytest.mark.parametrize("name", protocol.TABLES)
def test_every_method_of_a_table_is_known(name, monkeypatch):
    """Whether the packages that they need are installed or not."""
    monkeypatch.setattr(registry.Rival, "require", lambda _: None)
    table = protocol.table(name)
    found = registry.find(table.kind, table.methods)
    assert tuple(found) == table.methods and set(table.printed) <= set(found)


def test_every_entry_names_a_function_of_its_module():
    """Also of those whose packages are not installed: read from the source."""
    import ast
    import pathlib

    folder = pathlib.Path(registry.__file__).parent
    for name, rival in registry.RIVALS.items():
        assert rival.modules.keys() <= set(registry.KINDS)
        for module in rival.modules.values():
            tree = ast.parse((folder / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
            known = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert ("learner" if rival.learns else "answer") in known, name


def test_a_method_of_another_table_is_refused():
    with pytest.raises(InputError, match="unknown method 'udl' for tracking transforms: expected some of ic-lk, deep-lk, goturn"):
        registry.find("tracking", ["udl"])


def test_one_name_may_be_another_method_for_another_kind():
    rival = registry.RIVALS["supervised"]
    assert rival.function("rigid").func is not rival.function("homography").func


def test_a_missing_package_is_named_with_the_line_that_mends_it(monkeypatch):
    monkeypatch.setitem(registry.RIVALS, "other", registry.Rival("Other", {"rigid": "ecc"}, needs={"not_there": "not-there"}))
    for ask in (lambda: registry.find("rigid", ["other"]), lambda: registry.RIVALS["other"].function("rigid")):
        with pytest.raises(InputError, match="Other needs not-there: pip install not-there, or leave it out of --methods"):
            ask()


def test_the_names_are_known_without_importing_anything_heavy():
    code = "import sys; from udl_tf.rivals import registry; sys.exit(bool({'tensorflow', 'cv2', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
