"""The graph against `register_pair` with the same proposals: sizes, batches, the second look, what is no picture."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.geometry import frames
from udl_tf.registration.full_resolution import PICTURES, full_resolution
from udl_tf.registration.pairs import register_pair
from udl_tf.registration.result import PER_PAIR

pytestmark = pytest.mark.once("the served signature, which is the same graph, is compared on both versions")
TURN, MOVE, SURE = -2.6, (-4.0, 2.2), 0.9
TOLERANCE = {"angle": 1e-5, "shift": 1e-4, "covariance": 1e-7, "score": 1e-5, "correlation": 1e-5, "overlap": 1e-3}


def oracle(fixed, moving):
    """About the second view of the scene; what are no squares of 200 pixels it finds doubtful."""
    count = tf.shape(moving)[0]
    score = tf.where(tf.shape(moving)[1] == 200, SURE, 0.3)
    return {"angle": tf.fill([count], TURN), "shift": tf.tile([MOVE], [count, 1]), "score": tf.fill([count], score)}


class Oracle:
    """The same for `propose`."""

    def align(self, fixed, moving, report):
        answer = oracle(tf.constant(fixed), tf.constant(moving))
        return type("Found", (), {name: value.numpy() for name, value in answer.items()})


@pytest.fixture(scope="module")
def register():
    graph = tf.function(full_resolution(oracle), input_signature=(PICTURES, PICTURES), autograph=False)
    return lambda fixed, moving: {name: value.numpy() for name, value in graph(fixed, moving).items()}


def assert_same(found, row, fixed, moving):
    wanted = register_pair(Oracle(), fixed, moving)
    for name in PER_PAIR:
        np.testing.assert_allclose(found[name][row], getattr(wanted, name)[0], 1e-5, TOLERANCE[name], err_msg=name)
    np.testing.assert_allclose(found["angle_sigma"][row], wanted.angle_sigma[0], 1e-5, 1e-6)
    np.testing.assert_allclose(found["shift_sigma"][row], wanted.shift_sigma[0], 1e-5, 1e-6)
    return wanted


def test_a_batch_with_one_fixed_picture(views, register):
    """A pair that is found, one that is not (turned by 151 degrees, which the oracle does not say), and one without a picture."""
    pictures, truth = views
    moving = np.stack([pictures[1], pictures[3], np.full_like(pictures[0], 7)])
    found = register(pictures[:1], moving)
    assert frames.error(found["angle"][0], found["shift"][0], truth[1], (200, 240)) < 0.004
    first, second = (assert_same(found, row, pictures[0], moving[row]) for row in (0, 1))
    assert first.score > 0.5 * SURE and second.score < 0.1
    assert np.isnan([found["angle"][2], *found["shift"][2]]).all() and found["score"][2] == 0.0
    assert np.isinf(found["shift_sigma"][2]).all()


def test_two_sizes_and_a_second_look(views, register):
    """What the oracle says of both squares in the middle is doubted, and of the whole pictures, too: the better one counts."""
    fixed, moving = views[0][0][:, :236], views[0][1][3:196, 5:]
    found = register(fixed[None], moving[None])
    wanted = assert_same(found, 0, fixed, moving)
    assert found["angle"].dtype == np.float64 and 0.1 < wanted.score[0] < 0.35
    middle = np.array([(5 + 239) / 2, (3 + 195) / 2]) - frames.centre((200, 240)), frames.centre((200, 236)) - [119.5, 99.5]
    truth = views[1][1][0], frames.turned(views[1][1][0], middle[0]) + views[1][1][1] - middle[1]
    assert frames.error(found["angle"][0], found["shift"][0], truth, fixed.shape) < 0.004
