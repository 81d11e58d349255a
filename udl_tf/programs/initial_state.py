"""The state that a training begins with, made by operations: seventy million weights need not travel."""

import math

import numpy as np
import tensorflow as tf

from pipelines import draws
from pipelines.errors import InputError

LARGEST = 4096  # numbers of a variable that may travel as they are
CUT = 0.87962566103423978  # standard deviation of a normal distribution that is cut at two of its own


def initial_state(model, variables, seed):
    """Weights by the rules of their layers, everything else as it is in a model that was never trained.

    The weights have the distribution that Keras gives them (`VarianceScaling`, cut normal), from another seed.

    Args:
        model: untrained, of a task's `compiled`. variables: dict of names to its `tf.Variable`. seed: int32 (2,).

    Returns:
        dict of tensors by the names of the variables.

    Raises:
        InputError: a large variable that nobody says how to make.
    """
    rules = _rules(model.network)
    seeds = tf.unstack(draws.split(seed, len(variables)))
    return {name: _initial(name, variable, rules, own) for (name, variable), own in zip(variables.items(), seeds, strict=True)}


def _initial(name, variable, rules, seed):
    with tf.init_scope():  # now, while the program is traced
        value = variable.numpy()
    if np.all(value == value.flat[0]):
        return tf.fill(value.shape, tf.constant(value.flat[0]))
    rule = rules.get(id(variable))
    if rule is not None:
        return draws.cut_normal(value.shape, seed) * _deviation(rule, value.shape)
    if value.size > LARGEST:
        raise InputError(f"{name}: no rule known for its {value.size} numbers, expected a variance scaling, cut normal")
    return tf.constant(value)


def _rules(network):
    """Configs of initializers that scale a cut normal distribution by the fan in, by the identity of the kernel."""
    found = {}
    for layer in _layers(network):
        rule = getattr(layer, "kernel_initializer", None)
        if rule is not None:
            config = rule.get_config()
            # `he_normal` leaves out what it fixes.
            known = {"scale": 2.0, "mode": "fan_in", "distribution": "truncated_normal", **config}
            if type(rule).__name__ in ("HeNormal", "VarianceScaling") and known["mode"] == "fan_in":
                found[id(variable_of(layer.kernel))] = known
    return found


def _layers(layer):
    """A layer and all below it."""
    yield layer
    for part in getattr(layer, "layers", ()):
        yield from _layers(part)


def _deviation(rule, shape):
    """Standard deviation, before the cut, for a kernel (..., in, out)."""
    return math.sqrt(rule["scale"] / math.prod(shape[:-1])) / CUT


def variable_of(weight):
    """The `tf.Variable` of a weight: Keras 3 wraps it."""
    return weight if isinstance(weight, tf.Variable) else weight.value
