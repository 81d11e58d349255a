"""Adam and its learning rate, as a configuration wants them."""

import tensorflow as tf

from udl_tf.training import loss_scaling


def learning_rate(config):
    """The learning-rate schedule of a configuration."""
    if config.decay == "paper":  # section 4.1: reduced by 20 % every 12,000 iterations
        return tf.keras.optimizers.schedules.ExponentialDecay(config.learning_rate, 12_000, 0.8, staircase=True)
    return tf.keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)


def adam(config):
    """The optimizer of a configuration."""
    optimizer = tf.keras.optimizers.Adam(learning_rate(config), epsilon=1e-8)
    return loss_scaling.wrapped(optimizer, config.precision)
