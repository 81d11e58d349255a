"""LDDMM and Quicksilver on the pairs of the deformable table: what their parts are worth, and how sure they are.

    python benchmarks/momenta.py --data ../shared/data
    python benchmarks/momenta.py --data ../shared/data --rows gaussian-0.5 sections cine --energies 0.1 0.03

Rows: the pair left alone; LDDMM with several weights of the path's energy; the first network of Quicksilver alone; with one
correction by the second network; with all of them. Mean error and its 95th percentile in pixels, folded cells in percent,
correlation of the images, milliseconds of the processor a pair (all cores added up, the least of two calls or more). `spearman`:
how the spread of answers with dropout ranks the mean errors of the pairs. `training CPU s` are those of the processor, `targets`
those of them that went into the momenta that are learned.
"""

import sys
import time

from harness import progress, run

DROPOUT_SEED = 17
MEASURED = 1.0  # second of the processor at least, in two calls or more


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--data", metavar="DIR", help="folder with photos/ and em/ (default: dead leaves, made tissue)")
    parser.add_argument("--rows", nargs="+", default=["clean"], metavar="NAME", help="of the deformable table (default: clean)")
    parser.add_argument("--energies", nargs="+", type=float, default=[0.1], help="weights, LDDMM (default: 0.1, the method's)")
    parser.add_argument("--steps", type=int, help="of Quicksilver's training; 0: leave it out (default: those of the table)")
    parser.add_argument("--pairs", type=int, default=60, help="to measure on (default: 60)")
    parser.add_argument("--scale", default="small", metavar="NAME", help="small or paper (default: small)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")


def main(args):
    """The rows of the table."""
    import dataclasses

    from udl_tf.tables import deformable_cases, protocol, scales

    table, scale = protocol.table("deformable"), scales.scale(args.scale)
    conditions = {condition.name: condition for condition in table.conditions}
    chosen = [scales.chosen(name, conditions, "row") for name in args.rows]
    scale = dataclasses.replace(scale, test_pairs=args.pairs * deformable_cases.FEWER)
    rows = []
    for condition in chosen:
        import tensorflow as tf

        tf.keras.utils.set_random_seed(args.seed)  # as the table does: these are its pairs
        case = deformable_cases.build(table, condition, scale, args.data, None, args.seed)
        for row in measured(case, args, scale.steps.get("deformable", {}).get("quicksilver")):
            rows.append({"row": condition.name} | row)
            progress(str(rows[-1]))
    return rows


def measured(case, args, steps):
    """The rows of one condition; steps: of the training, where the arguments do not say."""
    import functools

    import tensorflow as tf

    from pipelines.geometry.transforms import Displacement, Rigid
    from udl_tf.rivals import learning
    from udl_tf.rivals.deformable import lddmm
    from udl_tf.rivals.deformable.momentum import MomentumGrid

    grid = MomentumGrid(case.problem.side, case.problem.side)
    field = tf.function(grid.field, autograph=False)

    def bend(momenta):
        fields = learning.batched(lambda pair: field(momenta(pair["fixed"], pair["moving"])), case.inputs)
        return Displacement(fields, grid.spacing)

    yield {"method": "nothing"} | scored(case, lambda: Rigid.identity(args.pairs))[0]
    for energy in args.energies:
        momenta = functools.partial(lddmm.momenta, energy=energy)
        yield {"method": f"lddmm, energy {energy:g}"} | scored(case, functools.partial(bend, momenta))[0]
    if args.steps != 0:
        yield from trained(case, args.steps or steps, args.seed, bend)


def trained(case, steps, seed, bend):
    """The rows of Quicksilver; bend: function (momenta of a pair) -> fields of all pairs."""
    import dataclasses
    import functools

    import numpy as np
    import tensorflow as tf
    from scipy.stats import spearmanr

    from udl_tf.rivals import learning
    from udl_tf.rivals.deformable import quicksilver

    tf.keras.utils.set_random_seed(seed)
    learner = quicksilver.learner(case.problem, steps)
    model, marks = learner.model, [time.process_time()]

    def data():
        found = learner.data()
        marks.append(time.process_time())
        return found

    losses, _ = learning.fit(dataclasses.replace(learner, data=data), progress)
    marks.append(time.process_time())
    tenths = [f"{part.mean():.2f}" for part in np.array_split(losses, min(10, len(losses)))]
    progress(f"loss in tenths of the steps: {' '.join(tenths)}")
    for part, name in enumerate(("quicksilver, first network", "quicksilver, one correction", "quicksilver")):
        told, error = scored(case, functools.partial(bend, _predicted(model, part)))
        if part == quicksilver.LOOKS - 1:
            tf.keras.utils.set_random_seed(DROPOUT_SEED)
            spread = learning.batched(model.spread, case.inputs).mean((1, 2))
            told |= {"spread px": float(spread.mean()), "spearman": float(spearmanr(spread, error).statistic)}
            told |= {"steps": learner.steps, "training CPU s": marks[2] - marks[0], "targets": marks[1] - marks[0]}
        yield {"method": name} | told


def _predicted(model, part):
    """The momenta after the first look and `part` more, as a function of the images of pairs."""
    import tensorflow as tf

    return tf.function(lambda fixed, moving: model({"fixed": fixed, "moving": moving}, looks=part + 1)[-1], autograph=False)


def scored(case, find):
    """The measures of what `find()` gives, and the mean error of each pair in pixels."""
    from udl_tf.tables import field_scores

    costs = []
    while len(costs) < 2 or sum(costs) < MEASURED:
        began = time.process_time()
        found = find()
        costs.append(time.process_time() - began)
    cost = 1e3 * min(costs) / len(found)
    error = field_scores.distances(found, case.truth["displacement"]).mean(1)
    return {"mean px": float(error.mean()), **field_scores.measures(case, found), "CPU ms": cost}, error


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
