"""Maps matched: descriptors made up so that the right matches are known."""

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry.transforms import Rigid
from udl_tf.rivals import consensus
from udl_tf.rivals.features import matching

RNG = np.random.default_rng(0)


def maps(rows, columns, channels=32):
    """Descriptors of unit length at random, (1, rows, columns, channels)."""
    found = RNG.normal(size=(1, rows, columns, channels)).astype(np.float32)
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def test_a_shifted_map_is_matched_where_it_overlaps():
    """Moving is fixed two nodes further right: a place of moving lies 8 pixels to the right of its own in fixed."""
    whole = maps(9, 13)
    fixed, moving = tf.constant(whole[:, :, 2:]), tf.constant(whole[:, :, :-2])  # moving's column c + 2 is fixed's column c
    from_places, to_places, good, sure = (part.numpy()[0] for part in matching.matches(fixed, moving, 4.0))
    inside = from_places[:, 0] < 12.5  # fixed's last two columns are not in moving
    assert good[inside].all() and good[~inside].mean() < 0.5
    np.testing.assert_allclose((to_places - from_places)[inside], np.broadcast_to([8.0, 0.0], (inside.sum(), 2)), atol=2.0)
    assert abs((to_places - from_places)[inside].mean(0) - [8.0, 0.0]).max() < 0.2
    assert (sure[inside] > 0.9).all() and (sure[~good] == 0.0).all()


def test_a_maximum_between_nodes_is_found_by_a_parabola():
    """Likeness 1 - (x - 0.3)^2 along the columns: its top lies 0.3 of a node beyond the middle one."""
    columns = np.arange(-2, 3, dtype=np.float32)
    like = tf.constant(np.tile(1.0 - (columns - 0.3) ** 2, 1)[None, None])  # (batch, fixed, moving)
    found = matching._peak(like, tf.constant([[2]]), tf.constant([[2]]), 5, 1)
    np.testing.assert_allclose(found, [[0.3]], atol=1e-5)
    assert matching._peak(like, tf.constant([[4]]), tf.constant([[4]]), 5, 1).numpy() == 0.0  # the border has no neighbour


def test_matches_of_a_turned_image_lead_back_to_the_transform():
    """Descriptors that tell the place alone, whatever way up: the transform follows from the place of each in both images."""
    angle, shift = np.float32([63.0]), np.float32([[4.0, -6.0]])
    truth = Rigid(angle, shift)
    anchors, _ = np.linalg.qr(RNG.normal(size=(3, 3)))

    def coded(points):
        code = np.concatenate([points / 40.0, np.ones((*points.shape[:-1], 1))], -1) @ anchors
        return (code / np.linalg.norm(code, axis=-1, keepdims=True)).astype(np.float32)

    nodes = geometry.centred_grid(16, 16).reshape(-1, 2) * 4.0

    def descriptors(images):
        """`fixed` is all ones; of `moving`, all twos but for a mark, the turn is found by the mark's place."""
        images = images.numpy()
        if images.mean() < 1.5:
            points = truth.pull(nodes)[0]
        else:
            mark = np.unravel_index(images[0].argmax(), (64, 64))
            there = np.float64([mark[1] - 31.5, mark[0] - 31.5])
            turn = np.degrees(np.arctan2(-there[1], there[0]))
            points = geometry.rotate_points(-np.float32(round(turn / 30.0) * 30.0), nodes).numpy()
        return tf.constant(coded(points).reshape(1, 16, 16, 3))

    moving = np.full((1, 64, 64), 2.0, np.float32)
    moving[0, 30:34, 50:54] = 9.0  # to the right of the middle
    moving[0, 31:33, 51:53] = 20.0
    places = matching.places(descriptors, {"fixed": np.ones((1, 64, 64), np.float32), "moving": moving}, 4)
    found = consensus.Matched.of(places, 64).transform
    assert geometry.angular_distance(found.angle, angle).max() < 1.0
    assert np.abs(found.shift - shift).max() < 1.0
