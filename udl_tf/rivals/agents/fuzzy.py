"""Steps along the modes of a deformation, what each is worth, and walks by fuzzy actions (Krebs et al. 2017).

A state is the weights (n, modes) of the field so far; what is left of it is the *rest*, true weights minus these. Action k adds a
step to weight k, action modes + k takes it away.
"""

import numpy as np
import tensorflow as tf

from pipelines import draws

EXPLORED = 0.1  # share of the actions that are taken whatever they are worth


def values(rest, step):
    """By how much each action shortens the rest (n, modes), in steps: (n, 2 modes), at most 1."""
    squared = tf.reduce_sum(rest**2, 1, keepdims=True)
    after = tf.concat([squared - 2.0 * step * rest, squared + 2.0 * step * rest], 1) + step**2
    return (tf.sqrt(squared) - tf.sqrt(tf.maximum(after, 0.0))) / step


def moves(modes, step):
    """What each action adds to the weights, float32 (2 modes, modes)."""
    return step * np.concatenate([np.eye(modes), -np.eye(modes)]).astype(np.float32)


def rests(rest, step, most, seed):
    """What is left after random walks of up to `most` steps, other ones of each pair.

    An action is taken with a probability in proportion to its value, if it has any; no image is needed for that.

    Args:
        rest: (n, modes), where the walks begin. seed: int32 (2,).
    """
    count, modes = tf.shape(rest)[0], rest.shape[1]
    seeds = draws.split(seed, most + 1)
    lengths = draws.uniform((count,), seeds[0], 0.0, most + 1.0)
    added = tf.constant(moves(modes, step))

    def walk(number, rest):
        worth = tf.maximum(values(rest, step), 0.0)
        share = tf.math.divide_no_nan(worth, tf.reduce_sum(worth, 1, keepdims=True))
        chances = (1.0 - EXPLORED) * share + EXPLORED / (2.0 * modes)
        chosen = tf.random.stateless_categorical(tf.math.log(chances), 1, seeds[number + 1])[:, 0]
        going = tf.cast(tf.cast(number, tf.float32) + 1.0 <= lengths, tf.float32)
        return number + 1, tf.ensure_shape(rest - going[:, None] * tf.gather(added, chosen), (None, modes))

    return tf.while_loop(lambda number, _: number < most, walk, (0, tf.ensure_shape(rest, (None, modes))))[1]
