"""The report of a classed stack: the averages with their numbers first, for people decide by looking."""

import html
import importlib.resources
import pathlib
import string

import numpy as np

from udl_tf.classification.class_members import members
from udl_tf.particles import figures
from udl_tf.particles.report_html import grid, picture


def write_report(path, request, table, source, command, seconds, versions):
    """Write one HTML page to path.

    Args:
        request: `request.ClassRequest`. table: `ClassTable`. source: of the images. seconds: of the run. versions: of what ran.
    """
    sections = [
        ("Summary", _summary(request, table, source, seconds)),
        ("Classes", _montage(table, source)),
        ("Members", members(table, source)),
        ("Confusion", _confusion(table)),
        ("Particles", _histograms(table)),
        ("How it was made", f"<pre>{html.escape(command)}</pre>\n<p>{html.escape(_listed(versions))}</p>"),
    ]
    body = "\n".join(f"<section>\n<h2>{title}</h2>\n{content}\n</section>" for title, content in sections)
    page = importlib.resources.files("udl_tf.particles").joinpath("report.html").read_text(encoding="utf-8")
    title = f"{pathlib.Path(request.path).name}, classed"
    pathlib.Path(path).write_text(string.Template(page).substitute(title=html.escape(title), body=body), encoding="utf-8")


def _summary(request, table, source, seconds):
    count, junk = len(table.label), int((table.junk & table.usable).sum())
    rows = {
        "Particles": f"{count:,}",
        "Cannot be used": f"{int((~table.usable).sum()):,} (constant, or NaN)",
        "Told to be junk": f"{junk:,} ({100 * junk / count:.1f} %)",
        "Classes": f"{int((~table.junk_class).sum())}, and {int(table.junk_class.sum())} of junk",
        "Evidence of noise alone": "as the model knows it" if np.isnan(table.threshold) else f"up to {table.threshold:.1f} nats",
        "Pixel size": "unknown" if source.pixel_size is None else f"{source.pixel_size:.4g} Å",
        "Time": f"{seconds:.1f} s, {count / max(seconds, 1e-9):,.0f} particles/s",
    }
    cells = "\n".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items())
    return f'<div class="summary">\n<table>\n{cells}\n</table>\n</div>'


def _montage(table, source):
    unit = "px" if source.pixel_size is None else "Å"
    counts, pictures = table.counts, []
    for number, average in enumerate(table.averages):
        period = table.resolution[number]
        said = f"{period:.1f} {unit}" if np.isfinite(period) else "nothing resolved"
        share = 100 * counts[number] / max(counts.sum(), 1)
        name = f"{number + 1}" + (" (junk)" if table.junk_class[number] else "")
        accuracy = table.accuracy(number)
        text = f"{name}: {counts[number]:,} particles, {share:.1f} %; {said}"
        text += "" if accuracy is None else f"; ψ to {accuracy:.2f}°"
        pictures.append(picture(figures.grey(average, 0.45 * average.shape[0]), f"Class {name}", text))
    rule = "Sorted by size; junk at the end. Resolution: ring correlation of the averages of both halves of a class, 0.143."
    return grid(pictures, "images") + f"<p>{rule}</p>"


def _confusion(table):
    """How probable each class is for the members of each other one; what is missing to 1 is that they hold noise alone."""
    numbers = range(1, len(table.confusion) + 1)
    head = "".join(f"<th>{number}</th>" for number in numbers)
    rows = [
        f"<tr><th>{number}</th>" + "".join(f"<td>{'' if share < 0.005 else f'{share:.2f}'}</td>" for share in row) + "</tr>"
        for number, row in zip(numbers, table.confusion, strict=True)
    ]
    rule = "Mean probability of each class (columns) of the members of each (rows). Classes with much in common are one view."
    return f"<table>\n<tr><th></th>{head}</tr>\n" + "\n".join(rows) + f"\n</table>\n<p>{rule}</p>"


def _histograms(table):
    used = table.usable
    kept = ~table.junk[used]
    evidence = figures.histogram(table.evidence[used], kept, "evidence, nats")
    sure = figures.histogram(table.probability[used], kept, "probability of the class", limits=(0.0, 1.0))
    text = "Evidence: log-likelihood above noise alone. In the averages, and left out as junk."
    return grid(
        [
            picture(evidence, "Histogram of the evidence", text),
            picture(sure, "Histogram of the probability", "How sure the class is."),
        ],
        "charts",
    )


def _listed(versions):
    return ", ".join(f"{name} {version}" for name, version in versions.items())
