"""The report of a stack alignment: one HTML file that holds everything, for a screen, a phone or paper, without scripts."""

import base64
import html

import cv2
import numpy as np

from pipelines import geometry
from pipelines.files.atomic import atomic_path
from udl_tf.networks.window import soft_disc
from udl_tf.particles import figures, measures
from udl_tf.particles.report_page import PAGE

LEVELS = (0.143, 0.5)
BLUR = 1 / 50  # of the box: width (sigma) of the Gaussian that smooths a particle for the eye
UNKNOWN = "unknown"


def write_report(story, path):
    """Write the report of `story` (see `story.Story`) as one HTML file; it appears when it is whole.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    curves, crossings = _correlation(story)
    sections = [
        ("Summary", _summary(story, crossings)),
        ("Averages", _averages(story)),
        ("Resolution and convergence", _resolution(story, curves, crossings)),
        ("Particles", _histograms(story)),
        ("Best particles, aligned", _particles(story, story.best, "best")),
        ("Worst particles, aligned", _particles(story, story.worst, "worst")),
        ("Notes", _list(story.notes) if story.notes else "<p>None.</p>"),
        ("How it was made", _provenance(story)),
    ]
    body = "\n".join(f"<section>\n<h2>{title}</h2>\n{content}\n</section>" for title, content in sections)
    page = PAGE.format(title=html.escape(story.title), body=body)
    with atomic_path(path) as part:
        part.write_text(page, encoding="utf-8")


def _correlation(story):
    """FRC curves by label, and the crossings of the first by level; (None, None) without half-set averages."""
    if story.halves is None or not np.isfinite(story.halves).all():
        return None, None
    mask = soft_disc(story.box, story.mask_radius / (story.box / 2))
    curves = {
        f"within {story.mask_radius:.4g} px of the centre": measures.ring_correlation(*story.halves, mask),
        "whole frame": measures.ring_correlation(*story.halves),
    }
    first = next(iter(curves.values()))
    return curves, {level: measures.crossing(first, level, story.box, story.pixel_size) for level in LEVELS}


def _summary(story, crossings):
    count, included = len(story.angle), story.included
    unusable = count - np.count_nonzero(story.usable)
    inside = story.sigma[included]
    inside = inside[np.isfinite(inside)]
    left_out = f"{count - included.sum():,}" + (f", of which {unusable:,} cannot be used (NaN or constant)" if unusable else "")
    rows = {
        "Particles": f"{count:,}",
        "In the average": f"{included.sum():,}" + (" (weighted)" if np.any(story.weight[included] < 1) else ""),
        "Left out": left_out,
        "Pixel size": UNKNOWN if story.pixel_size is None else f"{story.pixel_size:.4g} Å",
        "Box": f"{story.box} px" + ("" if story.pixel_size is None else f" = {story.box * story.pixel_size:.4g} Å"),
        "CTF": story.ctf or UNKNOWN,
        "Reference": story.reference or UNKNOWN,
        "Rounds": str(len(story.changes)) if story.changes else "one pass",
        **{f"FRC {level:g}": _period(story, crossings, level) for level in LEVELS},
        "Sigma of the angle, median": f"{np.median(inside):.3g}°" if inside.size else f"{UNKNOWN}: no particle is in the average",
        "Score, median": f"{np.median(story.score[story.usable]):.3f}" if np.any(story.usable) else UNKNOWN,
        "Time": _duration(story.seconds),
        "Particles per second": _rates(story),
    }
    if story.similarity is not None and np.isfinite(story.similarity[included]).any():
        rows["Correntropy, mean"] = f"{np.nanmean(story.similarity[included]):.4f}"
    cells = "\n".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items())
    label, last = story.averages[-1] if story.averages else (None, None)
    picture = "" if last is None else _picture(figures.grey(last, story.mask_radius), f"Average, {label}", label)
    lead = f"<p>{html.escape(story.source)}, aligned by the model {html.escape(story.model)}.</p>"
    return f'{lead}\n<div class="summary">\n<table>\n{cells}\n</table>\n{picture}\n</div>'


def _averages(story):
    if not story.averages:
        return "<p>None.</p>"
    pictures = [_picture(figures.grey(image, story.mask_radius), f"Average, {label}", label) for label, image in story.averages]
    return _grid(pictures, "images") + f"<p>{_grey_rule(story)}</p>"


def _resolution(story, curves, crossings):
    charts, said = [], []
    if curves is None:
        said.append("The resolution is unknown: there are no half-set averages.")
    else:
        periods = "; ".join(f"{level:g}: {_period(story, crossings, level)}" for level in LEVELS)
        text = (
            f"Fourier ring correlation of the averages of two halves of the particles. {periods}. "
            "If both halves were aligned to the same reference, part of their noise was, too, and the curve is too high."
        )
        chart = figures.ring_correlation(curves, story.box, story.pixel_size, crossings)
        charts.append(_picture(chart, f"Fourier ring correlation; {periods}", text))
    if story.changes:
        changes = ", ".join(f"{change:.3g}°" for change in story.changes)
        charts.append(_picture(figures.convergence(story.changes), "Change per round", f"Median change per round: {changes}."))
    else:
        said.append("One pass to a given reference: there are no rounds to converge.")
    return (_grid(charts, "charts") if charts else "") + "".join(f"<p>{sentence}</p>" for sentence in said)


def _histograms(story):
    usable, included = np.asarray(story.usable, bool), story.included[story.usable]
    if not usable.any():
        return "<p>No particle could be used.</p>"
    angle, score, sigma = (np.asarray(part, float)[usable] for part in (story.angle, story.score, story.sigma))
    charts = [
        _picture(
            figures.histogram(geometry.wrap_degrees(angle), included, "angle, deg", 36, (-180.0, 180.0)),
            "Histogram of the angles",
            "Angle, counter-clockwise. Random in most stacks: peaks may mean a preferred direction, or a wrong mask.",
        ),
        _picture(
            figures.shifts(np.asarray(story.shift, float)[usable], included, story.pixel_size),
            "Histogram of the shifts",
            "Shift. Pile-ups at the ends: the largest shift allowed was too small.",
        ),
        _picture(
            figures.histogram(score, included, "score", limits=(0.0, 1.0) if np.all((score >= 0) & (score <= 1)) else None),
            "Histogram of the scores",
            "Score: probability that the angle is within 5 degrees.",
        ),
    ]
    finite = sigma[np.isfinite(sigma)]
    typical = np.median(finite if not included.any() else sigma[included & np.isfinite(sigma)]) if finite.size else 1.0
    top = max(min(4 * typical, finite.max(initial=0.0)), 1e-6)
    last = f" The last bar also holds the {np.sum(finite > top):,} above {top:.3g}." if np.any(finite > top) else ""
    charts.append(
        _picture(
            figures.histogram(sigma, included, "sigma, deg", limits=(0.0, top)),
            "Histogram of sigma",
            f"Sigma: standard error of the angle, if it is not grossly wrong.{last}",
        )
    )
    if story.similarity is not None:
        similarity = np.asarray(story.similarity, float)[usable]
        text = "Correntropy of the aligned particle and the reference: 1 for equal images, about 0.58 for unrelated ones."
        charts.append(_picture(figures.histogram(similarity, included, "similarity"), "Histogram of the similarity", text))
    return _grid(charts, "charts")


def _particles(story, particles, which):
    if not particles:
        return "<p>None left: all are among the best.</p>" if which == "worst" and story.best else "<p>None.</p>"
    width = BLUR * story.box
    pairs = []
    for row, score, image in particles:
        name = f"{row + 1}"
        smooth = cv2.GaussianBlur(np.nan_to_num(np.asarray(image, np.float32)), (0, 0), width)
        images = "".join(
            _image(figures.grey(picture, story.mask_radius), f"Particle {name}, aligned, {kind}, score {score:.3f}")
            for picture, kind in ((image, "as it is"), (smooth, "smoothed"))
        )
        caption = f"No. {name} · score {score:.3f}" + ("" if story.included[row] else " · left out")
        pairs.append(f'<figure class="pair"><div>{images}</div><figcaption>{caption}</figcaption></figure>')
    text = (
        f"Number in the STAR file, from 1, and score. Left as it is, right smoothed for the eye by a Gaussian of {width:.2g} px. "
        f"{_grey_rule(story)}"
    )
    return _grid(pairs, "pairs") + f"<p>{text}</p>"


def _provenance(story):
    versions = ", ".join(f"{name} {version}" for name, version in story.versions.items()) or UNKNOWN
    return f"<pre>{html.escape(story.command)}</pre>\n<p>{html.escape(versions)}. {_duration(story.seconds)}.</p>"


def _grey_rule(story):
    low, high = figures.LIMITS
    return (
        f"Each picture has its own grey scale by the same rule: {low:g} % of the pixels within {story.mask_radius:.4g} px of the "
        f"centre are black, {100 - high:g} % white."
    )


def _period(story, crossings, level):
    if crossings is None:
        return f"{UNKNOWN}: no half-set averages"
    period, unit = crossings[level], "px" if story.pixel_size is None else "Å"
    if np.isinf(period):
        return "nothing resolved: below from the first ring on"
    finest = story.box * (story.pixel_size or 1.0) / (story.box // 2)
    return f"never below: finer than {finest:.3g} {unit}" if period <= finest * (1 + 1e-9) else f"{period:.3g} {unit}"


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _rates(story):
    whole = f"{len(story.angle) / story.seconds:,.3g} over the whole run" if story.seconds > 0 else UNKNOWN
    return whole + (f"; by round {', '.join(f'{rate:,.0f}' for rate in story.rates)}" if story.rates else "")


def _list(sentences):
    return "<ul>\n" + "\n".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences) + "\n</ul>"


def _grid(items, kind):
    return f'<div class="{kind}">\n' + "\n".join(items) + "\n</div>\n"


def _picture(png, alt, caption):
    return f"<figure>{_image(png, alt)}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _image(png, alt):
    alt = html.escape(alt)
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}" alt="{alt}" title="{alt}">'
