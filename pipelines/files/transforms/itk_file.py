"""Transforms as ITK reads them (SimpleITK, Slicer, elastix): Euler transforms in pixels, one after the other.

ITK's transforms take a point of the fixed image to the moving one. Points are those of images with a spacing of 1 and the origin
0.
"""

import numpy as np

from pipelines.files.transforms.table import TransformTable
from pipelines.geometry import frames


def write(table: TransformTable, path) -> None:
    """Write a table."""
    centre = frames.centre(table.fixed)
    lines = ["#Insight Transform File V1.0"]
    for number, pull in enumerate(table.pull):
        angle = np.arctan2(pull[1, 0], pull[0, 0])  # p' = R (p - centre) + centre + shift, R = [[cos, -sin], [sin, cos]]
        shift = pull[:2, 2] + pull[:2, :2] @ centre - centre
        lines += [
            f"#Transform {number}",
            "Transform: Euler2DTransform_double_2_2",
            "Parameters: " + " ".join(repr(float(value)) for value in (angle, *shift)),
            "FixedParameters: " + " ".join(repr(float(value)) for value in centre),
            "",
        ]
    path.write_text("\n".join(lines), encoding="utf-8")
