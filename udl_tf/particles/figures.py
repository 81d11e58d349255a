"""The pictures of the report of a stack alignment, each a PNG as bytes: images in grey, and charts by Matplotlib."""

import io

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from pipelines import geometry

STYLE = {"font.size": 9, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
SIZE, DPI = (4.6, 3.1), 160  # inches: one chart fills a phone, two or three stand side by side on a desk
IN, OUT = "#2f6da8", "#e08a2e"  # in the average, left out
LIMITS = (0.5, 99.5)  # percentiles that become black and white
LARGEST = 256  # side of an image on the page, pixels

styled = matplotlib.rc_context(STYLE)


def grey(image, radius):
    """An image (h, w) in grey: the percentiles `LIMITS` of the pixels within `radius` of its centre become black and white."""
    image = np.array(image, np.float32)
    inside = image[np.linalg.norm(geometry.centred_grid(*image.shape), axis=-1) <= max(radius, 1.0)]
    inside = inside[np.isfinite(inside)]
    low, high = np.percentile(inside, LIMITS) if inside.size else (0.0, 0.0)
    if high > low:
        scaled = (np.nan_to_num(image, nan=low, posinf=high, neginf=low) - low) * (255.0 / (high - low))
    else:
        scaled = np.full(image.shape, 128.0)  # nothing to see
    factor = LARGEST / max(image.shape)
    if factor < 1.0:
        scaled = cv2.resize(scaled, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", np.rint(np.clip(scaled, 0, 255)).astype(np.uint8))[1].tobytes()


@styled
def ring_correlation(curves, box, pixel_size, crossings):
    """The FRC.

    Args:
        curves: label -> (rings,), the first one in front. crossings: level -> period in Angstrom, or in pixels where
            `pixel_size` is None, of the first curve (see `measures.crossing`).
    """
    axis = _axis(xlabel="spatial frequency, 1/px" if pixel_size is None else "spatial frequency, 1/Å", ylabel="ring correlation")
    length = box * (pixel_size or 1.0)
    for order, (label, curve) in enumerate(curves.items()):
        axis.plot(np.arange(1, len(curve)) / length, curve[1:], color=IN if order == 0 else "0.65", zorder=3 - order, label=label)
    nyquist = 0.5 / (pixel_size or 1.0)
    for (level, period), colour in zip(crossings.items(), ("tab:red", "tab:green"), strict=True):
        axis.axhline(level, color=colour, linewidth=0.7, linestyle=":")
        if 2.0 * (pixel_size or 1.0) * (1 + 1e-9) < period < np.inf:
            unit = "px" if pixel_size is None else "Å"
            axis.plot([1 / period], [level], "o", color=colour, zorder=4, label=f"{level:g} at {period:.3g} {unit}")
            axis.axvline(1 / period, color=colour, linewidth=0.7, linestyle=":")
    axis.axhline(0, color="0.3", linewidth=0.6)
    lowest = min(curve[1:].min() for curve in curves.values())
    axis.set(xlim=(0, nyquist), ylim=(min(-0.1, 1.05 * lowest), 1.05))
    axis.legend(fontsize=8)
    return _png(axis)


@styled
def histogram(values, included, xlabel, bins=40, limits=None):
    """How often values occur, particles in the average and those left out on top of each other.

    Args:
        values: (n,); those that are not finite are not shown. included: (n,) bool. limits: (low, high) of the bars, or None for
            those of the values; what lies outside is counted in the first and the last bar.
    """
    axis = _axis(xlabel=xlabel, ylabel="particles")
    finite = np.isfinite(values)
    if finite.any():
        limits = limits or _limits(values[finite])
        clipped = np.clip(values, *limits)
        groups = [clipped[finite & included], clipped[finite & ~included]]
        labels = [f"in the average: {groups[0].size:,}", f"left out: {groups[1].size:,}"]
        axis.hist(groups, bins=bins, range=limits, stacked=True, color=(IN, OUT), label=labels)
        _count_particles(axis)
        _legend_above(axis)
    else:
        _say(axis, "no values")
    return _png(axis)


@styled
def shifts(shift, included, pixel_size, bins=30):
    """Histograms of the shift (n, 2) of the particles in the average, along x and y; of all particles if none is."""
    axis = _axis(xlabel="shift, px" if pixel_size is None else f"shift, px of {pixel_size:.4g} Å", ylabel="particles")
    shown = shift[np.isfinite(shift).all(1) & (included if included.any() else True)]
    if len(shown):
        limits = _limits(shown)
        for values, name, colour in zip(shown.T, ("x, to the right", "y, down"), (IN, "tab:red"), strict=True):
            label = f"{name}: mean {values.mean():.2f}, spread {values.std():.2f}"
            axis.hist(values, bins=bins, range=limits, histtype="step", color=colour, linewidth=1.3, label=label)
        _count_particles(axis)
        _legend_above(axis, columns=1)
    else:
        _say(axis, "no values")
    return _png(axis)


@styled
def convergence(changes):
    """Median change of the angle in each of at least one round, (rounds,) degrees."""
    axis = _axis(xlabel="round", ylabel="median change of the angle, deg")
    changes = np.asarray(changes, float)
    rounds = np.arange(1, changes.size + 1)
    axis.plot(rounds, changes, "o-", color=IN)
    axis.set(xticks=rounds[:: -(-rounds.size // 15)], xlim=(0.5, rounds.size + 0.5))
    if (changes > 0).all():
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("")
        axis.set_ylim(changes.min() / 2, changes.max() * 2)
    for place, change in zip(rounds, changes, strict=True):
        axis.annotate(f"{change:.2g}", (place, change), xytext=(5, 4), textcoords="offset points", fontsize=8)
    return _png(axis)


def _axis(**labels):
    axis = Figure(figsize=SIZE, layout="constrained").subplots()
    axis.set(**labels)
    return axis


def _png(axis):
    buffer = io.BytesIO()
    axis.figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _limits(values):
    """(low, high) of bars, also for values that are all the same."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.5 if high <= low else 0.0
    return low - margin, high + margin


def _count_particles(axis):
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.margins(x=0.01)


def _legend_above(axis, columns=2):
    axis.legend(fontsize=8, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)


def _say(axis, text):
    axis.text(0.5, 0.5, text, ha="center", va="center", transform=axis.transAxes)
    axis.set(xticks=[], yticks=[])
