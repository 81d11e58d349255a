"""Every convention of direction, centre, axis order and unit, and what turns, moves and samples images by them.

The conventions themselves are named here: ``from pipelines import geometry``, ``geometry.rotation_matrix(angle)``.
"""

from pipelines.geometry.conventions import (
    angle_of,
    angular_distance,
    centred_grid,
    compose,
    direction_of,
    disturbed_truth,
    halves_of_side,
    inverse,
    polar_angles,
    polar_points,
    relion_from_rigid,
    rigid_from_relion,
    rotate_points,
    rotation_matrix,
    sampling_transform,
    turn_direction,
    wrap_degrees,
)

__all__ = [
    "angle_of",
    "angular_distance",
    "centred_grid",
    "compose",
    "direction_of",
    "disturbed_truth",
    "halves_of_side",
    "inverse",
    "polar_angles",
    "polar_points",
    "relion_from_rigid",
    "rigid_from_relion",
    "rotate_points",
    "rotation_matrix",
    "sampling_transform",
    "turn_direction",
    "wrap_degrees",
]
