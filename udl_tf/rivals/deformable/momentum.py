"""Momenta (LDDMM) on a periodic grid around the images, and the fields that they shoot to.

The grid reaches at least `MARGIN` pixels beyond the image on each side, so that what leaves the image on one side does not push
the other one.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from pipelines import geometry
from pipelines.geometry import sampling, shooting

SPACINGS = (8, 4)  # pixels between two nodes, coarse and fine: a node of the coarse grid is four of the fine one
MARGIN = 8  # pixels
SIGMAS = (4.0, 8.0)  # of the kernel's Gaussians, pixels
BACK = 2  # steps of the inverse
STEPS = 1  # in time: one of fourth order is exact to 0.03 pixels where fields are as smooth as the kernel


@dataclasses.dataclass(frozen=True)
class MomentumGrid:
    """The grid of images of height x width pixels; its middle is theirs.

    Momenta are float32 (batch, rows, columns, 2), counted in nodes.
    """

    height: int
    width: int
    spacing: int = SPACINGS[-1]

    @property
    def size(self):
        """(rows, columns), as many times more at a finer spacing."""
        coarsest = SPACINGS[0]
        return tuple(-(-(size + 2 * MARGIN) // coarsest) * (coarsest // self.spacing) for size in (self.height, self.width))

    @property
    def kernel(self):
        """Standard deviations in nodes."""
        return tuple(sigma / self.spacing for sigma in SIGMAS)

    def field(self, momentum):
        """The pulled field (batch, rows, columns, 2) in pixels that a momentum shoots to, at nodes `spacing` pixels apart."""
        return self.spacing * shooting.shoot(momentum, self.kernel, STEPS)[1]

    def inverse(self, momentum):
        """Nearly the inverse of `field`: where a point of the moving image is found in the fixed one; 0 beyond the grid.

        By fixed-point iteration, which is quicker than to shoot from the momentum at the end, and as good for a look.
        """
        field = shooting.shoot(momentum, self.kernel, STEPS)[1]
        rows, columns = self.size
        grid, back = tf.constant(geometry.centred_grid(rows, columns)), -field
        for _ in range(BACK):
            places = tf.reshape(grid + back, (-1, rows * columns, 2))
            parts = [sampling.bilinear(field[..., axis], places) for axis in (0, 1)]
            back = -tf.reshape(tf.stack(parts, -1), (-1, rows, columns, 2))
        return self.spacing * back

    def energy(self, momentum):
        """The Hamiltonian (batch,), pixels^2 a pixel of the image."""
        return shooting.hamiltonian(momentum, self.kernel) * (self.spacing**4 / (self.height * self.width))

    def at_pixels(self, field):
        """A field of the nodes at every pixel of the image, (batch, height, width, 2): bilinear, as `displacement_at`."""
        pixels = zip((self.height, self.width), self.size, strict=True)
        down, across = (tf.constant(_between(size, nodes, self.spacing)) for size, nodes in pixels)
        return tf.einsum("yr,brcd,xc->byxd", down, field, across)


def finer(momentum):
    """A momentum on the grid of half the spacing: each node is four, which are half as long apart."""
    return 2.0 * tf.repeat(tf.repeat(momentum, 2, 1), 2, 2)


def _between(size, nodes, spacing):
    """Matrix (size, nodes) of linear interpolation."""
    place = (np.arange(size) - (size - 1) / 2.0) / spacing + (nodes - 1) / 2.0
    return np.maximum(1.0 - np.abs(place[:, None] - np.arange(nodes)), 0.0).astype(np.float32)
