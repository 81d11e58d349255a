"""Names that arguments of commands take, known before TensorFlow is imported."""

STRATEGIES = ("one", "mirrored", "multiworker")  # see `udl_tf.training.hardware.open_strategy`
ALGORITHMS = ("hyperband", "bayesian", "random")  # see `udl_tf.tuning.oracles.make_oracle`
