"""What a training on sections writes for TensorBoard: the curves of every training, and held-out planes as they are made now."""

import numpy as np
import tensorflow as tf

from udl_tf.training.board import Board

SHOWN = 2  # examples
LIMITS = (1, 99)  # percentiles that become black and white


class SectionBoard(Board):
    """See `Board`.

    Args:
        planes: function (network, held_out) -> dict of name -> planes (n, height, width), beside each other in the picture.
    """

    def __init__(self, folder, planes, **options):
        super().__init__(folder, **options)
        self._planes = planes

    def _done(self, model):
        return int(model.steps_done.numpy())

    def _prepare(self, model, data):
        self._held_out = data.held_out

    def _draw(self, step, model):
        planes = self._planes(model.network, self._held_out)
        rows = [np.hstack([_grey(part[k]) for part in planes.values()]) for k in range(min(SHOWN, *map(len, planes.values())))]
        with self._writer.as_default(step):
            tf.summary.image(f"held out/{', '.join(planes)}", np.vstack(rows)[None, ..., None])


def _grey(plane):
    low, high = np.percentile(plane, LIMITS)
    return np.clip((plane - low) * (255.0 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
