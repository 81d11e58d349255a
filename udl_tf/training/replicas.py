"""Where this replica stands among those that train together (`tf.distribute`); outside of any strategy there is one.

The rows of a batch are spread over the replicas in order: replica r of n has the r-th of n consecutive pieces of equal length.
"""

import tensorflow as tf


def count():
    """How many replicas train together, a plain integer."""
    context = tf.distribute.get_replica_context()  # None between replicas, in a strategy's scope
    return context.num_replicas_in_sync if context else 1


def number():
    """Which of them this one is, from 0: an integer or int32 scalar."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0


def total(values):
    """Sum over the replicas of a tensor that each of them has; every one gets it."""
    return values if count() == 1 else tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)
