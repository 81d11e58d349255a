"""What every benchmark command shares: its arguments, its table, its JSON, the machine it ran on."""

import argparse
import json
import os
import pathlib
import platform
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # measure this checkout, not a copy that happens to be installed


def run(description, add_args, main):
    """Parse the arguments, call ``main(args)`` for the rows of a table, print them and write them where --json says.

    Bad input prints one line ``error: ...`` and gives the exit code 2; Ctrl-C gives 130.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MPLBACKEND", "Agg")
    from pipelines.errors import InputError

    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="also write the rows and the machine as JSON")
    add_args(parser)
    args = parser.parse_args()
    try:
        rows = main(args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    about = machine()
    print(f"\n{markdown(rows)}\n")
    print(f"{about['cpu']}, {about['cores']} cores, {about['gpu']}, TensorFlow {about['tensorflow']}")
    print(f"load average at the end: {about['load']:.1f}")
    if args.json:
        content = {"command": " ".join(sys.argv), "machine": about, "rows": rows}
        pathlib.Path(args.json).write_text(json.dumps(content, indent=2) + "\n")
    return 0


def add_data(parser):
    """Declare --data, a folder with cryo/class_averages, cryo/semireal, photos/val."""
    parser.add_argument("--data", required=True, metavar="DIR", help="folder with cryo/ and photos/")


def data_path(folder, *parts):
    """A file or folder of the data.

    Raises:
        InputError: it is not there.
    """
    from pipelines.errors import InputError

    path = pathlib.Path(folder, *parts)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder, expected it in the folder given by --data")
    return path


def markdown(rows):
    """A Markdown table of rows (list of dicts of text or numbers); columns in the order in which they first appear."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows])


def progress(text):
    """Say on stderr what is going on."""
    print(text, file=sys.stderr, flush=True)


def machine():
    """What the numbers depend on."""
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    gpus = [details(gpu).get("device_name") for gpu in tf.config.list_physical_devices("GPU")]
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "gpu": ", ".join(str(gpu) for gpu in gpus) or "no GPU",
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
    }


def _cpu():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _cell(value):
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
