"""A file that holds one picture."""

from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.normalise import unusable


def open_single(path, pixel_size=None):
    """The source of one usable image.

    Args:
        path: of the file. pixel_size: Angstrom, where the file does not tell, or another one than it tells; or None.

    Raises:
        InputError: several images, or one that is constant or not finite; and as `opening.open_source`.
    """
    source = opening.open_source(path, pixel_size)
    if len(source) != 1:
        raise InputError(f"{path} holds {len(source)} images: expected one; align a stack with --reference")
    not_finite, constant = unusable(source.read([0]))
    if len(not_finite) or len(constant):
        why = "is constant" if len(constant) else "has values that are not finite (NaN or infinity)"
        raise InputError(f"{path} {why}: expected a picture")
    return source
