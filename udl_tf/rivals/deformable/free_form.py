"""SimpleITK's free-form deformation (Rueckert et al. 1999): cubic B-splines, mean squares, LBFGS, coarse to fine."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from udl_tf.rivals.deformable import pairwise

APART = 8.0  # pixels between control points at the end
LEVELS = (4, 2, 1)  # reductions of the images, with as many times as few control points
SMOOTH = (2.0, 1.0, 0.0)  # standard deviations of the blur at each, pixels
STEPS = 60  # at each level, at most


def answer(problem, inputs):
    """See `registry.Rival`."""
    return pairwise.each(_align_pair, inputs)


def _align_pair(fixed, moving):
    fixed, moving = (sitk.GetImageFromArray(np.asarray(image, np.float32)) for image in (fixed, moving))
    mesh = [max(round(size / APART / LEVELS[0]), 1) for size in fixed.GetSize()]
    transform = sitk.BSplineTransformInitializer(fixed, mesh, order=3)
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sharing out images this small costs more than it saves
    method.SetMetricAsMeanSquares()
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel(LEVELS)
    method.SetSmoothingSigmasPerLevel(SMOOTH)
    method.SetInitialTransformAsBSpline(transform, inPlace=True, scaleFactors=[LEVELS[0] // level for level in LEVELS])
    method.SetOptimizerAsLBFGS2(numberOfIterations=STEPS)
    found = method.Execute(fixed, moving)
    field = sitk.TransformToDisplacementField(found, sitk.sitkVectorFloat32, fixed.GetSize())
    return sitk.GetArrayFromImage(field)
