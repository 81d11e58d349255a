"""What gives sections, and the aligner, to work that may be done by other processes: what is sent there are names and numbers."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

import numpy as np

from pipelines.errors import InputError
from pipelines.files.lazy import LazyArray
from pipelines.files.volumes import open_volume
from udl_tf.alignment import models
from udl_tf.networks.registry import network_of
from udl_tf.presets import load
from udl_tf.registration.warping import shown, warp_planes


class SectionReader:
    """From a number to a section (height, width) of an opened volume; another process opens it anew.

    Raises:
        InputError: what lies there is another volume.
    """

    def __init__(self, array: LazyArray):
        self._array = array

    def __call__(self, number: int) -> np.ndarray:
        return self._array.planes([number])[0]

    def __reduce__(self):
        return _opened, (os.path.abspath(self._array.path), self._array.shape, self._array.dtype.name)


def _opened(path, shape, dtype):
    array = open_volume(path)
    if array.shape != shape or array.dtype.name != dtype:
        raise InputError(f"{path}: found {array.shape} {array.dtype.name}, expected {shape} {dtype} as where the job was started")
    return SectionReader(array)


@dataclasses.dataclass(frozen=True)
class PlacedReader:
    """From a number to a section turned and moved, and which of its pixels show something, bool.

    Attributes:
        read: from a number to a section (height, width). angle: (n,) degrees. shift: (n, 2) pixels. size: (height, width).
    """

    read: Callable[[int], np.ndarray]
    angle: np.ndarray
    shift: np.ndarray
    size: tuple[int, int]

    def __call__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        pose = float(self.angle[number]), self.shift[number]
        return warp_planes(self.read(number)[None], *pose)[0], shown(*pose, self.size, self.size)


class LazyAligner:
    """An `udl_tf.alignment.aligner.Aligner` that is loaded once, where and when it is asked for. model: its name or folder.

    Raises:
        InputError: there is none, or it is a network on sections.
    """

    def __init__(self, model):
        self._folder, self._loaded = pathlib.Path(models.find(model)).resolve(), None
        task = task_of(self._folder)
        if task.startswith("section"):
            raise InputError(f"{model} is a network for the task {task}: expected an aligner, such as photo")

    def __call__(self):
        if self._loaded is None:
            from udl_tf.alignment.aligner import Aligner

            self._loaded = Aligner(self._folder)
        return self._loaded

    def __reduce__(self):
        return LazyAligner, (self._folder,)


def task_of(folder) -> str:
    """What the model in a folder was trained for; "pair" where its file does not say."""
    try:
        return network_of(load(pathlib.Path(folder) / "assets.extra" / "config.json").network).task
    except InputError:
        return "pair"


class Told:
    """Calls a function in this process; sent to another one, it does nothing there."""

    def __init__(self, tell: Callable | None = None):
        self._tell = tell

    def __call__(self, *arguments):
        if self._tell is not None:
            self._tell(*arguments)

    def __reduce__(self):
        return Told, ()
