"""From a configuration to its network."""

from udl_tf.networks.registry import network_of


def build(config):
    """The Keras model of a `udl_tf.presets.Config`: inputs ``fixed``, ``moving`` (batch, box, box)."""
    return network_of(config.network).build(config.network, config.box, config.period, config.precision)
