"""Versions of what a result depends on."""

import platform


def versions():
    """{name: version} of this package, TensorFlow, Keras, NumPy and Python."""
    import numpy
    import tensorflow as tf

    import udl_tf

    return {
        "udl_tf": udl_tf.__version__,
        "tensorflow": tf.__version__,
        "keras": getattr(tf.keras, "__version__", "?"),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }
