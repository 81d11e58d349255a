"""Pairs of frames of a made cine sequence, like the cardiac ones of DIRNet: a chamber whose wall beats, its motion known.

A point at distance r from the chamber's middle lies at ``r - s A (r / w) exp(1/2 - r^2 / (2 w^2))`` at contraction s, turned by
``s T exp(-r^2 / (2 w^2))``: it moves most, by A, at the wall r = w. A beat goes through ``s = sin^2(pi t)``; a pair is two of its
moments. Intensities belong to points of the tissue and move with them: blood, wall and what is around, with the crops' texture.
"""

import math

import tensorflow as tf

from pipelines import draws, geometry
from pipelines.errors import InputError
from pipelines.geometry.sampling import bilinear
from pipelines.normalise import normalise
from pipelines.pairs.deformed import LEAST, crop_size

WALL = 0.18, 0.24  # of the side: the least and the largest w
THICK = 0.3, 0.5  # of w: thickness of the wall
OVAL = 0.15  # at most, by which the wall's distance changes around the chamber
OFF = 0.06  # of the side: how far the middle lies from the image's, at most
TWIST = 0.35  # of the reach goes into the turn at most
BLOOD, MUSCLE, AROUND, TEXTURE = 1.0, 0.25, 0.6, 0.12  # intensities; standard deviation of the texture
EDGE = 1.0  # pixels, over which one turns into the other
NEWTON = 6  # steps of the inverse, which has converged by then
PARTS = ("middle", "wall", "thick", "oval", "direction", "reach", "twist", "times", "sign")


def cine_pair(crops, seed, patch=128, reach=8.0):
    """Two moments of one beat a crop; `pipelines.pairs.deformed.from_crops` takes it as `bend`.

    Args:
        crops: float32 (batch, size, size), the tissue's texture, size as for `deformed.deformed_pair`. seed: int32 (2,).
        patch: side of the images, pixels. reach: pixels; no point moves further.

    Returns:
        fixed, moving: float32 (batch, patch, patch). displacement: (batch, patch, patch, 2) pixels, pulled.

    Raises:
        InputError: crops that are too small.
    """
    crops = normalise(tf.convert_to_tensor(crops, tf.float32))
    if crops.shape[1] < crop_size(patch, reach):
        raise InputError(f"crops of {crops.shape[1]} pixels: expected {crop_size(patch, reach)} or more for patches of {patch}")
    batch = tf.shape(crops)[0]
    heart = drawn(batch, seed, patch, reach)
    grid = tf.tile(tf.constant(geometry.centred_grid(patch, patch).reshape(1, -1, 2)), (batch, 1, 1))  # (batch, patch^2, 2)
    first, second = heart["times"][:, :1], heart["times"][:, 1:]  # contractions (batch, 1)
    tissue = [at_rest(heart, time, grid) for time in (first, second)]
    field = moved(heart, second, tissue[0]) - grid
    fixed, moving = (tf.reshape(intensity(heart, crops, points), (-1, patch, patch)) for points in tissue)
    return fixed, moving, tf.reshape(field, (-1, patch, patch, 2))


def drawn(batch, seed, patch, reach):
    """Random beats: dict of (batch, 1) pixels and radians, ``middle`` (batch, 1, 2) and ``times`` (batch, 2), contractions."""
    seeds = dict(zip(PARTS, tf.unstack(draws.split(seed, len(PARTS))), strict=True))

    def uniform(name, low, high, *shape):
        return draws.uniform(tf.stack([batch, *(shape or (1,))]), seeds[name], low, high)

    wall = patch * uniform("wall", *WALL)
    furthest, share = reach * uniform("reach", LEAST, 1.0), uniform("twist", 0.0, TWIST)
    sign = tf.sign(uniform("sign", -1.0, 1.0))
    return {
        "middle": patch * uniform("middle", -OFF, OFF, 1, 2),
        "wall": wall,
        "thick": wall * uniform("thick", *THICK),
        "oval": uniform("oval", 0.0, OVAL),
        "direction": uniform("direction", 0.0, 2.0 * math.pi),
        "inwards": furthest * tf.sqrt(1.0 - share**2),  # both are largest at the wall
        "twist": sign * furthest * share * math.exp(0.5) / wall,
        "times": tf.sin(math.pi * uniform("times", 0.0, 1.0, 2)) ** 2,
    }


def moved(heart, contraction, points):
    """Where points (batch, n, 2) of the tissue at rest lie at contractions (batch, 1)."""
    away = points - heart["middle"]
    r = tf.norm(away, axis=-1)  # (batch, n)
    bell = tf.exp(-0.5 * (r / heart["wall"]) ** 2)
    shrunk = 1.0 - contraction * heart["inwards"] / heart["wall"] * math.exp(0.5) * bell  # new distance to old
    return heart["middle"] + _turned(away * shrunk[..., None], contraction * heart["twist"] * bell)


def at_rest(heart, contraction, points):
    """Where the tissue that is found at points (batch, n, 2) at contractions (batch, 1) lies at rest: undoes `moved`."""
    away = points - heart["middle"]
    now, wall = tf.norm(away, axis=-1), heart["wall"]
    pull = contraction * heart["inwards"] / wall * math.exp(0.5)
    r = now
    for _ in range(NEWTON):  # r - pull r exp(-r^2 / (2 w^2)) = now, which only grows with r
        bell = tf.exp(-0.5 * (r / wall) ** 2)
        r -= (r - pull * r * bell - now) / (1.0 - pull * bell * (1.0 - (r / wall) ** 2))
    bell = tf.exp(-0.5 * (r / wall) ** 2)
    back = _turned(away, -contraction * heart["twist"] * bell)
    return heart["middle"] + back / (1.0 - pull * bell)[..., None]


def intensity(heart, texture, points):
    """What the tissue at points (batch, n, 2) looks like, float32 (batch, n)."""
    away = points - heart["middle"]
    r, direction = tf.norm(away, axis=-1), tf.atan2(away[..., 1], away[..., 0])
    wall = heart["wall"] * (1.0 + heart["oval"] * tf.cos(2.0 * (direction - heart["direction"])))
    inside, within = (tf.sigmoid((wall + side * heart["thick"] / 2.0 - r) / (EDGE / 2.0)) for side in (-1.0, 1.0))
    return AROUND + (MUSCLE - AROUND) * within + (BLOOD - MUSCLE) * inside + TEXTURE * bilinear(texture, points)


def _turned(points, angle):
    """Points (batch, n, 2) turned by angles (batch, n), radians."""
    cos, sin = tf.cos(angle), tf.sin(angle)
    x, y = points[..., 0], points[..., 1]
    return tf.stack([cos * x - sin * y, sin * x + cos * y], -1)
