"""Deformable agents: the modes of known fields, what a step is worth, fuzzy walks, training with and without the truth."""

import numpy as np
import tensorflow as tf

from pipelines import noise
from pipelines.geometry.transforms import Displacement
from pipelines.normalise import normalise
from udl_tf.rivals.agents import deformable, fuzzy, modes, walking
from udl_tf.rivals.agents.network import network

BOX = 16
RNG = np.random.default_rng(0)
MADE = np.linalg.qr(RNG.normal(size=(BOX * BOX * 2, 3)))[0].T.reshape(3, BOX, BOX, 2).astype(np.float32)  # orthonormal
LONG = MADE * BOX  # of 1 pixel, root mean square
FIELDS = np.einsum("nm,myxi->nyxi", RNG.normal(size=(200, 3)) * [3.0, 1.0, 0.2], LONG)
IMAGES = {name: tf.constant(RNG.normal(size=(4, BOX, BOX)).astype(np.float32)) for name in ("fixed", "moving")}
TRUTH = {"displacement": tf.constant(FIELDS[:4].astype(np.float32))}


def test_modes_of_fields_made_of_known_modes_are_these():
    one = modes.principal(RNG.normal(size=(20, 1, 1, 1)) * LONG[0], 1)
    np.testing.assert_allclose(np.abs((one.fields[0] * LONG[0]).mean() * 2.0), 1.0, rtol=1e-4)
    found = modes.principal(FIELDS, 3)
    alike = np.einsum("ayxi,byxi->ab", found.fields, LONG) / BOX**2
    np.testing.assert_allclose(np.abs(np.diag(alike)), 1.0, atol=0.02)
    np.testing.assert_allclose(found.deviations, [3.0, 1.0, 0.2], rtol=0.15)


def test_weights_and_fields_are_inverse_and_lengths_are_pixels():
    found = modes.principal(FIELDS, 3)
    weights = tf.constant(RNG.normal(size=(5, 3)).astype(np.float32))
    fields = found.field(weights)
    np.testing.assert_allclose(found.weights(fields), weights, atol=1e-4)
    np.testing.assert_allclose(np.sqrt((fields.numpy() ** 2).sum(-1).mean((1, 2))), np.linalg.norm(weights, axis=1), rtol=1e-4)
    np.testing.assert_allclose(found.field(found.weights(tf.constant(FIELDS[:4], tf.float32))), FIELDS[:4], atol=1e-3)


def test_expected_deformations_are_those_of_the_pairs(monkeypatch):
    """Orthogonal, ordered, and none larger than the reach."""
    monkeypatch.setattr(modes, "FIELDS", 60)
    found = modes.expected(32, 6)
    products = np.einsum("ayxi,byxi->ab", found.fields, found.fields) / 32**2
    np.testing.assert_allclose(products, np.eye(6), atol=1e-3)
    assert (np.diff(found.deviations) <= 0.0).all() and 0.1 < np.linalg.norm(found.deviations) < 2.0


def test_values_by_hand():
    """Of a rest (3, 4): 5 away; two nearer along the first, and back."""
    found = fuzzy.values(tf.constant([[3.0, 4.0]]), 2.0)[0]
    after = np.array([np.hypot(1.0, 4.0), np.hypot(3.0, 2.0), np.hypot(5.0, 4.0), np.hypot(3.0, 6.0)])
    np.testing.assert_allclose(found, (5.0 - after) / 2.0, rtol=1e-5)
    np.testing.assert_array_equal(fuzzy.moves(2, 2.0), [[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])


def test_fuzzy_walks_come_nearer_and_move_by_whole_steps():
    rest = tf.fill((500, 2), 1.0)
    found = fuzzy.rests(rest, 0.5, 6, tf.constant([1, 2])).numpy()
    whole = (1.0 - found) / 0.5
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-5)
    assert (np.abs(whole).sum(1) <= 6.0).all() and np.linalg.norm(found, axis=1).mean() < 0.75 * np.sqrt(2.0)
    first = fuzzy.rests(tf.constant([[4.0, 0.0]] * 2000), 1.0, 1, tf.constant([1, 2])).numpy()
    moved = first[np.any(first != [4.0, 0.0], 1)]
    assert abs(len(moved) / 2000 - 0.5) < 0.05  # half of the walks have no step
    # Only one action is worth something; all four share what is explored.
    assert abs(np.mean(moved[:, 0] == 3.0) - (1.0 - 0.75 * fuzzy.EXPLORED)) < 0.04


def test_an_oracle_ends_at_the_truth_within_half_a_step():
    truth = RNG.normal(size=(10, 3)).astype(np.float32)
    moves = fuzzy.moves(3, 0.25)
    found = walking.walk(
        lambda weights, rows: fuzzy.values(truth[rows] - weights, 0.25).numpy(),
        lambda weights, chosen: weights + moves[chosen],
        np.zeros((10, 3), np.float32),
        0.125,
        100,
    )
    assert np.abs(found.state - truth).max() <= 0.125 + 1e-4
    more = found.steps - np.abs(np.round(truth / 0.25)).sum(1)
    assert np.isin(more, [1, 2]).all()  # back where it came from, or one beside and back


def agent(itself=None):
    tf.keras.utils.set_random_seed(0)
    built = network(BOX, (4, 4), 4, 8, reach=0, outputs=6, name="deformable")
    return deformable.DeformableAgent(built, modes.principal(FIELDS, 3), itself=itself)


def test_self_pairs_do_not_read_the_truth_and_the_supervised_do(monkeypatch):
    monkeypatch.setattr(deformable, "TAUGHT", 3)
    unknown, seed = {"displacement": tf.fill((4, BOX, BOX, 2), np.nan)}, tf.constant([0, 3])
    alone = agent(noise.parse("gaussian:0.5"))
    told, untold = (alone.state_loss(IMAGES, truth, seed) for truth in (TRUTH, unknown))
    assert np.isfinite(told) and told == untold
    taught, other = agent(), {"displacement": TRUTH["displacement"][::-1]}
    assert taught.state_loss(IMAGES, TRUTH, seed) != taught.state_loss(IMAGES, other, seed)


def test_self_pairs_are_bent_by_the_field_that_they_say():
    """In a graph, as in training."""
    alone, same = agent(noise.parse("clean")), tf.tile(IMAGES["fixed"][:1], (2000, 1, 1))
    inputs, weights = tf.function(alone.self_pairs, autograph=False)(same, tf.constant([1, 2]))
    np.testing.assert_allclose(weights.numpy().std(0), alone.model.deviations, rtol=0.1)
    np.testing.assert_allclose(inputs["moving"][:4], normalise(same[:4]), atol=1e-5)
    field = Displacement(alone.model.field(weights[:4]).numpy())
    np.testing.assert_allclose(inputs["fixed"][:4], normalise(field.warp(same[:4].numpy(), "reflect")), atol=1e-4)


def test_a_network_that_knows_nothing_still_answers_with_a_field():
    fields, steps = agent().walked(IMAGES)
    assert (
        fields.shape == (4, BOX, BOX, 2) and np.isfinite(fields).all() and (steps >= 2).all() and (steps <= deformable.MOST).all()
    )
