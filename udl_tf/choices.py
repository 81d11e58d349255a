"""Names and values that arguments of commands take, known before TensorFlow is imported."""

from pipelines.errors import InputError

STRATEGIES = ("one", "mirrored", "multiworker")  # see `udl_tf.training.hardware.open_strategy`
XLA = ("auto", "on", "off")  # see `udl_tf.training.hardware.compiles`
ALGORITHMS = ("hyperband", "bayesian", "random")  # see `udl_tf.tuning.oracles.make_oracle`
TRANSFORMS = ("rigid", "affine", "homography", "displacement")  # kinds that `udl_tf.register` finds
METHODS = {"affine": "ecc", "homography": "sift", "displacement": "dis"}  # of `udl_tf.rivals.registry`, unless told otherwise
FORMATS = ("json", "csv", "itk", "skimage", "opencv")  # see `pipelines.files.transforms.registry`
OVERLAYS = ("checkerboard", "red-green", "difference", "grid")  # see `udl_tf.registration.overlays`
OBJECTIVES = ("correlation", "adversarial")  # of sections that are aligned, see `udl_tf.volumes.volume_alignment.align`
FILLINGS = ("flow", "linear")  # see `udl_tf.volumes.filling.METHODS`
SPACING = 32  # pixels, between nodes of the fields that `udl_tf.volumes.elastic` finds


def fill_value(text: str | None) -> float | None:
    """The grey value that --fill says; None for the background's own.

    Raises:
        InputError: neither a number nor "background".
    """
    if text in (None, "background"):
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--fill {text}: expected background or a grey value") from None
