"""A pair of photo patches with known rotation and shift, the paper's natural-image recipe (section 4.1), without black corners.

A photo is turned by any angle and shifted by up to 10 pixels each way; patches of 128 x 128 pixels are cut at the same
place from the transformed photo (`fixed`) and from the original (`moving`). So the angle and the shift that were drawn are
those that bring `moving` onto `fixed`, in the sense of `geometry`, about the patch's centre. Everything a pair can need
lies in a square of `pictures.crops.crop_size` pixels around that centre.
"""

import tensorflow as tf

from pipelines import draws
from pipelines.errors import InputError
from pipelines.geometry import warp
from pipelines.pictures.crops import crop_size


def photo_pair(crops, seed, patch=128, max_shift=10.0, max_angle=180.0):
    """Turn and shift photos and cut a pair of patches from each.

    The angle and the shift are exact. The interpolation is bilinear and blurs `fixed` a little: against a windowed sinc (Lanczos)
    it differs by 4 to 13 % of a photo's standard deviation, median 7 % (64 photos of 256 pixels).

    Args:
        crops: float32 (batch, size, size), size at least `crop_size(patch, max_shift)` and of the parity of `patch`.
        seed: int32 (2,).
        patch: side of the patches in pixels.
        max_shift: pixels; dx and dy are uniform in [-max_shift, max_shift]. max_angle: degrees, likewise.

    Returns:
        fixed, moving: float32 (batch, patch, patch).
        angle: (batch,) degrees, and shift: (batch, 2) pixels: what brings moving onto fixed.

    Raises:
        InputError: the crops are too small, or of the other parity.
    """
    crops = tf.convert_to_tensor(crops, tf.float32)
    size = crops.shape[1]
    if size < crop_size(patch, max_shift) or (size - patch) % 2:
        raise InputError(
            f"photo crops of {size} pixels: expected {crop_size(patch, max_shift)} or more by an even number, "
            f"for patches of {patch} shifted by up to {max_shift:g}"
        )
    seeds = draws.split(seed, 2)
    batch = tf.shape(crops)[0]
    angle = draws.uniform([batch], seeds[0], -max_angle, max_angle)
    shift = draws.uniform([batch, 2], seeds[1], -max_shift, max_shift)
    fixed = warp.centre_crop(warp.warp(crops, angle, shift), patch)
    return fixed, warp.centre_crop(crops, patch), angle, shift
