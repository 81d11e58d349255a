"""Which calls are joined, and what happens to each: the model is a stand-in that notes how it was called."""

import threading
import time

import grpc
import numpy as np
import pytest

from udl_tf.serving.batcher import Batcher, call
from udl_tf.serving.errors import ServingError


class Model:
    """Adds fixed and moving; waits for `go` in each call; fails where a value is -13."""

    def __init__(self):
        self.calls, self.go, self.started = [], threading.Event(), threading.Event()

    def __call__(self, signature, inputs):
        self.started.set()
        assert self.go.wait(20)
        if signature == "align_pairs":
            self.calls.append((signature, len(inputs["images"])))
            return {"sum": inputs["images"].numpy()}
        fixed, moving = inputs["fixed"].numpy(), inputs["moving"].numpy()
        self.calls.append((signature, len(moving)))
        if (moving == -13).any():
            raise ValueError("thirteen")
        return {"sum": fixed + moving}


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def batcher(model):
    batcher = Batcher(model, largest=8)
    yield batcher
    model.go.set()
    batcher.close()


def numbers(*values):
    return np.array(values, np.float32)


def pair(*moving, signature="align", fixed=None, **options):
    options = {name: np.asarray(value) for name, value in options.items()}
    return call(signature, {"fixed": numbers(*(moving if fixed is None else fixed)), "moving": numbers(*moving), **options})


def busy(model, batcher):
    """Submit a call and wait until the model works on it: what is submitted now waits."""
    first = batcher.submit(pair(100))
    assert model.started.wait(20)
    return first


def test_calls_that_wait_are_joined_in_order(model, batcher):
    first = busy(model, batcher)
    futures = [batcher.submit(pair(*values)) for values in ((1,), (2, 3), (4,))]
    model.go.set()
    assert first.result(20)["sum"].tolist() == [200]
    assert [future.result(20)["sum"].tolist() for future in futures] == [[2], [4, 6], [8]]
    assert model.calls == [("align", 1), ("align", 4)]


def test_only_what_fits_is_joined(model, batcher):
    busy(model, batcher)
    calls = [
        pair(1),
        pair(2, signature="serving_default"),
        pair(3, signature="align_within", max_shift=-1.0, fast=False),
        pair(4, signature="align_within", max_shift=-1.0, fast=True),
        pair(5, signature="align_within", max_shift=-1.0, fast=False),
        call("align", {"fixed": np.ones((1, 2), np.float32), "moving": np.ones((1, 2), np.float32)}),
        pair(6),
    ]
    futures = [batcher.submit(one) for one in calls]
    model.go.set()
    results = [future.result(20)["sum"].tolist() for future in futures]
    assert results == [[2], [4], [6], [8], [10], [[2, 2]], [12]]
    assert model.calls[1:] == [("align", 2), ("serving_default", 1), ("align_within", 2), ("align_within", 1), ("align", 1)]


def test_no_more_than_the_largest_batch_is_joined_and_larger_calls_are_divided(model, batcher):
    busy(model, batcher)
    futures = [batcher.submit(pair(*range(count))) for count in (5, 4, 3, 20)]
    model.go.set()
    for future, count in zip(futures, (5, 4, 3, 20), strict=True):
        assert future.result(20)["sum"].tolist() == [2 * value for value in range(count)]
    assert [count for _, count in model.calls[1:]] == [8, 4, 8, 8, 4]


def test_one_fixed_image_for_many_stays_alone_and_is_divided(model, batcher):
    busy(model, batcher)
    one = batcher.submit(pair(*range(10), fixed=[7]))
    other = batcher.submit(pair(1))
    model.go.set()
    assert one.result(20)["sum"].tolist() == [7 + value for value in range(10)] and other.result(20)["sum"].tolist() == [2]
    assert [count for _, count in model.calls[1:]] == [8, 2, 1]


def test_pairs_among_images_stay_alone(model, batcher):
    busy(model, batcher)
    inputs = {"images": numbers(*range(20)), "first": np.int32([0]), "second": np.int32([1])}
    futures = [batcher.submit(call("align_pairs", inputs)) for _ in range(2)]
    model.go.set()
    assert [len(future.result(20)["sum"]) for future in futures] == [20, 20]
    assert model.calls[1:] == [("align_pairs", 20)] * 2


def test_a_failure_is_only_its_own(model, batcher):
    busy(model, batcher)
    futures = [batcher.submit(pair(*values)) for values in ((1, 2), (-13,), (3,))]
    model.go.set()
    assert futures[0].result(20)["sum"].tolist() == [2, 4] and futures[2].result(20)["sum"].tolist() == [6]
    with pytest.raises(ValueError, match="thirteen"):
        futures[1].result(20)
    assert [count for _, count in model.calls[1:]] == [4, 2, 1, 1]


def test_who_has_gone_or_is_late_is_not_worked_for(model, batcher):
    busy(model, batcher)
    gone, late = (
        batcher.submit(pair(1)),
        batcher.submit(call("align", {"fixed": numbers(1), "moving": numbers(1)}, time.monotonic())),
    )
    kept = batcher.submit(call("align", {"fixed": numbers(1), "moving": numbers(1)}, time.monotonic() + 100))
    assert gone.cancel()
    model.go.set()
    assert kept.result(20)["sum"].tolist() == [2] and [count for _, count in model.calls] == [1, 1]
    with pytest.raises(ServingError) as caught:
        late.result(20)
    assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED


def test_closing_finishes_what_waits(model):
    batcher = Batcher(model)
    busy(model, batcher)
    waiting = batcher.submit(pair(1))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    while not batcher._closed:
        time.sleep(0.01)
    with pytest.raises(ServingError) as caught:
        batcher.submit(pair(2))
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE
    model.go.set()
    closing.join(20)
    assert waiting.result(0)["sum"].tolist() == [2] and not closing.is_alive()
