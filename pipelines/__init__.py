"""From files and simulators to ``tf.data`` pipelines of image pairs; knows no network."""
