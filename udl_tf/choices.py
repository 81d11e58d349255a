"""Names that arguments of commands take, known before TensorFlow is imported."""

STRATEGIES = ("one", "mirrored", "multiworker")  # see `udl_tf.training.hardware.open_strategy`
ALGORITHMS = ("hyperband", "bayesian", "random")  # see `udl_tf.tuning.oracles.make_oracle`
TRANSFORMS = ("rigid",)  # kinds that `udl_tf.register` finds
FORMATS = ("json", "csv", "itk", "skimage", "opencv")  # see `pipelines.files.transforms.registry`
OVERLAYS = ("checkerboard", "red-green")  # see `udl_tf.registration.overlays`
