"""The same training by TensorFlow and by the programs under JAX: same pairs, same steps, plain gradient descent.

    python benchmarks/accelerator/proof.py --steps 50

Programs of the preset are exported and run by `run.py`'s code in this process; TensorFlow, not compiled, with its own kernels,
begins with the same weights. Needs JAX beside TensorFlow (the extra `programs`). Plain gradient descent, since Adam turns
rounding of gradients near zero into steps of the learning rate.
"""

import pathlib
import sys
import tempfile
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # of harness
from harness import progress, run

RATE = 1e-4


def add_args(parser):
    """Declare the arguments."""
    parser.add_argument("--preset", default="cryo-paper-small", metavar="NAME", help="default: cryo-paper-small")
    parser.add_argument("--steps", type=int, default=50, help="default: 50")
    parser.add_argument("--batch", type=int, default=16, help="pairs a step (default: 16)")


def main(args):
    """One row: how far the two are apart."""
    from udl_tf.presets import resolve

    config = resolve(args.preset, batch=args.batch)
    losses, weights = compared(config, args.steps)
    apart = max(abs(a - b) / abs(a) for a, b in losses)
    row = {"preset": args.preset, "steps": args.steps, "batch": args.batch, "loss at the end": losses[-1][0]}
    row["losses apart, relative"] = apart
    for what, trained in (("weights", True), ("moving statistics", False)):
        kind = [values for values, trainable in weights if trainable == trained]
        row[f"{what} apart"] = max((abs(last - other).max() for _, last, other in kind), default=0.0)
        row[f"{what} moved"] = max((abs(first - last).max() for first, last, _ in kind), default=0.0)
    return [row]


def compared(config, steps):
    """Train by both.

    Args:
        config: `udl_tf.presets.Config` of particles. steps: of both.

    Returns:
        ([(loss of TensorFlow, of the programs), ...] of each step, [((weight before, after by TensorFlow, by the programs),
        whether it is trained: batch normalisation's moving statistics are not), ...]).
    """
    import numpy as np
    import tensorflow as tf

    from udl_tf.programs.exporting import export_programs
    from udl_tf.programs.training import state_of
    from udl_tf.training import pair_task

    with mock.patch.object(pair_task, "adam", lambda _: tf.keras.optimizers.SGD(RATE)), tempfile.TemporaryDirectory() as work:
        progress("exporting")
        folder = pathlib.Path(work) / "programs"
        path = pathlib.Path(work) / "config.json"
        _write(config, path)
        export_programs(path, folder)
        gathered = pair_task.PairTask().gather(config)
        model = pair_task.PairTask().compiled(config, gathered)
        import jax
        import run as runner

        programs = runner.Programs(folder)
        images, state = programs.images(), programs.call("initialise", {"seed": np.array([3, 0], np.int32)})
        step_of_programs = jax.jit(programs.step)
        variables = state_of(model)
        for name, variable in variables.items():
            variable.assign(state[name])
        before = [weight.copy() for weight in model.network.get_weights()]
        step_of_tensorflow = tf.function(model.train_step)
        losses = []
        for number, (inputs, _) in enumerate(gathered.train().take(steps)):
            progress(f"step {number + 1} of {steps}")
            by_tensorflow = float(step_of_tensorflow(inputs)["loss"])
            state, by_programs = step_of_programs(state, images, config.seed, np.int32(number))
            losses.append((by_tensorflow, float(by_programs)))
        after = [np.array(state[name]) for name in variables if name.startswith("weight/")]
    trained = {id(weight) for weight in model.network.trainable_weights}
    values = zip(before, model.network.get_weights(), after, strict=True)
    return losses, [(three, id(weight) in trained) for three, weight in zip(values, model.network.weights, strict=True)]


def _write(config, path):
    """The configuration as a file, as `--program` takes it."""
    import json

    from udl_tf.presets import as_dict

    path.write_text(json.dumps(as_dict(config)))


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
