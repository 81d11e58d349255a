"""Class the particles of a stack by what they show: several views, and junk.

    python -m udl_tf.classify particles.star --views 10 --output classified.star --averages averages.mrcs --report report.html
    python -m udl_tf.classify particles.star --views auto --output classified.star --select good
    python -m udl_tf.classify particles.star --model runs/cryo-views-20260102-030405 --output classified.star

The views are learned from the particles alone, or are those of a model of `udl_tf.fit --preset cryo-views`, here or on a server;
each particle gets its pose in its view. Beside the output, OUTPUT_model.star lists the
classes, and --select writes the particles that are not junk (good), or those of some classes (1,3), to a STAR file of their own.
"""

import json
import shlex
import sys

from pipelines.errors import InputError
from udl_tf.commands import import_tensorflow, run


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("stack", metavar="STACK", help="the particles (.star, .cs, .mrcs)")
    parser.add_argument("--views", metavar="K|auto", help="how many views (default: auto, as many as differ)")
    parser.add_argument("--model", metavar="RUN", help="views of this run of fit --preset cryo-views, in place of learned ones")
    parser.add_argument("--server", metavar="HOST:PORT", help="with --model NAME: the model is on this server")
    parser.add_argument("--output", metavar="FILE", help="write class and pose of each particle (.star)")
    parser.add_argument("--averages", metavar="FILE", help="write the average of each class (.mrcs)")
    parser.add_argument("--report", metavar="FILE", help="write a page with the averages and their numbers (.html)")
    parser.add_argument("--select", metavar="good|N,N", help="with --output: also write these particles alone")
    parser.add_argument("--mask-diameter", metavar="PX|A", help="of the particle, 100 or 180A (default: 0.94 of the side)")
    parser.add_argument("--max-shift", metavar="PX|A", help="largest shift looked for (default: 6/64 of the side)")
    parser.add_argument("--pixel-size", type=float, metavar="A", help="in place of what the files say")
    parser.add_argument("--no-ctf", action="store_true", help="do not correct for the CTF in the STAR file's columns")
    parser.add_argument("--refine", action="store_true", help="refine each class at all frequencies, as align does with a stack")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another one draws other particles to begin with")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: 1, with a thread for each core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="compute on the workers of a Dask scheduler")
    parser.add_argument("--resume", action="store_true", help="go on from the finished chunks of a killed run")
    parser.add_argument("--json", action="store_true", help="print the classes as JSON, and nothing else")


def main(args):
    """Run the command; returns the exit code."""
    views = None if args.views == "auto" else args.views
    if views is not None and args.model:
        raise InputError(f"--views {views} with --model {args.model}: expected one of them, the model has its views")
    if views is not None and not views.isdigit():
        raise InputError(f"--views {args.views}: expected a number, or auto")
    import_tensorflow()
    from udl_tf.chunks.executors import single_threaded

    single_threaded()
    from udl_tf.classification.job import classify_stack
    from udl_tf.classification.request import ClassRequest

    request = ClassRequest(
        path=args.stack,
        views=None if views is None else int(views),
        output=args.output,
        averages=args.averages,
        report=args.report,
        select=args.select,
        mask_diameter=args.mask_diameter,
        max_shift=args.max_shift,
        pixel_size=args.pixel_size,
        ctf=not args.no_ctf,
        seed=args.seed,
        workers=args.workers,
        scheduler=args.scheduler,
        resume=args.resume,
        refine=args.refine,
        model=args.model,
        server=args.server,
    )
    command = "python -m udl_tf.classify " + shlex.join(sys.argv[1:])
    say = (lambda text: None) if args.json else (lambda text: print(text, file=sys.stderr))
    table = classify_stack(request, command, not args.json, say)
    if args.json:
        print(json.dumps(_as_json(table)))
        return 0
    junk = int((table.junk & table.usable).sum())
    print(f"{len(table.label)} particles in {len(table.averages)} classes; {junk} told to be junk")
    for number, count in enumerate(table.counts):
        print(f"class {number + 1:3d} {count:8d} particles" + (" (junk)" if table.junk_class[number] else ""))
    for path in (args.output, args.averages, args.report):
        if path:
            print(f"wrote {path}")
    return 0


def _as_json(table):
    return {
        "class": (table.label + 1).tolist(),
        "psi": table.psi.tolist(),
        "offset": table.offset.tolist(),
        "evidence": table.evidence.tolist(),
        "probability": table.probability.tolist(),
        "junk": table.junk.tolist(),
        "particles": table.counts.tolist(),
        "resolution": [float(period) if period < float("inf") else None for period in table.resolution],
        "junk_class": table.junk_class.tolist(),
    }


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
