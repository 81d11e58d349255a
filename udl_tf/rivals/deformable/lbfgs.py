"""L-BFGS (Nocedal and Wright 2006, algorithm 7.4) for a batch of problems at once, each with a history and a step of its own.

Every iteration is one evaluation of all problems. One whose value has not fallen stays where it is and tries a shorter step, in a
direction that already knows what was found there.
"""

import tensorflow as tf

HISTORY = 6
SMALL = 1e-12


def minimise(evaluate, start, iterations, first):
    """The least values found.

    Args:
        evaluate: function (points (batch, ...)) -> (values (batch,), gradients as the points).
        start: float32 (batch, ...). iterations: how many. first: the largest entry of each problem's first step.

    Returns:
        (points (batch, ...), values (batch,)); no value is above that of the start.
    """
    value, gradient = evaluate(start)
    flat = [len(start), -1]
    point, gradient = tf.reshape(start, flat), tf.reshape(gradient, flat)
    past = tf.zeros((2, HISTORY, *point.shape))  # steps, and the changes of the gradient with them
    length = tf.ones_like(value)
    for _ in range(iterations):
        step = direction(gradient, past, first) * length[:, None]
        there, slope = evaluate(tf.reshape(point + step, start.shape))
        state = point, value, gradient, length, past
        point, value, gradient, length, past = _taken(state, step, there, tf.reshape(slope, flat))
    return tf.reshape(point, start.shape), value


@tf.function(reduce_retracing=True, autograph=False)
def direction(gradient, past, first):
    """Minus the gradient (batch, n) times the inverse curvature that the past (2, history, batch, n) tells of."""
    moves, turns = tf.unstack(past)
    inner = tf.reduce_sum(moves * turns, -1)  # (history, batch)
    upwards = inner > SMALL  # else it tells nothing
    inverse = tf.where(upwards, 1.0 / tf.maximum(inner, SMALL), 0.0)
    found, shares = gradient, []
    for i in reversed(range(HISTORY)):
        shares.append(inverse[i] * tf.reduce_sum(moves[i] * found, -1))
        found -= shares[-1][:, None] * turns[i]
    scale = first / tf.maximum(tf.reduce_max(tf.abs(gradient), -1), SMALL)
    for i in range(HISTORY):  # the newest one that tells something
        scale = tf.where(upwards[i], inner[i] / tf.maximum(tf.reduce_sum(turns[i] ** 2, -1), SMALL), scale)
    found *= scale[:, None]
    for i, share in enumerate(reversed(shares)):
        found += (share - inverse[i] * tf.reduce_sum(turns[i] * found, -1))[:, None] * moves[i]
    return -found


@tf.function(reduce_retracing=True, autograph=False)
def _taken(state, step, there, slope):
    """The state after a step to where the value is `there` and the gradient `slope`."""
    point, value, gradient, length, past = state
    past = tf.concat([past[:, 1:], tf.stack([step, slope - gradient])[:, None]], 1)
    better = there < value  # not where it is no number
    length = tf.where(better, tf.minimum(2.0 * length, 1.0), 0.5 * length)
    point, gradient = (tf.where(better[:, None], *pair) for pair in ((point + step, point), (slope, gradient)))
    return point, tf.where(better, there, value), gradient, length, past
