"""Small trainings under the strategies named on the command line, for test_strategies: each prints losses and moved weights.

Plain gradient descent: a weight's move is the sum of its gradients, so it is as exact as they are, on any processor, and a
gradient of the wrong size shows. Adam divides a gradient by its own size: where one is near zero its rounding error alone
becomes a whole step, and one that is twice too large makes no difference.
"""

import json
import sys

import numpy as np
import tensorflow as tf

BOX, BATCH, STEPS = 64, 8, 6


def main(names):
    """Train once a name, and print a line of JSON each; `deterministic` comes last, for all after it would be, too."""
    if "mirrored" in names:  # before TensorFlow starts its devices
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    for name in names:
        print(json.dumps(trained_under(name)), flush=True)


def trained_under(name):
    from pipelines import noise, pairs
    from pipelines.pictures import phantoms
    from udl_tf.training import hardware

    hardware.set_up(deterministic=name == "deterministic")
    strategy = hardware.open_strategy(None if name == "deterministic" else name)
    data = pairs.simulated(phantoms.particles(4, BOX, 1), noise.parse("gaussian:0.1"), BATCH, 0)
    if strategy:
        with strategy.scope():
            trained = model()
    else:
        trained = model()
    start, losses = weights(trained), []
    keep = tf.keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: losses.append(plain(logs)))
    data = hardware.distributed(strategy, data, BATCH)
    trained.fit(data, steps_per_epoch=STEPS, epochs=1, verbose=0, shuffle=False, callbacks=[keep])
    moved = (weights(trained) - start).tolist()
    replicas = strategy.num_replicas_in_sync if strategy else 1
    chief, agree = hardware.is_chief(strategy), hardware.agreement(strategy)
    agreed = [agree(False), agree(not chief), agree(chief), agree(False)]
    return {"replicas": replicas, "chief": chief, "agreed": agreed, "logs": losses, "moved": moved}


def model():
    from pipelines.noise.renoise import Background
    from pipelines.pairs.disturb import Disturb
    from udl_tf.networks.group import GroupConfig, group
    from udl_tf.training.step import DisturbedPairModel

    tf.keras.utils.set_random_seed(0)
    disturb = Disturb(3.0, Background(tuple(np.linspace(2.0, 0.5, 33)), 1.0))
    network = group(GroupConfig(angles=30), BOX)
    made = DisturbedPairModel(network, disturb, 360.0, seed=3, warm_steps=2, self_pair_share=0.25)
    made.compile(optimizer=tf.keras.optimizers.SGD(0.5))
    return made


def weights(trained):
    """All weights of the network as one array."""
    return np.concatenate([np.ravel(weight) for weight in trained.network.get_weights()])


def plain(logs):
    return {name: float(value) for name, value in logs.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
