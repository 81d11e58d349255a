"""The outcome of a search: the ranked trials as plain data, as a table, and as a picture."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.files.atomic import atomic_path

COLUMNS = 4  # of the picture's small panels
SHOWN = 6  # significant digits of a value at most


def ranked(trials):
    """Trials sorted: those that had all the steps first, by their measure; then the shorter ones; last those that failed.

    Args:
        trials: list of dicts with ``trial``, ``status`` (``COMPLETED`` or ``FAILED``), ``consistency_deg`` (None where failed),
            ``steps``, ``values``; what else they hold is kept.

    Returns:
        list of the same dicts with ``rank``, from 1 on; None for all but those with all the steps.
    """
    most = max((trial["steps"] for trial in trials), default=0)

    def key(trial):
        failed = trial["consistency_deg"] is None
        return failed, trial["steps"] < most, 0.0 if failed else trial["consistency_deg"], trial["trial"]

    order = sorted(trials, key=key)
    return [{"rank": None if any(key(trial)[:2]) else number, **trial} for number, trial in enumerate(order, 1)]


def changes(trial, start):
    """The values of a trial that differ from those of the starting configuration, as text."""
    different = [f"{name} {plain(value)}" for name, value in trial["values"].items() if start.get(name) != value]
    return ", ".join(different) or "as the preset"


def table(rows):
    """Text of the rows of `ranked`, the best first."""
    start = next((row["values"] for row in rows if row["trial"] == 0), {})
    lines = [f"{'rank':>4s} {'trial':>5s} {'consistency':>12s} {'steps':>6s} {'time':>7s}  what differs from the preset"]
    for row in rows:
        rank = "" if row["rank"] is None else row["rank"]
        found = "failed" if row["consistency_deg"] is None else f"{row['consistency_deg']:.3f} deg"
        what = row["message"] if row["consistency_deg"] is None else changes(row, start)
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f} s"
        lines.append(f"{rank:>4} {row['trial']:>5d} {found:>12s} {row['steps']:>6d} {seconds:>7s}  {what}")
    return "\n".join(lines)


def draw(path, rows, title):
    """Write search.png: the measure of each trial in the order they ran, the best so far, and the measure against every value."""
    done = sorted((row for row in rows if row["consistency_deg"] is not None), key=lambda row: row["trial"])
    names = [name for name in dict.fromkeys(name for row in done for name in row["values"]) if _varies(done, name)]
    lines = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(11, 3.2 + 2.4 * lines), layout="constrained")
    figure.suptitle(title, fontsize=11)
    top, *bottom = figure.subfigures(2, 1, height_ratios=(3.2, 2.4 * lines)) if lines else (figure,)
    _course(top.subplots(), rows, done)
    if lines:
        panels = list(bottom[0].subplots(lines, COLUMNS, squeeze=False).flat)
        for axis, name in zip(panels, names, strict=False):
            _against(axis, done, name)
        for axis in panels[len(names) :]:
            axis.axis("off")
    with atomic_path(path) as part, matplotlib.rc_context({"savefig.dpi": 80}):
        figure.savefig(part, format="png")


def plain(value):
    """A value as short text."""
    return f"{value:.{SHOWN // 2}g}" if isinstance(value, float) else str(value)


def _course(axis, rows, done):
    full = [row for row in done if row["rank"] is not None]
    short = [row for row in done if row["rank"] is None]
    for part, style, label in ((full, "o", "all steps"), (short, "^", "part of the steps")):
        if part:
            axis.plot([row["trial"] for row in part], [row["consistency_deg"] for row in part], style, label=label)
    if full:
        best = np.minimum.accumulate([row["consistency_deg"] for row in full])
        axis.step([row["trial"] for row in full], best, where="post", color="tab:green", label="best so far")
        axis.set_yscale("log")
    for row in rows:
        if row["consistency_deg"] is None:
            axis.axvline(row["trial"], color="tab:red", alpha=0.3)
    axis.set(xlabel="trial (0 is the preset; red: failed)", ylabel="inconsistency, deg")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain_degrees(axis)
    axis.legend(fontsize=8)


def _against(axis, done, name):
    """One dot for each trial that has the value; text stands in the order of its names."""
    have = [row for row in done if name in row["values"]]
    values = [row["values"][name] for row in have]
    if any(isinstance(value, (str, bool)) for value in values):
        names = sorted({str(value) for value in values})
        axis.set_xticks(range(len(names)), [text.removeprefix("gaussian:") for text in names], fontsize=8)
        values = [names.index(str(value)) for value in values]
        axis.set_xlim(-0.5, len(names) - 0.5)
    elif min(values) > 0 and max(values) > 10 * min(values):
        axis.set_xscale("log")
    colors = ["tab:blue" if row["rank"] is not None else "0.7" for row in have]
    axis.scatter(values, [row["consistency_deg"] for row in have], c=colors, s=14)
    first = next((i for i, row in enumerate(have) if row["trial"] == 0), None)
    if first is not None:
        axis.scatter(values[first], have[first]["consistency_deg"], marker="*", s=90, c="tab:orange")
    axis.set_yscale("log")
    _plain_degrees(axis)
    axis.set_title(name, fontsize=9)


def _plain_degrees(axis):
    """Write 2, not 2 x 10^0."""
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:g}")


def _varies(done, name):
    return len({str(row["values"][name]) for row in done if name in row["values"]}) > 1
