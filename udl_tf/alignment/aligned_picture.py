"""An aligned picture in the form of its file: type of number, colours, range; what no pixel tells is filled."""

import numpy as np

from pipelines.normalise import border_level


def aligned_picture(source, result, fill=None):
    """The one picture of a source, turned and moved by a result.

    Args:
        source: `pipelines.files.source.Source` of one image. result: `Result` of one pair.
        fill: grey value of what comes in at the edges; None: the median of each channel's border.

    Returns:
        (height, width) or (height, width, samples), the central square that was aligned, of the file's type; whole numbers are
        rounded and stay in their range.
    """
    picture = source.stored(0)
    channels = picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
    channels = channels.astype(np.float64)  # 32 bits and a large offset: the level comes off before float32
    level = (border_level(channels) if fill is None else np.full(len(channels), fill))[:, None, None]
    turned = np.stack([result.apply(channel) for channel in channels - level]) + level
    if picture.dtype.kind in "iu":
        limits = np.iinfo(picture.dtype)
        turned = np.clip(np.round(turned), limits.min, limits.max)
    turned = turned.astype(picture.dtype) if picture.dtype.kind != "b" else turned >= 0.5
    return turned[0] if picture.ndim == 2 else np.moveaxis(turned, 0, -1)
