"""What a stack is aligned to: its own average, one of its images, or the image of a file."""

from pipelines.errors import InputError
from pipelines.files import opening
from pipelines.files.single import open_single
from pipelines.normalise import unusable


def chosen_reference(path, reference, pixel_size):
    """`StackRequest`'s fields reference and reference_name: "average", a number from 1, or the image (h, w) of a file.

    Raises:
        InputError: an image that is not there, of another size or pixel size, constant or not finite.
    """
    if reference == "average":
        return {}
    source = opening.open_source(path, pixel_size)
    if str(reference).isdigit():
        if not 1 <= int(reference) <= len(source):
            raise InputError(f"--reference {reference}: {source.path} holds images 1 to {len(source)}")
        image = source.read([int(reference) - 1])[0]
        chosen = {"reference": int(reference), "reference_name": f"image {reference}"}
    else:
        other = open_single(reference, pixel_size)
        image = other.read([0])[0]
        if other.shape != source.shape:
            raise InputError(
                f"--reference {reference} has {other.shape[1]}x{other.shape[0]} pixels: expected "
                f"{source.shape[1]}x{source.shape[0]}, the size of the images of {source.path}"
            )
        other.check_pixel_size(source)
        chosen = {"reference": image, "reference_name": str(reference)}
    if any(len(found) for found in unusable(image[None])):
        raise InputError(f"--reference {reference}: the image is constant or not finite, expected a picture")
    return chosen
