"""Lucas-Kanade alignment of pairs (Baker and Matthews): forward additive and inverse compositional, for four kinds of warp.

A warp W(p; a) takes a point of the fixed image to its place in the moving one. What is minimised is the sum over all pixels p of
``(moving(W(p; a)) - fixed(p))^2``; the homography returned is the inverse of W, which brings moving onto fixed. The product's own
refinement (`alignment.frame_refinement`) is the inverse compositional one for rigid warps, with what noise asks for; gradients
and the solution of a step are the same code (`alignment.gauss_newton`).
"""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import homography
from pipelines.geometry.sampling import bilinear
from pipelines.geometry.transforms import Homography, Rigid
from udl_tf.alignment.gauss_newton import gradients, solve

METHODS = ("inverse-compositional", "forward-additive")
DAMPING = 1e-5  # of a matrix with unit diagonal

BATCH = 64


def answer(problem, inputs):
    """See `registry.Rival`: `Homography`, of close pairs `Rigid`, from none; the identity where a pair is lost."""
    found, aligned = [], tf.function(align, autograph=False)
    kind = "rigid" if problem.kind == "close" else "homography"
    for start in range(0, len(inputs["moving"]), BATCH):
        pair = (tf.constant(inputs[name][start : start + BATCH]) for name in ("fixed", "moving"))
        matrix = aligned(*pair, kind=kind)[0].numpy()
        matrix[~np.isfinite(matrix).all((1, 2))] = np.eye(3)
        found.append(matrix)
    found = Homography(np.concatenate(found))
    return Rigid.nearest(found) if kind == "rigid" else found


@dataclasses.dataclass(frozen=True)
class Warp:
    """A kind of warp, on points in units of half the image's side, so that all parameters are of one size.

    Attributes:
        count: of parameters; all zero is the identity.
        matrix: (batch, count) -> (batch, 3, 3).
        jacobian: (parameters (batch, count), points (n, 2)) -> derivative of W(p; a) by the parameters, (batch, n, 2, count).
    """

    count: int
    matrix: object
    jacobian: object


def align(fixed, moving, kind="rigid", method="inverse-compositional", steps=30, start=None):
    """Align pairs that are already close.

    Args:
        fixed, moving: float32 (batch, height, width). kind: a key of `WARPS`. method: one of `METHODS`.
        steps: Gauss-Newton steps. start: None, or homographies (batch, 3, 3) to start from, which must be of this kind.

    Returns:
        (homography (batch, 3, 3) that brings moving onto fixed, root mean square residual (batch,) over the overlap).

    Raises:
        InputError: unknown kind or method.
    """
    if kind not in WARPS or method not in METHODS:
        known = f"one of {', '.join(WARPS)} and one of {', '.join(METHODS)}"
        raise InputError(f"Lucas-Kanade: received {kind!r} and {method!r}, expected {known}")
    height, width = fixed.shape[1], fixed.shape[2]
    unit = max(height, width) / 2.0
    grid = geometry.centred_grid(height, width).reshape(-1, 2)
    points = tf.constant(grid / unit)  # (n, 2)
    flat = tf.reshape(fixed, (-1, height * width))
    batch = tf.shape(fixed)[0]
    warp = WARPS[kind]
    inside = tf.ones_like(moving)

    def look(matrix):
        """The moving image, its gradients by unit and the weight of the overlap at the warped points, each (batch, n)."""
        places = homography.apply(matrix, tf.tile(points[None], (batch, 1, 1))) * unit
        slopes = [bilinear(part, places) * unit for part in gradients(moving)] if method == METHODS[1] else []
        weight = tf.cast(bilinear(inside, places) > 0.999, tf.float32)
        return bilinear(moving, places), slopes, weight

    def normal(rows, residual, weight):
        """Gauss-Newton step (batch, count) from rows (batch, n, count)."""
        weighted = rows * weight[..., None]
        right = tf.linalg.matvec(weighted, residual, transpose_a=True)
        return solve(tf.matmul(weighted, rows, transpose_a=True), right, DAMPING)

    own = tf.stack(gradients(fixed), -1)  # (batch, height, width, 2)
    own = tf.reshape(own, (-1, height * width, 2)) * unit
    zero = tf.zeros((batch, warp.count))
    steepest = tf.einsum("bni,bnik->bnk", own, warp.jacobian(zero, points))

    def inverse_compositional(matrix, _):
        values, _, weight = look(matrix)
        step = normal(steepest, values - flat, weight)
        matrix = _scaled(tf.matmul(matrix, tf.linalg.inv(warp.matrix(step))))
        return tf.ensure_shape(matrix, first.shape), tf.ensure_shape(step, zero.shape)

    def forward_additive(_, parameters):
        values, slopes, weight = look(warp.matrix(parameters))
        rows = tf.einsum("bni,bnik->bnk", tf.stack(slopes, -1), warp.jacobian(parameters, points))
        parameters += normal(rows, flat - values, weight)
        return tf.ensure_shape(warp.matrix(parameters), first.shape), tf.ensure_shape(parameters, zero.shape)

    first = tf.eye(3, batch_shape=[batch]) if start is None else _in_units(homography.inverse(start), 1.0 / unit)
    if method == METHODS[1]:
        known = zero if start is None else tf.ensure_shape(PARAMETERS[kind](first), zero.shape)
        matrix, _ = tf.while_loop(lambda *_: True, forward_additive, (first, known), maximum_iterations=steps)
    else:
        matrix, _ = tf.while_loop(lambda *_: True, inverse_compositional, (first, zero), maximum_iterations=steps)
    values, _, weight = look(matrix)
    power = tf.math.divide_no_nan(tf.reduce_sum(weight * (values - flat) ** 2, 1), tf.reduce_sum(weight, 1))
    return homography.inverse(_in_units(matrix, unit)), tf.sqrt(power)


def _translation(parameters):
    return _affine(tf.concat([tf.zeros_like(parameters), tf.zeros_like(parameters), parameters], 1))


def _translation_jacobian(parameters, points):
    return tf.tile(tf.eye(2)[None, None], (tf.shape(parameters)[0], tf.shape(points)[0], 1, 1))


def _rigid(parameters):
    """Of (angle in radians, x, y)."""
    return homography.from_rigid(parameters[:, 0] * (180.0 / np.pi), parameters[:, 1:])


def _rigid_jacobian(parameters, points):
    # d R(a) p / da is R(a) p turned by a quarter more.
    turned = geometry.rotate_points(parameters[:, :1] * (180.0 / np.pi) + 90.0, points[None])  # (batch, n, 2)
    return tf.concat([turned[..., None], _translation_jacobian(parameters, points)], -1)


def _affine(parameters):
    """Of the change of the 2 x 2 matrix, row by row, and (x, y)."""
    a, b, c, d, x, y = tf.unstack(parameters, axis=1)
    zero, one = tf.zeros_like(a), tf.ones_like(a)
    return tf.reshape(tf.stack([1.0 + a, b, x, c, 1.0 + d, y, zero, zero, one], 1), (-1, 3, 3))


def _affine_jacobian(parameters, points):
    x, y = tf.unstack(points, axis=-1)
    zero, one = tf.zeros_like(x), tf.ones_like(x)
    rows = tf.stack([tf.stack([x, y, zero, zero, one, zero], -1), tf.stack([zero, zero, x, y, zero, one], -1)], 1)
    return tf.tile(rows[None], (tf.shape(parameters)[0], 1, 1, 1))


def _homography(parameters):
    """Of the six of the affine warp and the two of the last row."""
    last = tf.concat([parameters[:, 6:], tf.ones_like(parameters[:, :1])], 1)
    return tf.concat([_affine(parameters[:, :6])[:, :2], last[:, None]], 1)


def _homography_jacobian(parameters, points):
    matrix = _homography(parameters)
    repeated = tf.tile(points[None], (tf.shape(parameters)[0], 1, 1))
    below = tf.linalg.matvec(repeated, matrix[:, 2, :2]) + 1.0  # (batch, n)
    places = homography.apply(matrix, repeated)
    upper = _affine_jacobian(parameters, points) / below[..., None, None]
    lower = -places[..., :, None] * repeated[..., None, :] / below[..., None, None]
    return tf.concat([upper, lower], -1)


def _affine_parameters(matrix):
    upper = matrix[:, :2] - tf.eye(2, 3)
    return tf.concat([tf.reshape(upper[:, :, :2], (-1, 4)), upper[:, :, 2]], 1)


def _rigid_parameters(matrix):
    angle, shift = homography.to_rigid(matrix)
    return tf.concat([angle[:, None] * (np.pi / 180.0), shift], 1)


WARPS = {
    "translation": Warp(2, _translation, _translation_jacobian),
    "rigid": Warp(3, _rigid, _rigid_jacobian),
    "affine": Warp(6, _affine, _affine_jacobian),
    "homography": Warp(8, _homography, _homography_jacobian),
}
PARAMETERS = {
    "translation": lambda matrix: matrix[:, :2, 2],
    "rigid": _rigid_parameters,
    "affine": _affine_parameters,
    "homography": lambda matrix: tf.concat([_affine_parameters(matrix), matrix[:, 2, :2]], 1),
}


def _in_units(matrix, factor):
    """A homography on points that are `factor` times as large."""
    zoom = tf.constant([factor, factor, 1.0])
    return matrix * zoom[:, None] / zoom[None, :]


def _scaled(matrix):
    return matrix / matrix[:, 2:, 2:]
