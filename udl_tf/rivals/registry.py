"""The rivals by name. To add one: a module beside this one, and an entry here.

Nothing of a rival is imported before it is used, neither its module nor the packages that it needs.
"""

import dataclasses
import functools
import importlib
import importlib.util
import os

from pipelines.errors import InputError

KINDS = ("rigid", "close", "affine", "homography", "tracking", "deformable", "features")  # of problems; close: rigid, not far off
PROBLEMS = {"rigid": "rigid", "affine": "affine", "homography": "homography", "displacement": "deformable"}  # by transform


@dataclasses.dataclass(frozen=True)
class Rival:
    """A method of alignment.

    Attributes:
        title: for people.
        modules: {kind of problem that it answers for: its module in this package}.
        learns: whether it is trained first. The module has ``learner(problem, steps, **options)``, which gives a
            `learning.Learner` (steps None: as many as it wants), else ``answer(problem, inputs, **options)``: a `Rigid`, an
            `Affine` or a `Homography`, of deformable pairs any of `geometry.transforms`, of features a `consensus.Matched`; of
            sequences with f frames, n f of these, the places of the patch (`pipelines.pairs.tracking`).
        options: see there.
        needs: {module: name of its package}, beyond what `udl_tf` itself depends on.
        weighs: whether it weighs every frequency by itself, so that a blur beforehand would only spoil that.
        takes_weights: whether it has the option ``weights``, path of a file with those of a network.
    """

    title: str
    modules: dict
    learns: bool = False
    options: dict = dataclasses.field(default_factory=dict)
    needs: dict = dataclasses.field(default_factory=dict)
    weighs: bool = False
    takes_weights: bool = False

    def function(self, kind):
        """Its ``learner(problem, steps)`` or ``answer(problem, inputs)`` for a kind of problem.

        Raises:
            InputError: a package that it needs is not installed.
        """
        self.require()
        module = importlib.import_module(f"udl_tf.rivals.{self.modules[kind]}")
        return functools.partial(module.learner if self.learns else module.answer, **self.options)

    def require(self):
        """InputError, with the line that mends it, where a package is not installed."""
        missing = [package for module, package in self.needs.items() if importlib.util.find_spec(module) is None]
        if missing:
            raise InputError(f"{self.title} needs {missing[0]}: pip install {' '.join(missing)}, or leave it out of --methods")


MATCHED = ("rigid", "homography", "features")  # what matches answer for
KEYPOINTS = dict.fromkeys((*MATCHED, "affine"), "keypoints")

RIVALS = {
    "supervised": Rival("supervised", {"rigid": "supervised", "homography": "deep_homography"}, learns=True),
    "stn": Rival("STN-based", {"rigid": "stn"}, learns=True),
    "udl": Rival("UDL", {"rigid": "udl"}, learns=True),
    "unsupervised": Rival("unsupervised", {"homography": "deep_homography"}, learns=True, options={"unsupervised": True}),
    "default": Rival("shipped model", {"rigid": "shipped", "close": "shipped"}),
    "fourier": Rival("Fourier-based", {"rigid": "power_spectrum"}, weighs=True),
    "exhaustive": Rival("exhaustive", {"rigid": "exhaustive"}, weighs=True),
    "ecc": Rival("ECC", {"rigid": "ecc", "affine": "ecc_pyramid", "homography": "ecc_pyramid"}),
    "simpleitk": Rival("SimpleITK", {"rigid": "simpleitk"}, needs={"SimpleITK": "SimpleITK"}),
    "stackreg": Rival("StackReg", {"rigid": "stackreg"}, needs={"pystackreg": "pystackreg"}),
    "sift": Rival("SIFT", KEYPOINTS, options={"method": "sift"}),
    "orb": Rival("ORB", KEYPOINTS, options={"method": "orb"}),
    "akaze": Rival("AKAZE", KEYPOINTS, options={"method": "akaze"}),
    "sift-flann": Rival("SIFT, FLANN", KEYPOINTS, options={"method": "sift", "matcher": "flann"}),
    "sift-lmeds": Rival("SIFT, LMEDS", KEYPOINTS, options={"method": "sift", "estimator": "lmeds"}),
    "sift-usac": Rival("SIFT, USAC", KEYPOINTS, options={"method": "sift", "estimator": "usac"}),
    "exemplar": Rival("Exemplar-CNN", dict.fromkeys(MATCHED, "features.exemplar"), learns=True),
    "vgg": Rival(
        "features, growing inliers",
        dict.fromkeys(("affine", "homography", "deformable"), "features.vgg"),
        takes_weights=True,
    ),
    "fourier-mellin": Rival("Fourier-Mellin", {"rigid": "fourier_mellin"}, needs={"skimage": "scikit-image"}),
    "imreg_dft": Rival("imreg_dft", {"rigid": "imreg"}, needs={"imreg_dft": "imreg_dft"}),
    "ic-lk": Rival("IC-LK", {"close": "lucas_kanade", "homography": "lucas_kanade", "tracking": "tracking"}),
    "deep-lk": Rival("Deep-LK", {"tracking": "deep_lk"}, learns=True),
    "goturn": Rival("GOTURN", {"tracking": "goturn"}, learns=True),
    "agent": Rival("agent", {"close": "agents.rigid"}, learns=True),
    "agent-deformable": Rival("deformable agent", {"deformable": "agents.deformable"}, learns=True),
    "agent-deformable-self": Rival(
        "deformable agent, self-pairs", {"deformable": "agents.deformable"}, learns=True, options={"itself": True}
    ),
    "agent-self": Rival("agent, self-pairs", {"close": "agents.rigid"}, learns=True, options={"itself": True}),
    "dirnet": Rival("DIRNet", {"deformable": "deformable.dirnet"}, learns=True),
    "unet": Rival("U-Net", {"deformable": "deformable.unet"}, learns=True),
    "dirnet-self": Rival("DIRNet, self-pairs", {"deformable": "deformable.dirnet"}, learns=True, options={"itself": True}),
    "unet-self": Rival("U-Net, self-pairs", {"deformable": "deformable.unet"}, learns=True, options={"itself": True}),
    "quicksilver": Rival("Quicksilver", {"deformable": "deformable.quicksilver"}, learns=True),
    "lddmm": Rival("LDDMM", {"deformable": "deformable.lddmm"}),
    "ffd": Rival("SimpleITK B-splines", {"deformable": "deformable.free_form"}, needs={"SimpleITK": "SimpleITK"}),
    "demons": Rival("demons", {"deformable": "deformable.demons"}, needs={"SimpleITK": "SimpleITK"}),
    "dis": Rival("DIS flow", {"deformable": "deformable.dis_flow"}),
    "affine": Rival("StackReg affine", {"deformable": "deformable.affine"}, needs={"pystackreg": "pystackreg"}),
}


def names(kind):
    """Names of all rivals that answer for a kind of problem."""
    return tuple(name for name, rival in RIVALS.items() if kind in rival.modules)


def ready(kind):
    """Names of the rivals for a kind of problem that need a pair of images and no more: no training, spectrum or model."""
    return tuple(name for name in names(kind) if not (RIVALS[name].learns or RIVALS[name].weighs or name == "default"))


def find(kind, wanted):
    """{name: `Rival`} of names, in their order.

    Raises:
        InputError: one that is not known or not for this kind of problem, or a package that one needs is not installed.
    """
    known = names(kind)
    for name in wanted:
        if name not in known:
            raise InputError(f"unknown method {name!r} for {kind} transforms: expected some of {', '.join(known)}")
        RIVALS[name].require()
    return {name: RIVALS[name] for name in wanted}


def with_weights(rivals, path):
    """The same rivals, {name: `Rival`}, those that take weights with those of a file; path None: with their own.

    Raises:
        InputError: none takes any, or the file is not there.
    """
    takes = [name for name, rival in RIVALS.items() if rival.takes_weights]
    if path is None:
        return rivals
    if not rivals.keys() & set(takes):
        raise InputError(f"--weights {path}: received the method {' '.join(rivals)}, expected {' or '.join(takes)}")
    if not os.path.isfile(path):
        raise InputError(f"--weights {path}: no such file")
    given = {"weights": str(path)}
    return {
        name: dataclasses.replace(rival, options={**rival.options, **given}) if name in takes else rival
        for name, rival in rivals.items()
    }
