"""Dead-leaves pictures: opaque random shapes dropped on one another, the standard model of photographs' statistics.

With sizes spread as ``r^-3`` every octave of sizes covers the same area, so the pictures look alike at every scale, have edges
and occlusions, and amplitude spectra near ``1 / frequency`` as natural images do (Lee, Mumford & Huang, "Occlusion models for
natural images", IJCV 2001). Larger leaves carry shading and a texture.
"""

import cv2
import numpy as np

VERTICES = 24
TEXTURES = 24
TEXTURED_RADIUS = 9.0  # pixels; smaller leaves are plain
COVERAGE = 3.0  # leaves over each pixel, on average


def dead_leaves(count, size=256, seed=0):
    """Dead-leaves pictures.

    Args:
        count: number of pictures.
        size: height and width in pixels.
        seed: integer; the same arguments give the same pictures.

    Returns:
        float32 (count, size, size), values 0 to 255.
    """
    rng = np.random.default_rng(seed)
    textures = [_texture(rng, size) for _ in range(TEXTURES)]
    return np.stack([_picture(rng, size, textures) for _ in range(count)]).astype(np.float32)


def _picture(rng, size, textures):
    """One picture, uint8 (size, size)."""
    smallest, largest = np.exp(rng.uniform(np.log(3.0), np.log(12.0))), 0.8 * size
    mean_area = 2 * np.pi * smallest**2 * np.log(largest / smallest)  # of a disc with r^-3 between these radii
    leaves = int(COVERAGE * size**2 / mean_area)
    radii = 1.0 / np.sqrt(smallest**-2.0 - rng.random(leaves) * (smallest**-2.0 - largest**-2.0))
    margin = np.minimum(radii, 0.5 * size)[:, None]  # large leaves may be centred outside
    centres = rng.uniform(0.0, 1.0, (leaves, 2)) * (size + 2 * margin) - margin
    outlines = _outlines(rng, leaves) * radii[:, None, None] + centres[:, None]
    spread = rng.uniform(25.0, 75.0)  # some pictures are pale, some full of contrast
    greys = np.clip(rng.normal(rng.uniform(80.0, 170.0), spread, leaves), 0.0, 255.0)

    contrast = rng.uniform(0.1, 0.6) * spread
    picture = np.clip(rng.uniform(60, 190) + contrast * textures[rng.integers(TEXTURES)], 0, 255).astype(np.uint8)
    for outline, radius, grey in zip(outlines, radii, greys):
        if radius < TEXTURED_RADIUS:
            _fill(picture, outline, grey)
        else:
            _fill_textured(rng, picture, outline, grey, contrast, textures[rng.integers(TEXTURES)])
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.7))  # the lens


def _outlines(rng, count):
    """Closed outlines (count, VERTICES, 2) of about unit radius: ellipses, smooth blobs, polygons and rectangles, turned."""
    around = np.arange(VERTICES) * (2 * np.pi / VERTICES)
    circle = np.stack([np.cos(around), np.sin(around)], -1)  # (VERTICES, 2)
    waves = rng.normal(0.0, 0.12, (count, 2, 4)) * (rng.random((count, 1, 1)) < 0.5)
    order = np.arange(2, 6)[:, None] * around
    blob = 1 + waves[:, 0] @ np.cos(order) + waves[:, 1] @ np.sin(order)  # (count, VERTICES) radius
    shapes = np.maximum(blob, 0.2)[..., None] * circle

    corners = np.arange(VERTICES) * 6 // VERTICES * (VERTICES // 6)  # six corners, each repeated
    polygons = circle[corners] * rng.uniform(0.5, 1.2, (count, VERTICES, 1))[:, corners]
    square = circle[np.arange(VERTICES) * 4 // VERTICES * (VERTICES // 4)]
    kind = rng.random(count)[:, None, None]
    shapes = np.where(kind < 0.25, polygons, np.where(kind < 0.5, square, shapes))

    stretch = np.exp(rng.normal(0.0, 0.4, (count, 1)))
    x, y = shapes[..., 0] * stretch, shapes[..., 1] / stretch
    turn = rng.uniform(0, 2 * np.pi, (count, 1))
    return np.stack([np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x], -1)


def _fill(picture, outline, grey):
    """Draw an opaque leaf with smooth borders into a uint8 picture. outline: (VERTICES, 2) pixels (x, y)."""
    cv2.fillPoly(picture, [np.rint(outline * 8).astype(np.int32)], float(grey), cv2.LINE_AA, shift=3)


def _fill_textured(rng, picture, outline, grey, contrast, texture):
    """As `_fill`, with a linear shading across the leaf and a texture at a random place."""
    size = len(picture)
    low = np.clip(np.floor(outline.min(0)).astype(int) - 1, 0, size)
    high = np.clip(np.ceil(outline.max(0)).astype(int) + 2, 0, size)
    width, height = high - low
    if min(width, height) <= 0:
        return
    mask = np.zeros((height, width), np.uint8)
    _fill(mask, outline - low, 255)
    left, top = rng.integers(0, size - width + 1), rng.integers(0, size - height + 1)
    slope = rng.normal(0.0, 0.5 * contrast, 2)
    shading = np.linspace(-slope[0], slope[0], width) + np.linspace(-slope[1], slope[1], height)[:, None]
    leaf = grey + shading + contrast * rng.uniform(0.0, 1.0) * texture[top : top + height, left : left + width]
    part = picture[low[1] : high[1], low[0] : high[0]]
    opacity = mask.astype(np.float32) / 255
    part[:] = np.clip(part + opacity * (leaf - part), 0, 255)


def _texture(rng, size):
    """One texture, float32 (size, size), mean 0 and standard deviation 1: fractal noise, or wavy stripes with some noise."""
    y, x = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)
    frequency = np.hypot(x, y)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(size, size))) * np.maximum(frequency, 0.02) ** -rng.uniform(0.5, 1.7)
    texture = np.fft.irfft2(spectrum * np.isfinite(frequency), (size, size))
    texture /= texture.std()
    if rng.random() < 0.25:
        row, column = np.mgrid[:size, :size]
        period, direction = np.exp(rng.uniform(np.log(3.0), np.log(20.0))), rng.uniform(0, 2 * np.pi)
        along = column * np.cos(direction) + row * np.sin(direction)
        stripes = np.sin(2 * np.pi * along / period + rng.uniform(0.0, 1.5) * texture)
        texture = 1.2 * stripes + 0.4 * texture
    return (texture / texture.std()).astype(np.float32)
