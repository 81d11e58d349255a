"""Measure the papers' methods and ours on the same pairs.

The papers' tables are printed with our numbers beside theirs. What has to be trained is trained and kept: a second run only
measures. Examples:

    python -m udl_tf.evaluate --table 1
    python -m udl_tf.evaluate --table 2 --data data --methods udl fourier default
    python -m udl_tf.evaluate --table homography --scale paper --device gpu

Ctrl-C leaves what is finished; the same command goes on. Without --data, dead leaves stand in for photographs and phantoms
for class averages.
"""

import dataclasses
import json
import pathlib
import sys
import time

from pipelines.errors import InputError
from udl_tf.commands import import_tensorflow, require, run
from udl_tf.tables import protocol, scales

OUTPUT = "runs/tables"
FIGURES = "figures"


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument(
        "--table", required=True, metavar="NAME", help="1, 2, homography, tracking, features, agents or deformable"
    )
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="columns (default: the table's)")
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="conditions (default: all of the table)")
    parser.add_argument("--weights", metavar="FILE", help="of the network of the method vgg: of VGG16 by Keras (default: ours)")
    parser.add_argument("--data", metavar="DIR", help="folder with photos/train, photos/val and cryo/class_averages")
    parser.add_argument("--scale", default="small", metavar="NAME", help="small: 64 px, for two cores; paper: 128 px, for a GPU")
    parser.add_argument("--output", default=OUTPUT, metavar="DIR", help=f"tables, figures and models (default: {OUTPUT})")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--steps", type=int, help="training steps of every model (default: those of the scale)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, gpu or gpu:N (default: auto)")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON, and nothing else, to stdout")


def main(args):
    """Run the command; returns the exit code."""

    def tell(text):
        print(text, file=sys.stderr, flush=True)

    protocol.with_rows(protocol.table(args.table, with_data=bool(args.data)), args.rows)
    scales.scale(args.scale)
    require(args.data)
    device(args.device)
    import_tensorflow()
    choose_device(args.device)
    try:
        sizes = args.scale, args.output, args.seed, args.steps
        found = evaluate(args.table, args.methods, args.data, *sizes, tell, args.weights, args.rows)
    except KeyboardInterrupt:
        print(f"stopped; {args.output} keeps what is finished, the same command goes on", file=sys.stderr)
        raise
    print(json.dumps(found["rows"]) if args.json else f"{found['text']}\nwritten: {' '.join(found['files'])}")
    return 0


def evaluate(
    table,
    methods=None,
    data=None,
    scale="small",
    output=OUTPUT,
    seed=0,
    steps=None,
    tell=lambda text: None,
    weights=None,
    rows=None,
):
    """Measure a table; its files are written anew after every cell.

    Args:
        table, scale: names, see `udl_tf.tables.protocol`. methods: names, by default the table's. data: folder, or None.
        output: folder, made if need be. seed: integer >= 0. steps: of every training, None for those of the scale.
        tell: called with a line of text at every cell. weights: path of a file, for the methods that take one.
        rows: names of conditions, by default all of the table.

    Returns:
        dict of ``rows`` (list of dicts, one a cell, see `udl_tf.tables.running`), ``text`` (Markdown), ``files`` (paths).

    Raises:
        InputError: anything a user can mend, before anything is trained.
    """
    from udl_tf.rivals import registry
    from udl_tf.tables import cases, pictures, running

    began = time.monotonic()
    chosen = protocol.with_rows(protocol.table(table, with_data=bool(data)), rows)
    size = scales.scale(scale)
    columns = registry.with_weights(registry.find(chosen.kind, methods or chosen.methods), weights)
    if seed < 0:
        raise InputError(f"--seed: received {seed}, expected 0 or more")
    if steps is not None:
        if steps < 1:
            raise InputError(f"--steps: received {steps}, expected at least 1")
        size = dataclasses.replace(size, steps={chosen.material: dict.fromkeys(columns, steps)})
    cases.require(chosen, data)
    if weights:
        from udl_tf.rivals.features import vgg

        vgg.source(weights)  # kept; what does not load shall be told now
    folder = pathlib.Path(output)
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    name = f"table-{chosen.name}-{size.name}"
    cells, shown, curves, result = [], {}, {}, None
    for cell in running.cells(chosen, columns, size, data, folder, seed, tell):
        key = cell.row["condition"], cell.row["method"]
        cells.append(cell.row)
        shown[key] = cell.picture
        if not cell.row["converged"]:
            curves[key] = f"{FIGURES}/{name}-loss-{key[1]}-{key[0].replace('&', '-')}.png"
            pictures.loss_curve(folder / curves[key], cell.losses, f"{key[1]}, {key[0]}: training loss")
        tell(_line(cell.row))
        about = _about(data, size, seed, cells, time.monotonic() - began)
        result = _write(folder, name, chosen, columns, cells, about, curves)
    figure = folder / FIGURES / f"{name}.png"
    pictures.draw(figure, chosen, columns, shown)
    matches = folder / FIGURES / f"{name}-matches.png"
    drawn = [matches] if pictures.draw_matches(matches, chosen, columns, shown) else []
    files = [*result[1], figure, *drawn, *(folder / path for path in curves.values())]
    return {"rows": cells, "text": result[0], "files": [str(path) for path in files]}


def device(name):
    """The kind of a device and its number, of ``auto``, ``cpu``, ``gpu`` or ``gpu:N``; InputError for any other name."""
    kind, _, number = name.partition(":")
    if name not in ("auto", "cpu") and (kind != "gpu" or not (number or "0").isdigit() or name == "gpu:"):
        raise InputError(f"--device: received {name!r}, expected auto, cpu, gpu or gpu:N")
    return kind, int(number or 0)


def choose_device(name):
    """Let TensorFlow see the CPU alone (``cpu``), one GPU (``gpu``, ``gpu:1``) or all there is (``auto``).

    Call it before TensorFlow uses a device.

    Raises:
        InputError: another name, or a GPU that is not there.
    """
    import tensorflow as tf

    from udl_tf.training import hardware

    kind, number = device(name)
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "gpu":
        if number >= len(gpus):
            raise InputError(f"--device {name}: this machine has {len(gpus)} GPU(s) that TensorFlow can use")
        tf.config.set_visible_devices(gpus[number], "GPU")
    elif kind == "cpu":
        tf.config.set_visible_devices([], "GPU")
    hardware.set_up()


def _write(folder, name, table, columns, rows, about, curves):
    """Write Markdown and CSV; returns the Markdown and the paths."""
    from pipelines.files.atomic import atomic_path
    from udl_tf.tables import rendering

    text = rendering.markdown(table, columns, rows, about, curves)
    paths = folder / f"{name}.md", folder / f"{name}.csv"
    for path, content in zip(paths, (text, rendering.csv_text(rows)), strict=True):
        with atomic_path(path) as part:
            part.write_text(content, encoding="utf-8")
    return text, paths


def _line(row):
    """What is said of a cell."""
    found = f"{row['mean']:.2f} {row['unit']}" + ("" if row["converged"] else ", does not converge")
    trained = "" if row["seconds"] is None else f" ({row['steps']} steps, {row['seconds']:.0f} s{' before' * row['cached']})"
    return f"{row['condition']}, {row['method']}: {found}{trained}"


def _about(data, size, seed, rows, seconds):
    """What the numbers of the rows depend on, {what: text}."""
    import os
    import platform

    import tensorflow as tf

    from udl_tf.versions import revision

    trained = sum(row["cached"] is False for row in rows)
    details = tf.config.experimental.get_device_details
    gpus = [str(details(gpu).get("device_name")) for gpu in tf.config.get_visible_devices("GPU")]
    return {
        "command": " ".join(["python -m udl_tf.evaluate", *sys.argv[1:]]),
        "data": str(data or "dead leaves and phantoms, made on the spot"),
        "scale": f"{size.name}, {size.box} pixels, {rows[-1]['tests']} pairs or sequences a row to measure on, seed {seed}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {', '.join(gpus) or 'no GPU'}",
        "versions": f"TensorFlow {tf.__version__}, revision {revision()}",
        "time": f"{seconds / 60:.1f} minutes for {len(rows)} cells, {trained} of them trained",
    }


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
