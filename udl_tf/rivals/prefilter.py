"""What every rival's images go through first: repair of impulses, and the Gaussian blur that served that rival best.

The rivals are told more than our aligner: which kind of noise there is, and the best blur for its kind and level. The
blurs were chosen on images that the benchmark does not show, photos/train and projections of cryo/maps, by

    python benchmarks/accuracy.py --choose-prefilters --data ../shared/data

which prints `SIGMAS`: for 40 pairs of each condition the blur of the smallest mean error, an error above 10 degrees
counting as 10 so that luck in gross errors does not decide.
"""

import cv2
import numpy as np

from udl_tf.rivals import registry

TRIED = (0, 1, 2, 3, 4)  # standard deviations of the blur, pixels
SCALES = (1.0, 2.0, 4.0, 8.0)  # of the repair, pixels; the next one where there is nothing near

# Standard deviation of the blur in pixels, by condition and method; 0 for none.
# fmt: off
SIGMAS = {
    "particle:0.1":
        {"ecc": 4, "simpleitk": 4, "stackreg": 3, "sift": 3, "orb": 1, "akaze": 1, "fourier-mellin": 4, "imreg_dft": 4},
    "particle:0.05":
        {"ecc": 4, "simpleitk": 4, "stackreg": 4, "sift": 3, "orb": 1, "akaze": 1, "fourier-mellin": 4, "imreg_dft": 3},
    "particle:0.02":
        {"ecc": 4, "simpleitk": 3, "stackreg": 4, "sift": 4, "orb": 1, "akaze": 2, "fourier-mellin": 4, "imreg_dft": 4},
    "clean":
        {"ecc": 0, "simpleitk": 0, "stackreg": 0, "sift": 1, "orb": 1, "akaze": 0, "fourier-mellin": 0, "imreg_dft": 0},
    "gaussian:0.5":
        {"ecc": 1, "simpleitk": 1, "stackreg": 1, "sift": 2, "orb": 1, "akaze": 0, "fourier-mellin": 1, "imreg_dft": 1},
    "gaussian:0.1":
        {"ecc": 2, "simpleitk": 4, "stackreg": 2, "sift": 4, "orb": 1, "akaze": 1, "fourier-mellin": 4, "imreg_dft": 2},
    "gaussian:0.05":
        {"ecc": 3, "simpleitk": 2, "stackreg": 3, "sift": 3, "orb": 1, "akaze": 1, "fourier-mellin": 4, "imreg_dft": 2},
    "s&p:0.1":
        {"ecc": 0, "simpleitk": 0, "stackreg": 0, "sift": 1, "orb": 1, "akaze": 0, "fourier-mellin": 0, "imreg_dft": 0},
    "s&p:0.2":
        {"ecc": 0, "simpleitk": 0, "stackreg": 0, "sift": 1, "orb": 1, "akaze": 1, "fourier-mellin": 0, "imreg_dft": 0},
    "s&p:0.3":
        {"ecc": 0, "simpleitk": 0, "stackreg": 0, "sift": 1, "orb": 0, "akaze": 0, "fourier-mellin": 0, "imreg_dft": 0},
}
# fmt: on


def blur(condition, name):
    """Standard deviation of a rival's blur; a variant of a keypoint method (`sift-flann`) has that of the method."""
    return SIGMAS[condition][chosen_for(name)]


def chosen_for(name):
    """The rival whose blur a rival has."""
    return registry.RIVALS[name].options.get("method", name)


def prepared(images, sigma, impulses=False):
    """Images (n, h, w) repaired, if they have impulses, and blurred, float32."""
    images = np.stack([repaired(image) for image in images]) if impulses else images
    return images if sigma == 0 else np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in images])


def repaired(image):
    """An image (h, w) whose smallest and largest values are noise: these pixels from their neighbours, the rest untouched.

    Normalised convolution (Knutsson and Westin): the Gaussian mean of the good pixels around each bad one.
    """
    good = ((image > image.min()) & (image < image.max())).astype(np.float32)
    filled, known = image * good, good.astype(bool)
    for scale in SCALES:
        weight, total = (cv2.GaussianBlur(part, (0, 0), scale) for part in (good, image * good))
        reached = ~known & (weight > 0.02)
        filled[reached] = total[reached] / weight[reached]
        known |= reached
    return filled
