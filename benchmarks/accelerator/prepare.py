"""Everything that a machine with JAX and no TensorFlow needs to train tables 1 and 2, in one folder under 60 MB.

    python benchmarks/accelerator/prepare.py --data DIR --output work
    python benchmarks/accelerator/rows.py work --minutes 12 --output result.json      # there; copy the other files here along

The rows are those of table 2, then of table 1 as far as their noise is a program. Photographs travel as the JPEG files they are.
"""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # of harness
from harness import add_data, data_path, progress, run

LARGEST = 55e6  # bytes of all of it
TEST_PHOTOS = 3e6
ROWS = ("groel", "empiar10034", "empiar10065", "clean", "gaussian-0.5", "gaussian-0.1", "gaussian-0.05")


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder, made anew")
    parser.add_argument("--scale", default="paper", choices=("small", "paper"), help="default: paper")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS, metavar="ROW", help=f"default: {' '.join(ROWS)}")
    parser.add_argument("--pictures", type=int, default=1000, metavar="N", help="photographs that pairs are cut from")


def main(args):
    """One row for each row of the tables."""
    import json

    from udl_tf.presets import as_dict
    from udl_tf.programs.exporting import export_programs
    from udl_tf.tables.cases import config_of
    from udl_tf.tables.protocol import PARTICLE_CONDITIONS, PHOTO_CONDITIONS
    from udl_tf.tables.scales import SCALES

    output = pathlib.Path(args.output)
    output.mkdir(parents=True)
    conditions = {condition.name: condition for condition in PARTICLE_CONDITIONS + PHOTO_CONDITIONS}
    rows = []
    for name in args.rows:
        progress(name)
        condition, photographs = conditions[name], not conditions[name].image
        config = output / "config.json"
        config.write_text(json.dumps(as_dict(config_of(photographs, condition, SCALES[args.scale], 0))))
        image = None if photographs else str(data_path(args.data, f"cryo/class_averages/{condition.image}.mrc"))
        export_programs(config, output / name, image, args.pictures)
        config.unlink()
        rows.append({"row": name, "photographs": photographs, "MB": size_of(output / name) / 1e6})
    if any(row["photographs"] for row in rows):
        copy_photos(data_path(args.data, "photos/val"), output / "val", TEST_PHOTOS)
        copy_photos(data_path(args.data, "photos/train"), output / "train", LARGEST - size_of(output))
    (output / "rows.json").write_text(json.dumps([row["row"] for row in rows]))
    progress(f"{size_of(output) / 1e6:.1f} MB in {output}")
    return rows


def copy_photos(source, target, most):
    """Copy JPEG files, in the order of their names, as long as they fit into `most` bytes."""
    target.mkdir()
    for path in sorted(source.rglob("*.jpg")):
        most -= path.stat().st_size
        if most < 0:
            break
        shutil.copy(path, target / path.name)


def size_of(folder):
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
