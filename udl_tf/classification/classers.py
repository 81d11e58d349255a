"""What classes the particles of a chunk: views just learned from the stack, or a model that knows them, here or on a server."""

import dataclasses
import functools

import numpy as np

from pipelines import geometry
from udl_tf.classification.particle_images import smaller
from udl_tf.serving.open_aligner import open_aligner
from udl_tf.views.view_model import ViewModel, classify


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """Particles (n) of a chunk: label, psi degrees, offset (n, 2) pixels of RELION, evidence nats, share (n, k), poor bool (n,).

    sigma: (n,) degrees, or None.
    """

    label: np.ndarray
    psi: np.ndarray
    offset: np.ndarray
    evidence: np.ndarray
    share: np.ndarray
    poor: np.ndarray
    sigma: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Learned:
    """A `ViewModel`; rows (s,) it was learned from, sorted, and what these lent to the views, own (s, k)."""

    model: ViewModel
    rows: np.ndarray
    own: np.ndarray

    @property
    def junk(self):
        """Classes (k,) of junk."""
        return self.model.junk

    @property
    def threshold(self):
        """Evidence that noise alone reaches, nats."""
        return self.model.threshold

    def ordered(self, order):
        """The same with the views in this order (k,)."""
        return Learned(self.model.take(order), self.rows, self.own[:, order])

    def __call__(self, stack, rows, images, ctf):
        """`Found` of images (n, box, box) of these rows of a `Stack`; ctf: (n, box // 2 + 1), or None."""
        own = np.zeros((len(rows), len(self.model.coarse)), np.float32)
        there = np.isin(rows, self.rows)
        own[there] = self.own[np.searchsorted(self.rows, rows[there])]
        found = classify(self.model, smaller(images, stack.small), None if ctf is None else ctf[:, 1:], own)
        fit, offset = found.fit, found.offset * np.float32(stack.scale)
        return Found(fit.label, fit.psi, offset, fit.evidence, fit.share, fit.evidence < self.model.threshold)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A model of `udl_tf.fit --preset cryo-views`: name or absolute folder; server, rest: see `open_aligner`."""

    model: str
    server: str | None = None
    rest: bool = False

    @property
    def junk(self):
        """None of its own: the particles of such classes come as poor."""
        return False

    @property
    def threshold(self):
        """Evidence that noise alone reaches, nats; NaN where it is not known."""
        return _aligner_of(self).config.get("views", {}).get("threshold", float("nan"))

    def __call__(self, stack, rows, images, ctf):
        """As `Learned`; images that cannot be used have class 0."""
        found = _aligner_of(self).classify(images, ctf, report=False)
        good = found.view >= 0
        angle, shift = np.where(good, found.angle, 0.0), np.where(good[:, None], found.shift, 0.0)
        psi, offset = geometry.relion_from_rigid(angle, shift, stack.box)
        poor = found.junk == 1
        return Found(np.maximum(found.view, 0), psi, offset, found.evidence, found.probability, poor, found.sigma)


@functools.lru_cache(maxsize=1)
def _aligner_of(trained):
    return open_aligner(trained.model, trained.server, trained.rest)
