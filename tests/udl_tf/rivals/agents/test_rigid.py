"""Rigid agents: what an action is worth, walks that an oracle leads, and training with and without the truth."""

import functools

import numpy as np
import tensorflow as tf

from pipelines import geometry, noise
from pipelines.geometry.transforms import Rigid, compose
from pipelines.normalise import normalise
from udl_tf.rivals.agents import actions, rigid, walking
from udl_tf.rivals.agents.self_pairs import self_pairs
from udl_tf.rivals.pair_model import compiled

BOX, LARGER = 16, 36
WIDTHS = ((4, 4), 4, 8)
RNG = np.random.default_rng(0)
IMAGES = {name: tf.constant(RNG.normal(size=(4, LARGER, LARGER)).astype(np.float32)) for name in ("fixed", "moving")}
TRUTH = {"angle": tf.constant([10.0, -20.0, 5.0, 0.0]), "shift": tf.constant([[1.0, 2.0], [0.0, 0.0], [-2.0, 1.0], [0.5, 0.5]])}


def test_values_by_hand():
    """Of 3 degrees and (4, 0) pixels: 5 away. One step of 1 to the right leaves the angle, and moves along the turned axis."""
    found = actions.values((tf.constant([3.0]), tf.constant([[4.0, 0.0]])), 1.0)[0].numpy()
    turn = np.deg2rad(3.0)
    x = np.sqrt(9.0 + (4.0 - np.cos(turn)) ** 2 + np.sin(turn) ** 2)
    back = np.sqrt(9.0 + (4.0 + np.cos(turn)) ** 2 + np.sin(turn) ** 2)
    down = np.sqrt(9.0 + (4.0 - np.sin(turn)) ** 2 + np.cos(turn) ** 2)
    up = np.sqrt(9.0 + (4.0 + np.sin(turn)) ** 2 + np.cos(turn) ** 2)
    turned, away = np.sqrt(4.0 + 16.0), np.sqrt(16.0 + 16.0)
    np.testing.assert_allclose(found, 5.0 - np.array([x, back, down, up, turned, away]), atol=1e-5)
    half = actions.values((tf.constant([3.0]), tf.constant([[4.0, 0.0]])), 0.5)[0].numpy()
    np.testing.assert_allclose(half[4], (5.0 - np.hypot(2.5, 4.0)) / 0.5, atol=1e-5)


def test_the_value_is_the_drop_that_follows_when_the_action_is_taken():
    """By way of the transforms as types, from a pose and a truth."""
    pose, truth = Rigid([7.0], [[2.0, -3.0]]), Rigid([-12.0], [[5.0, 1.0]])
    rest = compose(pose.inverse(), truth)
    found = actions.values(rest.tensors(), 0.5)[0].numpy()
    before = np.hypot(rest.angle[0], np.linalg.norm(rest.shift))
    for action in range(actions.COUNT):
        after = compose(Rigid(*(part.numpy() for part in actions.taken(pose.tensors(), [action], 0.5))).inverse(), truth)
        drop = before - np.hypot(after.angle[0], np.linalg.norm(after.shift))
        np.testing.assert_allclose(found[action], drop / 0.5, atol=1e-4)


def test_the_pose_of_a_rest_leaves_just_that_rest():
    rest, truth = ([4.0], [[1.0, -2.0]]), ([-30.0], [[6.0, 3.0]])
    pose = actions.pose_with(*(tuple(tf.constant(part) for part in pair) for pair in (rest, truth)))
    left = compose(Rigid(*(part.numpy() for part in pose)).inverse(), Rigid(*truth))
    np.testing.assert_allclose(left.angle, rest[0], atol=1e-4)
    np.testing.assert_allclose(left.shift, rest[1], atol=1e-4)


def oracle(truth, step):
    """The true values, in place of a network."""

    def values(pose, rows):
        rest = geometry.compose(geometry.inverse(pose[:, 0], pose[:, 1:]), (truth[0][rows], truth[1][rows]))
        return actions.values(rest, step).numpy()

    return values


def walked(values, start, step, most):
    """(angle, shift, steps) at the end of a walk."""
    found = walking.walk(values, functools.partial(actions.stepped, step=step), start, step / 2.0, most)
    return found.state[:, 0], found.state[:, 1:], found.steps


def test_an_oracle_ends_at_the_truth_within_half_a_step():
    angle, shift = RNG.uniform(-30.0, 30.0, 20).astype(np.float32), RNG.uniform(-10.0, 10.0, (20, 2)).astype(np.float32)
    turned, moved, _ = walked(oracle((angle, shift), 1.0), np.zeros((20, 3)), 1.0, 100)
    turned, moved, _ = walked(oracle((angle, shift), 0.25), np.concatenate([turned[:, None], moved], 1), 0.25, 100)
    assert np.abs(turned - angle).max() <= 0.125 + 1e-3
    # A pixel's grid is that of the pose, turned by what the angle is still wrong: half a step along each axis.
    assert np.linalg.norm(moved - shift, axis=1).max() <= 0.125 * np.sqrt(2.0) + 1e-3


def test_steps_counted_by_hand():
    """Along one axis: three steps there, one beyond, one back; a pair that is there at once takes two; and one is cut short."""
    truth = np.float32([3.0, 0.0, 9.0]), np.zeros((3, 2), np.float32)
    turned, moved, steps = walked(oracle(truth, 1.0), np.zeros((3, 3)), 1.0, 7)
    np.testing.assert_array_equal(steps, [5, 2, 7])
    np.testing.assert_allclose(turned[2], 7.0, atol=1e-5)
    away = np.abs(turned - truth[0])[:2] + np.linalg.norm(moved, axis=1)[:2]
    np.testing.assert_allclose(away, 0.5, atol=1e-5)  # the middle of where it is and one step beside


def test_a_longer_circle_is_noticed():
    around = [0, 2, 1, 3]  # right, down, left, up
    calls = iter(around * 3)

    _, moved, steps = walked(lambda pose, rows: np.eye(6)[[next(calls)]], [[0.0, 5.0, 5.0]], 1.0, 50)
    assert steps[0] == 4
    np.testing.assert_allclose(moved, [[5.5, 5.5]], atol=1e-5)


def test_self_pairs_are_of_the_pose_that_they_say():
    """Without fresh noise, the moving image brought back is the fixed one where both are known."""
    smooth = normalise(noise.blur(IMAGES["moving"], tf.fill((4,), 2.0)))
    inputs, truth = self_pairs(smooth, noise.parse("clean"), BOX, tf.constant([1, 2]))
    back = Rigid(truth["angle"].numpy(), truth["shift"].numpy())
    moved, known = back.warp(inputs["moving"].numpy()), back.warp(np.ones((4, BOX, BOX))) > 0.999
    for fixed, image, where in zip(inputs["fixed"].numpy(), moved, known, strict=True):
        assert np.corrcoef(fixed[where], image[where])[0, 1] > 0.98
    noisy, _ = self_pairs(smooth, noise.parse("gaussian:0.5"), BOX, tf.constant([1, 2]))
    fresh = [noisy[name] - inputs[name] * np.sqrt(1.0 / 3.0) for name in ("fixed", "moving")]  # signal is a third of the power
    assert abs(np.corrcoef(*(part.numpy().ravel() for part in fresh))[0, 1]) < 0.15


def model(itself=None):
    tf.keras.utils.set_random_seed(0)
    return rigid.AgentModel(BOX, WIDTHS, itself=itself)


def test_self_pairs_do_not_read_the_truth_and_the_supervised_do():
    unknown = {name: tf.fill(value.shape, np.nan) for name, value in TRUTH.items()}
    seed = tf.constant([0, 3])
    alone = model(noise.parse("gaussian:0.5"))
    told, untold = (alone.level_losses(IMAGES, truth, seed) for truth in (TRUTH, unknown))
    for name in actions.LEVELS:
        assert np.isfinite(told[name]) and told[name] == untold[name]
    taught = model()
    with_truth, without = (taught.level_losses(IMAGES, truth, seed) for truth in (TRUTH, unknown))
    assert all(with_truth[name] != without[name] for name in actions.LEVELS)


def test_a_short_training_reduces_the_loss_of_the_states_it_sees():
    built = compiled(model(), "small", 2e-2, 20)
    losses = []
    for _ in range(6):
        built.count.assign(0)  # the same states again
        losses.append(float(built.train_step((IMAGES, TRUTH))["loss"]))
    assert min(losses) < 0.8 * losses[0]


def test_a_walk_with_a_network_takes_steps_within_its_limit():
    built = model()
    inputs = {name: image[:, :BOX, :BOX] for name, image in IMAGES.items()}
    angle, shift, steps = built.walked(inputs)
    most = sum(built.most(level) for level in actions.LEVELS.values())
    assert angle.shape == (4,) and shift.shape == (4, 2) and (steps >= 4).all() and (steps <= most).all()
