"""A page about an aligned volume, in one file: planes before and after, shift, angle and step of each section, the worst ones."""

import base64
import html
import io
import pathlib

import cv2
import numpy as np
from matplotlib.figure import Figure

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path

MEANINGS = {"xy": "the section in the middle", "xz": "across its middle row", "yz": "across its middle column"}
WORST = 10  # sections of the table
LIMITS = (1, 99)  # percentiles that become black and white
STYLE = """body { margin: 0 auto; padding: 1rem; max-width: 72rem; font: 16px/1.45 system-ui, sans-serif; color: #1d2329; }
h2 { margin: 2rem 0 0.6rem; border-bottom: 1px solid #cfd6dd; font-size: 1.15rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0.8rem; } figure { margin: 0; }
img { display: block; width: 100%; height: auto; image-rendering: pixelated; } table { border-collapse: collapse; }
th, td { padding: 0.25rem 0.8rem; border-bottom: 1px solid #e6eaee; text-align: right; }"""


class Planes:
    """The planes through the middle of a volume, of sections that come one after the other.

    Args:
        count: sections. size: (height, width).
    """

    def __init__(self, count: int, size: tuple[int, int]):
        self._middle = count // 2, size[0] // 2, size[1] // 2
        self._planes = {"xy": None, "xz": np.zeros((count, size[1])), "yz": np.zeros((count, size[0]))}

    def add(self, number: int, section: np.ndarray) -> None:
        """A section (height, width)."""
        middle, row, column = self._middle
        if number == middle:
            self._planes["xy"] = section
        self._planes["xz"][number], self._planes["yz"][number] = section[row], section[:, column]

    def planes(self) -> dict[str, np.ndarray]:
        """``xy`` (height, width), ``xz`` (sections, width), ``yz`` (sections, height)."""
        return dict(self._planes)


def check_report(path) -> None:
    """InputError where a report has another name than that of a page."""
    if path and pathlib.Path(path).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"cannot write {path}: expected .html")


def write_report(path, name: str, found: dict, before: Planes, after: Planes) -> None:
    """Write the page; it appears when it is whole.

    Args:
        path: of the HTML file. name: of the volume. found: what `volume_alignment.align` returns.
        before, after: planes of the volume as it was and as it was written.
    """
    count, jitter = len(found["angle"]), found["jitter"]
    parts = [f"<h1>{html.escape(name)}: {count} sections</h1>"]
    parts.append(f"<p>Jitter of {jitter['pixels']:.2f} pixels along an axis and {jitter['degrees']:.2f} degrees taken out.")
    parts.append(f"Slow drift kept, up to {found['drift']:.1f} pixels from its mean.</p>")
    if "elastic" in found:
        rms = np.sqrt(np.square(found["elastic"]["rms"]).mean())
        parts.append(f"<p>Unbent by fields of {rms:.2f} pixels root mean square.</p>")
        if found["elastic"]["damped"]:
            parts.append(f"<p>Made smaller, they would have folded: {', '.join(map(str, found['elastic']['damped']))}.</p>")
    if "moved_on" in found:
        parts.append(f"<p>Moved on by {found['moved_on']:.2f} pixels root mean square by the adversarial objective.</p>")
    if found["failed"]:
        parts.append(f"<p>Not placed, left where they were: {', '.join(map(str, found['failed']))}.</p>")
    for plane, meaning in MEANINGS.items():
        pair = {"before": before.planes()[plane], "after": after.planes()[plane]}
        limits, times = np.percentile(pair["before"], LIMITS), _times(pair["before"])
        told = f", each section {times} pixels high" if plane != "xy" and times > 1 else ""
        figures = "".join(_figure(_grey(image, *limits, times), f"{plane}, {when}{told}") for when, image in pair.items())
        parts.append(f'<h2>{plane}: {meaning}</h2>\n<div class="pair">{figures}</div>')
    parts.append("<h2>Section by section</h2>" + _figure(_chart(found), _caption(found)))
    parts.append(f"<h2>The lowest scores</h2>{_table(found)}")
    page = "\n".join(parts)
    text = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(name)}</title>'
    with atomic_path(path) as part:
        part.write_text(f"{text}<style>{STYLE}</style></head>\n<body>\n{page}\n</body></html>\n", encoding="utf-8")


def _times(plane):
    """How many pixels high a row is shown: more than one where there are few."""
    return max(1, plane.shape[1] // (2 * plane.shape[0]))


def _grey(plane, low, high, times):
    """PNG of a plane, grey values from low to high."""
    image = np.clip((np.float32(plane) - low) * (255.0 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    return cv2.imencode(".png", np.repeat(image, times, 0))[1].tobytes()


def _chart(found):
    """PNG of the curves; sections that were not placed are gaps, and before the first there is no step."""
    figure = Figure(figsize=(11, 6), layout="constrained", dpi=80)
    numbers = np.arange(1, len(found["angle"]) + 1)
    placed = ~np.isin(numbers, found["failed"])
    curves = {"angle, deg": (found["angle"], placed), "step, px": (found["step"], placed & (numbers > 1))}
    if "elastic" in found:
        curves["field, px"] = (found["elastic"]["rms"], placed)
    axes = figure.subplots(1 + len(curves), 1, sharex=True)
    shift = np.where(placed[:, None], found["shift"], np.nan)
    for values, label in ((shift[:, 0], "right"), (shift[:, 1], "down")):
        axes[0].plot(numbers, values, ".-", markersize=4, label=label)
    axes[0].legend(fontsize=8)
    axes[0].set_ylabel("shift, px")
    for axis, (label, (values, known)) in zip(axes[1:], curves.items(), strict=True):
        axis.plot(numbers, np.where(known, values, np.nan), ".-", markersize=4)
        axis.set_ylabel(label)
    axes[-1].set_xlabel("section")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _caption(found):
    size = ", and root mean square of the field that unbends it" if "elastic" in found else ""
    return f"shift, angle, and step from the section before{size}"


def _table(found):
    worst = sorted(sorted(range(len(found["score"])), key=found["score"].__getitem__)[:WORST])
    names = ["section", "right, px", "down, px", "angle, deg", "step, px", "score"]
    if "elastic" in found:
        names.append("field, px")
    rows = ["".join(f"<th>{name}</th>" for name in names)]
    for number in worst:
        values = [*found["shift"][number], found["angle"][number], found["step"][number], found["score"][number]]
        if "elastic" in found:
            values.append(found["elastic"]["rms"][number])
        rows.append(f"<td>{number + 1}</td>" + "".join(f"<td>{value:.3f}</td>" for value in values))
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _figure(png, caption):
    code = base64.b64encode(png).decode("ascii")
    caption = html.escape(caption)
    return f'<figure><img src="data:image/png;base64,{code}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
