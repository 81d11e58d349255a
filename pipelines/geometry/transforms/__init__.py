"""Transforms as types: `Rigid`, `Affine`, `Homography`, `Displacement`, each a batch, NumPy at the surface.

One direction everywhere: a transform takes a point of the moving image to its place in the fixed one (`apply`), in native
pixels from the image's centre, as in `pipelines.geometry`. Images are sampled the other way: every pixel of the fixed image is
pulled from its place in the moving one (`pull`).
"""

from pipelines.geometry.transforms.affine import Affine
from pipelines.geometry.transforms.base import Transform
from pipelines.geometry.transforms.composition import compose
from pipelines.geometry.transforms.displacement import Displacement
from pipelines.geometry.transforms.homography import Homography
from pipelines.geometry.transforms.rigid import Rigid
from pipelines.geometry.transforms.schema import from_json

__all__ = ["Affine", "Displacement", "Homography", "Rigid", "Transform", "compose", "from_json"]
