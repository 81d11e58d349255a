"""tf.data pipelines of pairs: rigid ones, homographies, frames of a sequence; and the disturbance of a pair.

``from pipelines import pairs``: ``pairs.simulated`` makes rigid pairs of clean images, ``pairs.collect`` gathers some as arrays.
"""

from pipelines.pairs.given import from_arrays
from pipelines.pairs.rigid import collect, from_particles, from_photos, from_stack, simulated
from pipelines.pictures.particles import without_background

__all__ = ["collect", "from_arrays", "from_particles", "from_photos", "from_stack", "simulated", "without_background"]
