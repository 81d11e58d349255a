"""What others would use to align two images: one module for each family of methods, one pair after another.

Each method is a function ``align(fixed, moving)``: arrays (n, side, side) in, angle (n,) degrees and shift (n, 2) pixels
out, in the convention of `pipelines.geometry`. A pair that a method gives up on has angle 0 and shift 0.
"""

import importlib

from pipelines.errors import InputError

FUNCTIONS = {
    "sift": ("udl_tf.rivals.keypoints", "sift"),
    "orb": ("udl_tf.rivals.keypoints", "orb"),
    "akaze": ("udl_tf.rivals.keypoints", "akaze"),
    "ecc": (f"{__name__}.ecc", "align"),
    "simpleitk": (f"{__name__}.simpleitk", "align"),
    "stackreg": (f"{__name__}.stackreg", "align"),
    "fourier-mellin": (f"{__name__}.fourier_mellin", "scikit_image"),
    "imreg_dft": (f"{__name__}.fourier_mellin", "imreg"),
}


def load(name):
    """The function of a method.

    Raises:
        InputError: its package is not installed.
    """
    module, function = FUNCTIONS[name]
    try:
        return getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        raise InputError(f"{name} needs {error.name}: pip install 'udl_tf[benchmarks]', or leave it out of --methods") from None
