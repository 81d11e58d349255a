"""What a request may ask for."""

import dataclasses
import math

import numpy as np

from udl_tf.alignment.aligner import LARGEST, SMALLEST
from udl_tf.serving.errors import invalid

IMAGES = ("fixed", "moving", "images")  # inputs that hold pictures
INDICES = ("first", "second")


@dataclasses.dataclass(frozen=True)
class Limits:
    """The largest request that is taken.

    Attributes:
        batch: images of one input. pairs: of `align_pairs`. side: pixels. message: bytes of a gRPC message.
        body: bytes of a JSON body, which needs many times its size while it is read.
    """

    batch: int = 1024
    pairs: int = 65536
    side: int = LARGEST
    message: int = 256 * 2**20
    body: int = 64 * 2**20


def check_shape(name, shape, spec, limits):
    """Refuse a shape before anything of that size is made.

    Args:
        name: of the input. shape: integers, as received. spec: `tf.TensorSpec` of the signature. limits: `Limits`.
    """
    wanted = spec.shape
    if wanted.rank is not None:
        fits = len(shape) == wanted.rank and all(b is None or a == b for a, b in zip(shape, wanted.as_list()))
        if not fits:
            expected = "(" + ", ".join("any" if size is None else str(size) for size in wanted.as_list()) + ")"
            raise invalid(f"{name}: received shape {_short(shape)}, expected {expected}")
    if any(size < 1 for size in shape):
        raise invalid(f"{name}: received shape {_short(shape)}, expected at least 1 of each")
    pictures = name in IMAGES and len(shape) >= 2
    if pictures and not all(SMALLEST <= side <= limits.side for side in shape[-2:]):
        raise invalid(f"{name}: received images of {_short(shape[-2:])} pixels, expected sides of {SMALLEST} to {limits.side}")
    most = limits.pairs if name in INDICES else limits.batch
    if (len(shape) != 2 or name == "ctf") and shape and shape[0] > most:
        raise invalid(f"{name}: received {shape[0]}, expected at most {most} in one request")
    if math.prod(shape) * max(spec.dtype.size, 1) > limits.message:
        raise invalid(f"{name}: received shape {_short(shape)}, expected at most {limits.message // 2**20} MB")


def check_inputs(signature, arrays):
    """Refuse inputs of a signature that do not belong together; the names say what they are (`udl_tf.serving.signatures`).

    Models that `udl_tf.fit` wrote do not check this themselves, exported ones do.
    """
    if "fixed" in arrays and "moving" in arrays:
        _check_pair(arrays["fixed"], arrays["moving"], one_size=signature != "align_full")
    if "images" in arrays and "angle" in arrays and len({len(arrays[name]) for name in ("images", "angle", "shift")}) > 1:
        raise invalid(f"expected one angle and one shift for each of {len(arrays['images'])} images")
    if "ctf" in arrays and len(arrays["ctf"]) != len(arrays["images"]):
        raise invalid(f"expected a row of ctf for each of {len(arrays['images'])} images; received {len(arrays['ctf'])}")
    if "first" in arrays and "second" in arrays:
        _check_indices(arrays["first"], arrays["second"], len(arrays["images"]))
    if "max_shift" in arrays:
        side = min(arrays.get("moving", arrays.get("images")).shape[-2:])
        if not arrays["max_shift"] <= side / 4:  # NaN as well
            raise invalid(f"max_shift: received {arrays['max_shift']:g}, expected at most {side / 4:g} pixels, a quarter")


def _check_pair(fixed, moving, one_size):
    if one_size and fixed.dtype != object and fixed.shape[-2:] != moving.shape[-2:]:
        raise invalid(
            f"received fixed images of {_short(fixed.shape[-2:])} and moving of {_short(moving.shape[-2:])}: expected one size"
        )
    if fixed.ndim != 2 and len(fixed) not in (1, len(moving)):
        raise invalid(f"received {len(fixed)} fixed and {len(moving)} moving images: expected one fixed, or as many as moving")


def _check_indices(first, second, count):
    if len(first) != len(second):
        raise invalid(f"received {len(first)} first and {len(second)} second: expected as many")
    rows = np.concatenate([first, second])
    if rows.min() < 0 or rows.max() >= count:
        raise invalid(f"received indices {rows.min()} to {rows.max()}, expected 0 to {count - 1}")


def _short(shape):
    text = "x".join(str(size) for size in shape[:8])
    return (text or "()") + ("..." if len(shape) > 8 else "")
