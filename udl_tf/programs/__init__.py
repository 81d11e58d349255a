"""Training as programs for any PJRT runtime, see `udl_tf.programs.training`."""
