"""Ours and the methods that others would use, on the same pairs: error, time, and whether ours knows when it is wrong.

    pip install 'udl_tf[benchmarks]'
    python benchmarks/accuracy.py --data ../shared/data --csv accuracy.csv

Pairs of 128 x 128 pixels, both images noisy, turned over 360 degrees: two noisy copies of a class average, each moved
within 10 pixels (IMAGE:SNR), and patches of photographs by the paper's recipe (section 4.1; KIND:LEVEL of noise). Errors
over 360 degrees, of groel modulo 180: it looks nearly the same after half a turn.

The rivals are given more than ours. All of them are told the kind of noise and get the blur that served them best on
other images (`udl_tf/rivals/prefilter.py`); where it is salt-and-pepper its pixels are repaired for them. The exhaustive search
is also told the true spectral signal-to-noise ratio. Where a rival gives up, its angle is 0. Times are those of
one method after the other on this machine, in batches of 256 pairs for ours, pair after pair for most rivals.
"""

import csv
import dataclasses
import functools
import json
import sys

from harness import add_data, data_path, markdown, progress, run

from udl_tf.rivals import registry

PHOTO_NOISES = ("clean", "gaussian:0.5", "gaussian:0.1", "gaussian:0.05", "s&p:0.1", "s&p:0.2", "s&p:0.3")
PARTICLES = ("groel", "empiar10034", "empiar10065")
SNRS = ("0.1", "0.05", "0.02")
CONDITIONS = (*(f"{name}:{snr}" for snr in SNRS for name in PARTICLES), *PHOTO_NOISES)
OURS = ("udl_tf", "udl_tf-fast")
# All that align rigidly and learn nothing, but for our shipped models, which are measured on more pairs and asked for more.
RIVALS = tuple(name for name in registry.names("rigid") if not registry.RIVALS[name].learns and name != "default")
MAPS = ("polII", "30S", "cand1")  # without symmetry: pre-filters are chosen on their projections
TRIAL_PAIRS, CAPPED = 40, 10.0  # for choosing: pairs, and degrees that an error above counts as
BATCH = 256


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--pairs", type=int, default=500, help="of each condition (default: 500)")
    parser.add_argument("--rival-pairs", type=int, default=500, help="the rivals see these first ones only (default: 500)")
    for name, choices in (("--methods", OURS + RIVALS), ("--conditions", CONDITIONS)):
        text = f"default: all, {', '.join(choices)}"
        parser.add_argument(name, nargs="+", choices=choices, default=choices, metavar="NAME", help=text)
    parser.add_argument("--csv", metavar="FILE", help="also write the table as CSV, after every row")
    parser.add_argument("--seed", type=int, default=30)
    parser.add_argument("--choose-prefilters", action="store_true", help="print SIGMAS for udl_tf/rivals/prefilter.py instead")


def main(args):
    """The rows of the table."""
    if args.choose_prefilters:
        return choose_prefilters(args)
    registry.find("rigid", [name for name in args.methods if name in RIVALS])  # what is missing is missed now, not in an hour
    rows = []
    for condition in args.conditions:
        case = benchmark_case(condition, args.data, args.pairs, args.seed)
        for name in args.methods:
            count = args.pairs if name in OURS else min(args.pairs, args.rival_pairs)
            rows.append({"condition": condition, "method": name.replace("-fast", " --fast"), **measure(name, case, count)})
            progress("{condition} {method}: mean {mean deg:.2f} deg, {ms/pair:.2f} ms/pair".format(**rows[-1]))
            write_csv(args.csv, rows)
    for column in ("mean deg", "ms/pair"):
        print(f"\n{column}:\n\n{markdown(crossed(rows, column))}")
    return rows


@dataclasses.dataclass(frozen=True)
class Case:
    """Pairs with known truth, and what the methods are told about them.

    Attributes:
        inputs, truth: of the pairs, see `pipelines.pairs`. period: of the errors, degrees.
        model: shipped name of our model for them.
        spectral_snr: of every ring of frequencies, for the exhaustive search.
        blur: name of the condition in `udl_tf.rivals.prefilter.SIGMAS`. impulses: whether the rivals' images are repaired.
    """

    inputs: dict
    truth: dict
    period: float
    model: str
    spectral_snr: object
    blur: str
    impulses: bool = False


def benchmark_case(condition, data, count, seed):
    """The `Case` of one of `CONDITIONS`."""
    import scoring

    from udl_tf.rivals import exhaustive

    name, _, level = condition.partition(":")
    if name not in PARTICLES:
        return photo_case(condition, data, "photos/val", count, seed)
    clean = scoring.clean_image(data_path(data, "cryo/class_averages", f"{name}.mrc"))
    inputs, truth = scoring.noisy_pairs(clean, float(level), count, seed)
    period = 180.0 if name == "groel" else 360.0
    return Case(inputs, truth, period, "cryo", exhaustive.true_snr(clean, float(level)), f"particle:{level}")


def photo_case(kind, data, folder, count, seed):
    """Pairs of patches of the photographs in a folder of the data, with one kind of noise."""
    from scoring import photo_pairs

    from udl_tf.rivals.prior import photo_snr

    inputs, truth = photo_pairs(data_path(data, folder), kind, count, seed)
    patches, _ = photo_pairs(data_path(data, "photos/train"), "clean", 200, seed)
    return Case(inputs, truth, 360.0, "photo", photo_snr(patches["fixed"], kind), kind, impulses=kind.startswith("s&p"))


def measure(name, case, count):
    """Errors, time, and for ours its trust in itself, of a method on the first pairs of a case."""
    import confidence
    import numpy as np
    import scoring

    from pipelines import geometry

    fixed, moving = (case.inputs[image][:count] for image in ("fixed", "moving"))
    truth = {key: value[:count] for key, value in case.truth.items()}
    results = []  # of ours, which says more than the transform
    align = ours(name, case, results) if name in OURS else rival(name, case)
    found, milliseconds = scoring.timed(align, fixed, moving, warm=BATCH if name in OURS else 4)
    error = geometry.angular_distance(np.asarray(found.angle, np.float64), truth["angle"], case.period)
    scored = scoring.score(found.angle, found.shift, truth, case.period)
    return {
        "pairs": count,
        **{column: scored[column] for column in ("mean deg", "median deg", "p95 deg")},
        "within 5 deg, %": 100.0 * float((error < confidence.GROSS).mean()),
        "shift px": scored["shift px"],
        "ms/pair": milliseconds,
        **(confidence.columns(error, results[-1].sigma, results[-1].score) if results else {}),
    }


def ours(name, case, results):
    """Our aligner, complete or fast, as a function (fixed, moving) -> `Rigid`; appends to `results`."""
    import scoring

    from pipelines.geometry.transforms import Rigid

    fast = {"fast": True} if name == "udl_tf-fast" else {}

    def align(fixed, moving):
        results.append(aligner(case.model).align(fixed, moving, scoring.REACH, batch=BATCH, **fast))
        return Rigid(results[-1].angle, results[-1].shift)

    return align


def rival(name, case, sigma=None):
    """A rival, its pre-filter included, as a function (fixed, moving) -> `Rigid`."""
    from udl_tf.rivals import prefilter
    from udl_tf.rivals.problem import Problem

    known = registry.RIVALS[name]
    if known.weighs:
        sigma = 0
    elif sigma is None:
        sigma = prefilter.blur(case.blur, name)
    answer = known.function("rigid")

    def align(fixed, moving):
        pair = {"fixed": fixed, "moving": moving}
        pair = {image: prefilter.prepared(pair[image], sigma, case.impulses) for image in pair}
        return answer(Problem("rigid", fixed.shape[1], case.model, lambda: case.spectral_snr), pair)

    return align


@functools.cache
def aligner(model):
    """A shipped model, loaded once."""
    import udl_tf

    return udl_tf.load(model)


def choose_prefilters(args):
    """Try all blurs on pairs that the benchmark does not show, print the best; rows of the mean capped errors."""
    import numpy as np

    from pipelines import geometry
    from udl_tf.rivals import prefilter

    rows, chosen = [], {}
    names = [name for name in RIVALS if name in args.methods and not registry.RIVALS[name].weighs]
    names = [name for name in names if prefilter.chosen_for(name) == name]
    for case in (*particle_cases(args.data, TRIAL_PAIRS, args.seed), *photo_cases(args.data, TRIAL_PAIRS, args.seed)):
        for name in names:
            progress(f"{case.blur}: {name}")
            means = {}
            for sigma in prefilter.TRIED:
                found = rival(name, case, sigma)(case.inputs["fixed"], case.inputs["moving"])
                error = geometry.angular_distance(found.angle, case.truth["angle"])
                means[sigma] = float(np.minimum(error, CAPPED).mean())
            chosen.setdefault(case.blur, {})[name] = min(means, key=means.get)
            rows.append({"condition": case.blur, "method": name, **{f"blur {sigma}": means[sigma] for sigma in means}})
    lines = [f"    {json.dumps(condition)}:\n        {json.dumps(sigmas)}," for condition, sigmas in chosen.items()]
    print("\n".join(["SIGMAS = {", *lines, "}"]))
    return rows


def particle_cases(data, count, seed):
    """Cases of projections of `MAPS` along y, resampled to 128 pixels, at each of `SNRS`."""
    import numpy as np

    from pipelines import noise, pairs
    from pipelines.files import opening
    from pipelines.spectra import resample

    volumes = [opening.open_source(data_path(data, "cryo/maps", f"{name}.mrc")).read(slice(None)) for name in MAPS]
    images = resample.fourier_resample(np.stack([volume.sum(1) for volume in volumes]), 128).numpy()
    for snr in SNRS:
        made = pairs.collect(pairs.simulated(images, noise.Noise("gaussian", float(snr)), count, seed), count)
        yield Case(*made, 360.0, "cryo", None, f"particle:{snr}")


def photo_cases(data, count, seed):
    """Cases of photographs that the benchmark does not show, with each kind of noise."""
    for kind in PHOTO_NOISES:
        yield photo_case(kind, data, "photos/train", count, seed)


def crossed(rows, column):
    """One column of the table, methods down, conditions across."""
    table = {}
    for row in rows:
        table.setdefault(row["method"], {"method": row["method"]})[row["condition"]] = row[column]
    return list(table.values())


def write_csv(path, rows):
    """Write the table so far, if a file was asked for."""
    if path:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
