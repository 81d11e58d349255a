"""One transform after another."""

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.geometry import displacement
from pipelines.geometry.transforms.affine import Affine
from pipelines.geometry.transforms.base import Transform
from pipelines.geometry.transforms.displacement import Displacement, finer
from pipelines.geometry.transforms.homography import Homography
from pipelines.geometry.transforms.matrices import multiplied
from pipelines.geometry.transforms.rigid import Rigid

FROM_SIMPLE = (Rigid, Affine, Homography, Displacement)


def compose(first: Transform, second: Transform, spacing: float | None = None) -> Transform:
    """The transform ``second after first``, row by row, of the simplest kind that holds both.

    Args:
        first, second: transforms of any kind, with as many rows. spacing: of the field in pixels, where one of them is one, by
            default `finer` than theirs. The field covers what either of them does; between its nodes it is interpolated.

    Raises:
        InputError: another number of rows.
    """
    if len(first) != len(second):
        raise InputError(f"compose: received {len(first)} and {len(second)} transforms, expected as many")
    kind = max(type(first), type(second), key=FROM_SIMPLE.index)
    if kind is Rigid:
        return Rigid(*(part.numpy() for part in geometry.compose(first.tensors(), second.tensors())))
    if kind is not Displacement:
        found = multiplied(first.matrix, second.matrix)
        return Affine(found[:, :2]) if kind is Affine else Homography(found)
    fields = [one for one in (first, second) if isinstance(one, Displacement)]
    spacing = spacing or finer(min(field.spacing for field in fields))
    size = displacement.grid_size(*(max(sides) + 1 for sides in zip(*(field.extent for field in fields))), spacing)
    return Displacement.sampled(lambda points: first.pull(second.pull(points)), len(first), size, spacing)
