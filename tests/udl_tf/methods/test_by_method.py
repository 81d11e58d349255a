"""Any method on two pictures: from where the aligner puts them, what is told of the answer, what is refused."""

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.geometry import frames
from pipelines.geometry.transforms import Affine, Displacement, Homography, Rigid
from pipelines.pictures import dead_leaves
from pipelines.pictures.scenes import Scene
from udl_tf.methods import by_method as methods
from udl_tf.registration.result import Registration

SIZE = (150, 180)


def bend(size, reach=3.0):
    """A smooth field (height, width, 2), pixels."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return reach * np.stack([np.sin(y / 20.0), np.cos(x / 24.0)], -1)


@pytest.fixture(scope="module")
def scene():
    return Scene(240, seed=3, reach=12)


@pytest.fixture(scope="module")
def bent():
    """A picture, and what it looks like through a field."""
    picture = dead_leaves.dead_leaves(1, 220, seed=5)[0, :190]
    y, x = np.mgrid[:190, :220].astype(np.float32)
    field = bend((190, 220))
    fixed = cv2.remap(picture, x + field[..., 0], y + field[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
    inner = slice(20, 170), slice(20, 200)
    return fixed[inner], picture[inner], field[inner]


def test_a_bend_is_found(bent):
    fixed, moving, field = bent
    found = methods.register_by("dis", "displacement", fixed, 100.0 - 3.0 * (100.0 - moving))
    away = np.linalg.norm(found.transform.field[0] - field, axis=-1)[15:-15, 15:-15]
    assert away.mean() < 0.15 and np.linalg.norm(field, axis=-1).mean() > 2.5
    assert found.correlation > 0.995 > found.correlation_before + 0.02
    assert found.start is None and found.disagreement[0] < 0.2 and abs(found.largest - 3.0 * 2**0.5) < 2.0


def test_it_goes_on_from_the_aligners_rigid_transform(scene, monkeypatch):
    angle, shift = 25.0, np.array([4.0, -3.0])
    fixed, moving = scene.seen(0.0, (0.0, 0.0), SIZE), scene.seen(angle, shift, (170, 160))
    back = frames.inverse(angle, shift)
    start = Registration(
        np.array([back[0] + 0.3]), np.array([back[1]]) + 0.5, np.zeros((1, 3, 3)), *(np.ones(1),) * 3, SIZE, (170, 160)
    )
    monkeypatch.setattr(methods, "register_pair", lambda aligner, *pictures: start)
    truth, points = Rigid(np.array([back[0]]), np.array([back[1]])), methods._spread((100, 110))
    assert np.linalg.norm(start.transform.pull(points) - truth.pull(points), axis=-1).min() > 0.3
    for kind, method in (("affine", "ecc"), ("homography", "ecc"), ("displacement", "dis")):
        found = methods.register_by(method, kind, fixed, moving, aligner="any")
        assert type(found.transform) is {"affine": Affine, "homography": Homography, "displacement": Displacement}[kind]
        away = np.linalg.norm(found.transform.pull(points) - truth.pull(points), axis=-1)
        assert np.percentile(away, 50 if method == "dis" else 100) < 0.5  # a flow does what it likes where the scene is flat
        assert found.start is start and found.moving == (170, 160)
        assert found.correlation > found.correlation_before
        assert method == "dis" or away.max() < 0.1


def test_what_is_told_by_hand():
    there, back = Rigid([0.0], [[1.0, 0.0]]), Rigid([0.0], [[-1.0, 0.5]])
    np.testing.assert_allclose(methods.disagreement(there, back, SIZE), (0.5, 0.5), atol=1e-5)
    assert methods.folded(there, (5, 7)) == 0.0 and methods.largest(there, SIZE) == pytest.approx(1.0, abs=1e-5)
    field = np.zeros((1, 5, 7, 2), np.float32)
    field[0, 2, 3, 0] = 1.5  # its place lies to the right of its right neighbour's: both cells there turn inside out
    assert methods.folded(Displacement(field), (5, 7)) == pytest.approx(2 / 24)


def test_pictures_that_show_nothing_in_common_are_not_called_alike(scene):
    picture = scene.seen(0.0, (0.0, 0.0), SIZE)
    other = np.random.default_rng(0).normal(size=SIZE)
    found = methods.register_by("ecc", "affine", picture, other)
    assert abs(found.correlation) < 0.3 and (found.disagreement[1] > 0.5 or np.isnan(found.disagreement[1]))
    flat = np.where(np.arange(180) < 90, 0.0, 1.0) * np.ones((150, 1))
    found = methods.register_by("sift", "affine", flat, flat.copy())
    assert np.isnan(found.disagreement).all() and found.largest == 0.0


def test_what_is_refused(bent):
    fixed, moving, _ = bent
    with pytest.raises(InputError, match="unknown method 'dis' for rigid transforms"):
        methods.register_by("dis", "rigid", fixed, moving)
    with pytest.raises(InputError, match="received pictures of 180x150 and 180x150 pixels, expected two square ones of one size"):
        methods.register_by("ecc", "rigid", fixed, moving)
    with pytest.raises(InputError, match="moving"):
        methods.register_by("dis", "displacement", fixed, np.full(SIZE, np.nan))
