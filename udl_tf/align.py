"""Align two images, or all images of a stack to a reference.

    python -m udl_tf.align fixed.png moving.png --output aligned.png
    python -m udl_tf.align particles.star --reference average.mrc --output aligned.star --aligned aligned.mrcs

The angle turns the moving image counter-clockwise (degrees), the shift [dx, dy] then moves it right and down (pixels).
Sigma is the standard error of the angle in degrees; the score is the probability that the angle is within 5 degrees.
"""

import contextlib
import json
import pathlib
import sys

from pipelines.errors import InputError


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("fixed", metavar="FIXED|STACK", help="image that stays, or the stack (.star, .mrcs, folder)")
    parser.add_argument("moving", nargs="?", metavar="MOVING", help="image that is brought onto FIXED")
    parser.add_argument("--reference", metavar="IMAGE|N", help="for a stack: an image file, or the number of one, from 1")
    parser.add_argument("--model", default="cryo", metavar="NAME|DIR", help="cryo, photo, or a run folder (default: cryo)")
    parser.add_argument("--max-shift", type=float, metavar="PX", help="largest shift looked for (default: a quarter)")
    parser.add_argument("--fast", action="store_true", help="leave out verification and refinement: rougher, faster")
    parser.add_argument("--output", metavar="FILE", help="pair: the aligned image (.png, .tif, .mrc); stack: a .star file")
    parser.add_argument("--aligned", metavar="FILE", help="stack: the aligned images (.mrcs)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON, and nothing else")


def main(args):
    """Run the command; returns the exit code."""
    if args.moving is not None:
        if args.reference or args.aligned:
            raise InputError("received MOVING with --reference or --aligned: expected two images, or a stack")
        found = align_pair(args.fixed, args.moving, args.model, args.max_shift, args.output, args.fast)
        if not args.json:
            print(f"angle {found['angle']:8.2f} degrees counter-clockwise, +- {found['sigma']:.2f}")
            print("shift {:8.2f} pixels right, {:.2f} down".format(*found["shift"]))
            print(f"score {found['score']:8.2f} probability that the angle is within 5 degrees")
            if found["symmetry"] > 1:
                print(
                    f"looks the same after every turn by 360/{found['symmetry']} degrees: the angle is one of {found['symmetry']}"
                )
    else:
        if not args.reference:
            raise InputError("received one input: expected MOVING, or --reference IMAGE|N for a stack")
        found = align_file(
            args.fixed, args.reference, args.model, args.max_shift, args.output, args.aligned, not args.json, args.fast
        )
        if not args.json:
            scores = found["score"]
            print(f"{len(scores)} images aligned to {args.reference}; mean score {sum(scores) / len(scores):.2f}")
    if args.json:
        print(json.dumps(found))
    else:
        for path in (args.output, args.aligned):
            if path:
                print(f"wrote {path}")
    return 0


def align_pair(fixed_path, moving_path, model="cryo", max_shift=None, output=None, fast=False):
    """Align two image files.

    Returns:
        {"angle": degrees, "shift": [dx, dy] pixels, "sigma": degrees, "score": 0 to 1, "symmetry": m}.

    Raises:
        InputError: a file that is missing, unreadable, a stack, constant or not finite; sizes that differ.
    """
    import udl_tf
    from pipelines.image_files import write_grey
    from pipelines.mrc import write_mrc

    fixed, moving = (_single(path) for path in (fixed_path, moving_path))
    suffix = pathlib.Path(output).suffix.lower() if output else None
    if suffix not in (None, ".png", ".tif", ".tiff", ".mrc"):
        raise InputError(f"--output {output}: expected a name that ends with .png, .tif or .mrc")
    result = udl_tf.load(model).align(fixed.read([0]), moving.read([0]), max_shift, fast=fast)
    if output:
        aligned = result.apply(moving.read([0]))[0]
        write_mrc(output, aligned, moving.pixel_size) if suffix == ".mrc" else write_grey(output, aligned)
    return {
        "angle": float(result.angle[0]),
        "shift": result.shift[0].tolist(),
        "sigma": float(result.sigma[0]),
        "score": float(result.score[0]),
        "symmetry": int(result.symmetry[0]),
    }


def align_file(path, reference, model="cryo", max_shift=None, output=None, aligned=None, progress=True, fast=False):
    """Align a stack to a reference image; both outputs appear only when they are whole.

    Returns:
        {"angle": [...], "shift": [[dx, dy], ...], "sigma": [...], "score": [...], "symmetry": [...]}, in the order of the stack,
        angle, shift and sigma None where an image cannot be aligned.

    Raises:
        InputError: as `align_pair`; an output that is not a .star file, or images a STAR file cannot name.
    """
    import udl_tf
    from pipelines import stacks, star
    from pipelines.atomic import atomic_path
    from udl_tf.alignment.result import Result
    from udl_tf.alignment.stack import align_stack, poses_table

    source = stacks.open_source(path)
    target = _reference(source, reference)
    if output and pathlib.Path(output).suffix.lower() != ".star":
        raise InputError(f"--output {output}: expected a name that ends with .star")
    if output:
        import numpy as np

        nothing = np.zeros(len(source))
        poses_table(
            source, Result(nothing, np.zeros((len(source), 2)), nothing, nothing, nothing), output
        )  # tell before, not after
        if not source.pixel_size and source.star is None:
            print(f"{path}: pixel size unknown, taken as 1 A", file=sys.stderr)
    # The STAR file's place is claimed first: nothing is worse than an error after hours.
    with atomic_path(output) if output else contextlib.nullcontext() as part:
        result, message = align_stack(udl_tf.load(model), source, target, max_shift, aligned, progress=progress, fast=fast)
        if output:
            star.write_star(poses_table(source, result, output), part)
    if message:
        print(message, file=sys.stderr)
    known = [angle == angle for angle in result.angle]
    return {
        "angle": [float(angle) if ok else None for angle, ok in zip(result.angle, known, strict=True)],
        "shift": [shift.tolist() if ok else None for shift, ok in zip(result.shift, known, strict=True)],
        "sigma": [float(sigma) if ok else None for sigma, ok in zip(result.sigma, known, strict=True)],
        "score": result.score.tolist(),
        "symmetry": result.symmetry.tolist(),
    }


def _single(path):
    """The source of one usable image."""
    from pipelines import stacks
    from pipelines.normalise import unusable

    source = stacks.open_source(path)
    if len(source) != 1:
        raise InputError(f"{path} holds {len(source)} images: expected one; align a stack with --reference")
    not_finite, constant = unusable(source.read([0]))
    if len(not_finite) or len(constant):
        why = "is constant" if len(constant) else "has values that are not finite (NaN or infinity)"
        raise InputError(f"{path} {why}: expected a picture")
    return source


def _reference(source, reference):
    """The reference image (h, w) by number, from 1, or from a file."""
    if str(reference).isdigit():
        if not 1 <= int(reference) <= len(source):
            raise InputError(f"--reference {reference}: {source.path} holds images 1 to {len(source)}")
        image = source.read([int(reference) - 1])[0]
    else:
        other = _single(reference)
        image = other.read([0])[0]
        if other.shape != source.shape:
            raise InputError(
                f"--reference {reference} has {other.shape[1]}x{other.shape[0]} pixels: expected "
                f"{source.shape[1]}x{source.shape[0]}, the size of the images of {source.path}"
            )
    from pipelines.normalise import unusable

    if any(len(found) for found in unusable(image[None])):
        raise InputError(f"--reference {reference}: the image is constant or not finite, expected a picture")
    return image


if __name__ == "__main__":
    from udl_tf.commands import run

    sys.exit(run(__doc__, add_args, main))
