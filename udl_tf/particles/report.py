"""The report of a stack alignment: one HTML file that holds everything, for a screen, a phone or paper, without scripts."""

import html
import importlib.resources
import string

import cv2
import numpy as np

from pipelines.files.atomic import atomic_path
from udl_tf.networks.window import soft_disc
from udl_tf.particles import figures, measures
from udl_tf.particles.report_histograms import histograms
from udl_tf.particles.report_html import bullets, grid, image, picture

LEVELS = (0.143, 0.5)
BLUR = 1 / 50  # of the box: width (sigma) of the Gaussian that smooths a particle for the eye
UNKNOWN = "unknown"


def write_report(content, path):
    """Write the report of a stack alignment, `ReportContent`, as one HTML file; it appears when it is whole.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    seen = [_correlation(content, view) for view in sorted(content.alignment.averages)]
    sections = [
        ("Summary", _summary(content, seen)),
        ("Averages", _averages(content)),
        ("Resolution and convergence", _resolution(content, seen)),
        ("Particles", histograms(content)),
        ("Best particles, aligned", _particles(content, content.best, "best")),
        ("Worst particles, aligned", _particles(content, content.worst, "worst")),
        ("Notes", bullets([*content.alignment.notes, *content.notes])),
        ("How it was made", _provenance(content)),
    ]
    body = "\n".join(f"<section>\n<h2>{title}</h2>\n{section}\n</section>" for title, section in sections)
    template = string.Template(importlib.resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    page = template.substitute(title=html.escape(content.title), body=body)
    with atomic_path(path) as part:
        part.write_text(page, encoding="utf-8")


def _correlation(content, view):
    """(what is said before the view, FRC curves by label, crossings of the first by level); the last two None if not known."""
    name = f"View {view + 1}. " if content.several else ""
    halves = content.alignment.averages[view].halves
    if not np.isfinite(halves).all():
        return name, None, None
    mask = soft_disc(content.box, content.mask_radius / (content.box / 2))
    curves = {
        f"within {content.mask_radius:.4g} px of the centre": measures.ring_correlation(*halves, mask),
        "whole frame": measures.ring_correlation(*halves),
    }
    first = next(iter(curves.values()))
    return name, curves, {level: measures.crossing(first, level, content.box, content.pixel_size) for level in LEVELS}


def _summary(content, seen):
    table, rounds = content.particles, content.alignment.changes
    count, included = len(table.rows), table.included
    unusable = count - np.count_nonzero(table.usable)
    inside = table.sigma[included]
    inside = inside[np.isfinite(inside)]
    left_out = f"{count - included.sum():,}" + (f", of which {unusable:,} cannot be used (NaN or constant)" if unusable else "")
    rows = {
        "Particles": f"{count:,}",
        "In the average": f"{included.sum():,}" + (" (weighted)" if np.any(table.weight[included] < 1) else ""),
        "Left out": left_out,
        "Pixel size": UNKNOWN if content.pixel_size is None else f"{content.pixel_size:.4g} Å",
        "Box": f"{content.box} px" + ("" if content.pixel_size is None else f" = {content.box * content.pixel_size:.4g} Å"),
        "CTF": content.ctf or UNKNOWN,
        "Reference": content.reference or UNKNOWN,
        "Rounds": str(len(rounds)) if rounds else "one pass",
        **{f"{name}FRC {level:g}": _period(content, crossings, level) for name, _, crossings in seen for level in LEVELS},
        "Sigma of the angle, median": f"{np.median(inside):.3g}°" if inside.size else f"{UNKNOWN}: no particle is in the average",
        "Score, median": f"{np.median(table.score[table.usable]):.3f}" if np.any(table.usable) else UNKNOWN,
        "Time": _duration(content.seconds),
        "Particles per second": _rates(content),
    }
    if content.similarity is not None and np.isfinite(content.similarity[included]).any():
        rows["Correntropy, mean"] = f"{np.nanmean(content.similarity[included]):.4f}"
    cells = "\n".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items())
    pictures = _last_averages(content)
    shown = pictures[0] if len(pictures) == 1 else ""
    lead = f"<p>{html.escape(content.source)}, aligned by the model {html.escape(content.model)}.</p>"
    return f'{lead}\n<div class="summary">\n<table>\n{cells}\n</table>\n{shown}\n</div>'


def _averages(content):
    """Of one view all averages on the way; of several the last one of each."""
    if not content.alignment.snapshots:
        return "<p>None.</p>"
    if content.several:
        pictures = _last_averages(content)
    else:
        steps = [(label, image) for label, images in content.alignment.snapshots for image in images.values()]
        pictures = [picture(_grey(content, image), f"Average, {label}", label) for label, image in steps]
    return grid(pictures, "images") + f"<p>{_grey_rule(content)}</p>"


def _last_averages(content):
    label, images = content.alignment.snapshots[-1] if content.alignment.snapshots else ("", {})
    named = {view: f"view {view + 1}, {label}" if content.several else label for view in images}
    return [picture(_grey(content, image), f"Average, {named[view]}", named[view]) for view, image in sorted(images.items())]


def _resolution(content, seen):
    charts, said, rounds = [], [], content.alignment.changes
    for name, curves, crossings in seen:
        if curves is None:
            said.append(f"{name}The resolution is unknown: there are no half-set averages.")
            continue
        periods = "; ".join(f"{level:g}: {_period(content, crossings, level)}" for level in LEVELS)
        text = (
            f"{name}Fourier ring correlation of the averages of two halves of the particles. {periods}. "
            "If both halves were aligned to the same reference, part of their noise was, too, and the curve is too high."
        )
        chart = figures.ring_correlation(curves, content.box, content.pixel_size, crossings)
        charts.append(picture(chart, f"{name}Fourier ring correlation; {periods}", text))
    if rounds:
        changes = ", ".join(f"{change:.3g}°" for change in rounds)
        charts.append(picture(figures.convergence(rounds), "Change per round", f"Median change per round: {changes}."))
    else:
        said.append("One pass to a given reference: there are no rounds to converge.")
    return (grid(charts, "charts") if charts else "") + "".join(f"<p>{sentence}</p>" for sentence in said)


def _particles(content, particles, which):
    if not particles:
        return "<p>None left: all are among the best.</p>" if which == "worst" and content.best else "<p>None.</p>"
    width = BLUR * content.box
    pairs, included = [], content.particles.included
    for row, score, aligned in particles:
        name = f"{row + 1}"
        smooth = cv2.GaussianBlur(np.nan_to_num(np.asarray(aligned, np.float32)), (0, 0), width)
        images = "".join(
            image(_grey(content, shown), f"Particle {name}, aligned, {kind}, score {score:.3f}")
            for shown, kind in ((aligned, "as it is"), (smooth, "smoothed"))
        )
        caption = f"No. {name} · score {score:.3f}" + ("" if included[row] else " · left out")
        pairs.append(f'<figure class="pair"><div>{images}</div><figcaption>{caption}</figcaption></figure>')
    text = (
        f"Number in the STAR file, from 1, and score. Left as it is, right smoothed for the eye by a Gaussian of {width:.2g} px. "
        f"{_grey_rule(content)}"
    )
    return grid(pairs, "pairs") + f"<p>{text}</p>"


def _provenance(content):
    versions = ", ".join(f"{name} {version}" for name, version in content.versions.items()) or UNKNOWN
    return f"<pre>{html.escape(content.command)}</pre>\n<p>{html.escape(versions)}. {_duration(content.seconds)}.</p>"


def _grey(content, image):
    """PNG of an image under the mask of the averages."""
    return figures.grey(image, content.mask_radius)


def _grey_rule(content):
    low, high = figures.LIMITS
    return (
        f"Each picture has its own grey scale by the same rule: {low:g} % of the pixels within {content.mask_radius:.4g} px of "
        f"the centre are black, {100 - high:g} % white."
    )


def _period(content, crossings, level):
    if crossings is None:
        return f"{UNKNOWN}: no half-set averages"
    period, unit = crossings[level], "px" if content.pixel_size is None else "Å"
    if np.isinf(period):
        return "nothing resolved: below from the first ring on"
    finest = content.box * (content.pixel_size or 1.0) / (content.box // 2)
    return f"never below: finer than {finest:.3g} {unit}" if period <= finest * (1 + 1e-9) else f"{period:.3g} {unit}"


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _rates(content):
    whole = f"{len(content.particles.rows) / content.seconds:,.3g} over the whole run" if content.seconds > 0 else UNKNOWN
    rates = ", ".join(f"{rate:,.0f}" for rate in content.alignment.rates)
    return f"{whole}; by round {rates}" if rates else whole
