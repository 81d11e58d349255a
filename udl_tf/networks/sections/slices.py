"""Slices folded into the batch, so that one 2D network sees each of them, and put together again as channels."""

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class FoldSlices(tf.keras.layers.Layer):
    """(batch, height, width, slices) -> (batch slices, height / block, width / block, block^2).

    Args:
        block: side of the squares of pixels that become channels; 1: pixels stay where they are.
    """

    def __init__(self, block=1, **options):
        super().__init__(**options)
        self.block = block

    def call(self, inputs):
        shape = tf.shape(inputs)
        folded = tf.reshape(tf.transpose(inputs, (0, 3, 1, 2)), (-1, shape[1], shape[2], 1))
        return tf.nn.space_to_depth(folded, self.block) if self.block > 1 else folded

    def compute_output_shape(self, input_shape):
        """Height and width in blocks where they are known."""
        sides = (side and side // self.block for side in input_shape[1:3])
        return (None, *sides, self.block**2)

    def get_config(self):
        return {**super().get_config(), "block": self.block}


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class JoinSlices(tf.keras.layers.Layer):
    """(batch slices, height, width, maps) -> (batch, height, width, slices maps)."""

    def __init__(self, slices, **options):
        super().__init__(**options)
        self.slices = slices

    def call(self, inputs):
        shape, maps = tf.shape(inputs), inputs.shape[-1]
        apart = tf.reshape(inputs, (-1, self.slices, shape[1], shape[2], maps))
        return tf.reshape(tf.transpose(apart, (0, 2, 3, 1, 4)), (-1, shape[1], shape[2], self.slices * maps))

    def compute_output_shape(self, input_shape):
        """The maps of all slices side by side."""
        return (None, *input_shape[1:3], self.slices * input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "slices": self.slices}


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class Unblock(tf.keras.layers.Layer):
    """(batch, height, width, block^2) -> (batch, block height, block width): the section. With blocks of 1 of any dimensions."""

    def __init__(self, block=1, **options):
        super().__init__(**options)
        self.block = block

    def call(self, inputs):
        return (tf.nn.depth_to_space(inputs, self.block) if self.block > 1 else inputs)[..., 0]

    def compute_output_shape(self, input_shape):
        """Sides in pixels where they are known."""
        return (None, *(side and side * self.block for side in input_shape[1:-1]))

    def get_config(self):
        return {**super().get_config(), "block": self.block}


@tf.keras.utils.register_keras_serializable(package="udl_tf")
class MeanSlice(tf.keras.layers.Layer):
    """(batch, height, width, slices) -> (batch, height - 2 margin, width - 2 margin): the mean of the two in the middle."""

    def __init__(self, margin, **options):
        super().__init__(**options)
        self.margin = margin

    def call(self, inputs):
        middle = inputs.shape[-1] // 2
        mean = 0.5 * (inputs[..., middle - 1] + inputs[..., middle])
        return mean[:, self.margin : -self.margin, self.margin : -self.margin]

    def compute_output_shape(self, input_shape):
        """Smaller by the margins where the sides are known."""
        return (None, *(side and side - 2 * self.margin for side in input_shape[1:3]))

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
