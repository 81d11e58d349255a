"""The methods by name: which tables each has an answer for, whether it is trained, and how it is called."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.tables import learners
from udl_tf.tables.scores import Answer

RIGID = ("photos", "particles")
SHIPPED = {"photos": "photo", "particles": "cryo"}
REACH = 0.25  # of the side, largest shift that is looked for
BATCH = 64


@dataclasses.dataclass(frozen=True)
class Method:
    """A column of a table.

    Attributes:
        title: its heading. materials: of the tables that it can answer for.
        learner: None, or the function ``(case, table, scale, steps) -> learners.Learner``; steps None for the rival's own.
        align: of one that is not trained, the function ``(case, table, inputs) -> scores.Answer``.
    """

    title: str
    materials: tuple
    learner: object = None
    align: object = None


def find(table, names=None):
    """The methods of a table, {name: `Method`}: those asked for, or the table's own.

    Raises:
        InputError: one that is not known, or not for this table.
    """
    known = {name: method for (name, material), method in _by_material().items() if material == table.material}
    found = {}
    for name in names or table.methods:
        if name not in known:
            raise InputError(f"table {table.name}: unknown method {name!r}, expected some of {', '.join(known)}")
        found[name] = known[name]
    return found


def _by_material():
    """{(name, material): `Method`}."""
    return {(name, material): method for name, method in METHODS for material in method.materials}


def _default(case, table, inputs):
    result = _aligner(SHIPPED[table.material]).align(inputs["fixed"], inputs["moving"])
    return Answer(result.angle, result.shift)


@functools.cache
def _aligner(name):
    """A shipped model, loaded once."""
    from udl_tf.alignment import models
    from udl_tf.alignment.aligner import Aligner

    return Aligner(models.find(name))


def _fourier(case, table, inputs):
    from udl_tf.rivals import power_spectrum

    return Answer(*power_spectrum.align(inputs["fixed"], inputs["moving"]))


def _exhaustive(case, table, inputs):
    from udl_tf.rivals import exhaustive

    return Answer(*exhaustive.search(inputs["fixed"], inputs["moving"], case.spectral_snr(), REACH * case.side))


def _keypoints(name):
    def align(case, table, inputs):
        from udl_tf.rivals import keypoints

        if table.period:
            return Answer(*keypoints.align(inputs["fixed"], inputs["moving"], name))
        return Answer(matrix=keypoints.homographies(inputs["fixed"], inputs["moving"], name))

    return align


def _lucas_kanade(case, table, inputs):
    from udl_tf.rivals import lucas_kanade, tracking

    if table.material == "tracking":
        return Answer(matrix=tracking.track(tracking.PlainLK(case.side), inputs["frames"], inputs["start"]))
    align, found = tf.function(lucas_kanade.align), []
    for start in range(0, len(inputs["moving"]), BATCH):
        pair = (tf.constant(inputs[name][start : start + BATCH]) for name in ("fixed", "moving"))
        matrix = align(*pair, kind="homography")[0].numpy()
        lost = ~np.isfinite(matrix).all((1, 2))
        matrix[lost] = np.eye(3)
        found.append(matrix)
    return Answer(matrix=np.concatenate(found))


METHODS = (
    ("supervised", Method("supervised", RIGID, learners.supervised)),
    ("stn", Method("STN-based", RIGID, learners.stn)),
    ("udl", Method("UDL", RIGID, learners.udl)),
    ("default", Method("shipped model", RIGID, align=_default)),
    ("fourier", Method("Fourier-based", RIGID, align=_fourier)),
    ("exhaustive", Method("exhaustive", RIGID, align=_exhaustive)),
    ("sift", Method("SIFT", (*RIGID, "homography"), align=_keypoints("sift"))),
    ("orb", Method("ORB", (*RIGID, "homography"), align=_keypoints("orb"))),
    ("akaze", Method("AKAZE", (*RIGID, "homography"), align=_keypoints("akaze"))),
    ("supervised", Method("supervised", ("homography",), learners.deep_homography(False))),
    ("unsupervised", Method("unsupervised", ("homography",), learners.deep_homography(True))),
    ("ic-lk", Method("IC-LK", ("homography", "tracking"), align=_lucas_kanade)),
    ("deep-lk", Method("Deep-LK", ("tracking",), learners.tracker("deep_lk"))),
    ("goturn", Method("GOTURN", ("tracking",), learners.tracker("goturn"))),
)
