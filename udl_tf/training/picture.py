"""The picture of a training run: loss, error, and example pairs before and after alignment."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from pipelines.files.atomic import atomic_path

EXAMPLES = 6


def draw(path, history, errors, period, inputs, aligned, title):
    """Write report.png.

    Args:
        path: of the PNG file. history: of `trainer.train`. title: one line.
        errors: None, or dict of name -> rotation errors (n,) in degrees. period: degrees, of those errors.
        inputs: dict of ``fixed``, ``moving`` (n, h, w). aligned: (n, h, w), `moving` brought onto `fixed`.
    """
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.5))
    figure.suptitle(title, fontsize=11)
    columns = top.subplots(1, 3)
    columns[0].plot(history["step"], history["loss"], color="tab:blue")
    columns[0].set(title="training loss (UDL)", xlabel="step", yscale="log")
    for name, label, color in (
        ("rotation_error_deg", "rotation error", "tab:orange"),
        ("consistency_deg", "consistency (needs no truth)", "tab:green"),
    ):
        if history.get(name):
            columns[1].plot(history["step"], history[name], color=color, label=label)
    columns[1].set(title="network, held-out pairs", xlabel="step", ylabel="mean, deg")
    if columns[1].lines:
        columns[1].legend(fontsize=8)
    _histogram(columns[2], errors)
    columns[2].set(title=f"final error modulo {period:g}", xlabel="rotation error, deg", ylabel="pairs")
    rows = bottom.subplots(3, EXAMPLES)
    pictures = {"fixed": inputs["fixed"], "moving": inputs["moving"], "moving, aligned": aligned}
    for row, (name, images) in zip(rows, pictures.items(), strict=True):
        for axis, image in zip(row, images, strict=False):
            low, high = np.percentile(image, (1, 99))
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
        for axis in row:
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    with atomic_path(path) as part, matplotlib.rc_context({"savefig.dpi": 80}):
        figure.savefig(part, format="png")


def _histogram(axis, errors):
    if errors:
        top = max(np.percentile(error, 98) for error in errors.values())
        for name, error in errors.items():
            label = f"{name}: mean {error.mean():.2f}"
            axis.hist(np.clip(error, 0, top), bins=30, range=(0, top), histtype="step", label=label)
        axis.legend(fontsize=8)
    _or_say(axis, errors)


def _or_say(axis, known):
    if not known:
        axis.text(0.5, 0.5, "truth unknown", ha="center", va="center", transform=axis.transAxes)
