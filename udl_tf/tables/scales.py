"""The sizes that the tables are measured at.

The steps of `small` follow from what a step costs: table 1 has 21 trained cells, which shall be ready in 45 minutes on two cores.
docs/tables.md has the seconds of each.
"""

import dataclasses

from pipelines.errors import InputError


@dataclasses.dataclass(frozen=True)
class Scale:
    """How large everything is. Lengths in pixels of `box`.

    Attributes:
        name: ``small`` or ``paper``, also of the rivals' networks. box: side of the images. batch: pairs a step.
        max_shift: of an image along each axis. corner_reach: of a corner along each axis, for homographies.
        train_pairs: distinct pairs a model is trained with; they come again after that. test_pairs: of each condition.
        sequences, frames: tracked. sources: phantoms or dead-leaves pictures where there is no data.
        photo_preset, particle_preset: of the paper's network.
        steps: {material of a table: {method: training steps}}; for those that are not there the rival's own.
    """

    name: str
    box: int
    batch: int
    max_shift: float
    corner_reach: float
    train_pairs: int
    test_pairs: int
    sequences: int
    frames: int
    sources: int
    photo_preset: str
    particle_preset: str
    steps: dict


SCALES = {
    "small": Scale(
        name="small",
        box=64,
        batch=64,
        max_shift=5.0,
        corner_reach=8.0,
        train_pairs=115_000,
        test_pairs=300,
        sequences=20,
        frames=20,
        sources=400,
        photo_preset="photo-paper-small",
        particle_preset="cryo-paper-small",
        steps={
            "photos": {"supervised": 180, "stn": 160, "udl": 220},
            "particles": {"supervised": 800, "stn": 200, "udl": 1600},
            "homography": {"supervised": 2500, "unsupervised": 2000},
            "tracking": {"deep-lk": 300, "goturn": 1500},
            "features": {"exemplar": 600},
            "close": {"agent": 700, "agent-self": 700},
            "deformable": {
                **dict.fromkeys(("dirnet", "dirnet-self"), 300),
                **dict.fromkeys(("unet", "unet-self"), 250),
                "quicksilver": 450,
                **dict.fromkeys(("agent-deformable", "agent-deformable-self"), 400),
            },
        },
    ),
    "paper": Scale(
        name="paper",
        box=128,
        batch=64,
        max_shift=10.0,
        corner_reach=32.0,
        train_pairs=115_000,
        test_pairs=5000,
        sequences=200,
        frames=30,
        sources=4000,
        photo_preset="photo-paper",
        particle_preset="cryo-paper",
        steps={},
    ),
}


def scale(name):
    """The `Scale` of a name.

    Raises:
        InputError: there is none.
    """
    return chosen(name, SCALES, "scale")


def chosen(name, known, what):
    """One of a dict by its name; InputError, which lists them, where there is none."""
    if str(name) not in known:
        raise InputError(f"unknown {what} {str(name)!r}: expected one of {', '.join(known)}")
    return known[str(name)]
