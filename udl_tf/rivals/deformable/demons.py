"""SimpleITK's diffeomorphic demons (Vercauteren et al. 2009), coarse to fine."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from udl_tf.rivals.deformable import pairwise

LEVELS = (4, 2, 1)  # reductions of the images
STEPS = (60, 60, 60)  # at each
SMOOTH = 2.0  # pixels of the level, standard deviation that the field is blurred by after each step


def answer(problem, inputs):
    """See `registry.Rival`."""
    return pairwise.each(_align_pair, inputs)


def _align_pair(fixed, moving):
    fixed, moving = (sitk.GetImageFromArray(np.asarray(image, np.float32)) for image in (fixed, moving))
    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetNumberOfThreads(1)
    demons.SetSmoothDisplacementField(True)
    demons.SetStandardDeviations(SMOOTH)
    field = None
    for level, steps in zip(LEVELS, STEPS, strict=True):
        demons.SetNumberOfIterations(steps)
        images = [_reduced(image, level) for image in (fixed, moving)]
        if field is not None:
            field = sitk.Resample(field, images[0], sitk.Transform(), sitk.sitkLinear, 0.0, field.GetPixelID(), True)
        field = demons.Execute(*images, *([] if field is None else [field]))
    return sitk.GetArrayFromImage(field)


def _reduced(image, level):
    return image if level == 1 else sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, level / 2.0), [level] * 2)
