"""Align two images, or all images of a stack.

    python -m udl_tf.align fixed.png moving.png --output aligned.png
    python -m udl_tf.align particles.star --output aligned.star --average average.mrc --report report.html
    python -m udl_tf.align particles.star --reference average.mrc --output aligned.star --aligned aligned.mrcs

The angle turns the moving image counter-clockwise (degrees), the shift [dx, dy] then moves it right and down (pixels).
Sigma is the standard error of the angle in degrees; the score is the probability that the angle is within 5 degrees.
A stack without --reference is aligned to its own emerging average.
"""

import json
import pathlib
import shlex
import sys

from pipelines.errors import InputError
from udl_tf.alignment import models
from udl_tf.choices import fill_value
from udl_tf.commands import import_tensorflow, require, run

STACK_ONLY = ("reference", "aligned", "average", "report", "mask_diameter", "no_ctf", "resume", "scheduler")


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("fixed", metavar="FIXED|STACK", help="image that stays, or the stack (.star, .cs, .mrcs, folder)")
    parser.add_argument("moving", nargs="?", metavar="MOVING", help="image that is brought onto FIXED")
    parser.add_argument("--model", default="cryo", metavar="NAME|DIR", help="cryo, photo, or a run folder (default: cryo)")
    parser.add_argument(
        "--server", metavar="HOST:PORT", help="align on a server (udl_tf.serve, TensorFlow Serving) that has --model"
    )
    parser.add_argument("--rest", action="store_true", help="with --server: the port is one of REST, for quick tests (slow)")
    parser.add_argument(
        "--max-shift", metavar="PX|A", help="largest shift looked for, 12 or 25A (default: a quarter of the side)"
    )
    parser.add_argument(
        "--contrast", choices=("same", "inverted", "any"), help="pair: whether MOVING is a negative; any finds it (default: same)"
    )
    parser.add_argument("--fast", action="store_true", help="leave out verification and refinement: rougher, faster")
    parser.add_argument("--output", metavar="FILE", help="pair: the aligned image (.png, .tif, .mrc); stack: a .star file")
    parser.add_argument("--pixel-size", type=float, metavar="A", help="of the images (default: what their files say)")
    parser.add_argument(
        "--fill", metavar="VALUE|background", help="grey value at the edges of aligned images (default: their background's)"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON, and nothing else")
    stack = parser.add_argument_group("stacks")
    stack.add_argument(
        "--reference", metavar="IMAGE|N|average", help="image file, number of one from 1, or their own average (default)"
    )
    stack.add_argument("--aligned", metavar="FILE", help="write the aligned images (.mrcs), without CTF correction")
    stack.add_argument("--average", metavar="FILE", help="write the average (.mrc), Wiener filtered")
    stack.add_argument("--report", metavar="FILE", help="write a page with pictures that show whether it worked (.html)")
    stack.add_argument("--mask-diameter", metavar="PX|A", help="of the particle, 100 or 180A (default: 0.9 of the side)")
    stack.add_argument("--no-ctf", action="store_true", help="do not correct for the CTF in the STAR file's columns")
    stack.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: 1, with a thread for each core)")
    stack.add_argument("--scheduler", metavar="ADDRESS", help="compute on the workers of a Dask scheduler")
    stack.add_argument("--resume", action="store_true", help="go on from the finished chunks of a killed run")


def main(args):
    """Run the command; returns the exit code."""
    _check(args)
    import_tensorflow()
    if args.moving is None:
        return _stack(args)
    more = {"server": args.server, "rest": args.rest, "pixel_size": args.pixel_size, "fill": fill_value(args.fill)}
    more["contrast"] = args.contrast or "same"
    found = align_pair(args.fixed, args.moving, args.model, _pixels(args.max_shift), args.output, args.fast, **more)
    if args.json:
        print(json.dumps(found))
        return 0
    print(f"angle {found['angle']:8.2f} degrees counter-clockwise, +- {found['sigma']:.2f}")
    print("shift {:8.2f} pixels right, {:.2f} down".format(*found["shift"]))
    print(f"score {found['score']:8.2f} probability that the angle is within 5 degrees")
    if found["symmetry"] > 1:
        print(f"looks the same after every turn by 360/{found['symmetry']} degrees: the angle is one of {found['symmetry']}")
    if args.contrast:
        print(f"contrast {'inverted' if found.get('inverted') else 'the same'}")
    if args.output:
        print(f"wrote {args.output}")
    return 0


def align_pair(
    fixed_path,
    moving_path,
    model="cryo",
    max_shift=None,
    output=None,
    fast=False,
    server=None,
    rest=False,
    pixel_size=None,
    fill=None,
    contrast="same",
):
    """Align two image files, with a model here or on a server ("host:port", with `rest` its port of REST).

    The output is the moving picture in the form of its own file, see `pipelines.files.picture_writing`, `fill` at its edges.
    contrast: see `udl_tf.alignment.contrast`.

    Returns:
        The numbers of `udl_tf.alignment.outputs` by name: {"angle": degrees, "shift": [dx, dy] pixels, ...}; where another
        contrast than the same one was asked for, also "inverted", whether the moving image was taken for a negative.

    Raises:
        InputError: a file that is missing, unreadable, a stack, constant or not finite; sizes or pixel sizes that differ.
    """
    from pipelines.files.grey import grey
    from pipelines.files.mrc import write_mrc
    from pipelines.files.picture_writing import write_picture
    from pipelines.files.single import open_single
    from udl_tf.alignment import contrast as contrasts
    from udl_tf.alignment.aligned_picture import aligned_picture
    from udl_tf.serving.open_aligner import open_aligner

    fixed, moving = (open_single(path, pixel_size) for path in (fixed_path, moving_path))
    moving.check_pixel_size(fixed)
    suffix = pathlib.Path(output).suffix.lower() if output else None
    if suffix not in (None, ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".mrc"):
        raise InputError(f"--output {output}: expected a name that ends with .png, .jpg, .tif or .mrc")
    aligner = open_aligner(model, server, rest)
    options = {"max_shift": max_shift, "fast": fast}
    result, inverted = contrasts.align(aligner, fixed.read([0]), moving.read([0]), contrast, **options)
    if output:
        aligned = aligned_picture(moving, result, fill)
        if suffix == ".mrc":
            write_mrc(output, grey(aligned) if aligned.ndim == 3 else aligned, moving.pixel_size)
        else:
            write_picture(output, aligned, moving.array)
    found = {name: values[0] for name, values in result.as_json().items()}
    return found if contrast == "same" else {**found, "inverted": bool(inverted[0])}


def align_file(path, reference="average", command="", progress=True, **options):
    """Align a stack; the outputs appear only when they are whole.

    Args:
        path: the stack. reference: "average", an image file, or the number of an image from 1.
        command: the command line, for the report. options: see `udl_tf.particles.request.StackRequest`.

    Returns:
        The numbers of `udl_tf.alignment.outputs` by name, lists in the order of the stack: {"angle": [...], "shift": [[dx, dy],
        ...], ...}, angle, shift and sigma None where an image cannot be aligned; "weight"; "ctf", a sentence; "resolution", where
        the Fourier ring correlation of the half-sets falls below 0.143, in Angstrom, or pixels
        where the pixel size is unknown, None if nothing is resolved; "notes", sentences.

    Raises:
        InputError: as `align_pair`; an output that is not of its kind, or images a STAR file cannot name.
    """
    from udl_tf.particles.reference_choice import chosen_reference
    from udl_tf.particles.request import StackRequest
    from udl_tf.particles.stack_alignment import align_stack

    request = StackRequest(path=str(path), **chosen_reference(path, reference, options.get("pixel_size")), **options)
    alignment, ctf, message = align_stack(request, command, progress)
    if message:
        print(message, file=sys.stderr)
    result, resolution = alignment.result(), alignment.resolution(0)
    return {
        **result.as_json(),
        "weight": (alignment.particles.weight * alignment.particles.usable).tolist(),
        "ctf": ctf,
        "resolution": resolution if resolution < float("inf") else None,
        "notes": alignment.notes,
    }


def _check(args):
    """Raise InputError for what can be told before TensorFlow is there."""
    given = [f"--{name.replace('_', '-')}" for name in STACK_ONLY if getattr(args, name)]
    if args.moving is not None and given:
        raise InputError(f"received MOVING with {given[0]}: expected two images, or a stack")
    if args.moving is None and args.contrast:
        raise InputError(f"received --contrast {args.contrast} without MOVING: expected two images")
    require(args.fixed, args.moving)
    if args.reference not in (None, "average") and not args.reference.isdigit():
        require(args.reference)
    fill_value(args.fill)
    if args.server is None:
        models.find(args.model)


def _stack(args):
    """Align a stack as told; returns the exit code."""
    from pipelines.files.tiff import has_time
    from udl_tf.chunks.executors import single_threaded

    kind = "frames" if has_time(args.fixed) else "images"
    if kind == "frames":
        why = f"{args.fixed} has an axis of time: its frames are turned and moved onto their average, each by itself"
        print(f"{why}; udl_tf.register keeps the first one in place", file=sys.stderr)
    single_threaded()
    found = align_file(
        args.fixed,
        args.reference or "average",
        "python -m udl_tf.align " + shlex.join(sys.argv[1:]),
        not args.json,
        model=args.model,
        output=args.output,
        aligned=args.aligned,
        average=args.average,
        report=args.report,
        max_shift=args.max_shift,
        mask_diameter=args.mask_diameter,
        pixel_size=args.pixel_size,
        fill=fill_value(args.fill),
        ctf=not args.no_ctf,
        fast=args.fast,
        workers=args.workers,
        scheduler=args.scheduler,
        resume=args.resume,
        server=args.server,
        rest=args.rest,
    )
    if args.json:
        print(json.dumps(found))
        return 0
    scores = found["score"]
    print(f"{len(scores)} {kind} aligned to {args.reference or 'their average'}; mean score {sum(scores) / len(scores):.2f}")
    for sentence in (found["ctf"], *found["notes"]):
        print(sentence)
    for path in (args.output, args.aligned, args.average, args.report):
        if path:
            print(f"wrote {path}")
    return 0


def _pixels(max_shift):
    from udl_tf.particles.lengths import length

    return length(max_shift, None, "max-shift")


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
