"""Sections bent by known fields: what is left, what is kept, what is not touched; steps that agree; fields that do not fold."""

import json

import cv2
import numpy as np
import pytest
import tensorflow as tf
import tifffile

from pipelines.files.transforms.registry import read_any
from pipelines.geometry import displacement, frames
from pipelines.geometry.transforms import Displacement, Rigid
from pipelines.pictures.tissue import Tissue
from udl_tf.commands import console
from udl_tf.volumes.drift import RUN
from udl_tf.volumes.elastic import LEAST, align_fields, jitter_of, unfolded
from udl_tf.volumes.field_steps import CUT, RIDGE, ROUNDS, agreeing_steps
from udl_tf.volumes.section_flows import SectionFlows, compare_fields

COUNT, SIZE, SPACING, INNER = 14, (120, 136), 24.0, 12
PLACES = np.stack(np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0])), -1) - frames.centre(SIZE)


def white_fields(seed, amplitude):
    """Smooth fields (n, height, width, 2) of mean 0, `amplitude` pixels along an axis, a new one each section."""
    chance = np.random.default_rng(seed).normal(size=(COUNT, *SIZE, 2))
    fields = np.stack([cv2.GaussianBlur(one, (0, 0), 24.0, borderType=cv2.BORDER_REFLECT) for one in chance])
    fields -= fields.mean((1, 2), keepdims=True)
    return fields * (amplitude / fields.std((1, 2), keepdims=True))


def bent(fields, seed=3):
    """Tissue whose pixel q shows what lies at q + fields(q): uint8 (n, height, width)."""
    tissue, rng = Tissue(seed), np.random.default_rng(seed)
    sections = []
    for number, field in enumerate(fields):
        x, y = (PLACES + field).reshape(-1, 2).T
        clean = tissue.at(np.stack([np.full(len(x), 1.5 * number), y, x], 1)).reshape(SIZE)
        sections.append(clean + 10.0 * rng.standard_normal(SIZE))
    return np.clip(np.rint(sections), 0, 255).astype(np.uint8)


def left(fields, transform):
    """How far from their place in the tissue the points are that a transform brings to each place, (n, points, 2) pixels."""
    inner = PLACES[INNER:-INNER:6, INNER:-INNER:6].reshape(-1, 2)
    places = transform.pull(np.float32(inner))
    pixels = np.float32(places + frames.centre(SIZE))
    there = [
        cv2.remap(np.float32(one), at[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        for one, at in zip(fields, pixels)
    ]
    return places + there - inner


def rms(away):
    return float(np.sqrt(np.square(away).sum(-1).mean()))


def found_in(volume):
    return align_fields(lambda number: (volume[number], np.ones(SIZE, bool)), len(volume), SPACING)


def test_what_bends_each_section_by_itself_is_taken_out():
    fields = white_fields(1, 2.0)
    found = found_in(bent(fields))
    away = left(fields, Displacement(found.field, found.spacing))
    before = rms(fields[:, INNER:-INNER, INNER:-INNER])
    assert before > 2.3 and rms(away) < 0.5 * before and rms(np.diff(away, axis=0)) < 1.2
    assert not len(found.damped)
    np.testing.assert_allclose(found.rms, np.sqrt(np.square(found.field).sum(-1).mean((1, 2))), rtol=1e-5)


@pytest.mark.once("files in and out")
def test_what_bends_is_taken_out_after_turns_and_shifts(tmp_path, capsys):
    """From a file to a file: what the rigid alignment leaves, and what the fields leave of that; drift is forgiven."""
    rng = np.random.default_rng(9)
    angle, shift = frames.inverse(rng.normal(0, 1, COUNT), rng.normal(0, 2, (COUNT, 2)))
    places = np.einsum("nij,nhwj->nhwi", frames.rotations(angle), PLACES + white_fields(4, 1.5)) + shift[:, None, None]
    tifffile.imwrite(tmp_path / "bent.tif", bent(places - PLACES))
    command = ["sections", "align", str(tmp_path / "bent.tif"), "--output", str(tmp_path / "out.tif"), "--json"]
    fields = tmp_path / "fields.json"
    assert console([*command, "--elastic", "--elastic-spacing", "24", "--transforms", str(fields)]) == 0
    found = json.loads(capsys.readouterr().out)
    before = left(places - PLACES, Rigid(found["angle"], found["shift"]))
    after = left(places - PLACES, read_any(fields).fields)
    before, after = (rms(np.diff(one - one.mean(1, keepdims=True), axis=0)) for one in (before, after))
    assert before > 1.8 and after < 0.5 * before


def test_what_is_not_bent_is_not_moved():
    assert found_in(bent(np.zeros((COUNT, *SIZE, 2)))).rms.max() < 0.1


def test_what_bends_slowly_stays():
    """The field swings by 4 pixels over the volume: an aligner that lays each section onto the one before would undo it."""
    slow = np.sin(np.arange(COUNT) * (np.pi / COUNT))[:, None, None, None] * white_fields(2, 2.0)[:1]
    assert np.abs(slow).max() > 4 and found_in(bent(slow)).rms.max() < 0.25


def test_white_and_slow_are_told_apart_on_the_nodes():
    rng = np.random.default_rng(5)
    chance, count = rng.normal(size=(120, 3, 4, 2)), 120
    jitter = chance - chance.mean((1, 2), keepdims=True)
    slow = 12.0 * np.sin(np.arange(count) / 20.0)[:, None, None, None] * rng.normal(size=(1, 3, 4, 2))
    known = np.arange(count) != 60
    moved = jitter_of(jitter + slow, known)
    assert rms((moved - jitter)[known]) < 0.45 * rms(jitter) and (moved[60] == 0).all()
    assert rms(moved.mean((1, 2))) < 0.05  # less its mean, the path shook nowhere as a whole
    assert (jitter_of(jitter[:2], known[:2]) == 0).all()


def test_the_mean_of_a_section_is_taken_out_where_it_is_white():
    """The coarsest waves tell how far the tissue runs: a mean that shakes is jitter, one that runs as they do is kept."""
    rng = np.random.default_rng(7)
    steps = [np.convolve(one, RUN ** np.arange(60.0), "valid") for one in rng.normal(0, 0.1, (24, 179))]
    slow = np.cumsum(steps, 1).T.reshape(120, 3, 4, 2)
    shaken, known = rng.normal(size=(120, 1, 1, 2)), np.ones(120, bool)
    found = jitter_of(slow + shaken, known).mean((1, 2))
    assert rms(found - shaken[:, 0, 0]) < 0.45 * rms(shaken)
    assert rms(jitter_of(slow, known).mean((1, 2))) < 0.05


def test_steps_agree_with_the_most_and_follow_their_neighbours_where_nothing_is_known():
    rng = np.random.default_rng(6)
    steps = rng.normal(size=(9, 1, 1, 2)) * np.ones((1, 4, 5, 1)) + 0.1 * np.arange(5)[:, None]
    path = np.concatenate([np.zeros_like(steps[:1]), np.cumsum(steps, 0)])
    pairs = np.array([(k, k + apart) for apart in (1, 2, 3) for k in range(10 - apart)])
    flow, weight = path[pairs[:, 1]] - path[pairs[:, 0]], np.ones((len(pairs), 4, 5))
    flow[4, 1, 2] += 30.0  # wrong, and outvoted
    weight[:, 3, 3], flow[:, 3, 3] = 0.0, 99.0  # unknown
    found = agreeing_steps(SectionFlows(*pairs.T, np.float32(flow), np.float32(weight)), 10)
    known = np.ones((4, 5), bool)
    known[3, 3] = False
    np.testing.assert_allclose(found[:, known], steps[:, known], atol=0.1)
    np.testing.assert_allclose(found[:, 3, 3], steps[:, 3, 3], atol=0.3)


def test_weights_are_of_the_last_residuals_alone():
    """One node, three of whose flows are wrong, against dense least squares that are reweighted by hand."""
    rng = np.random.default_rng(8)
    pairs = np.array([(k, k + apart) for apart in (1, 2) for k in range(10 - apart)])
    apart, covers = pairs[:, 1] - pairs[:, 0], np.float64([(np.arange(9) >= a) & (np.arange(9) < b) for a, b in pairs])
    flow = covers @ rng.normal(size=(9, 2)) + 0.2 * rng.normal(size=(len(pairs), 2))
    flow[[2, 7, 12]] += [[1.5, 0.0], [0.0, 3.0], [-9.0, 2.0]]
    trust = rng.uniform(0.5, 1.5, len(pairs))
    weight, level = trust, np.median(trust)
    for _ in range(ROUNDS):
        system = covers.T @ (weight[:, None] * covers) + RIDGE * level * np.eye(9)
        expected = np.linalg.solve(system, covers.T @ (weight[:, None] * flow))
        away = np.linalg.norm(flow - covers @ expected, axis=1)
        scale = np.array([np.median(away[apart == k]) / 1.18 for k in (1, 2)])[apart - 1]
        weight = trust / (1.0 + (away / (CUT * scale)) ** 2)
    flows = SectionFlows(*pairs.T, flow[:, None, None], trust[:, None, None])
    np.testing.assert_allclose(agreeing_steps(flows, 10)[:, 0, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(flows.weight[:, 0, 0], trust)


def test_flow_of_a_section_that_was_moved():
    """Nodes are exact where a section was moved by whole pixels; what shows nothing tells nothing."""
    first = bent(np.zeros((1, *SIZE, 2)))[0]
    volume = [first, np.roll(first, (2, -3), (0, 1)), np.full_like(first, 80)]
    flows = compare_fields(lambda number: (volume[number], np.ones(SIZE, bool)), 3, SPACING)
    assert list(zip(flows.first, flows.second)) == [(0, 1), (1, 2), (0, 2)] and flows.flow.shape == (3, 6, 7, 2)
    np.testing.assert_allclose(flows.flow[0, 2:-2, 2:-2], np.broadcast_to([-3.0, 2.0], (2, 3, 2)), atol=0.15)
    assert flows.weight[0, 2:-2, 2:-2].min() > 5 * flows.weight[1:].max()


def test_fields_do_not_fold():
    folding = np.zeros((2, 3, 3, 2))
    folding[0, 1, 1], folding[1, 1, 1] = (12.0, 0.0), (2.0, 0.0)
    field, damped = unfolded(folding, 8.0)
    assert damped.tolist() == [True, False] and np.array_equal(field[1], folding[1])
    assert displacement.least_determinant(tf.constant(field, tf.float32), 8.0).numpy().min() >= LEAST
    assert field[0, 1, 1, 0] == pytest.approx(12.0 * 0.8**3)
