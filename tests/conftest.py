"""Settings for the whole suite, made before TensorFlow and matplotlib are imported, and the two options of CI."""

import ast
import functools
import os
import pathlib
import re

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's C++ log: errors only
os.environ.setdefault("MPLBACKEND", "Agg")  # pictures go to files: no display needed

ROOT = pathlib.Path(__file__).parents[1]
# What may differ between versions. TensorFlow's promise of compatibility covers its public names but for `experimental`
# (that each of them exists, test_tensorflow_names.py says). It does not cover Keras, which is another one, nor what is
# private; files are written by one version and read by another; gRPC's messages have the protobuf that TensorFlow asks for.
# `importorskip`: what else is installed.
VERSIONED = re.compile(
    r"tf\.keras|keras_tuner|tf\.saved_model|tf\.train\.|tf\.distribute|tf\.summary|experimental|tensorflow\.python|raw_ops"
    r"|tensorflow_addons|has_addons|grpc|importorskip"
)
SHORT = ROOT / "tests" / "pipelines"  # a twentieth of the time, in a third of the files
COMMAND = '__name__ == "__main__"'
TOOK = pytest.StashKey()
BEGAN = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--limit", type=float, metavar="SECONDS", help="fail tests that take longer, but those marked slow")
    parser.addoption("--versioned", action="store_true", help="only tests of what may differ between versions of TensorFlow")


def pytest_collection_modifyitems(config, items):
    """Keep the files that name, or import a module that names, what differs between versions; commands run all of it.

    But for tests marked `once`: long ones of what udl_tf itself does, whose calls of TensorFlow others make, too.
    """
    if config.getoption("--versioned"):
        kept = [item for item in items if is_versioned(item.path) and not item.get_closest_marker("once")]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
    if config.getoption("--limit"):
        longest_first(items)


def longest_first(items):
    """Files with slow tests first, those of pipelines/ last: processes that share the files end at about the same time.

    Each takes whole files. One with a slow test, begun when the others have run out, would keep one process busy alone.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, SHORT in item.path.parents))


@functools.cache
def is_versioned(path):
    source = path.read_text(encoding="utf-8")
    programs = [place for place in path.parent.glob("*.py") if f'"{place.name}"' in source]  # that the test starts
    stems = [ROOT.joinpath(*name.split(".")) for name in imported(source)]
    modules = [place for stem in stems for place in (stem.with_suffix(".py"), stem / "__init__.py") if place.is_file()]
    sources = [source, *(place.read_text(encoding="utf-8") for place in programs + modules)]
    return any(VERSIONED.search(source) or COMMAND in source for source in sources)


def imported(source):
    """Names of the modules that a test imports, and of what it imports from them, which may be modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test with its fixtures takes at most `--limit`: else it fails, and says so.

    Both by the clock and in seconds of the processor, so that it does not hang on what else runs on the machine.
    """
    outcome = yield
    report, limit = outcome.get_result(), item.config.getoption("--limit")
    item.stash[TOOK] = item.stash.get(TOOK, 0.0) + report.duration
    if report.when != "call" or not limit or item.get_closest_marker("slow"):
        return
    took = min(item.stash[TOOK], processor_seconds() - item.stash[BEGAN])
    if report.passed and took > limit:
        report.outcome = "failed"
        report.longrepr = f"took {took:.0f} s: expected at most {limit:g}, or the mark slow(reason)"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    item.stash[BEGAN] = processor_seconds()


def processor_seconds():
    """Seconds of the processor that this process and the ended ones that it had started have taken."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
