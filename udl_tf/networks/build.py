"""From a configuration to its network."""

from udl_tf.networks.group import GroupConfig, group
from udl_tf.networks.polar import PolarConfig, polar
from udl_tf.networks.siamese import siamese


def build(config):
    """The Keras model of a `udl_tf.presets.Config`: inputs ``fixed``, ``moving`` (batch, box, box)."""
    if isinstance(config.network, GroupConfig):
        return group(config.network, config.box)
    if isinstance(config.network, PolarConfig):
        return polar(config.network, config.box)
    return siamese(config.network, config.box, config.period, precision=config.precision)
