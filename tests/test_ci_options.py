"""The two options of CI: a limit on each test's time, and the tests of what differs between versions."""

import pathlib

import pytest

pytest_plugins = ["pytester"]
SLOW = """
import time
import pytest

def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

@pytest.fixture
def made():
    work(0.2)

def test_long(made):
    work(0.2)

@pytest.mark.slow("on purpose")
def test_long_but_marked():
    work(0.4)

def test_that_another_process_keeps_waiting():
    time.sleep(0.4)

def test_short():
    pass
"""


@pytest.fixture
def suite(pytester):
    """A project with this suite's conftest and settings of its own."""
    folder = pytester.mkdir("tests")
    (folder / "conftest.py").write_text(pathlib.Path(__file__).with_name("conftest.py").read_text())
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider --import-mode=importlib\nmarkers = slow(reason): long")
    for name, text in {"test_slow.py": SLOW, "test_files.py": "def test_it(): pass"}.items():
        (folder / name).write_text(text)
    (pytester.path / "udl_tf").mkdir()
    (pytester.path / "udl_tf" / "step.py").write_text("class Model(tf.keras.Model): pass")
    (folder / "test_step.py").write_text("def test_it():\n    if 0:\n        from udl_tf import step")
    return pytester


def test_a_test_over_the_limit_fails_with_its_fixtures_unless_marked(suite):
    suite.runpytest_subprocess("tests/test_slow.py").assert_outcomes(passed=4)
    found = suite.runpytest_subprocess("tests", "--limit", "0.25", "-v")
    found.assert_outcomes(passed=5, failed=1)
    found.stdout.fnmatch_lines(["tests/test_slow.py::test_long FAILED*", "tests/test_files.py::test_it*"])  # slow files first
    found.stdout.fnmatch_lines(["*test_long*", "took * s: expected at most 0.25, or the mark slow(reason)"])


def test_versioned_keeps_what_imports_keras(suite):
    found = suite.runpytest_subprocess("tests", "--versioned", "-v")
    found.assert_outcomes(passed=1, deselected=5)
    found.stdout.fnmatch_lines(["tests/test_step.py::test_it PASSED*"])


def test_versioned_leaves_out_what_says_nothing_about_it(suite):
    (suite.path / "tests" / "test_step.py").write_text(
        "import pytest\n\ndef test_it():\n    if 0:\n        from udl_tf import step\n\n"
        '@pytest.mark.once("reason")\ndef test_long():\n    pass'
    )
    suite.runpytest_subprocess("tests/test_step.py").assert_outcomes(passed=2)
    suite.runpytest_subprocess("tests/test_step.py", "--versioned").assert_outcomes(passed=1, deselected=1)
