"""The pictures of `board.Board`: each uint8 (height, width, 1 or 3).

Training waits while they are drawn: OpenCV takes a tenth of the time that Matplotlib takes.
"""

import cv2
import numpy as np
import tensorflow as tf

from pipelines.geometry import wrap_degrees
from pipelines.geometry.warp import centre_crop, warp
from udl_tf.networks.window import SoftDisc

EXAMPLES = 4
SIDE, STRIP = 128, 16  # pixels of one image, and of the line of text above it
LIMITS = (1, 99)  # percentiles that become black and white
CHART = (150, 300)  # height and width, pixels
TOP, BOTTOM, LEFT, RIGHT = 20, 18, 40, 8  # margins of a chart
BLACK, GREY, BLUE, ORANGE = (40, 40, 40), (170, 170, 170), (47, 109, 168), (224, 138, 46)


def examples(inputs, angle, error, output, box):
    """The first pairs, two by two: fixed, moving, and moving turned by the predicted angle, told in degrees above it.

    Args:
        inputs: dict of ``fixed``, ``moving`` (n, side, side). angle: (n,) degrees, predicted. error: (n,) degrees, NaN where
            unknown. output: of the network; where it has a ``shift`` for every angle of its ``correlation``, that of the best
            one moves the image, too. box: side of what is shown, pixels.
    """
    fixed, moving = (tf.convert_to_tensor(inputs[name][:EXAMPLES], tf.float32) for name in ("fixed", "moving"))
    angle = angle[:EXAMPLES]
    shift = np.zeros((len(angle), 2), np.float32)
    if "shift" in output:
        best = tf.argmax(output["correlation"][:EXAMPLES], axis=1)
        shift = tf.gather(output["shift"][:EXAMPLES], best, batch_dims=1)
    turned = warp(moving, tf.cast(angle, tf.float32), shift)
    cut = [centre_crop(images, box).numpy() for images in (fixed, moving, turned)]
    triples = []
    for *images, a, e in zip(*cut, angle, error, strict=False):
        texts = ("fixed", "moving", f"{a:.1f}, error {e:.1f}" if np.isfinite(e) else f"{a:.1f} deg")
        tiles = [np.vstack([_line(text), _grey(image)]) for text, image in zip(texts, images, strict=True)]
        triples.append(np.hstack(tiles))
    return _two_by_two(triples, 0)[..., None]  # three channels of noise would take thrice as long to pack


def curves(correlation, angle, truth, period):
    """Correlation over angles of the first pairs, two by two; blue the predicted angle, orange on top, where known, the true one.

    Args:
        correlation: (n, angles) over `period` degrees, entry 0 at 0. angle, truth: (n,) degrees, NaN where unknown.
    """
    count = correlation.shape[1]
    grid = wrap_degrees(np.arange(count) * period / count, period)
    order, truth = np.argsort(grid), wrap_degrees(truth, period)
    charts = []
    for row, found, true in zip(correlation[:EXAMPLES], angle, truth, strict=False):
        known = np.isfinite(true)
        text = f"predicted {found:.1f}" + (f", true {true:.1f}" if known else "") + " deg"
        marks = [(found, 1.0, BLUE)] + ([(true, 0.25, ORANGE)] if known else [])
        charts.append(_chart(grid[order], [(row[order], BLACK)], text, (-period / 2, period / 2), marks))
    return _two_by_two(charts, 255)


def ring_weights(network):
    """(frequency in cycles per pixel (rings,), logarithm of the weight (rings,)) of a network that weighs rings, or None."""
    for layer in network.layers:
        if hasattr(layer, "log_weight"):
            weight = np.asarray(tf.convert_to_tensor(layer.log_weight), np.float32)
            frequency = layer.rings / layer.pad if hasattr(layer, "rings") else np.arange(len(weight)) / layer.box
            return frequency, weight
    return None


def rings(now, first):
    """Ring weights now, blue, and when the run began or went on, grey; each as `ring_weights` gives it."""
    frequency, weight = now
    limits = (float(frequency[0]), float(frequency[-1]))
    return _chart(frequency, [(first[1], GREY), (weight, BLUE)], "log weight over cycles per pixel", limits)


def mask(network, image, box):
    """The layer ``mask`` of a network, black 0 and white 1; None without one.

    Args:
        image: (1, side, side), for a mask that depends on the image.
    """
    names = [layer.name for layer in network.layers]
    if "mask" not in names:
        return None
    layer = network.get_layer("mask")
    if isinstance(layer, SoftDisc):
        values = layer.disc().numpy()
    else:
        seen = centre_crop(tf.convert_to_tensor(image, tf.float32), box)
        if "spectrum" in names:
            seen = network.get_layer("spectrum")(seen)
        values = tf.cast(layer(seen[..., None], training=False), tf.float32).numpy()[0, :, :, 0]
    return np.rint(255.0 * np.clip(values, 0.0, 1.0)).astype(np.uint8)[..., None]


def _chart(x, lines, title, limits, marks=()):
    """A chart, uint8 (height, width, 3).

    Args:
        x: (n,). lines: list of (values (n,), colour). limits: of the x axis. marks: list of (x, share of the height, colour),
            lines from the top down.
    """
    height, width = CHART
    picture = np.full((height, width, 3), 255, np.uint8)
    low, high = min(np.min(values) for values, _ in lines), max(np.max(values) for values, _ in lines)
    if not np.isfinite([low, high]).all():  # training has diverged
        return _write(picture, "not finite", (LEFT, height // 2))
    floor, right = height - BOTTOM, width - RIGHT

    def across(values):
        return LEFT + (np.asarray(values) - limits[0]) / (limits[1] - limits[0]) * (right - LEFT)

    cv2.rectangle(picture, (LEFT, TOP), (right, floor), GREY, 1)
    for place, share, colour in marks:
        column = int(round(float(across(place))))
        cv2.line(picture, (column, TOP), (column, TOP + int(round(share * (floor - TOP)))), colour, 2)
    for values, colour in lines:
        up = floor - 4 - (np.asarray(values) - low) / max(high - low, 1e-9) * (floor - TOP - 8)
        points = np.rint(16.0 * np.stack([across(x), up], 1)).astype(np.int32)  # sixteenths of a pixel
        cv2.polylines(picture, [points], False, colour, 1, cv2.LINE_AA, shift=4)
    _write(picture, title, (LEFT, TOP - 6))
    for text, corner in (
        (f"{high:.2g}", (3, TOP + 10)),
        (f"{low:.2g}", (3, floor)),
        (f"{limits[0]:.3g}", (LEFT, height - 5)),
        (f"{limits[1]:.3g}", (right - 34, height - 5)),
    ):
        _write(picture, text, corner)
    return picture


def _two_by_two(pictures, empty):
    pictures = pictures + [np.full_like(pictures[0], empty)] * (len(pictures) % 2)
    return np.vstack([np.hstack(pictures[i : i + 2]) for i in range(0, len(pictures), 2)])


def _grey(image):
    """An image as uint8 (SIDE, SIDE)."""
    low, high = np.percentile(image, LIMITS)
    scaled = np.clip((image - low) * (255.0 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    return cv2.resize(scaled, (SIDE, SIDE), interpolation=cv2.INTER_AREA if len(image) > SIDE else cv2.INTER_LINEAR)


def _line(text):
    """A line of text, white on black, uint8 (STRIP, SIDE)."""
    return _write(np.zeros((STRIP, SIDE), np.uint8), text, (3, STRIP - 5), 255)


def _write(picture, text, corner, colour=BLACK):
    """Put text into a picture, from its lower left corner (x, y) on."""
    return cv2.putText(picture, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.37, colour, 1, cv2.LINE_AA)
