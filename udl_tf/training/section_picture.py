"""The picture of a run on sections: loss, held-out error and sharpness, and held-out sections beside what was made."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from pipelines.files.atomic import atomic_path

EXAMPLES = 3


def draw(path, history, shown, title):
    """Write report.png.

    Args:
        path: of the PNG file. history: of `trainer.train`. title: one line.
        shown: dict of name -> planes (n, height, width), a column each.
    """
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.5))
    figure.suptitle(title, fontsize=11)
    columns = top.subplots(1, 3)
    for axis, name, label in zip(
        columns,
        ("loss", "mae", "sharpness"),
        ("training loss", "held out: mean absolute error, sd", "held out: power over the truth's, middle band"),
        strict=True,
    ):
        if history.get(name):
            axis.plot(history["step"], history[name], color="tab:blue")
        axis.set(title=label, xlabel="step")
        axis.title.set_fontsize(9)
    rows = bottom.subplots(EXAMPLES, len(shown), squeeze=False)
    for column, (name, planes) in zip(rows.T, shown.items(), strict=True):
        column[0].set_title(name, fontsize=9)
        for axis in column:
            axis.set(xticks=[], yticks=[])
        for axis, plane in zip(column, planes, strict=False):
            low, high = np.percentile(plane, (1, 99))
            axis.imshow(plane, cmap="gray", vmin=low, vmax=high)
    with atomic_path(path) as part, matplotlib.rc_context({"savefig.dpi": 80}):
        figure.savefig(part, format="png")
