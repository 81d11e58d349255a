"""Geodesic shooting (LDDMM; Beg et al. 2005, Singh et al. 2013): the momentum at the beginning says the whole path.

A momentum m is a field on a periodic grid, its velocity ``v = K m`` the same smoothed by Gaussians. Along the path::

    dm/dt = -(Dv)^T m - div(m v^T)         EPDiff: the path is as short as it can be
    du/dt = -v - (Du) v                    q + u(q) is where a point of the end was at the beginning

Derivatives are central differences, whose adjoint is their negative, so that the Hamiltonian ``<m, K m> / 2`` stays what it is
but for the steps in time. Everything is counted in nodes of the grid and in float32 (batch, rows, columns, 2), x before y.
"""

import numpy as np
import tensorflow as tf

STEPS = 5


def smoothed(momentum: tf.Tensor, sigmas: tuple[float, ...]) -> tf.Tensor:
    """The velocity of a momentum: mean of its convolutions with Gaussians of standard deviations `sigmas`, nodes, sums 1."""
    found = 0.0
    for sigma in sigmas:
        down, across = (tf.constant(_gaussian(size, sigma)) for size in momentum.shape[1:3])
        found += tf.einsum("yr,brcd,xc->byxd", down, momentum, across)
    return found / len(sigmas)


def hamiltonian(momentum: tf.Tensor, sigmas: tuple[float, ...]) -> tf.Tensor:
    """Half the squared length of the path, (batch,): ``<m, K m> / 2``, nodes^2."""
    return 0.5 * tf.reduce_sum(momentum * smoothed(momentum, sigmas), (1, 2, 3))


def shoot(momentum: tf.Tensor, sigmas: tuple[float, ...], steps: int = STEPS) -> tuple[tf.Tensor, tf.Tensor]:
    """Follow the path for a unit of time, by Runge and Kutta's steps of fourth order. Differentiable.

    Args:
        momentum: at the beginning. sigmas: of the Gaussians, nodes. steps: in time.

    Returns:
        (momentum at the end, displacement): the latter is pulled, as in `pipelines.geometry.displacement`. Shooting minus the
        momentum at the end leads back.
    """
    state, step = (momentum, tf.zeros_like(momentum)), 1.0 / steps
    for _ in range(steps):
        first = _change(state, sigmas)
        second = _change(_moved(state, first, step / 2.0), sigmas)
        third = _change(_moved(state, second, step / 2.0), sigmas)
        fourth = _change(_moved(state, third, step), sigmas)
        mean = [(a + 2.0 * b + 2.0 * c + d) / 6.0 for a, b, c, d in zip(first, second, third, fourth, strict=True)]
        state = _moved(state, mean, step)
    return state


def _change(state, sigmas):
    """Change of momentum and displacement in a unit of time."""
    momentum, displacement = state
    velocity = smoothed(momentum, sigmas)
    x, y = velocity[..., :1], velocity[..., 1:]
    turned = tf.reduce_sum(momentum[..., None, :] * tf.stack([_along(velocity, 2), _along(velocity, 1)], -2), -1)  # (Dv)^T m
    flux = _along(momentum * x, 2) + _along(momentum * y, 1)
    carried = _along(displacement, 2) * x + _along(displacement, 1) * y
    return -turned - flux, -velocity - carried


def _along(field, axis):
    """Central differences along an axis of a periodic grid: 2 for x, 1 for y."""
    return 0.5 * (tf.roll(field, -1, axis) - tf.roll(field, 1, axis))


def _moved(state, change, step):
    return tuple(part + step * more for part, more in zip(state, change, strict=True))


def _gaussian(size, sigma):
    """Matrix (size, size) of a periodic Gaussian whose rows add up to 1."""
    place = np.arange(size)
    away = (place[:, None] - place + size // 2) % size - size // 2
    weight = np.exp(-0.5 * (away / sigma) ** 2)
    return (weight / weight.sum(1, keepdims=True)).astype(np.float32)
