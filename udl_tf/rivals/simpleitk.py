"""SimpleITK's registration of an Euler2DTransform: an exhaustive start on reduced images, then gradient descent.

The best separate points of the exhaustive optimiser are descended from at half the resolution, the one of the highest
correlation at full resolution.
"""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from udl_tf.rivals import pairwise

ANGLE_STEPS, ANGLE_STEP = 18, 10.0  # to either side, degrees
SHIFT_STEPS, SHIFT_STEP = 2, 10.0  # to either side, pixels
SHRINK = 4  # of the exhaustive start
STARTS, SEPARATION = 3, 15.0  # descents at half the resolution, and degrees between them


def answer(problem, inputs):
    """See `registry.Rival`."""
    return pairwise.each(_align_pair, inputs["fixed"], inputs["moving"])


def _align_pair(fixed, moving):
    images = [sitk.GetImageFromArray(np.asarray(image, np.float32)) for image in (fixed, moving)]
    try:
        found = [_descend(images, start, shrink=2, first=2.0, last=3e-2) for start in _exhaustive(images)]
        best = max(found, key=lambda transform: pairwise.agreement(fixed, moving, _matrix(transform)))
        return _matrix(_descend(images, best, shrink=1, first=0.3, last=1e-3))
    except RuntimeError:  # no overlap left
        return None


def _exhaustive(images):
    """Transforms at the best separate points of a grid of angles and shifts, best first."""
    small = [sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, SHRINK / 2.0), [SHRINK] * 2) for image in images]
    method = _method()
    method.SetOptimizerAsExhaustive([ANGLE_STEPS, SHIFT_STEPS, SHIFT_STEPS])
    method.SetOptimizerScales([np.deg2rad(ANGLE_STEP), SHIFT_STEP, SHIFT_STEP])
    method.SetInitialTransform(_transform(images[0], 0.0, 0.0, 0.0))
    seen = []
    method.AddCommand(sitk.sitkIterationEvent, lambda: seen.append((method.GetMetricValue(), method.GetOptimizerPosition())))
    method.Execute(*small)
    chosen = []
    for _, position in sorted(seen):
        turned = [np.degrees(abs(np.angle(np.exp(1j * (position[0] - other[0]))))) for other in chosen]
        if all(angle > SEPARATION for angle in turned):
            chosen.append(position)
        if len(chosen) == STARTS:
            break
    return [_transform(images[0], *position) for position in chosen]


def _descend(images, start, shrink, first, last):
    """The transform at the end of a gradient descent, its steps from `first` to `last` pixels."""
    method = _method()
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=first, minStep=last, numberOfIterations=100, relaxationFactor=0.7, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([shrink])
    method.SetSmoothingSigmasPerLevel([shrink / 2.0 if shrink > 1 else 0.0])
    method.SetInitialTransform(sitk.Euler2DTransform(start), inPlace=True)
    return sitk.Euler2DTransform(method.Execute(*images))


def _method():
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sharing out images this small costs more than it saves
    method.SetMetricAsMeanSquares()  # its correlation metric is squared: it takes a negative for the image
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _transform(image, angle, x, y):
    """About the image's centre: angle in radians, translation in pixels."""
    transform = sitk.Euler2DTransform()
    transform.SetCenter([(size - 1) / 2.0 for size in image.GetSize()])
    transform.SetParameters([angle, x, y])
    return transform


def _matrix(transform):
    """The matrix (2, 3) of a transform, which leads from fixed pixels to moving ones."""
    linear = np.reshape(transform.GetMatrix(), (2, 2))
    centre = np.array(transform.GetCenter())
    return np.column_stack([linear, centre + transform.GetTranslation() - linear @ centre])
