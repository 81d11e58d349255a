"""What a method's answer looks like: the figure of a table, and the loss curve of a method that did not converge."""

import collections

import matplotlib
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from pipelines.files.atomic import atomic_path
from udl_tf.rivals import keypoints
from udl_tf.rivals.tracking import cut

PANEL, MATCH_PANEL = 1.35, 2.0  # inches
MATCH_ZOOM = 4  # pixels for one of an image
PERCENTILES = (0.5, 99.5)  # of the grey values, black and white
SMOOTH = 0.02  # of a loss curve's length: window of its running mean

Picture = collections.namedtuple("Picture", "original reference result")
Picture.__doc__ = """One pair, (height, width) each: `moving` as it is, `fixed`, and `moving` as a method brings it onto `fixed`.

Of a sequence: its last frame, the patch in its first frame, and where the method says that the patch is in the last.
"""


def of(table, case, answer):
    """The `Picture` of the first pair of a case.

    Args:
        table: `protocol.Table`. case: `cases.Case`. answer: of all pairs, see `scores.errors`.
    """
    if table.kind == "tracking":
        frames = tf.constant(case.inputs["frames"][0])
        last = len(frames) - 1
        patches = cut(tf.gather(frames, [0, last]), tf.constant(answer[[0, last]].matrix, tf.float32), case.problem.side).numpy()
        return Picture(frames[-1].numpy(), *patches)
    fixed, moving = (case.inputs[name][:1] for name in ("fixed", "moving"))
    return Picture(moving[0], fixed[0], answer[0].warp(moving)[0])


def draw(path, table, methods, found):
    """Write the figure as PNG: a row for each condition that is shown; the original, the reference and each method's result.

    Args:
        path: of the file. table: `protocol.Table`. methods: {name: `rivals.registry.Rival`}.
        found: {(condition's name, method's name): `Picture`}; what is not there stays empty.
    """
    rows = [condition for condition in table.conditions if condition.shown]
    size = (PANEL * (2 + len(methods)) + 0.3, PANEL * len(rows) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), 2 + len(methods), squeeze=False)
    for line, condition in zip(axes, rows, strict=True):
        first = next((found[condition.name, name] for name in methods if (condition.name, name) in found), None)
        results = (found.get((condition.name, name)) for name in methods)
        shown = [first and first.original, first and first.reference, *(result and result.result for result in results)]
        for axis, image in zip(line, shown, strict=True):
            _show(axis, image)
        line[0].set_ylabel(condition.title, fontsize=7)
    for axis, title in zip(axes[0], ("original", "reference", *(method.title for method in methods.values())), strict=True):
        axis.set_title(title, fontsize=8)
    _write(figure, path)


def draw_matches(path, table, methods, found):
    """Write what the keypoint methods matched in the pairs of `draw` as PNG; returns whether there was such a method.

    Arguments as of `draw`, but that every picture has to be there. Green lines: matches that the method's transform agrees with;
    red ones: those that it does not.
    """
    rows = [condition for condition in table.conditions if condition.shown]
    columns = [name for name in methods if name in keypoints.METHODS]
    if not columns:
        return False
    kind = "rigid" if table.period else "homography"
    size = (2 * MATCH_PANEL * len(columns) + 0.3, MATCH_PANEL * len(rows) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for line, condition in zip(axes, rows, strict=True):
        for axis, name in zip(line, columns, strict=True):
            pair = found[condition.name, name]
            drawn = keypoints.match_picture(pair.reference, pair.original, name, kind, MATCH_ZOOM)
            _show(axis, drawn[..., ::-1])  # red, green, blue
        line[0].set_ylabel(condition.title, fontsize=7)
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(f"{methods[name].title}: reference and original", fontsize=8)
    _write(figure, path)
    return True


def loss_curve(path, losses, title):
    """Write the loss of every step and its running mean as PNG. losses: (steps,)."""
    figure = Figure(figsize=(5.0, 2.8), layout="constrained")
    axis = figure.subplots()
    width = max(int(SMOOTH * len(losses)), 1)
    mean = np.convolve(losses, np.ones(width) / width, mode="valid")
    axis.plot(np.arange(1, len(losses) + 1), losses, color="0.75", linewidth=0.8)
    axis.plot(np.arange(width, len(losses) + 1), mean, color="tab:blue")
    axis.set(xlabel="step", ylabel="loss")
    axis.set_title(title, fontsize=9)
    _write(figure, path)


def _show(axis, image):
    axis.set_xticks([])
    axis.set_yticks([])
    if image is None or not np.isfinite(image).all():
        axis.set_frame_on(False)
        return
    black, white = np.percentile(image, PERCENTILES)
    axis.imshow(image, cmap="gray", vmin=black, vmax=max(white, black + 1e-6), interpolation="nearest")


def _write(figure, path):
    with atomic_path(path) as part, matplotlib.rc_context({"savefig.dpi": 100}):
        figure.savefig(part, format="png")
