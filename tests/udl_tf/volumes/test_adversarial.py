"""Sections moved by a discriminator: what reslices show, where gradients point, what is kept, what is refused."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.geometry import frames
from udl_tf.volumes.adversarial import AdversarialConfig, Moving, side_of
from udl_tf.volumes.alignment import SectionPoses
from udl_tf.volumes.reslices import BLUR, Reslices

COUNT, SIZE, SIDE = 16, (56, 60), 16


def placed(angle, shift, failed=(), jitter=(1.0, 2.0), tissue=(0.02, 0.05)):
    """Poses of sections of which nothing else is known."""
    n, nothing = len(angle), np.zeros(len(angle))
    failed = np.array(failed, int)
    return SectionPoses(angle, shift, nothing, shift, nothing, nothing, np.zeros((n, 2)), jitter, tissue, failed)


def drawing(volume, ratio, batch=6, seed=0):
    rng = np.random.default_rng(seed)
    return Reslices(lambda number: volume[number], len(volume), SIZE, np.ones(len(volume), bool), ratio, SIDE, batch, rng)


def smooth(seed):
    """Values between whose pixels there is next to nothing to be lost."""
    chance = np.random.default_rng(seed).normal(size=SIZE).astype(np.float32)
    return cv2.GaussianBlur(chance, (0, 0), 3.0)


def test_a_reslice_shows_what_turned_and_moved_sections_show_there():
    """Against sections brought to the frame whole, by OpenCV, one line of each; so far apart nothing is smoothed along them."""
    volume = np.stack([smooth(seed) for seed in range(COUNT)])
    rng = np.random.default_rng(1)
    angle, shift = rng.normal(0, 2, COUNT), rng.normal(0, 3, (COUNT, 2))
    reslices = drawing(volume, ratio=2.0)
    block = reslices.block(angle, shift)
    places = reslices.places(block)
    given = block.windows, block.corner, places.lines, np.float32(angle), np.float32(shift)
    found = reslices.cut(*map(tf.constant, given)).numpy()
    maps = frames.pixel_maps(angle, shift, SIZE, SIZE)[:, :2]
    options = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderMode": cv2.BORDER_REPLICATE}
    whole = [cv2.warpAffine(cv2.GaussianBlur(one, (0, 0), BLUR), to, SIZE[::-1], **options) for one, to in zip(volume, maps)]
    at = np.float32(places.lines + frames.centre(SIZE))
    lines = np.stack([[cv2.remap(one, line[None], None, cv2.INTER_LINEAR)[0] for one in whole] for line in at])
    weights = np.exp(-0.5 * np.square(np.arange(-3, 4) * 2.0 / BLUR))
    lines = np.apply_along_axis(np.convolve, 1, np.pad(lines, ((0, 0), (3, 3), (0, 0)), "symmetric"), weights, "valid")
    for one, expected in zip(found, lines / weights.sum()):  # each section has a contrast of its own
        inner = [np.corrcoef(row, line)[0, 1] for row, line in zip(one, expected)]
        assert np.median(inner) > 0.99


def test_a_plane_is_thinned_as_far_as_sections_lie_apart():
    ramp = np.float32(np.stack([np.add.outer(100.0 * np.arange(SIZE[0]), np.arange(SIZE[1]))] * COUNT))
    reslices = drawing(ramp, ratio=2.0)
    block = reslices.block(np.zeros(COUNT), np.zeros((COUNT, 2)))
    places = reslices.places(block)
    found = reslices.thinned(*map(tf.constant, (block.windows, places.section, places.places))).numpy()
    down, right = np.diff(found, axis=1).mean((1, 2)), np.diff(found, axis=2).mean((1, 2))
    np.testing.assert_allclose(down[:3] / right[:3], 200.0, rtol=0.05)  # two pixels down, one to the right
    np.testing.assert_allclose(right[3:] / down[3:], 50.0, rtol=0.05)  # the other way round


def test_the_gradient_points_where_a_section_was_moved_from():
    """One section of many alike was moved and turned: reslices become smooth along the volume by moving it back."""
    truth = np.array([1.5, -1.0])
    volume = np.stack([smooth(5)] * COUNT)
    turned = cv2.warpAffine(volume[7], frames.pixel_maps(3.0, truth, SIZE, SIZE)[0, :2], SIZE[::-1], flags=cv2.WARP_INVERSE_MAP)
    volume[7] = turned
    reslices, slopes = drawing(volume, ratio=2.0, batch=32), []
    for _ in range(4):
        block = reslices.block(np.zeros(COUNT), np.zeros((COUNT, 2)))
        angle, shift = tf.zeros(COUNT), tf.zeros((COUNT, 2))
        given = map(tf.constant, (block.windows, block.corner, reslices.places(block).lines))
        with tf.GradientTape() as tape:
            tape.watch([angle, shift])
            planes = reslices.cut(*given, angle, shift)
            loss = tf.reduce_mean(tf.square(planes[:, 1:] - planes[:, :-1]))
        slopes.append([np.array(slope)[7] for slope in tape.gradient(loss, [angle, shift])])
    turn, move = (np.mean([slope[k] for slope in slopes], 0) for k in (0, 1))
    assert turn > 0  # back by 3 degrees
    assert move @ truth / np.linalg.norm(move) / np.linalg.norm(truth) > 0.8


def test_slow_drift_is_kept_whatever_the_gradient_says():
    count = 60
    poses = placed(np.zeros(count), np.zeros((count, 2)), failed=[20], tissue=(0.1, 0.3))
    known = np.arange(count) != 20
    slow, white = np.sin(np.arange(count) / 10.0), np.where(np.arange(count) % 2, 1.0, -1.0)
    moved = []
    for pattern in (slow, white):
        moving = Moving(poses, (256, 256), known, AdversarialConfig(stay=0.0))
        for _ in range(100):
            moving.move(0, (0.1 * pattern, 0.01 * pattern[:, None] * [1.0, -1.0]), 1.0)
        angle, shift = moving.poses()
        assert angle[20] == 0 and (shift[20] == 0).all()
        moved.append(np.square(shift[5:-5]).mean() ** 0.5)
    assert (np.delete(shift[:, 0] * white, 20) < 0).all() and (np.delete(shift[:, 1] * white, 20) > 0).all()
    assert moved[1] > 1.0 and moved[0] < 0.1 * moved[1]


@pytest.mark.parametrize(
    "count, size, ratio, message",
    [
        (15, (200, 200), 1.0, "received 15 sections, expected 16 or more"),
        (40, (200, 60), 5.0, "received sections of 60x200 pixels, 5 pixels apart, expected 85 pixels along both axes"),
        (40, (200, 200), 0.5, "sections are 0.5 pixels apart, expected 1 or more"),
    ],
)
def test_what_cannot_be_judged_is_refused(count, size, ratio, message):
    with pytest.raises(InputError, match=f"objective adversarial: {message}"):
        side_of(count, size, ratio)


def test_reslices_fit_the_volume():
    assert side_of(64, (250, 250), 1.0) == 32 and side_of(30, (250, 250), 3.0) == 24 and side_of(20, (512, 512), 5.0) == 16
    assert side_of(64, (100, 90), 3.0) == 24
