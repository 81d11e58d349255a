"""Versions of what a result depends on."""

import ast
import hashlib
import importlib
import importlib.metadata
import pathlib
import platform
import shutil
import subprocess

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
OTHERS = ("tensorflow-addons", "keras-tuner", "opencv-python-headless", "mrcfile", "tensorboard")


def versions():
    """{name: version} of this package, TensorFlow, Keras, NumPy, Python and of those of `OTHERS` that are installed."""
    import numpy
    import tensorflow as tf

    import udl_tf

    found = {
        "udl_tf": udl_tf.__version__,
        "tensorflow": tf.__version__,
        "keras": getattr(tf.keras, "__version__", "?"),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }
    return {**found, **{name: version for name in OTHERS if (version := _installed(name))}}


def revision():
    """The git commit of the checkout this package runs from, with ``-dirty`` where files differ from it; None outside of one."""
    git, here = shutil.which("git"), pathlib.Path(__file__).resolve().parents[1]
    if not git or not (here / ".git").exists():
        return None
    command = [git, "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or None


def code(*names):
    """SHA-256 of what modules do: comments, docstrings and layout do not count.

    Args:
        names: of modules or of packages, for instance ``udl_tf.networks``; with the packages within them.
    """
    lines = []
    for name in names:
        found = pathlib.Path(importlib.import_module(name).__file__)
        for path in sorted(found.parent.rglob("*.py")) if found.stem == "__init__" else [found]:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                    node.body = node.body[1:]
            lines.append(f"{name} {path.relative_to(found.parent).as_posix()} {ast.dump(tree)}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _installed(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
