"""Volumes of serial sections: take out jitter, replace what is missing or damaged, put more between.

    python -m udl_tf.sections align volume.tif --output aligned.tif --transforms moved.csv --report aligned.html
    python -m udl_tf.sections align volume.tif --output aligned.tif --elastic --transforms moved.json
    python -m udl_tf.sections align volume.tif --output aligned.tif --objective adversarial
    python -m udl_tf.sections align volume.tif --output aligned.tif --workers 8 --resume
    python -m udl_tf.sections apply moved.csv other_channel.tif --output other_aligned.tif
    python -m udl_tf.sections interpolate aligned.tif --output filled.tif --uncertainty sigma.tif
    python -m udl_tf.sections interpolate aligned.tif --output filled.tif --model runs/sections
    python -m udl_tf.sections upsample filled.tif --factor 3 --output isotropic.tif
    python -m udl_tf.sections upsample filled.tif --factor 3 --output isotropic.tif --model runs/finer
    python -m udl_tf.sections remake aligned.tif --output smooth.tif --model runs/smooth

VOLUME is a TIFF, MRC or HDF5 file (file.h5/name), an OME-Zarr folder, or a folder with a picture a section. What is written has
its form and type of number.
Slow drift stays where it is: tissue that runs through the sections at an angle is not made straight.
"""

import contextlib
import json
import sys

from pipelines.errors import InputError
from udl_tf.choices import FILLINGS, OBJECTIVES, SPACING
from udl_tf.commands import bar, import_tensorflow, require, run

LEAST_SPACING = 8  # pixels


def add_args(parser):
    """Declare the arguments."""
    jobs = parser.add_subparsers(dest="job", required=True, metavar="JOB")
    align = jobs.add_parser("align", help="take out the jitter from section to section, keep slow drift")
    align.add_argument("volume", metavar="VOLUME", help="TIFF or MRC file, or folder of sections")
    align.add_argument("--transforms", metavar="FILE", help="angles, shifts, their errors, matrices (.json, .csv, .tfm, .npy)")
    align.add_argument("--elastic", action="store_true", help="then unbend each section by a smooth field; transforms are .json")
    align.add_argument(
        "--elastic-spacing", type=float, metavar="PX", help=f"pixels between nodes of the fields (default: {SPACING})"
    )
    align.add_argument(
        "--objective",
        choices=OBJECTIVES,
        default=OBJECTIVES[0],
        help="adversarial: then move sections until planes across them look like sections (default: correlation)",
    )
    align.add_argument("--report", metavar="FILE", help="HTML page: planes before and after, shifts, angles, steps")
    align.add_argument(
        "--keep-trend",
        type=float,
        metavar="PX",
        help="pixels by which the tissue itself runs from a section to the next; more keeps more (default: from the volume)",
    )
    align.add_argument("--model", default="photo", metavar="NAME|DIR", help="asked where sections lie far apart (default: photo)")
    align.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that compare sections (default: none but this)"
    )
    align.add_argument("--scheduler", metavar="ADDRESS", help="compare sections on the workers of a Dask scheduler")
    align.add_argument("--resume", action="store_true", help="go on from the finished chunks of a killed run")
    apply = jobs.add_parser("apply", help="move another channel or resolution by saved transforms")
    apply.add_argument("saved", metavar="TRANSFORMS", help="what align wrote with --transforms (.json, .csv)")
    apply.add_argument("volume", metavar="VOLUME", help="as many sections of the same field")
    fill = jobs.add_parser("interpolate", help="make missing or damaged sections from those around them")
    fill.add_argument("volume", metavar="VOLUME", help="TIFF or MRC file, or folder of sections, aligned")
    fill.add_argument("--sections", default="auto", metavar="17,40|auto", help="numbers from 1 (default: what looks wrong)")
    how = fill.add_mutually_exclusive_group()
    how.add_argument(
        "--method",
        choices=FILLINGS,
        default=FILLINGS[0],
        help="flow: sharper; linear: nearer to the truth, smoother (default: flow)",
    )
    how.add_argument("--model", metavar="RUN", help="of fit --preset sections-interpolation: makes single missing sections")
    fill.add_argument("--uncertainty", metavar="FILE", help="TIFF with the standard error of each pixel that was made")
    more = jobs.add_parser("upsample", help="put sections between those that there are, along the flow between them")
    more.add_argument("volume", metavar="VOLUME", help="TIFF or MRC file, or folder of sections, aligned")
    more.add_argument("--model", metavar="RUN", help="of fit --preset sections-superresolution: makes them instead")
    more.add_argument("--factor", type=int, required=True, metavar="N", help="steps in place of one, 2 or more")
    anew = jobs.add_parser("remake", help="make all sections anew by a network, so that planes across them look like sections")
    anew.add_argument("volume", metavar="VOLUME", help="TIFF or MRC file, or folder of sections, aligned")
    anew.add_argument("--model", required=True, metavar="RUN", help="of fit --preset sections-alignment-...: it makes new pixels")
    for job in (align, apply, fill, more, anew):
        job.add_argument("--output", required=True, metavar="OUT", help="the volume that is written, in the form of VOLUME")
        job.add_argument("--overwrite", action="store_true", help="replace outputs that are there")
        job.add_argument("--json", action="store_true", help="print the results as JSON, and nothing else")


def main(args):
    """Run the command; returns the exit code."""
    require(args.volume, getattr(args, "saved", None))
    do = {"align": _align, "apply": _apply, "interpolate": _interpolate, "upsample": _upsample, "remake": _remake}
    return do[args.job](args)


def _align(args):
    from udl_tf.alignment import models

    if args.keep_trend is not None and not args.keep_trend > 0:
        raise InputError(f"--keep-trend {args.keep_trend:g}: expected pixels, more than 0")
    if args.elastic_spacing is not None and not (args.elastic and LEAST_SPACING <= args.elastic_spacing < float("inf")):
        expected = f"{LEAST_SPACING} pixels or more" if args.elastic else "--elastic with it"
        raise InputError(f"--elastic-spacing {args.elastic_spacing:g}: expected {expected}")
    elastic = (args.elastic_spacing or SPACING) if args.elastic else None
    if args.workers < 1:
        raise InputError(f"{args.workers} workers: expected 1 or more")
    models.find(args.model)
    import_tensorflow()
    from udl_tf.chunks.executors import open_executor, single_threaded
    from udl_tf.volumes import jobs, volume_alignment
    from udl_tf.volumes.kept_work import kept_work
    from udl_tf.volumes.section_readers import LazyAligner

    single_threaded()
    aligner = LazyAligner(args.model)
    outputs = {"transforms": args.transforms, "report": args.report, "elastic": elastic, "objective": args.objective}
    array = jobs.check_outputs(args.volume, args.output, overwrite=args.overwrite, **outputs)
    settings = {"elastic": elastic, "objective": args.objective, "keep_trend": args.keep_trend}
    with contextlib.ExitStack() as stack:
        others = args.workers > 1 or args.scheduler
        executor = stack.enter_context(open_executor(args.workers, args.scheduler)) if others else None
        store = stack.enter_context(kept_work(array, args.output, args.model, settings, args.resume))
        tell = stack.enter_context(bar("section", "align", args.json))
        options = {"keep_trend": args.keep_trend, "aligner": aligner, "tell": tell, "store": store}
        found = volume_alignment.align(array, args.output, executor=executor, **options, **outputs)
    written = filter(None, (args.output, args.transforms, args.report))
    return _told(args, found, [*_of_volume(found), *(f"wrote {path}" for path in written)])


def _apply(args):
    import_tensorflow()
    from udl_tf.volumes import jobs, moving

    count = moving.apply(jobs.check_outputs(args.volume, args.output, overwrite=args.overwrite), args.saved, args.output)
    return _told(args, {"count": count}, [f"{count} sections moved by {args.saved}", f"wrote {args.output}"])


def _interpolate(args):
    wanted = _numbers(args.sections)
    _find(args.model)
    import_tensorflow()
    from udl_tf.volumes import jobs

    array = jobs.check_outputs(args.volume, args.output, None, args.uncertainty, args.overwrite)
    found = jobs.interpolate(array, args.output, wanted, args.uncertainty, args.method, args.model)
    made, count = found["filled"], array.plane_count
    lines = [f"{len(made)} of {count} sections were made from those around them; the others are as they were"]
    for number, one in made.items():
        sources = " and ".join(map(str, one["from"]))
        lines.append(f"{number:7d}  {one['why']}; from {sources}, standard error {one['sigma']:.1f} grey values")
    written = [args.output, *([args.uncertainty] if args.uncertainty and made else [])]
    return _told(args, found, [*lines, *(f"wrote {path}" for path in written)])


def _upsample(args):
    if args.factor < 2:
        raise InputError(f"--factor {args.factor}: expected 2 or more steps")
    _find(args.model)
    import_tensorflow()
    from udl_tf.volumes import jobs

    array = jobs.check_outputs(args.volume, args.output, overwrite=args.overwrite)
    count = jobs.upsample(array, args.output, args.factor, args.model)
    return _told(args, {"count": count}, [f"{count} sections, those given among them as they were", f"wrote {args.output}"])


def _remake(args):
    _find(args.model)
    import_tensorflow()
    from udl_tf.volumes import jobs

    array = jobs.check_outputs(args.volume, args.output, overwrite=args.overwrite)
    with bar("section", "remake", args.json) as tell:
        found = jobs.remake(array, args.output, args.model, tell)
    about = f"made anew; pixels differ by {found['changed']:.2f} standard deviations on average from those recorded"
    return _told(args, found, [f"{found['count']} sections {about}", f"wrote {args.output}"])


def _find(model):
    """InputError where there is no such model, before TensorFlow is imported."""
    if model:
        from udl_tf.alignment import models

        models.find(model)


def _numbers(text):
    """Numbers of --sections; None for auto."""
    if text == "auto":
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--sections {text}: expected auto, or numbers with commas between them") from None


def _of_volume(found):
    count, jitter = len(found["angle"]), found["jitter"]
    yield f"{count} sections: jitter of {jitter['pixels']:.2f} pixels along an axis and {jitter['degrees']:.2f} degrees taken out"
    yield f"slow drift kept, up to {found['drift']:.1f} pixels from its mean"
    if "moved_on" in found:
        yield f"moved on by {found['moved_on']:.2f} pixels root mean square, so that planes across sections look like sections"
    if "elastic" in found:
        yield from _of_fields(found["elastic"])
    worst = sorted(range(count), key=lambda number: found["score"][number])[:5]
    yield "section   right    down  degrees  score  correlation with the one before"
    for number in sorted(worst):
        (dx, dy), angle = found["shift"][number], found["angle"][number]
        score, correlation = found["score"][number], found["correlation"][number]
        yield f"{number + 1:7d}{dx:8.2f}{dy:8.2f}{angle:9.3f}{score:7.2f}{correlation:8.3f}"
    if count > len(worst):
        yield f"the {len(worst)} of the lowest scores are shown, --json has all"
    if found["failed"]:
        yield f"not placed, left where they were: {', '.join(map(str, found['failed']))}"


def _of_fields(elastic):
    rms = elastic["rms"]
    mean, most = sum(one**2 for one in rms) / len(rms), max(range(len(rms)), key=rms.__getitem__)
    yield f"unbent by fields of {mean**0.5:.2f} pixels root mean square, up to {rms[most]:.2f} in section {most + 1}"
    if elastic["damped"]:
        yield f"made smaller, they would have folded: {', '.join(map(str, elastic['damped']))}"


def _told(args, found, lines):
    if args.json:
        print(json.dumps(found))
        return 0
    for line in lines:
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
