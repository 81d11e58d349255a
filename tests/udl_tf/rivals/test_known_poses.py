"""A rival that is fed wrongly, or read in another convention, would flatter us: each must find what is there to find."""

import numpy as np
import pytest

from pipelines import geometry
from pipelines.geometry.warp import warp
from pipelines.pictures import phantoms
from udl_tf.rivals import registry
from udl_tf.rivals.problem import Problem

ANGLES = np.array([0.3, 77.35, -90.0, -160.8, 179.4, 33.0], np.float32)
SHIFTS = np.array([[0.0, 0.0], [3.4, -7.2], [9.0, 0.5], [-9.3, 11.6], [2.0, 3.0], [-8.0, -8.0]], np.float32)
# Largest errors without noise, degrees and pixels: what each method can do, three times over.
PACKAGES = {
    "sift": ("cv2", 0.2, 0.2),
    "orb": ("cv2", 0.6, 0.8),
    "akaze": ("cv2", 0.4, 0.3),
    "ecc": ("cv2", 0.03, 0.03),
    "simpleitk": ("SimpleITK", 0.03, 0.03),
    "stackreg": ("pystackreg", 0.3, 0.03),
    "fourier-mellin": ("skimage", 0.5, 0.2),
    "imreg_dft": ("imreg_dft", 0.5, 1.5),
}


@pytest.fixture(scope="module")
def noiseless():
    copies = np.repeat(phantoms.particles(1, 128, seed=4, symmetry=1), len(ANGLES), 0)
    return warp(copies, ANGLES, SHIFTS).numpy(), copies


@pytest.mark.parametrize("name", PACKAGES)
def test_finds_known_poses_over_the_full_circle(name, noiseless):
    package, most_turned, most_moved = PACKAGES[name]
    pytest.importorskip(package)
    if package == "imreg_dft" and not hasattr(np, "bool"):
        pytest.skip("imreg_dft calls np.bool, which NumPy 1.24 to 1.26 do not have: TensorFlow 2.15 has no later one")
    fixed, moving = noiseless
    found = registry.RIVALS[name].function("rigid")(Problem("rigid", 128), {"fixed": fixed, "moving": moving})
    assert geometry.angular_distance(found.angle, ANGLES).max() < most_turned
    assert np.linalg.norm(found.shift - SHIFTS, axis=1).max() < most_moved
