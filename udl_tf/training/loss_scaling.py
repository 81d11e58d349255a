"""Loss scaling, which float16 needs: its smallest gradients would become zero. Keras 2 and Keras 3 spell it differently.

Keras 3 scales back inside ``apply_gradients``; Keras 2 wants the gradients scaled back before. An optimizer without scaling
passes through.
"""

import tensorflow as tf


def wrapped(optimizer, precision):
    """The optimizer, with dynamic loss scaling where the precision is ``mixed_float16``."""
    return tf.keras.mixed_precision.LossScaleOptimizer(optimizer) if precision == "mixed_float16" else optimizer


def scaled(optimizer, loss):
    """The loss to differentiate."""
    if hasattr(optimizer, "get_scaled_loss"):  # Keras 2, and only with scaling
        return optimizer.get_scaled_loss(loss)
    return optimizer.scale_loss(loss) if hasattr(optimizer, "scale_loss") else loss


def unscaled(optimizer, gradients):
    """The gradients to hand to ``apply_gradients``."""
    return optimizer.get_unscaled_gradients(gradients) if hasattr(optimizer, "get_unscaled_gradients") else gradients
