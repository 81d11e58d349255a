"""Rings of frequencies of an image's spectrum: means over them, and values spread over them."""

import numpy as np

FINE = 8  # steps of the radius, per ring, within which frequencies count as equally far out


class Rings:
    """Rings of frequencies in the layout of rfft2 of images (box, box), NumPy float64."""

    def __init__(self, box):
        self.box = box
        y, x = np.fft.fftfreq(box)[:, None] * box, np.arange(box // 2 + 1)[None, :]
        self.radius = np.hypot(y, x)
        self.ring = np.rint(self.radius).astype(int)
        self.share = np.where((x == 0) | (2 * x == box), 1.0, 2.0) * np.ones_like(y)
        self.count = box // 2 + 1
        self.inside = self.ring < self.count
        # Bilinear interpolation between pixels, on the average over sub-pixel places.
        fade = np.square(np.sinc(y / box) * np.sinc(x / box))
        self.fade = self.evened(fade[None])[0]

    def means(self, values):
        """Ring means (..., rings) of values (..., box, box // 2 + 1)."""
        flat, ring, share = values[..., self.inside], self.ring[self.inside], self.share[self.inside]
        members = np.bincount(ring, share, self.count)
        rows = [np.bincount(ring, row * share, self.count) / members for row in flat.reshape(-1, flat.shape[-1])]
        return np.array(rows).reshape(*values.shape[:-2], self.count)

    def mean(self, rings):
        """Mean over all frequencies inside of ring values (rings,)."""
        members = np.bincount(self.ring[self.inside], self.share[self.inside], self.count)
        return float((rings * members).sum() / members.sum())

    def spread(self, rings):
        """Ring values (..., rings) at every frequency (..., box, box // 2 + 1), 0 in the corners."""
        return np.take(rings, np.minimum(self.ring, self.count - 1), axis=-1) * self.inside

    def evened(self, values):
        """Values (k, box, box // 2 + 1), each replaced by the mean over all frequencies of nearly its radius."""
        fine = np.rint(self.radius * FINE).astype(int).ravel()
        share = self.share.ravel()
        members = np.maximum(np.bincount(fine, share), 1e-12)
        rows = [(np.bincount(fine, row.ravel() * share) / members)[fine] for row in values]
        return np.reshape(rows, values.shape)
