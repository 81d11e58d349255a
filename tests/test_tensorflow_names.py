"""Every public name of TensorFlow that the code uses exists in the installed version, also where no test comes by."""

import ast
import pathlib

import pytest
import tensorflow as tf

ROOT = pathlib.Path(__file__).parents[1]
FILES = [path for package in ("pipelines", "udl_tf", "benchmarks") for path in sorted((ROOT / package).rglob("*.py"))]


def names(source):
    """The dotted names behind ``tf``, also the beginnings of longer ones, and their lines."""
    parts = {}
    for node in ast.walk(ast.parse(source)):
        chain, base = [], node
        while isinstance(base, ast.Attribute):
            chain.append(base.attr)
            base = base.value
        if chain and isinstance(base, ast.Name) and base.id == "tf":
            parts.setdefault(".".join(reversed(chain)), node.lineno)
    return parts


def exists(name):
    found = tf
    for part in name.split("."):
        if isinstance(found, type) or not hasattr(found, "__dict__"):
            return True  # members of classes and constants are Python's own affair
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def test_what_is_missing_is_seen():
    assert names("x = tf.keras.Model(tf.zeros(3)).shape") == {"keras.Model": 1, "keras": 1, "zeros": 1}
    assert exists("keras.layers.Layer") and exists("float32.max") and not exists("signal.no_such")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_exist(path):
    missing = {name: line for name, line in names(path.read_text(encoding="utf-8")).items() if not exists(name)}
    assert missing == {}
