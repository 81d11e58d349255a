"""Whether what is being traced becomes one XLA program: then only operations that XLA has may be used.

TensorFlow does not tell a function that it is traced for XLA, so who traces says it, and `pipelines.geometry.warp` and
`pipelines.draws` ask.
"""

import collections.abc
import contextlib
import contextvars

import tensorflow as tf

_TRACED = contextvars.ContextVar("traced_for_xla", default=False)


@contextlib.contextmanager
def program(wanted: bool = True) -> collections.abc.Iterator[None]:
    """What is traced inside is for XLA, if `wanted`."""
    token = _TRACED.set(bool(wanted))
    try:
        yield
    finally:
        _TRACED.reset(token)


@tf.autograph.experimental.do_not_convert  # it runs while tracing and has nothing to trace
def is_traced() -> bool:
    """Whether we are inside a `program`."""
    return _TRACED.get()
