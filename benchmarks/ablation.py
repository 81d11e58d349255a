"""What each part earns: the proposal alone, verified, refined; trained by UDL or not; with and without fresh noise.

    python benchmarks/ablation.py --data ../shared/data

Trains on phantoms (no data, no labels), then aligns pairs of class averages as `accuracy.py` does. Mean error modulo 180 degrees,
and the share of pairs right within 10 degrees over the full circle (GroEL's side view is nearly symmetric under a half turn).
"""

import dataclasses
import sys

from harness import add_data, data_path, progress, run

STAGES = ("network", "proposal", "verified", "refined")


def add_args(parser):
    """Declare the arguments."""
    add_data(parser)
    parser.add_argument("--snr", type=float, default=0.05, help="of the pairs (default: 0.05)")
    parser.add_argument("--pairs", type=int, default=300, help="for each class average (default: 300)")
    parser.add_argument("--seed", type=int, default=40)


def main(args):
    """The rows of the table."""
    import scoring

    material = {}
    for name in scoring.CLASS_AVERAGES:
        clean = scoring.clean_image(data_path(args.data, "cryo/class_averages", f"{name}.mrc"))
        material[name] = scoring.noisy_pairs(clean, args.snr, args.pairs, args.seed)
    rows = []
    for label, config, trained in variants():
        progress(label)
        network = network_of(config, trained)
        for stage in STAGES if label in FULL else STAGES[:1] + STAGES[-1:]:
            rows.append({"network": label, "stage": stage, **measure(network, config, stage, material)})
    return rows


FULL = ("group, trained by UDL", "polar, trained by UDL")


def variants():
    """(label, configuration, whether it is trained) of the networks that are compared."""
    from udl_tf.presets import PRESETS

    group, polar = PRESETS["cryo"], PRESETS["cryo-polar"]
    return [
        ("group, trained by UDL", group, True),
        ("group, without fresh noise", dataclasses.replace(group, renoise=0.0), True),
        ("group, untrained (equal weights)", group, False),
        ("polar, trained by UDL", polar, True),
        ("polar, without fresh noise", dataclasses.replace(polar, renoise=0.0), True),
        ("polar, untrained (weights by hand)", polar, False),
    ]


def network_of(config, trained):
    """The network of a configuration, trained on phantoms or as it starts."""
    from udl_tf.networks.build import build
    from udl_tf.training import datasets, trainer

    if not trained:
        return build(config)
    return trainer.train(config, datasets.gather(config), verbose=0).model.network


def measure(network, config, stage, material):
    """Error and share right of one network up to one stage, for each class average."""
    import numpy as np
    import scoring
    import tensorflow as tf

    from pipelines import geometry
    from udl_tf.alignment.chain import Chain
    from udl_tf.alignment.verification import verify
    from udl_tf.networks.output import degrees

    chain = Chain(network, config)
    limit = tf.constant(scoring.REACH, tf.float32)

    def align(fixed, moving):
        fixed, moving = chain.describe_fixed(fixed), chain.describe(moving)
        if stage == "network":
            output = network({"fixed": fixed["image"], "moving": moving["image"]}, training=False)
            return degrees(output, config.period)
        found = chain.propose(fixed, moving, limit)
        if stage == "proposal":
            return found.angle[:, 0]
        if stage == "verified":
            return verify(chain.refinement, fixed["derivatives"], moving["plane"], found, 0).angle
        return chain.careful(fixed, moving, limit)["angle"]

    step, row = tf.function(align, input_signature=[tf.TensorSpec((None, None, None), tf.float32)] * 2), {}
    for name, (inputs, truth) in material.items():
        batches = range(0, len(truth["angle"]), 64)
        angle = np.concatenate([step(inputs["fixed"][i : i + 64], inputs["moving"][i : i + 64]).numpy() for i in batches])
        row[f"{name} deg"] = scoring.errors(angle, truth["angle"], 180.0)["mean deg"]
        if stage != "network" or config.period == 360.0:
            right = geometry.angular_distance(np.asarray(angle, np.float64), truth["angle"]) < scoring.GROSS
            row[f"{name} right, %"] = 100.0 * float(right.mean())
    return row


if __name__ == "__main__":
    sys.exit(run(__doc__, add_args, main))
