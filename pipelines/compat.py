"""Every difference between TensorFlow 2.15 + TensorFlow Addons (Keras 2) and today's TensorFlow (Keras 3)."""

import importlib.util

import tensorflow as tf


@tf.autograph.experimental.do_not_convert  # it runs while tracing and has nothing to trace
def has_addons():
    """True where TensorFlow Addons is installed (its last release needs TensorFlow <= 2.15)."""
    return importlib.util.find_spec("tensorflow_addons") is not None


def projective_transform(images, transforms, interpolation="bilinear", fill_mode="constant"):
    """Resample images through the kernel ImageProjectiveTransformV3, by way of TensorFlow Addons where installed.

    Args:
        images: float (batch, height, width, channels).
        transforms: float32 (batch, 8) maps output to input pixel (x, y), row 0 at the top:
            ``x_in = (a0 x + a1 y + a2) / k``, ``y_in = (b0 x + b1 y + b2) / k``, ``k = c0 x + c1 y + 1``.
        interpolation: ``bilinear`` or ``nearest``.
        fill_mode: ``constant`` (zeros), ``reflect``, ``wrap`` or ``nearest``.

    Returns:
        Resampled images of the same shape. The kernel has no gradient to `transforms`.
    """
    if has_addons():
        import tensorflow_addons as tfa

        return tfa.image.transform(images, transforms, interpolation=interpolation, fill_mode=fill_mode)
    return kernel_transform(images, transforms, interpolation, fill_mode)


def kernel_transform(images, transforms, interpolation="bilinear", fill_mode="constant", size=None):
    """`projective_transform` straight through the TensorFlow kernel, without TensorFlow Addons.

    Args:
        size: (height, width) of what is returned, by default that of the images.
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3] if size is None else size,
        interpolation=interpolation.upper(),
        fill_mode=fill_mode.upper(),
        fill_value=0.0,
    )
