"""Classical fields in our convention: what each finds of known bends of one picture."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines import geometry
from pipelines.pairs import deformed
from pipelines.pictures.dead_leaves import dead_leaves
from udl_tf.rivals import registry
from udl_tf.rivals.deformable import pairwise
from udl_tf.rivals.problem import Problem

# Mean distance to the truth, of what it is without an answer: what each method can do, about twice over.
MOST = {
    "lddmm": ("tensorflow", 0.3),
    "ffd": ("SimpleITK", 0.25),
    "demons": ("SimpleITK", 0.4),
    "dis": ("cv2", 0.5),
    "affine": ("pystackreg", 0.95),
}


@pytest.fixture(scope="module")
def pairs():
    crops = tf.constant(dead_leaves(3, 74, seed=2))
    fixed, moving, field = deformed.deformed_pair(crops, tf.constant([3, 4]), 64, 4.0)
    return {"fixed": fixed.numpy() / 50.0, "moving": moving.numpy() / 50.0}, field.numpy().reshape(3, -1, 2)


@pytest.mark.parametrize("name", MOST)
def test_bends_are_found(name, pairs):
    package, most = MOST[name]
    pytest.importorskip(package)
    inputs, truth = pairs
    found = registry.RIVALS[name].function("deformable")(Problem("deformable", 64), inputs)
    points = geometry.centred_grid(64, 64).reshape(-1, 2)
    away = np.linalg.norm(found.pull(points) - points - truth, axis=-1)
    assert away.mean() < most * np.linalg.norm(truth, axis=-1).mean()


def test_what_is_not_a_number_moves_nothing():
    field = np.full((4, 4, 2), 3.0, np.float32)
    field[1, 2] = np.nan
    found = pairwise.each(lambda fixed, moving: field, {"fixed": np.zeros((2, 4, 4)), "moving": np.zeros((2, 4, 4))})
    assert found.field.shape == (2, 4, 4, 2) and found.spacing == 1.0
    assert (found.field[:, 1, 2] == 0.0).all() and found.field.sum() == 2 * 15 * 2 * 3.0
