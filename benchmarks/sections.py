"""Volumes of serial sections: ours beside pystackreg, ECC and what else there is, on volumes of which the truth is known.

    python benchmarks/sections.py jitter --data DIR
    python benchmarks/sections.py elastic --data DIR
    python benchmarks/sections.py objective
    python benchmarks/sections.py objective --data DIR
    python benchmarks/sections.py banana
    python benchmarks/sections.py faults
    python benchmarks/sections.py interpolation --data DIR
    python benchmarks/sections.py interpolation --data DIR --networks sections-interpolation
    python benchmarks/sections.py upsampling --data DIR --finer sections-superresolution
    python benchmarks/sections.py large

jitter: every section is turned by N(0, 1 degree) about its middle and moved by N(0, 2 px) along each axis, then all are cropped
by 16 px. What is left after alignment, in pixels and degrees: `global` is its mean after one shift and turn for the whole volume,
`drift forgiven` after a Gaussian of 5 sections along the volume as well, `step` the root mean square from section to section.
`MAE` is of the voxels, in standard deviations. `unshaken` is the mean by which sections of a volume that needs nothing are moved.
elastic: every section is bent by a smooth field of its own, 2 px along an axis, then turned, moved and cropped as above. What is
left over the pixels, root mean squares: `global` after one shift for the whole volume, `drift forgiven` after a Gaussian of 5
sections at each pixel, `field` of that less the mean of each section, `step` from section to section. `unshaken` is that of what
pixels of the volume as it was are moved by. CPU s are those after the rigid alignment.
objective: real volumes, without --data made tissue, shaken as for `jitter`; the adversarial objective begins with the poses that
correlation found, or `alone` with sections as they are; `reslices`: what its discriminator learns from is that of the source.
banana: made tissue of 200 sections, shaken the same way; what is left, smoothed over 20 sections.
interpolation: each section of the second half is made from those around it; what is learned is learned from the first half.
MAE in standard deviations of the volume, SSIM of sections less its mean, `mid` and `hi` the spectral power over the truth's, at
0.125 to 0.25 and 0.25 to 0.5 cycles a pixel. `found out` is how often a fresh discriminator, trained on half of the sections that
were made, is right about the other half: 0.5 is chance.
upsampling: two of three sections of iso10 are left out and made again; what is learned is learned from those that are left.
faults: 20 of 200 made sections are spoiled, at least three apart; which are found, and how many good ones are accused.
large: volumes of 2,000 x 2,000 pixels, made on the fly in a temporary folder, aligned by the command from file to file: the peak
of its resident memory by the number of sections. It must not grow.
"""

import sys

from harness import run
from volumes import banana, elastic, faults, interpolation, jitter, large, objective, upsampling

PARTS = {
    "jitter": jitter,
    "elastic": elastic,
    "objective": objective,
    "banana": banana,
    "faults": faults,
    "interpolation": interpolation,
    "upsampling": upsampling,
    "large": large,
}
VOLUMES = tuple(dict.fromkeys([*jitter.VOLUMES, *interpolation.VOLUMES]))


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("part", choices=tuple(PARTS), help="what is measured")
    parser.add_argument("--data", metavar="DIR", help="folder with em/")
    parser.add_argument("--volumes", nargs="*", choices=VOLUMES, default=VOLUMES, help="(default: all)")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0], help="of the jitter (default: 0)")
    parser.add_argument("--networks", nargs="*", default=[], metavar="PRESET", help="presets that interpolate, trained first")
    parser.add_argument("--finer", nargs="*", default=[], metavar="PRESET", help="presets that put more between, trained first")
    parser.add_argument("--runs", metavar="DIR", help="folder for what is trained (default: a temporary one)")
    parser.add_argument(
        "--counts", type=int, nargs="*", default=large.COUNTS, help="sections of large volumes (default: 12 40 120)"
    )
    parser.add_argument("--format", default=".tif", choices=large.FORMATS, help="of large volumes (default: .tif)")
    parser.add_argument("--elastic", action="store_true", help="large volumes: align with --elastic")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="large volumes: processes that compare (default: 1)")
    parser.add_argument("--folder", metavar="DIR", help="where to make the temporary folder of large volumes")


def main(args):
    """The rows of the table."""
    from pipelines.errors import InputError

    if args.part in ("jitter", "elastic", "interpolation", "upsampling") and not args.data:
        raise InputError(f"{args.part}: expected --data DIR, the folder with em/")
    return [row for seed in args.seeds for row in PARTS[args.part].rows(args, seed)]


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
