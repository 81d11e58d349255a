"""What the tests of chunks share: functions that worker processes find, and threads."""

import pathlib
import sys

import pytest

from udl_tf.chunks.executors import open_executor

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def functions():
    """The module of functions, where worker processes find it, too: they get this process's search path."""
    sys.path.insert(0, str(HERE))
    import example_functions

    yield example_functions
    sys.path.remove(str(HERE))
    del sys.modules["example_functions"]


@pytest.fixture(scope="module")
def threads():
    with open_executor() as executor:
        yield executor
