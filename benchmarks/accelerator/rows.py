"""Train the rows of a folder that `prepare.py` made, one after the other, within a limit of time.

    python benchmarks/accelerator/rows.py work --minutes 12 --output result.json

Each row gets an equal share of what is left; compiling comes on top. The result is written after each row.
"""

import argparse
import json
import pathlib
import sys
import time

import run


def main(argv=None):
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", metavar="DIR", help="folder of prepare.py")
    parser.add_argument("--minutes", type=float, default=12.0, help="of all rows together (default: 12)")
    parser.add_argument("--output", required=True, metavar="FILE", help="JSON: row -> result of run.py")
    args, rest = parser.parse_known_args(argv)
    work, end, results = pathlib.Path(args.work), time.monotonic() + 60.0 * args.minutes, {}
    rows = json.loads((work / "rows.json").read_text())
    for place, row in enumerate(rows):
        minutes = (end - time.monotonic()) / 60.0 / (len(rows) - place)
        if minutes <= 0:
            break
        print(f"== {row}: {minutes:.1f} minutes", file=sys.stderr, flush=True)
        given = [str(work / row), "--minutes", str(minutes), "--output", str(work / "row.json"), *rest]
        if (work / "train").is_dir():
            given += ["--photos", str(work / "train"), "--test-photos", str(work / "val")]
        run.main(given)
        results[row] = json.loads((work / "row.json").read_text())
        pathlib.Path(args.output).write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
