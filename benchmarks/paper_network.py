r"""Goal 7: the paper's network trained by UDL with and without the warm start: loss and error on the way.

    python benchmarks/paper_network.py --preset cryo-paper-small --minutes 10 \
        --simulate-from ../shared/data/cryo/class_averages/empiar10034.mrc --noise gaussian:0.1
    python benchmarks/paper_network.py --preset photo-paper-small --minutes 30 --data ../shared/data/photos/train \
        --score-on ../shared/data/photos/val --noise clean

Variants: `warm` is the preset (first self-pairs, then UDL with a share of them), `cold` is UDL alone from the first
step on, `self` is self-pairs alone to the end, without UDL. All take the same number of steps: with --minutes, what the first of
them can do in that time. The error is the network's own, on held-out pairs, after its constant C was measured on
self-pairs (no truth needed): truth is used for this number only.
"""

import sys
import time

from harness import progress, run

VARIANTS = {"warm": {}, "cold": {"warm_steps": 0, "self_pair_share": 0.0}, "self": {"self_pair_share": 1.0}}


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--preset", default="cryo-paper-small", help="preset or config file (default: cryo-paper-small)")
    parser.add_argument("--data", metavar="PATH", help="noisy stack, or folder of photos, as for udl_tf.fit")
    parser.add_argument("--simulate-from", metavar="IMAGES", help="clean images, as for udl_tf.fit")
    parser.add_argument("--score-on", metavar="PATH", help="other images to score on (default: those held out)")
    parser.add_argument("--noise", metavar="KIND:LEVEL", help="default: the preset's")
    parser.add_argument("--variants", nargs="+", default=["warm", "cold"], choices=VARIANTS, help="default: warm cold")
    parser.add_argument("--minutes", type=float, help="for each variant, instead of steps")
    parser.add_argument("--steps", type=int, help="for each variant (default: the preset's)")
    parser.add_argument("--points", type=int, default=10, help="rows of each variant (default: 10)")
    parser.add_argument("--pairs", type=int, default=512, help="to score on (default: 512)")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--seed", type=int, default=0)


def main(args):
    """The rows of the table."""
    from pipelines import pairs
    from udl_tf import presets
    from udl_tf.training import datasets

    rows, steps = [], args.steps
    for variant in args.variants:
        changes = {"noise": args.noise, "batch": args.batch, "seed": args.seed, **VARIANTS[variant]}
        config = presets.resolve(args.preset, steps=steps, **changes)
        gathered = datasets.gather(config, args.data, args.simulate_from)
        if steps is None and args.minutes:
            steps = affordable_steps(config, gathered, 60.0 * args.minutes)
        steps = max((steps or config.steps) // args.points, 1) * args.points  # the same for every variant
        config = presets.resolve(args.preset, steps=steps, **changes)
        progress(f"{variant}: {config.steps} steps of {config.batch} pairs; {gathered.description}")
        held_out = gathered.held_out
        if args.score_on:
            other = (args.score_on, None) if args.data else (None, args.score_on)
            held_out = datasets.gather(config, *other).held_out
        rows += curve(variant, config, gathered, pairs.collect(held_out, args.pairs), args.points)
    return rows


def affordable_steps(config, data, seconds, probe=8):
    """How many steps fit into a time, judged from a few of them."""
    import tensorflow as tf

    from udl_tf.training.trainer import compiled

    class Clock(tf.keras.callbacks.Callback):
        """Notes when each step ended."""

        def on_train_begin(self, logs=None):
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())

    clock = Clock()
    compiled(config, data).fit(data.train(), steps_per_epoch=probe, epochs=1, callbacks=[clock], verbose=0, shuffle=False)
    ends = clock.ends[2:]  # tracing
    return max(int(seconds * (len(ends) - 1) / (ends[-1] - ends[0])), 1)


def curve(variant, config, data, held_out, points):
    """Train and take stock `points` times: one row each."""
    import tensorflow as tf

    from udl_tf.training.trainer import compiled

    model = compiled(config, data)
    per_point = config.steps // points
    rows = []

    class Stock(tf.keras.callbacks.Callback):
        """Adds a row at the end of every epoch, with its mean loss; the time it takes itself is not counted."""

        def on_train_begin(self, logs=None):
            self.spent, self.since, self.losses = 0.0, time.perf_counter(), []

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append(float(logs["loss"]))

        def on_epoch_end(self, epoch, logs=None):
            self.spent += time.perf_counter() - self.since
            found = errors_now(model, config, data, held_out)
            loss, self.losses = sum(self.losses) / len(self.losses), []
            row = {"variant": variant, "step": (epoch + 1) * per_point, "loss": loss, **found}
            rows.append({**row, "training s": self.spent})
            progress("  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "variant"))
            self.since = time.perf_counter()

    model.fit(data.train(), steps_per_epoch=per_point, epochs=points, callbacks=[Stock()], verbose=0, shuffle=False)
    return rows


def errors_now(model, config, data, held_out):
    """Errors of the network on held-out pairs, modulo its period, less the constant C measured on self-pairs."""
    import numpy as np
    import scoring

    from udl_tf.training.calibration import calibrate

    inputs, truth = held_out
    images = [element["moving"] for element, _ in data.train().take(2)]
    constant = calibrate(model.angles, images, model.disturb, config.period, config.seed + 1)
    parts = [slice(start, start + config.batch) for start in range(0, len(truth["angle"]), config.batch)]
    angle = np.concatenate([model.angles({name: inputs[name][rows] for name in inputs}) for rows in parts])
    return {**scoring.errors(angle - constant.bias_deg, truth["angle"], config.period), "C deg": constant.bias_deg}


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
