"""Train the rows of a folder that `prepare.py` made, one after the other, within a limit of time.

    python benchmarks/accelerator/rows.py work --minutes 12 --output result.json

Each row gets an equal share of the time that is left. While one trains, another process compiles the next into a cache. The
result is written after each row. A row that fails is told, and the others go on.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import jax
import run


def main(argv=None):
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", metavar="DIR", help="folder of prepare.py")
    parser.add_argument("--minutes", type=float, default=12.0, help="of all rows together (default: 12)")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="default: all of the folder")
    parser.add_argument("--output", metavar="FILE", help="JSON: row -> result of run.py (default: standard output)")
    parser.add_argument("--cache", metavar="DIR", help="of compiled programs (default: a temporary folder)")
    parser.add_argument("--checkpoints", metavar="DIR", help="of ROW.npz, gone on with if there, written at a row's end")
    parser.add_argument("--compile", action="store_true", help="only compile, into the cache")
    args, rest = parser.parse_known_args(argv)
    work = pathlib.Path(args.work)
    rows = args.rows or json.loads((work / "rows.json").read_text())
    given = {row: run.parse([str(work / row), *_photos(work), *rest]) for row in rows}
    for row in rows if args.checkpoints else ():
        pathlib.Path(args.checkpoints).mkdir(exist_ok=True)
        given[row].checkpoint = str(pathlib.Path(args.checkpoints, f"{row}.npz"))
    with tempfile.TemporaryDirectory() as temporary:
        cache = args.cache or temporary
        jax.config.update("jax_compilation_cache_dir", cache)
        if args.compile:
            for row in rows:
                print(row, run.compile_programs(given[row]).seconds, flush=True)
            return 0
        with _compiling([str(work), "--rows", *rows, "--cache", cache, *rest]) as ahead:
            try:
                return _train(given, args, ahead.stdout)
            finally:
                ahead.kill()


def _compiling(arguments):
    """A process that compiles and says which row is ready, after how many seconds. It takes only the memory that it needs."""
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return subprocess.Popen(
        [sys.executable, __file__, *arguments, "--compile"], stdout=subprocess.PIPE, text=True, env=environment
    )


def _train(given, args, ready):
    """Train the rows as they are ready."""
    end, results = time.monotonic() + 60.0 * args.minutes, {}
    for place, row in enumerate(given):
        try:
            line = ready.readline()  # at its end, too, when the other process died: then this one compiles
            programs = run.compile_programs(given[row])
            minutes = (end - time.monotonic()) / 60.0 / (len(given) - place)
            if minutes <= 0:
                break
            compiling = float(line.split()[1]) if line else programs.seconds
            print(f"== {row}: compiled in {compiling:.0f} s, {minutes:.1f} minutes", file=sys.stderr, flush=True)
            results[row] = {**run.train(programs, given[row], minutes), "compile s": compiling}
        except Exception as error:  # of this row: the time of the others is not given up for it
            results[row] = {"failed": f"{type(error).__name__}: {str(error)[:500]}"}
            print(f"== {row}: {results[row]['failed']}", file=sys.stderr, flush=True)
        text = json.dumps(results, indent=2) + "\n"
        if args.output:
            pathlib.Path(args.output).write_text(text)
    if not args.output:
        print(text)
    return 1 if any("failed" in result for result in results.values()) else 0


def _photos(work):
    """The arguments that name the photographs, where there are some."""
    return ["--photos", str(work / "train"), "--test-photos", str(work / "val")] if (work / "train").is_dir() else []


if __name__ == "__main__":
    sys.exit(main())
