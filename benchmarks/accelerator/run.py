"""Train and judge by the programs of `python -m udl_tf.export --program`, on whatever device JAX finds. No TensorFlow.

    python -m udl_tf.export --program cryo-paper --simulate-from class_average.mrc --output programs
    python benchmarks/accelerator/run.py programs --minutes 5 --output result.json
    python benchmarks/accelerator/run.py programs --photos train --test-photos val --steps 20000 --output result.json

Needs JAX and NumPy, and OpenCV for photographs. Weights are made, trained and judged on the device; what comes back is a JSON
file: the curve, errors on pairs that were never trained on (degrees, the network's constant C found by self-pairs and taken off),
steps and pairs a second, memory, and the share of what one large matrix product reaches on the same device.
"""

import argparse
import collections
import json
import math
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from programs import Programs

TEST_SEED, C_SEED, C_BATCHES = 7919, 1, 4  # the test's pairs are others than those of the training


def main(argv=None):
    """Run the command; returns the exit code."""
    args = parse(argv)
    text = json.dumps(run(args), indent=2)
    if args.output:
        pathlib.Path(args.output).write_text(text + "\n")
    else:
        print(text)
    return 0


def parse(argv=None):
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", metavar="DIR", help="folder of python -m udl_tf.export --program")
    parser.add_argument("--photos", metavar="DIR", help="JPEG files to train on, where the programs are of photographs")
    parser.add_argument("--test-photos", metavar="DIR", help="JPEG files that the test's pairs are cut from")
    parser.add_argument("--steps", type=int, default=1_000_000, help="at most (default: until the time is over)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training at most (default: 10)")
    parser.add_argument(
        "--together", type=int, default=50, metavar="N", help="steps at most that the device makes by itself (default: 50)"
    )
    parser.add_argument("--every", type=int, default=1000, metavar="STEPS", help="measure this often (default: 1000)")
    parser.add_argument("--test-batches", type=int, default=20, metavar="N", help="of pairs (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and pairs (default: 0)")
    parser.add_argument("--checkpoint", metavar="FILE", help=".npz of the state: gone on with if there, written at the end")
    parser.add_argument("--output", metavar="FILE", help="JSON of the result (default: standard output)")
    return parser.parse_args(argv)


def run(args):
    """Train until the steps or the minutes are over; returns the result as plain types."""
    return train(compile_programs(args), args, args.minutes)


Compiled = collections.namedtuple("Compiled", "programs initialise steps judge operations seconds")
Compiled.__doc__ = """`Programs` as functions for the device.

`initialise(seed)` -> state, a dict of arrays. `steps(state, images, first, count)` -> (state, sum of losses); it takes the state
over. `judge(state, images, seed, number)`: see `Programs.judge`. `operations`: of floating point in a step, see `counted`.
`seconds`: to compile them.
"""


def compile_programs(args):
    """The `Compiled` of the arguments. It puts nothing on the device."""
    began = time.perf_counter()
    programs = Programs(args.programs)

    def first(seed):
        return programs.call("initialise", {"seed": seed})

    def steps(state, images, first, count):
        def one(number, now):
            after, loss = programs.step(now[0], images, args.seed, first + number)
            return after, now[1] + loss

        return jax.lax.fori_loop(0, count, one, (state, jnp.float32(0.0)))

    number, seed = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((2,), jnp.int32)
    known = programs.content["images"]
    images = jax.ShapeDtypeStruct(known["shape"], jnp.float32 if known["file"] else jnp.uint8)
    state = jax.eval_shape(first, seed)
    initialise = jax.jit(first).lower(seed).compile()
    lowered = jax.jit(steps, donate_argnums=0).lower(state, images, number, number)
    trained = lowered.compile()
    judge = jax.jit(programs.judge).lower(state, images, number, number).compile()
    return Compiled(programs, initialise, trained, judge, counted(lowered), time.perf_counter() - began)


def counted(lowered):
    """Floating-point operations of a step, as XLA counts them before it compiles; nan if it does not.

    Compiled for a GPU, convolutions are calls of a library that it does not count.
    """
    try:
        return (lowered.cost_analysis() or {}).get("flops", math.nan)  # of the loop's body, once
    except (NotImplementedError, RuntimeError):
        return math.nan


def train(compiled, args, minutes):
    """Train what is compiled; returns the result as plain types."""
    programs, config = compiled.programs, compiled.programs.content["config"]
    seen, unseen = (programs.images(folder) for folder in (args.photos, args.test_photos or args.photos))
    if args.checkpoint and pathlib.Path(args.checkpoint).is_file():
        with np.load(args.checkpoint) as saved:
            state = {name: jnp.asarray(saved[name]) for name in saved.files}
    else:
        state = compiled.initialise(jnp.array([args.seed, 0], jnp.int32))

    def measured(images, first_seed):
        return measure(compiled, state, (seen, args.seed + C_SEED), (images, first_seed), args.test_batches)

    step, curve, spent, rates = int(state["optimizer/0"]), [], 0.0, []
    limit, count = 60.0 * minutes, 1  # one step to begin with: it tells how many fit into the time
    while step < args.steps and spent < limit:
        start = time.perf_counter()
        state, total = compiled.steps(state, seen, jnp.int32(step), jnp.int32(count))
        loss = float(total) / count
        took = time.perf_counter() - start
        step, spent, rates = step + count, spent + took, [*rates, (count, count / took)]
        if step % args.every == 0 or step >= args.steps or spent >= limit:
            curve.append({"step": step, "seconds": spent, "loss": loss, **measured(unseen, args.seed + TEST_SEED)})
            print(" ".join(f"{name} {value:.4g}" for name, value in curve[-1].items()), file=sys.stderr, flush=True)
        fit = int((limit - spent) * count / took)
        count = max(1, min(args.together, args.every - step % args.every, args.steps - step, fit))
    if args.checkpoint:
        np.savez(args.checkpoint, **state)
    most = max((count for count, _ in rates), default=0)
    rate = float(np.median([rate for count, rate in rates if count == most])) if rates else math.nan
    return {
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "config": config,
        "steps": step,
        "compile s": compiled.seconds,
        "steps/s": rate,
        "pairs/s": rate * config["batch"],
        "peak memory, bytes": (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use"),
        **share_of_peak(compiled.operations, rate),
        "on trained pairs": measured(seen, args.seed),
        "curve": curve,
    }


def measure(compiled, state, own, test, batches):
    """Errors in degrees: mean, median, 95th percentile; and the constant C that was taken off.

    Args:
        own, test: (images, seed) of the self-pairs that C is found with, and of the pairs that are judged. batches: of the test.
    """
    config = compiled.programs.content["config"]
    period = config["period"]
    of = [compiled.judge(state, own[0], jnp.int32(own[1]), jnp.int32(number))[1] for number in range(C_BATCHES)]
    constant = np.degrees(np.angle(np.exp(2j * np.pi * np.concatenate(of) / period).mean())) * period / 360.0
    error = np.concatenate(
        [compiled.judge(state, test[0], jnp.int32(test[1]), jnp.int32(number))[0] for number in range(batches)]
    )
    period = 180.0 if config["material"] == "particles" else period
    error = np.abs((error - constant + period / 2) % period - period / 2)
    found = {"mean": error.mean(), "median": np.median(error), "p95": np.percentile(error, 95), "C": constant}
    return {name: float(value) for name, value in found.items()}


def share_of_peak(operations, rate):
    """Operations a step, a second, and as a share of what a large product of float32 matrices reaches."""
    side = 8192 if jax.default_backend() != "cpu" else 2048
    product = jax.jit(lambda a: a @ a)
    matrix = jnp.ones((side, side), jnp.float32)
    product(matrix).block_until_ready()
    start = time.perf_counter()
    product(product(product(matrix))).block_until_ready()
    peak = 3 * 2 * side**3 / (time.perf_counter() - start)
    done = operations * rate
    return {"operations/step": operations, "operations/s": done, "product, operations/s": peak, "share": done / peak}


if __name__ == "__main__":
    sys.exit(main())
