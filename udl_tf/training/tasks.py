"""What networks are trained for. A task says what a network learns from, by which step, how it is measured and what is saved.

The pose of a pair, and what networks on volumes of sections make. To add another: a module with a class that has the methods of
`Task`, a line in `TASKS`, and its name in the `task` of the networks that are trained for it (`udl_tf.networks.registry`).
"""

import pathlib
import typing

import tensorflow as tf

from udl_tf.networks.registry import network_of
from udl_tf.training.pair_task import PairTask
from udl_tf.training.section_blocks import SectionBlocksTask
from udl_tf.training.section_interpolation import SectionInterpolationTask
from udl_tf.training.section_superresolution import SectionSuperresolutionTask


class Task(typing.Protocol):
    """What `trainer.train`, `runs.fit` and a search ask of a task; `config` is a `udl_tf.presets.Config` everywhere.

    `data` is what `gather` gave. It has at least ``train``, from the number of a step to the endless dataset that begins there;
    ``description``, a line for people; and ``files``, the paths of all that was read.

    Attributes:
        unit: what a batch is counted in, in the plural.
    """

    unit: str

    def gather(self, config, data: str | None, simulate_from: str | None) -> typing.Any:
        """What the network learns from and is measured on; paths, or None. InputError: anything a user can mend."""

    def compiled(self, config, data, xla: bool = False) -> tf.keras.Model:
        """The untrained model, ready for ``fit``; its attribute ``network`` is what is kept. Sets Keras's random seed.

        With `xla` its step is one XLA program.

        Its step returns ``loss`` and, where there is a clock, ``fetched`` (see `udl_tf.training.step`).
        """

    def measure(self, config, data) -> typing.Callable[[int, tf.keras.Model], dict]:
        """``(step, model) -> dict of floats``: what the curve shows besides the loss."""

    def judge(self, config, data, model, count: int) -> float:
        """The measure that a search goes by, the smaller the better; it needs no truth. `count`: of held-out examples."""

    def finish(self, config, data, model) -> typing.Any:
        """What is found out once the steps are done, and kept in `trainer.Trained.calibration`."""

    def save(self, config, trained, folder: pathlib.Path, about: dict, verbose: int = 0) -> None:
        """Write the SavedModel that answers for the network; `about` travels with it. verbose: 1 shows a progress bar."""

    def evaluate(self, config, data, trained, folder: pathlib.Path) -> typing.Any:
        """Measure what `save` wrote; the answer's ``metrics`` are written to metrics.json."""

    def board(self, folder: pathlib.Path) -> typing.Any:
        """What writes for TensorBoard, with the methods of `udl_tf.training.board.Board`."""

    def draw(self, path: pathlib.Path, config, trained, measured, title: str) -> None:
        """The picture of a run; `measured` is what `evaluate` gave."""


TASKS: dict[str, Task] = {
    "pair": PairTask(),
    "section-interpolation": SectionInterpolationTask(),
    "section-superresolution": SectionSuperresolutionTask(),
    "section-blocks": SectionBlocksTask("section-blocks"),
    "section-alignment": SectionBlocksTask("section-alignment"),
}


def task_of(config) -> Task:
    """The task of the network of a `udl_tf.presets.Config`."""
    return TASKS[network_of(config.network).task]
