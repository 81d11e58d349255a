"""What is searched: from hyperparameters to a configuration; what is searched of a network stands in its own module.

Every range holds the value of the configuration the search starts from, as its default: the default hyperparameters give that
configuration back, field by field. What belongs to one kind of network only is active where that kind is chosen.
"""

import dataclasses

from udl_tf.networks import registry
from udl_tf.networks.search_space import Choice, Real

NOISES = ("gaussian:0.03", "gaussian:0.05", "gaussian:0.1", "gaussian:0.2")  # simulated ones, for training


def configuration(hp, base, simulated=False):
    """Declare the space on `hp`, or read the values that it already holds.

    Args:
        hp: `keras_tuner.HyperParameters`.
        base: `udl_tf.presets.Config` the search starts from.
        simulated: whether the training noise is ours to choose: pairs of particles simulated from clean images.

    Returns:
        `udl_tf.presets.Config`: `base` with the values of `hp`; its steps and its seed are those of `base`.
    """
    network, period = _network(hp, base)
    training = [
        Real("learning_rate", base.learning_rate / 10.0, base.learning_rate * 5.0, log=True),
        Choice("decay", ("cosine", "paper")),
        Choice("renoise", (0.25, 0.5, 1.0, 1.5, 2.0)),
        Real("disturb_shift", 0.0, 0.1 * base.box),
        Choice("self_pair_share", (0.0, 0.25, 0.5)),
        *([Choice("train_noise", NOISES)] if simulated else []),
    ]
    values = {one.key: one.value(hp, base) for one in training}
    return dataclasses.replace(base, network=network, period=period, **values)


def _network(hp, base):
    """The network and its period: of the kinds of one family, or of the only one there is for this material."""
    own = registry.kind_of(base.network)
    family = registry.entry(own).family
    kinds = [
        kind
        for kind, network in {**registry.NETWORKS, own: registry.entry(own)}.items()
        if kind == own or (network.family == family and base.material in network.materials)
    ]
    if len(kinds) == 1:
        return _of_kind(hp, own, base)
    chosen, made = Choice("network", tuple(kinds)).declare(hp, own), None
    for kind in kinds:
        with hp.conditional_scope("network", [kind]):
            if chosen == kind:
                made = _of_kind(hp, kind, base)
    return made


def _of_kind(hp, kind, base):
    network = registry.entry(kind)
    own = base.network if kind == registry.kind_of(base.network) else network.config()
    config = network.space.config(hp, own, base.material, base.box)
    return config, network.period(config)
