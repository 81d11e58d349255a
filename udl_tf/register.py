"""Register two pictures, a movie or a series of sections, at the resolution that they have.

    python -m udl_tf.register fixed.tif moving.tif --output moved.tif --transforms transform.json
    python -m udl_tf.register movie.tif --to first --output registered.tif --transforms transforms.csv
    python -m udl_tf.register --apply transforms.csv other_channel.tif --output moved.tif

The angle turns the moving picture counter-clockwise about its centre (degrees), the shift [dx, dy] then moves it right and down
(pixels of the fixed picture's frame). Nothing else is turned or cropped: the fixed picture, or the first of a series, stays.
"""

import json
import sys

from pipelines.errors import InputError
from udl_tf.alignment import models
from udl_tf.choices import FORMATS, OVERLAYS, TRANSFORMS, fill_value
from udl_tf.commands import bar, import_tensorflow, require, run


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("fixed", metavar="FIXED|SERIES", help="picture that stays, or a movie, stack or folder of pictures")
    parser.add_argument("moving", nargs="?", metavar="MOVING", help="picture that is brought onto FIXED")
    parser.add_argument("--model", default="photo", metavar="NAME|DIR", help="that proposes: photo, cryo, a run (default: photo)")
    parser.add_argument("--transform", choices=TRANSFORMS, default="rigid", help="kind of transform (default: rigid)")
    parser.add_argument("--output", metavar="FILE", help="the moved picture or series, in the form of its own file")
    parser.add_argument("--transforms", metavar="FILE", help="angles, shifts, their errors, matrices (.json, .csv, .tfm, .npy)")
    parser.add_argument("--format", choices=FORMATS, help="of --transforms (default: by its ending)")
    parser.add_argument("--channel", type=int, metavar="N", help="to align by, from 1; all channels move (default: the first)")
    parser.add_argument("--crop", choices=("none", "common"), default="none", help="to what all pictures show (default: none)")
    parser.add_argument(
        "--fill", metavar="VALUE|background", help="grey value of what a picture does not show (default: its border's)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that are there")
    parser.add_argument("--json", action="store_true", help="print the results as JSON, and nothing else")
    parser.add_argument("--to", metavar="WHICH", help="series: first, previous, mean, or a number from 1 (default: first)")
    parser.add_argument("--overlay", nargs=2, metavar=("KIND", "FILE"), help=f"pair: both in one picture: {', '.join(OVERLAYS)}")
    parser.add_argument("--apply", metavar="FILE", help="move by saved transforms (.json, .csv) instead of looking for them")
    parser.add_argument("--inverse", action="store_true", help="with --apply: by their inverses")


def main(args):
    """Run the command; returns the exit code."""
    _check(args)
    import_tensorflow()
    from udl_tf.registration import jobs

    wanted = jobs.Wanted(
        output=args.output,
        transforms=args.transforms,
        format=args.format,
        overlays={args.overlay[0]: args.overlay[1]} if args.overlay else {},
        channel=args.channel,
        crop=args.crop == "common",
        fill=fill_value(args.fill),
        overwrite=args.overwrite,
    )
    inputs = [path for path in (args.fixed, args.moving, args.apply) if path]
    wanted.check(inputs)
    if args.apply:
        found = jobs.apply(args.apply, args.fixed, wanted, args.inverse)
        return _told(args, found, [f"{found['count']} moved by {args.apply}"])
    import udl_tf

    aligner = udl_tf.load(args.model)
    if args.moving is not None:
        found = jobs.pair(aligner, args.fixed, args.moving, wanted)
        return _told(args, found, _of_pair(found))
    with bar("pair", "register", args.json) as tell:
        found = jobs.series(aligner, args.fixed, wanted, args.to or "first", tell)
    return _told(args, found, _of_series(found))


def _check(args):
    """Raise InputError for what can be told before TensorFlow is there."""
    require(args.fixed, args.moving, args.apply)
    if args.moving is not None and args.to:
        raise InputError(f"received --to {args.to} with MOVING: expected a series; FIXED is what stays of two pictures")
    if args.overlay and args.overlay[0] not in OVERLAYS:
        raise InputError(f"--overlay {args.overlay[0]}: expected {' or '.join(OVERLAYS)}")
    if args.inverse and not args.apply:
        raise InputError("received --inverse without --apply: expected a file of transforms")
    if args.apply and (args.moving is not None or args.to or args.overlay or args.channel):
        raise InputError("received --apply with MOVING, --to, --overlay or --channel: expected one picture or series")
    if args.format and not args.transforms:
        raise InputError(f"received --format {args.format} without --transforms")
    fill_value(args.fill)
    models.find(args.model)


def _told(args, found, lines):
    """Print what was found; returns the exit code."""
    if args.json:
        print(json.dumps(found))
        return 0
    overlay = args.overlay[1] if args.overlay else None
    for line in (*lines, *(f"wrote {path}" for path in (args.output, args.transforms, overlay) if path)):
        print(line)
    return 0


def _of_pair(found):
    if found["angle_sigma"] is None:
        return ["no transform found: the pictures have nothing in common, or too little to be seen (score 0)"]
    dx, dy = found["shift"]
    sx, sy = found["shift_sigma"]
    return [
        f"angle {found['angle']:10.4f} degrees counter-clockwise, +- {found['angle_sigma']:.4f}",
        f"shift {dx:10.3f} pixels right, {dy:.3f} down, +- {sx:.3f}, {sy:.3f}",
        f"score {found['score']:10.2f} probability that this is no mistake; correlation {found['correlation']:.3f}",
    ]


def _of_series(found):
    count, angle, shift = len(found["angle"]), found["angle"], found["shift"]
    lines = [f"{count} pictures registered from {found['pairs']} pairs"]
    away = max(range(count), key=lambda row: sum(part**2 for part in shift[row]))
    dx, dy = shift[away]
    lines.append(f"furthest away: picture {away + 1}, {angle[away]:.3f} degrees, {dx:.2f} pixels right, {dy:.2f} down")
    if found["failed"]:
        shown = ", ".join(map(str, found["failed"][:10])) + (", ..." if len(found["failed"]) > 10 else "")
        lines.append(f"{len(found['failed'])} could not be placed and went with their neighbours: {shown}")
    return lines


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
