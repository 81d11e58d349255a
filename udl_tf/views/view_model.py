"""A learned model of views, and its use on particles: classes and poses on a coarse grid, then poses on a finer one."""

import dataclasses

import numpy as np

from udl_tf.views.centring import centred, errors
from udl_tf.views.expectation_maximisation import Fit, lent, step
from udl_tf.views.known_poses import sums_at
from udl_tf.views.learning import Settings, improved, learn
from udl_tf.views.model import Views, noise_left
from udl_tf.views.polar_grid import PolarGrid, disc_of_shifts
from udl_tf.views.polar_particles import polar_particles
from udl_tf.views.search import Search, around
from udl_tf.views.surrogates import noise_alone

COARSE, FINE = (14, 72), (20, 120)  # rings, angles
GLOBAL_STEP = 2.0  # of shifts looked for in the coarse views, pixels
LEARNT_AT = 2.0, 1.0  # reach and step of shifts in the fine views as these are learned, pixels
FINE_PASSES = ((2.0, 1.0), (0.75, 0.375))  # reach and step of shifts around known ones, pixels
SURROGATES = 400
SURE = 0.99  # share of surrogates of noise below the threshold of junk


@dataclasses.dataclass(frozen=True, eq=False)
class ViewModel:
    """Views on two grids.

    Attributes:
        box: side of the images, pixels. radius: of their window, pixels. reach: largest shift, pixels.
        coarse, fine: `Views` on the grids `COARSE` and `FINE`. junk: bool (k,), classes that fit badly.
        threshold: nats; what noise alone gains.
    """

    box: int
    radius: float
    reach: float
    coarse: Views
    fine: Views
    junk: np.ndarray
    threshold: float = -np.inf

    def take(self, chosen):
        """The same with some of the views, in this order."""
        parts = {"coarse": self.coarse.take(chosen), "fine": self.fine.take(chosen), "junk": self.junk[chosen]}
        return dataclasses.replace(self, **parts)

    def grids(self):
        """`PolarGrid` coarse and fine."""
        return [PolarGrid(self.box, min(rings, self.box // 2 - 1), angles, self.radius) for rings, angles in (COARSE, FINE)]


@dataclasses.dataclass(frozen=True, eq=False)
class Classes:
    """Particles (n) classed: a `Fit`, and the offset (n, 2) pixels of RELION."""

    fit: Fit
    offset: np.ndarray


def learn_views(images, ctf, settings: Settings, radius, say=lambda text: None):
    """A `ViewModel` of particles, and what these lent to the views: (n, k) nats, see `classify`.

    Args:
        images: (n, box, box), mean 0, standard deviation 1. ctf: (n, rings >= 20) on rings of 1, 2, ... cycles per box, or None.
        radius: of the window, pixels. say: is told how far it is.
    """
    rng = np.random.default_rng([settings.seed, 1])
    model = ViewModel(images.shape[1], radius, settings.reach, None, None, None)
    coarse, fine = model.grids()
    particles = polar_particles(coarse, images, ctf)
    views, junk, fit, search = learn(particles, settings, say)
    rows = np.arange(len(images))
    finer = polar_particles(fine, images, ctf)
    noise = np.median(finer.power, 0)
    noise[: coarse.rings] = views.noise
    begun = sums_at(finer, rows, fit.label, fit.psi, search.offset, len(views)).views(noise.astype(np.float32))
    search = Search(disc_of_shifts(*LEARNT_AT), fine.rings, search.offset)
    begun, fit, search = improved(finer, rows, begun, search, (fine.rings,), empty=True)
    fit, sums = step(finer, rows, begun, search, empty=True)
    fine_views = sums.views(noise_left(finer, rows, begun, fit.label))
    own = lent(finer, rows, fit, sums, fine_views, fine.rings)
    offset, error = search.followed(rows, fit).in_view(rows, fit.psi), errors(fine, fine_views, sums, rng)
    gained = dataclasses.replace(fit, evidence=fit.evidence - own[np.arange(len(rows)), fit.label])
    fine_views, shift = centred(fine, fine_views, gained, offset, error)
    views = Views((views.averages * coarse.phase(shift)).astype(np.complex64), views.noise, views.mass)
    say(f"averages moved by up to {np.hypot(*shift.T).max():.1f} px to their centres")
    model = dataclasses.replace(model, coarse=views, fine=fine_views, junk=junk)
    few = rng.permutation(rows)[:SURROGATES]
    white = rng.standard_normal((len(few), *images.shape[1:])).astype(np.float32)
    few_ctf = None if ctf is None else ctf[few]
    nothing = [noise_alone(grid, white, v.noise, few_ctf) for grid, v in ((coarse, views), (fine, fine_views))]
    threshold = max(0.0, float(np.quantile(_classed(model, *nothing).fit.evidence, SURE)))
    return dataclasses.replace(model, threshold=threshold), own


def classify(model, images, ctf, own=None):
    """`Classes` of images (n, box, box); arguments as of `learn_views`; own (n, k): what they lent to the views, or None."""
    return _classed(model, *(polar_particles(grid, images, ctf) for grid in model.grids()), own)


def _classed(model, coarse, fine, own=None):
    """`Classes` of `PolarParticles` on both grids."""
    rows = np.arange(len(coarse))
    search = Search(disc_of_shifts(model.reach, GLOBAL_STEP), coarse.grid.rings)
    fit, _ = step(coarse, rows, model.coarse, search, sums=False, own=own, empty=True)
    for reach, spacing in FINE_PASSES:
        search = around(fine, rows, fit, search, reach, spacing, fine.grid.rings)
        fit, _ = step(fine, rows, model.fine, search, sums=False, own=own, empty=True)
    # Not `search.followed`: without fine passes the search is one of all shifts, which has no offsets to follow.
    return Classes(fit, around(fine, rows, fit, search, 0.0, 1.0, 1).offset)
