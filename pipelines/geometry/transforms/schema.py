"""Transforms from JSON: one schema for all kinds.

    {"kind": "rigid", "direction": ..., "centre": ..., "units": {"angle": ..., "shift": ...},
     "values": {"angle": [n numbers], "shift": [n pairs]}, "covariance": null}

`values` are the fields of the type of that kind. `direction`, `centre` and `units` say what they mean and are the same for all
files, so that a file of another convention is refused. null is NaN.
"""

import numpy as np

from pipelines.errors import InputError
from pipelines.geometry.transforms.base import CENTRE, DIRECTION, Transform
from pipelines.geometry.transforms.composition import FROM_SIMPLE

KINDS = {kind.KIND: kind for kind in FROM_SIMPLE}


def from_json(content: dict) -> Transform:
    """The transform of what `to_json` gave.

    Args:
        content: dict, as of `json.load`.

    Raises:
        InputError: another kind, convention or shape, or values that are missing.
    """
    if not isinstance(content, dict) or content.get("kind") not in KINDS:
        named = content.get("kind") if isinstance(content, dict) else content
        raise InputError(f"transform: received the kind {named!r}, expected one of {', '.join(KINDS)}")
    kind = KINDS[content["kind"]]
    for name, expected in (("direction", DIRECTION), ("centre", CENTRE), ("units", kind.UNITS)):
        if content.get(name) != expected:
            raise InputError(f"transform: received the {name} {content.get(name)!r}, expected {expected!r}")
    try:
        values = {name: np.array(value, np.float64) for name, value in content["values"].items()}
        covariance = content.get("covariance")
        return kind(**values, covariance=None if covariance is None else np.array(covariance, np.float64))
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{kind.KIND} transform: received values that do not fit: {error}") from None
