"""Images to views and poses in one TensorFlow function: search on the polar grid, then a polish against the averages."""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.normalise import normalise, usable
from udl_tf.alignment.class_result import NAMES
from udl_tf.alignment.confidence import UNKNOWN, WITHIN
from udl_tf.classification.particle_images import BOX, smaller
from udl_tf.classification.view_search import ViewSearch
from udl_tf.particles.masks import framed, window_of
from udl_tf.particles.refinement import ReferenceRefinement
from udl_tf.views.view_model import ViewModel

STEPS = 3  # of Gauss-Newton
FAR = 8.0, 3.0  # degrees and pixels: what goes further than this from where it was found is not believed


@dataclasses.dataclass(frozen=True, eq=False)
class LearnedViews:
    """A `ViewModel` and what belongs to it at the full size of the images.

    Attributes:
        model: `ViewModel`. averages: float32 (k, box, box), masked and filtered. power: (rings,), E|F|^2 of the noise.
        highest: last ring compared. junk: bool (k,), classes told to be junk.
    """

    model: ViewModel
    averages: np.ndarray
    power: np.ndarray
    highest: int
    junk: np.ndarray

    @property
    def box(self):
        """Side of the images, pixels."""
        return self.averages.shape[1]


class ViewGraph:
    """Views and poses of images; see `LearnedViews`.

    Attributes:
        box: side of the images, pixels. variables: list of `tf.Variable`, what a SavedModel must hold.
    """

    def __init__(self, learned):
        box = self.box = learned.box
        self._search, self._model = ViewSearch(learned.model), learned.model
        self._crop = tf.constant(_crop_matrix(box, min(box, BOX)))
        self._window = window_of(box)
        self._refinement = ReferenceRefinement(box, learned.highest)
        table = self._refinement.table(tf.constant(learned.averages, tf.float32))
        self._round = tf.stack([self._refinement.round(one) for one in tf.unstack(table)])  # (k, points)
        self._cells = table.shape[1]
        self._table = tf.Variable(tf.reshape(table, (-1, table.shape[2])), trainable=False, name="averages")
        self._power = tf.constant(learned.power[: self._refinement.highest + 1], tf.float32)
        self._junk = tf.constant(learned.junk)
        self.variables = [*self._search.variables, self._table]

    def __call__(self, images, ctf=None):
        """Class images.

        Args:
            images: float32 (n, box, box), any grey values. ctf: None, or (n, box // 2 + 1) at 0, 1, 2, ... cycles per box.

        Returns:
            dict of tensors, those that `udl_tf.alignment.class_result.ClassResult` has.
        """
        images = tf.ensure_shape(images, (None, self.box, self.box))
        good, images = usable(images), normalise(images)
        if ctf is None:
            ctf = tf.ones((tf.shape(images)[0], self.box // 2 + 1))
        small = tf.matmul(self._crop, tf.matmul(images, self._crop, transpose_b=True))
        psi, offset, view, evidence, probability, right = self._search(small, ctf[:, 1 : self._search.grid.rings + 1])
        angle, shift = _rigid(psi, offset * np.float32(self.box / small.shape[1]), self.box)
        angle, shift, sigma = self._polished(images, ctf, view, angle, shift)
        sure = tf.gather(probability, view, batch_dims=1)
        junk = tf.logical_or(evidence < self._model.threshold, tf.gather(self._junk, view))
        nan, none = tf.constant(np.nan), tf.zeros_like(angle)
        found = {
            "view": tf.where(good, view, -1),
            "angle": tf.where(good, geometry.wrap_degrees(angle), nan),
            "shift": tf.where(good[:, None], shift, nan),
            "score": tf.where(good, sure * right * tf.math.erf(WITHIN / (np.sqrt(2.0) * sigma)), none),
            "sigma": tf.where(good, sigma, np.inf),
            "evidence": tf.where(good, evidence, none),
            "probability": tf.where(good[:, None], probability, 0.0),
            "junk": tf.cast(tf.logical_or(junk, ~good), tf.int32),
        }
        return {name: found[name] for name in NAMES}

    def _polished(self, images, ctf, view, angle, shift):
        """Angle, shift and standard error of the angle after a few steps against the averages of the views."""
        refinement = self._refinement
        spectra = refinement.spectra(framed(images, self._window))
        radius = np.linalg.norm(refinement.points, axis=1)
        inner = np.floor(radius).astype(np.int32)
        share = (radius - inner).astype(np.float32)
        gains = tf.gather(ctf, inner, axis=1) * (1.0 - share) + tf.gather(ctf, inner + 1, axis=1) * share
        own = tf.zeros((tf.shape(images)[0], refinement.highest + 1))
        seen = self._table, tf.gather(self._round, view), spectra, gains, self._power, own
        first, pose = view * self._cells, (angle, shift)
        for _ in range(STEPS):
            fit = refinement.step_among(*seen, *pose, first)
            pose = fit.angle, fit.shift
        near = tf.logical_and(
            tf.abs(geometry.wrap_degrees(pose[0] - angle)) < FAR[0], tf.norm(pose[1] - shift, axis=1) < FAR[1] * self.box / BOX
        )
        pose = tf.where(near, pose[0], angle), tf.where(near[:, None], pose[1], shift)
        variance = refinement.step_among(*seen, *pose, first).variance
        variance = tf.where(tf.math.is_finite(variance), variance, UNKNOWN**2)
        return *pose, tf.sqrt(tf.clip_by_value(variance, 1e-8, UNKNOWN**2))


def _rigid(psi, offset, size):
    """`geometry.rigid_from_relion` of tensors: RELION turns about pixel size // 2."""
    origin = tf.fill(tf.shape(offset), size // 2 - (size - 1) / 2.0)
    return geometry.compose((tf.zeros_like(psi), offset - origin), (-psi, origin))


def _crop_matrix(size, side):
    """What `smaller` does to one axis, float32 (side, size); it is the same for both."""
    if size <= side:
        return np.eye(size, dtype=np.float32)
    rows = smaller(np.eye(size)[:, :, None] * np.ones(size), side)  # each image is constant along x
    return np.ascontiguousarray(rows[:, :, 0].T)
