"""What instruments and software add to a picture that is not the object, one function a kind.

Each takes ``(fixed, moving, strength, random)``: images float64 (n, side, side) whose noise (of photographs: whose grey values)
has the standard deviation 1, a strength in that unit, and a `numpy.random.Generator`. It returns both images, of any type.
What is *shared* lies at the same place in both and does not turn with the object; what is *own* is drawn for each image.
"""

import numpy as np

GREY = 10.0  # level of the background where a region is set to zero: that is what makes it a region


def _axes(side):
    """Coordinates, x to the right and y down, from -1 to 1 over the frame."""
    line = np.linspace(-1.0, 1.0, side)
    return line[None, :], line[:, None]


def _own(draw):
    """A kind that is drawn for each image: ``draw(count, side, strength, random)`` is added."""

    def add(fixed, moving, strength, random):
        return tuple(images + draw(len(images), images.shape[1], strength, random) for images in (fixed, moving))

    return add


def _shared(draw):
    """A kind that is drawn once for each pair and added to both images."""

    def add(fixed, moving, strength, random):
        added = draw(len(fixed), fixed.shape[1], strength, random)
        return fixed + added, moving + added

    return add


def plane(count, side, strength, random):
    """From -strength to +strength across the frame, in a random direction."""
    x, y = _axes(side)
    angle = random.uniform(0, 2 * np.pi, (count, 1, 1))
    return strength * (np.cos(angle) * x + np.sin(angle) * y)


def _bowl(count, side, strength, random):
    """A paraboloid about a place near the centre, up or down."""
    x, y = _axes(side)
    at, sign = random.uniform(-0.4, 0.4, (2, count, 1, 1)), random.choice([-1.0, 1.0], (count, 1, 1))
    return strength * sign * ((x - at[0]) ** 2 + (y - at[1]) ** 2 - 0.6)


def _wave(count, side, strength, random):
    """Uneven light: one to two periods across the frame."""
    x, y = _axes(side)
    angle, phase = random.uniform(0, 2 * np.pi, (2, count, 1, 1))
    return strength * np.sin(np.pi * random.uniform(1, 2, (count, 1, 1)) * (np.cos(angle) * x + np.sin(angle) * y) + phase)


def _vignette(count, side, strength, random):
    """Darker towards the corners, with the fourth power of the distance from the centre."""
    x, y = _axes(side)
    return np.broadcast_to(-strength * (x**2 + y**2) ** 2 / 2.0, (count, side, side))


def _half_plane(count, side, strength, random):
    """A step along a straight line near the centre."""
    x, y = _axes(side)
    angle, place = random.uniform(0, 2 * np.pi, (count, 1, 1)), random.uniform(-0.5, 0.5, (count, 1, 1))
    return strength * (np.cos(angle) * x + np.sin(angle) * y > place)


def _carbon(count, side, strength, random):
    """The edge of a carbon film: an arc of a large circle, blurred a little, with coarse texture on the film."""
    x, y = _axes(side)
    angle, place = random.uniform(0, 2 * np.pi, (count, 1, 1)), random.uniform(0.2, 0.7, (count, 1, 1))
    radius = 3.0
    distance = np.hypot(x + (radius - place) * np.cos(angle), y + (radius - place) * np.sin(angle)) - radius
    film = 1.0 / (1.0 + np.exp(-np.clip(distance * side / 3.0, -50, 50)))
    return film * (strength + strength / 4.0 * smooth_noise(count, side, 0.1, random))


def _blob(count, side, strength, random):
    """A piece of ice or dirt: a bright spot with soft edges beside the object."""
    x, y = _axes(side)
    angle = random.uniform(0, 2 * np.pi, (count, 1, 1))
    return strength * np.exp(-((x - 0.7 * np.cos(angle)) ** 2 + (y - 0.7 * np.sin(angle)) ** 2) / (2 * 0.15**2))


def _pattern(count, side, strength, random):
    """White pattern of the sensor."""
    return strength * random.normal(size=(count, side, side))


def _coarse_pattern(count, side, strength, random):
    """Dust on the sensor: a pattern of some pixels' grain."""
    return strength * smooth_noise(count, side, 0.03, random)


def _stripes(count, side, strength, random):
    """Each column of the sensor has its own offset."""
    return np.broadcast_to(strength * random.normal(size=(count, 1, side)), (count, side, side))


def _hot_column(count, side, strength, random):
    """One bright column anywhere in the middle half."""
    return strength * (np.arange(side) == random.integers(side // 4, 3 * side // 4, (count, 1, 1))) * np.ones((1, side, 1))


def _hot_pixels(count, side, strength, random):
    """One pixel in a thousand is bright."""
    return strength * (random.random((count, side, side)) < 1e-3)


def _grid(count, side, strength, random):
    """A periodic pattern of eight pixels, as of a support or of interference."""
    x = np.arange(side)
    phase = random.uniform(0, 2 * np.pi, (2, count, 1, 1))
    return strength * (np.sin(2 * np.pi * x / 8.0 + phase[0]) + np.sin(2 * np.pi * x[:, None] / 8.0 + phase[1])) / np.sqrt(2.0)


def smooth_noise(count, side, width, random):
    """Gaussian noise of standard deviation 1, blurred over a share `width` of half the frame."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    gain = np.exp(-2.0 * (np.pi * width * side / 2.0 * frequency) ** 2)
    made = np.fft.irfft2(np.fft.rfft2(random.normal(size=(count, side, side))) * gain, (side, side))
    return made / made.std(axis=(1, 2), keepdims=True)


def _region(outside):
    """A kind that sets what lies outside (or is covered) to 0 in images whose background is at `strength`."""

    def add(fixed, moving, strength, random):
        side = fixed.shape[1]
        return tuple(
            np.where(outside(len(images), side, number, random), 0.0, images + strength)
            for number, images in enumerate((fixed, moving))
        )

    return add


def _letterbox(count, side, number, random):
    """Rows at top and bottom."""
    rows = np.arange(side)[:, None]
    return np.minimum(rows, rows[::-1]) < side // 8


def _pillar(count, side, number, random):
    """Columns on the left."""
    return np.broadcast_to(np.arange(side) < side // 6, (side, side))


def _field_of_view(count, side, number, random):
    """All outside a circle, off the centre."""
    x, y = _axes(side)
    return np.hypot(x - 0.12, y + 0.08) > 0.8


def _disc(count, side, number, random):
    """All outside a circle about the centre."""
    x, y = _axes(side)
    return np.hypot(x, y) > 0.8


def _corners(count, side, number, random):
    """What an earlier turn of the image left empty: another one in each image."""
    x, y = _axes(side)
    angle = random.uniform(0.1, 0.8, (count, 1, 1)) + number
    c, s = np.cos(angle), np.sin(angle)
    return np.maximum(np.abs(c * x + s * y), np.abs(c * y - s * x)) > 1.0


def _caption(count, side, number, random):
    """A black box with a scale bar in the lower left."""
    rows, columns = np.arange(side)[:, None], np.arange(side)[None, :]
    return (rows > side * 7 // 8) & (columns < side // 2)


def _offset(fixed, moving, strength, random):
    """A large offset in float64."""
    return fixed + strength, moving + strength


def _counts(fixed, moving, strength, random):
    """Whole numbers of 64 bits on top of a large offset."""
    return tuple(np.rint(1000 * images).astype(np.int64) + np.int64(strength) for images in (fixed, moving))


def _scaled(fixed, moving, strength, random):
    """Grey values of another size and offset in each image."""
    return fixed * strength + 3 * strength, moving / strength - 7


def _inverted(fixed, moving, strength, random):
    """Bright field beside dark field."""
    return fixed, -moving


SLOW = (0, 1, 2, 5, 20, 100)
PATTERN = (0.5, 1, 2, 5, 20, 100)
LEVELS = (0, 2, GREY, 100, 1e4)
# name: (function, strengths, whether photographs are tried as well)
KINDS = {
    "none": (lambda fixed, moving, strength, random: (fixed, moving), (0,), True),
    "plane, own": (_own(plane), SLOW[1:], True),
    "plane, shared": (_shared(plane), SLOW[1:], True),
    "bowl, own": (_own(_bowl), SLOW[1:], True),
    "bowl, shared": (_shared(_bowl), SLOW[1:], False),
    "wave, own": (_own(_wave), SLOW[1:], False),
    "wave, shared": (_shared(_wave), SLOW[1:], False),
    "vignette, shared": (_shared(_vignette), SLOW[1:], True),
    "half-plane, own": (_own(_half_plane), SLOW[1:], False),
    "half-plane, shared": (_shared(_half_plane), SLOW[1:], False),
    "carbon edge, own": (_own(_carbon), SLOW[1:], False),
    "carbon edge, shared": (_shared(_carbon), SLOW[1:], False),
    "blob, own": (_own(_blob), SLOW[1:], False),
    "blob, shared": (_shared(_blob), SLOW[1:], False),
    "letterbox": (_region(_letterbox), LEVELS, True),
    "pillar": (_region(_pillar), LEVELS, True),
    "round field of view": (_region(_field_of_view), LEVELS, True),
    "zeros outside a disc": (_region(_disc), LEVELS, True),
    "empty corners, own": (_region(_corners), LEVELS, True),
    "caption": (_region(_caption), LEVELS, True),
    "sensor pattern": (_shared(_pattern), PATTERN, True),
    "coarse pattern": (_shared(_coarse_pattern), PATTERN, True),
    "stripes": (_shared(_stripes), PATTERN, True),
    "grid": (_shared(_grid), PATTERN, False),
    "hot column": (_shared(_hot_column), (2, 10, 100, 1e4), True),
    "hot pixels, shared": (_shared(_hot_pixels), (10, 100, 1e4), True),
    "hot pixels, own": (_own(_hot_pixels), (10, 100, 1e4), False),
    "offset, float64": (_offset, (1e4, 1e6, 1e8, 1e12), True),
    "offset, int64": (_counts, (1e6, 1e9, 1e12), False),
    "scaled": (_scaled, (1e-3, 1e3), False),
    "inverted": (_inverted, (0,), True),
}
