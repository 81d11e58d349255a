"""The histograms of the report of a stack alignment."""

import numpy as np

from pipelines import geometry
from udl_tf.particles import figures
from udl_tf.particles.report_html import grid, picture


def histograms(content):
    """HTML of the histograms of angle, shift, score, sigma and similarity of the particles that can be used."""
    table, usable = content.particles, content.particles.usable
    included = table.included[usable]
    if not usable.any():
        return "<p>No particle could be used.</p>"
    angle, score, sigma = (np.asarray(part, float)[usable] for part in (table.angle, table.score, table.sigma))
    charts = [
        picture(
            figures.histogram(geometry.wrap_degrees(angle), included, "angle, deg", 36, (-180.0, 180.0)),
            "Histogram of the angles",
            "Angle, counter-clockwise. Random in most stacks: peaks may mean a preferred direction, or a wrong mask.",
        ),
        picture(
            figures.shifts(np.asarray(table.shift, float)[usable], included, content.pixel_size),
            "Histogram of the shifts",
            "Shift. Pile-ups at the ends: the largest shift allowed was too small.",
        ),
        picture(
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
        picture(
            figures.histogram(sigma, included, "sigma, deg", limits=(0.0, top)),
            "Histogram of sigma",
            f"Sigma: standard error of the angle, if it is not grossly wrong.{last}",
        )
    )
    if content.similarity is not None:
        similarity = np.asarray(content.similarity, float)[usable]
        text = "Correntropy of the aligned particle and the reference: 1 for equal images, about 0.58 for unrelated ones."
        charts.append(picture(figures.histogram(similarity, included, "similarity"), "Histogram of the similarity", text))
    return grid(charts, "charts")
