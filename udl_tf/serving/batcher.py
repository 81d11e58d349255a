"""Dynamic batching: requests that wait at the same time and fit together become one call of the model."""

import collections
import dataclasses
import threading
import time
from concurrent.futures import Future

import grpc
import numpy as np
import tensorflow as tf

from udl_tf.serving.errors import ServingError
from udl_tf.serving.signatures import PER_PAIR


@dataclasses.dataclass
class Call:
    """One request's call of a signature, and the future that gets its outputs.

    Attributes:
        signature: name. inputs: tensors by name. rows: names of those with one entry a pair, empty if the call cannot be divided.
        deadline: of `time.monotonic`, or None.
    """

    signature: str
    inputs: dict
    rows: tuple
    deadline: float | None = None
    future: Future = dataclasses.field(default_factory=Future)

    @property
    def count(self):
        """Number of pairs."""
        return len(self.inputs[self.rows[0]]) if self.rows else 1

    @property
    def key(self):
        """Equal for calls that may be joined: sizes and options agree. None for a call that stays alone."""
        shared = [self.inputs[name] for name in sorted(self.inputs) if name not in self.rows]
        if not self.rows or any(tensor.shape.rank for tensor in shared):
            return None
        sizes = (tuple(self.inputs[name].shape[1:]) for name in self.rows)
        return self.signature, *sizes, *(tensor.numpy().item() for tensor in shared)


def call(signature, inputs, deadline=None):
    """A `Call` of arrays by name, with one fixed image for many moving ones told apart from one for each."""
    rows = PER_PAIR.get(signature, ())
    inputs = {name: tf.constant(array) for name, array in inputs.items()}  # here, not where all calls wait for it
    if rows and len({len(inputs[name]) for name in rows}) > 1:
        rows = tuple(name for name in rows if len(inputs[name]) > 1)
    return Call(signature, inputs, rows, deadline)


class Batcher:
    """Runs the calls of one model in a thread of its own.

    A call that finds the model idle starts at once; those that arrive while it runs are joined, in the order they came, up to
    `largest` pairs. A call of more is divided. If a joined call fails, its parts run one by one, so that only the one at fault
    gets the error.

    Args:
        run: function (signature, tensors by name) -> arrays by name. largest: pairs in one call of it. name: of the thread.
    """

    def __init__(self, run, largest=64, name="batcher"):
        self._run, self._largest = run, largest
        self._waiting, self._running = collections.deque(), 0
        self._changed, self._closed = threading.Condition(), False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, call):
        """Queue a `Call`; its future gets the outputs, a dict of arrays, or the exception."""
        with self._changed:
            if self._closed:
                raise ServingError(grpc.StatusCode.UNAVAILABLE, "this version has just been taken out of service")
            self._waiting.append(call)
            self._changed.notify()
        return call.future

    def pending(self):
        """Number of calls that wait or run."""
        with self._changed:
            return len(self._waiting) + self._running

    def close(self):
        """Take no more calls, finish those that wait, and return when they are done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self):
        while calls := self._next():
            ready = [call for call in calls if call.future.set_running_or_notify_cancel() and not _late(call)]
            if ready:
                self._answer(ready)

    def _next(self):
        """The calls to run together, [] when there will be no more."""
        with self._changed:
            self._running = 0
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return []
            first = self._waiting.popleft()
            calls, count, key = [first], first.count, first.key
            if key is not None:
                others = collections.deque()
                for other in self._waiting:
                    if other.key == key and count + other.count <= self._largest:
                        calls.append(other)
                        count += other.count
                    else:
                        others.append(other)
                self._waiting = others
            self._running = len(calls)
            return calls

    def _answer(self, calls):
        try:
            outputs = self._run_divided(calls)
        except Exception as error:
            if len(calls) == 1:
                calls[0].future.set_exception(error)
            else:
                for one in calls:
                    self._answer([one])
            return
        start = 0
        for one in calls:
            if len(calls) == 1:
                one.future.set_result(outputs)
            else:
                rows = slice(start, start + one.count)
                one.future.set_result({name: array[rows] for name, array in outputs.items()})
            start += one.count

    def _run_divided(self, calls):
        """The outputs of calls that fit together."""
        first, count = calls[0], sum(one.count for one in calls)
        inputs = dict(first.inputs)
        if len(calls) > 1:
            inputs.update({name: tf.concat([one.inputs[name] for one in calls], 0) for name in first.rows})
        if count <= self._largest:
            return self._run(first.signature, inputs)
        parts = []
        for start in range(0, count, self._largest):
            rows = {name: inputs[name][start : start + self._largest] for name in first.rows}
            parts.append(self._run(first.signature, {**inputs, **rows}))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _late(call):
    if call.deadline is None or time.monotonic() < call.deadline:
        return False
    late = ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed while the request waited")
    call.future.set_exception(late)
    return True
