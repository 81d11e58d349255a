"""What a pair network answers: its ``angle``, or a ``direction`` that tells it."""

import tensorflow as tf

from pipelines import geometry


def told_by(output: dict) -> str:
    """By which of its outputs a network tells the angle: ``angle`` or ``direction``."""
    return "angle" if "angle" in output else "direction"


def degrees(output: dict, period: float) -> tf.Tensor:
    """The angle that turns `moving` onto `fixed`, up to the network's constant C.

    Args:
        output: dict of tensors, ``angle`` (batch,) degrees or ``direction`` (batch, 2), the cosine and sine of 360 / period times
            the angle. period: degrees.

    Returns:
        (batch,) degrees in [-period/2, period/2].
    """
    name = told_by(output)
    return geometry.wrap_degrees(output[name], period) if name == "angle" else geometry.angle_of(output[name], period)
