"""Parts of the chain that are called in several places, each as a graph of its own."""

import tensorflow as tf


def subgraph(function, *signature):
    """A function whose graph is traced, saved, read and optimized once, however often it is called.

    TensorFlow calls it instead of copying it to its callers, as it does with others: of the time of a first alignment, most
    goes by the number of operations. `signature` are the `tf.TensorSpec` of its arguments.
    """
    return tf.function(function, input_signature=signature, autograph=False, experimental_attributes={"_noinline": True})
