"""What lies on the line between two sections: where residual networks that put sections between others begin."""

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class AlongSections(tf.keras.layers.Layer):
    """(batch, sections, ..., channels) -> (batch, planes, ...): the channel in the middle, linearly between sections.

    Args:
        factor: planes from one section to the next. first: place of the first plane, in these steps from the first section.
        offset: planes there are, less `factor` times the sections. margin: by which the other axes are cut, on each side.
    """

    def __init__(self, factor, first, offset, margin, **options):
        super().__init__(**options)
        self.factor, self.first, self.offset, self.margin = factor, first, offset, margin

    def call(self, inputs):
        middle = inputs[..., inputs.shape[-1] // 2]
        for axis in range(2, len(middle.shape)):
            middle = tf.gather(middle, tf.range(self.margin, tf.shape(middle)[axis] - self.margin), axis=axis)
        places = self.first + tf.range(self.factor * tf.shape(middle)[1] + self.offset)
        low = places // self.factor
        part = tf.cast(places - self.factor * low, middle.dtype) / self.factor
        part = tf.reshape(part, (1, -1, *[1] * (len(middle.shape) - 2)))
        high = tf.minimum(low + 1, tf.shape(middle)[1] - 1)
        return (1.0 - part) * tf.gather(middle, low, axis=1) + part * tf.gather(middle, high, axis=1)

    def compute_output_shape(self, input_shape):
        """Planes and cut sides where they are known."""
        sections, *sides = input_shape[1:-1]
        planes = sections and self.factor * sections + self.offset
        return (None, planes, *(side and side - 2 * self.margin for side in sides))

    def get_config(self):
        names = ("factor", "first", "offset", "margin")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
