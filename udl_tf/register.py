"""Register two pictures, a movie or a series of sections, at the resolution that they have.

    python -m udl_tf.register fixed.tif moving.tif --output moved.tif --transforms transform.json
    python -m udl_tf.register movie.tif --to first --output registered.tif --transforms transforms.csv
    python -m udl_tf.register --apply transforms.csv other_channel.tif --output moved.tif
    python -m udl_tf.register fixed.tif moving.tif --transform displacement --field field.npy --overlay grid grid.png

The angle turns the moving picture counter-clockwise about its centre (degrees), the shift [dx, dy] then moves it right and down
(pixels of the fixed picture's frame). Nothing else is turned or cropped: the fixed picture, or the first of a series, stays.
Other transforms of a pair are found by the methods that the survey names, which go on from there.
"""

import json
import sys

from pipelines.errors import InputError
from udl_tf.alignment import models
from udl_tf.choices import FORMATS, METHODS, OVERLAYS, TRANSFORMS, fill_value
from udl_tf.commands import bar, import_tensorflow, require, run
from udl_tf.rivals import registry

STARTS = ("rigid", "none")


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("fixed", metavar="FIXED|SERIES", help="picture that stays, or a movie, stack or folder of pictures")
    parser.add_argument("moving", nargs="?", metavar="MOVING", help="picture that is brought onto FIXED")
    parser.add_argument("--model", default="photo", metavar="NAME|DIR", help="that proposes: photo, cryo, a run (default: photo)")
    parser.add_argument("--transform", choices=TRANSFORMS, default="rigid", help="kind of transform (default: rigid)")
    parser.add_argument("--method", metavar="NAME", help="pair: in place of ours, or beyond it; an unknown one lists them")
    parser.add_argument("--weights", metavar="FILE", help="of the network of the method vgg: of VGG16 by Keras (default: ours)")
    parser.add_argument("--start", choices=STARTS, help="where a method begins: put there by --model, or not (default: rigid)")
    parser.add_argument("--field", metavar="FILE", help="pair: displacement of every pixel (.npy; .mha, .nrrd, .nii)")
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
    parser.add_argument(
        "--overlay",
        nargs=2,
        action="append",
        default=[],
        metavar=("KIND", "FILE"),
        help=f"pair: both in one picture: {', '.join(OVERLAYS)}; may come several times",
    )
    parser.add_argument("--apply", metavar="FILE", help="move by saved transforms (.json, .csv) instead of looking for them")
    parser.add_argument("--inverse", action="store_true", help="with --apply: by their inverses")


def main(args):
    """Run the command; returns the exit code."""
    _check(args)
    import_tensorflow()
    from udl_tf.methods import jobs as method_jobs
    from udl_tf.registration import jobs

    wanted = jobs.Wanted(
        output=args.output,
        transforms=args.transforms,
        format=args.format,
        overlays=dict(args.overlay),
        channel=args.channel,
        crop=args.crop == "common",
        fill=fill_value(args.fill),
        overwrite=args.overwrite,
        field=args.field,
    )
    inputs = [path for path in (args.fixed, args.moving, args.apply, args.weights) if path]
    wanted.check(inputs)
    if args.apply:
        apply = method_jobs.apply if method_jobs.applies(args.apply) else jobs.apply
        found = apply(args.apply, args.fixed, wanted, args.inverse)
        return _told(args, found, [f"{found['count']} moved by {args.apply}"])
    import udl_tf

    method = args.method or METHODS.get(args.transform)
    begins = args.start != "none" and args.transform != "rigid"
    aligner = udl_tf.load(args.model) if begins or not method else None
    if method:
        found = method_jobs.pair(aligner, args.fixed, args.moving, wanted, args.transform, method, args.weights)
        return _told(args, found, _of_method(found))
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
    for kind, _ in args.overlay:
        if kind not in OVERLAYS:
            raise InputError(f"--overlay {kind}: expected {', '.join(OVERLAYS[:-1])} or {OVERLAYS[-1]}")
    _check_method(args)
    if args.inverse and not args.apply:
        raise InputError("received --inverse without --apply: expected a file of transforms")
    if args.apply and (args.moving is not None or args.to or args.overlay or args.channel):
        raise InputError("received --apply with MOVING, --to, --overlay or --channel: expected one picture or series")
    if args.format and not args.transforms:
        raise InputError(f"received --format {args.format} without --transforms")
    fill_value(args.fill)
    models.find(args.model)


def _check_method(args):
    """The same, of methods."""
    kind, method = args.transform, args.method or METHODS.get(args.transform)
    if (args.method or kind != "rigid") and (args.moving is None or args.apply):
        named = f"--method {args.method}" if args.method else f"--transform {kind}"
        raise InputError(f"received {named}: expected FIXED and MOVING")
    if args.method and args.method not in registry.ready(registry.PROBLEMS[kind]):
        known = ", ".join(registry.ready(registry.PROBLEMS[kind]))
        raise InputError(f"--method {args.method} of {kind} transforms: expected one of {known}")
    if method:
        registry.RIVALS[method].require()
        registry.with_weights({method: registry.RIVALS[method]}, args.weights)
        if args.crop != "none" or (args.format and kind != "rigid"):
            named = "crop" if args.crop != "none" else "format"
            raise InputError(f"received --{named} with the method {method}: expected it with ours, rigid, alone")
    elif args.start:
        raise InputError(f"received --start {args.start} without --method: expected a method that begins there")
    if args.weights and not method:
        raise InputError(f"received --weights {args.weights} without --method: expected one that takes them")
    if args.field and not method:
        raise InputError("received --field without --transform or --method: expected what is not rigid")
    if args.transforms and kind == "displacement":
        raise InputError(f"--transforms {args.transforms}: expected --field for displacements")
    if args.transforms and kind in ("affine", "homography") and not args.transforms.lower().endswith(".json"):
        raise InputError(f"--transforms {args.transforms}: expected a name that ends with .json for {kind} transforms")


def _told(args, found, lines):
    """Print what was found; returns the exit code."""
    if args.json:
        print(json.dumps(found))
        return 0
    overlays = [path for _, path in args.overlay]
    for line in (*lines, *(f"wrote {path}" for path in (args.output, args.transforms, args.field, *overlays) if path)):
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


def _of_method(found):
    lines, start, apart = [], found["start"], found["disagreement"]
    if start and start["score"] == 0.0:
        lines.append("no rigid transform found: began centre on centre")
    elif start:
        dx, dy = start["shift"]
        lines.append(
            f"began at {start['angle']:.3f} degrees, {dx:.2f} pixels right, {dy:.2f} down, where a mistake has "
            f"a probability of {1.0 - start['score']:.2f}"
        )
    if apart["median"] is None:
        return [*lines, f"{found['method']} moved nothing: it gave up, or there is nothing to move"]
    lines += [
        f"{found['method']} moved what was there by up to {found['largest']:.2f} pixels, {100.0 * found['folded']:.2f} % folded",
        f"correlation {found['correlation']:.4f}, before that {found['correlation_before']:.4f}",
        f"there and back a point is wrong by {apart['median']:.3f} pixels in the median, {apart['p95']:.3f} at 95 %",
    ]
    if not found["correlation"] > found["correlation_before"]:
        lines.append("the pictures are no more alike than before: do not take this for an answer")
    return lines


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
