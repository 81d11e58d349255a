"""Where poses are looked for."""

import dataclasses

import numpy as np

from udl_tf.views.polar_grid import disc_of_shifts, into_image


@dataclasses.dataclass(frozen=True, eq=False)
class Search:
    """Shifts and rings that an E step looks at.

    Attributes:
        shifts: (s, 2) pixels, in the frame of the views. band: rings used.
        offset: (all particles, 2) pixels around which shifts are looked for, in the frame of the images; None: around zero.
    """

    shifts: np.ndarray
    band: int
    offset: np.ndarray | None = None

    def at(self, rows):
        """Offsets (n, 2) of some particles, or None."""
        return None if self.offset is None else self.offset[rows]

    def in_view(self, rows, psi):
        """Offsets (n, 2) of some particles in the frame of their views; psi: (n,) degrees."""
        return into_image(self.offset[rows], -psi)

    def with_band(self, band):
        """The same with other rings."""
        return dataclasses.replace(self, band=band)

    def followed(self, rows, fit):
        """The same around the poses of a `Fit` of rows."""
        if self.offset is None:
            return self
        offset = self.offset.copy()
        offset[rows] += into_image(fit.shift, fit.psi)
        return dataclasses.replace(self, offset=offset)


def around(particles, rows, fit, before, reach, step, band):
    """A `Search` around the poses of a `Fit` of rows, found by the search `before`."""
    offset = np.zeros((len(particles), 2), np.float32)
    offset[rows] = into_image(fit.shift, fit.psi)
    if before.offset is not None:
        offset[rows] += before.offset[rows]
    return Search(disc_of_shifts(reach, step), band, offset)
