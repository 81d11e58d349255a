"""The transform types against numbers worked out by hand, and against one another."""

import json

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.geometry.transforms import Affine, Displacement, Homography, Rigid, compose, from_json

POINTS = np.array([[0.0, 0.0], [10.0, 0.0], [-7.5, 21.0], [30.0, -30.0]])
HEIGHT, WIDTH = 80, 96


def bent(seed=0, count=2, spacing=4.0, size=4.0):
    """Smooth fields of at most some pixels over a frame of HEIGHT x WIDTH."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 2))

    def pull(points):
        return points + size / 2 * np.sin(points[None, :, ::-1] * (2 * np.pi / 100.0) + phase)

    shape = (int((HEIGHT - 1) // spacing) + 2, int((WIDTH - 1) // spacing) + 2)
    return Displacement.sampled(pull, count, shape, spacing)


def one_of_each():
    angle, shift = np.float32([30.0, -100.0]), np.float32([[3.0, -2.0], [0.0, 5.5]])
    affine = [[[1.1, 0.2, 3.0], [-0.1, 0.9, 1.0]], [[0.0, 1.0, -4.0], [-1.2, 0.1, 0.0]]]
    plane = [[[0.95, 0.2, 6.0], [-0.25, 1.05, -4.0], [1e-3, -8e-4, 1.0]], [[0.1, 1, -3], [-1, 0.1, 8], [0, 5e-4, 1]]]
    return Rigid(angle, shift), Affine(affine), Homography(plane), bent()


KINDS = one_of_each()
NAMES = [kind.KIND for kind in KINDS]


def test_each_kind_by_hand():
    """A point of the moving image and its place in the fixed one; pulling leads back."""
    quarter = Rigid([90.0], [[3.0, 1.0]])
    np.testing.assert_allclose(quarter.apply([[1.0, 0.0]]), [[[3.0, 0.0]]], atol=1e-6)  # right goes to the top, then moves
    np.testing.assert_allclose(quarter.pull([[3.0, 0.0]]), [[[1.0, 0.0]]], atol=1e-6)
    np.testing.assert_allclose(quarter.matrix, [[[0, 1, 3], [-1, 0, 1], [0, 0, 1]]], atol=1e-6)
    zoom = Affine([[[2.0, 0.0, 1.0], [0.0, 4.0, 0.0]]])
    np.testing.assert_allclose(zoom.apply([[1.0, 1.0]]), [[[3.0, 4.0]]])
    np.testing.assert_allclose(zoom.pull([[3.0, 4.0]]), [[[1.0, 1.0]]])
    plane = Homography([[[1.0, 0, 0], [0, 1, 0], [0, 0.5, 1]]])
    np.testing.assert_allclose(plane.apply([[1.0, 1.0]]), [[[2 / 3, 2 / 3]]], rtol=1e-6)
    np.testing.assert_allclose(plane.pull([[2 / 3, 2 / 3]]), [[[1.0, 1.0]]], rtol=1e-6)
    # Nodes 2 px apart at x = -2, 0, 2 and y = -1, 1; what is at the middle is found 1 px to the right, at x = 1 half as far.
    field = np.zeros((1, 2, 3, 2))
    field[0, :, 1, 0] = 1.0
    field = Displacement(field, 2.0)
    np.testing.assert_allclose(field.pull([[0.0, 0.0], [1.0, 1.0], [2.0, 0.5]]), [[[1, 0], [1.5, 1], [2, 0.5]]], atol=1e-6)
    np.testing.assert_allclose(field.apply([[1.0, 0.0], [1.5, 1.0], [2.0, 0.5]]), [[[0, 0], [1, 1], [2, 0.5]]], atol=1e-3)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_pull_undoes_apply_and_so_does_the_inverse(kind):
    placed = kind.apply(POINTS)
    assert placed.shape == (2, 4, 2) and placed.dtype == np.float32
    np.testing.assert_allclose(kind.pull(placed), np.broadcast_to(POINTS, (2, 4, 2)), atol=1e-3)
    np.testing.assert_allclose(kind.inverse().pull(POINTS), placed, atol=0.01)
    assert type(kind.inverse()) is type(kind)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_transform_after_its_inverse_moves_nothing(kind):
    still = Rigid.identity(2)
    for whole in (compose(kind, kind.inverse()), compose(kind.inverse(), kind)):
        assert type(whole) is type(kind)
        # Without the border that a field of 2 pixels takes out of the frame, and so off the inverse's grid.
        assert whole.error(still, HEIGHT - 8, WIDTH - 8).max() < 0.01


@pytest.mark.parametrize("second", KINDS, ids=NAMES)
@pytest.mark.parametrize("first", KINDS, ids=NAMES)
def test_composition_is_one_after_the_other(first, second):
    """Against applying the two in turn, at points that no node of a field lies on."""
    whole = compose(first, second)
    assert NAMES.index(whole.KIND) == max(NAMES.index(first.KIND), NAMES.index(second.KIND))
    points = POINTS / 2 + 0.3  # so that both places lie in the frame
    within = 0.02 if whole.KIND == "displacement" else 1e-3
    np.testing.assert_allclose(whole.pull(points), first.pull(second.pull(points)), atol=within)
    np.testing.assert_allclose(whole.apply(points), second.apply(first.apply(points)), atol=2 * within)


def test_composition_by_hand():
    """Two quarter turns, the first with a shift to the right that the second takes to the top."""
    whole = compose(Rigid([90.0], [[2.0, 0.0]]), Rigid([90.0], [[0.0, 0.0]]))
    np.testing.assert_allclose(whole.angle, [-180.0])
    np.testing.assert_allclose(whole.shift, [[0.0, -2.0]], atol=1e-6)
    zoomed = compose(whole, Affine([[[2.0, 0.0, 0.0], [0.0, 2.0, 1.0]]]))
    np.testing.assert_allclose(zoomed.matrix, [[[-2, 0, 0], [0, -2, -3], [0, 0, 1]]], atol=1e-5)


def test_errors_by_hand():
    """A shift; a turn, by the mean square radius of the frame's pixels; a frame of more points than are looked at."""
    still = Rigid.identity(2)
    moved = Rigid([0.0, 90.0], [[3.0, 4.0], [0.0, 0.0]])
    radius = np.sqrt((HEIGHT**2 - 1) / 12 + (WIDTH**2 - 1) / 12)
    np.testing.assert_allclose(moved.error(still, HEIGHT, WIDTH), [5.0, np.sqrt(2) * radius], rtol=2e-4)
    np.testing.assert_allclose(moved.error(still, 3, 5), [5.0, np.sqrt(2) * np.sqrt(8 / 12 + 24 / 12)], rtol=1e-6)
    np.testing.assert_allclose(Affine.of(moved).error(moved, 30, 30), [0.0, 0.0], atol=1e-4)
    with pytest.raises(InputError, match="received a truth of 1 transforms, expected 2"):
        moved.error(still[0], 4, 4)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_images_are_brought_onto_the_fixed_one(kind):
    """Of a picture given by a formula, the pixel q shows what the formula says where q is pulled from."""

    def scene(points):
        return np.cos(points[..., 0] / 6.0) + np.sin(points[..., 1] / 8.0 + 1.0)

    grid = np.stack(np.meshgrid(np.arange(WIDTH) - (WIDTH - 1) / 2, np.arange(HEIGHT) - (HEIGHT - 1) / 2), -1)
    places = kind.pull(grid.reshape(-1, 2)).reshape(2, HEIGHT, WIDTH, 2)
    inside = (np.abs(places) < [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]).all(-1)
    images = np.repeat(scene(grid)[None], 2, 0)
    backends = ("gather",) if kind.KIND == "displacement" else ("kernel", "gather")
    for found in [kind.warp(images, backend=backend) for backend in backends]:
        assert inside.mean() > 0.4 and np.abs(found - scene(places))[inside].max() < 0.01


def test_rows_joined_and_chosen():
    rigid = Rigid([1.0, 2.0, 3.0], np.zeros((3, 2)), np.stack([np.eye(3) * i for i in range(3)]))
    chosen = rigid[[2, 0]]
    assert chosen.angle.tolist() == [3.0, 1.0] and chosen.covariance[0, 0, 0] == 2.0 and len(rigid[1]) == 1
    assert rigid[np.array([False, True, True])].angle.tolist() == [2.0, 3.0]
    whole = Rigid.joined([rigid[:2], rigid[2:]])
    assert whole.angle.tolist() == [1.0, 2.0, 3.0] and whole.covariance.shape == (3, 3, 3)
    assert Rigid.joined([rigid, Rigid.identity(1)]).covariance is None
    assert bent()[0].spacing == bent().spacing


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_json_gives_the_same_transform(kind):
    text = json.dumps(kind.to_json(), allow_nan=False)
    again = from_json(json.loads(text))
    assert type(again) is type(kind) and set(json.loads(text)) == {
        "kind",
        "direction",
        "centre",
        "units",
        "values",
        "covariance",
    }
    np.testing.assert_array_equal(again.pull(POINTS), kind.pull(POINTS))


def test_json_keeps_covariances_and_what_is_not_a_number():
    rigid = Rigid([np.nan, 1.0], [[np.nan, np.nan], [0.0, 0.5]], np.ones((2, 3, 3)))
    content = json.loads(json.dumps(rigid.to_json(), allow_nan=False))
    assert content["values"] == {"angle": [None, 1.0], "shift": [[None, None], [0.0, 0.5]]}
    again = from_json(content)
    np.testing.assert_array_equal(again.angle, rigid.angle)
    np.testing.assert_array_equal(again.covariance, rigid.covariance)
    content["direction"] = "fixed to moving"
    with pytest.raises(InputError, match="received the direction 'fixed to moving'"):
        from_json(content)
    with pytest.raises(InputError, match="received the kind 'spline', expected one of rigid, affine, homography, displacement"):
        from_json({"kind": "spline"})


def test_unknown_transforms_stay_unknown_and_leave_images_alone():
    images = np.random.default_rng(0).normal(size=(1, 8, 8)).astype(np.float32)
    for lost in (Rigid([np.nan], [[0.0, 0.0]]), Homography(np.full((1, 3, 3), np.nan))):
        assert np.isnan(lost.apply(POINTS)).all() and np.isnan(lost.inverse().pull(POINTS)).all()
        np.testing.assert_allclose(lost.warp(images), images, atol=1e-6)


def test_a_field_that_bends_too_much_has_no_place_for_some_points():
    field = np.zeros((1, 1, 9, 2), np.float32)
    field[0, 0, 4, 0] = 5.0  # from one pixel to the next 5 pixels further: q - 1 is found at 6 q - 1
    found = Displacement(field).apply([[-3.5, 0.0], [0.5, 0.0]])
    assert np.isnan(found[0, 1]).all() and np.isfinite(found[0, 0]).all()


def test_wrong_shapes_are_refused():
    for make, message in (
        (lambda: Rigid([1.0, 2.0], np.zeros((3, 2))), r"received shift of shape \(3, 2\), expected \(2, 2\)"),
        (lambda: Homography(np.eye(3)), r"received matrix of shape \(3, 3\), expected \(n, 3, 3\)"),
        (lambda: Affine([[[1.0, 0, 0], [0, 1, 0], [0.1, 0, 1]]]), "last row is not 0 0 1"),
        (lambda: Displacement(np.zeros((1, 2, 2, 2)), 0.0), "received a spacing of 0.0 pixels"),
        (lambda: Rigid.identity(2).apply(np.zeros((3, 4, 2))), r"points of shape \(3, 4, 2\): expected \(m, 2\) or \(2, m, 2\)"),
        (lambda: Rigid.identity(2).warp(np.zeros((4, 4))), r"images of shape \(4, 4\): expected \(2, height, width\)"),
        (lambda: bent().warp(np.zeros((2, 4, 4)), backend="kernel"), "received the backend 'kernel', expected gather"),
        (lambda: Homography(np.zeros((1, 3, 3))).inverse(), "singular"),
        (lambda: compose(Rigid.identity(1), Rigid.identity(2)), "received 1 and 2 transforms"),
    ):
        with pytest.raises(InputError, match=message):
            make()
