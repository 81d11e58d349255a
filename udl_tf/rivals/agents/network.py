"""What an agent sees: the fixed image and the moving one as it lies now; a value for each action.

Beyond the original, which has convolutions over both as channels of one image, the maps of both are compared at places some
nodes apart, and the pair's `local_flow` is told: where a pixel comes from follows from products.
"""

import tensorflow as tf

from udl_tf.rivals.deformable.local_flow import LocalFlow
from udl_tf.rivals.pair_model import near_nothing

STRIDE = 4  # pixels of the network's image between two nodes
UNIT = 4.0  # pixels of local flow that the network sees as 1
SURE = 1e-3  # added to the squared length of maps, whose channels are about 1: where there is nothing, nothing is alike


class Compared(tf.keras.layers.Layer):
    """Maps (batch, rows, columns, channels) of two images to how alike they are (batch, rows, columns, (2 reach + 1)^2).

    The cosine of the angle between what the first has at a node and what the second has at each node nearby; 0 beyond the border.
    """

    def __init__(self, reach, **options):
        super().__init__(**options)
        self.reach = reach

    def call(self, maps):
        first, second = (part * tf.math.rsqrt(tf.reduce_sum(part**2, -1, keepdims=True) + SURE) for part in maps)
        rows, columns = first.shape[1], first.shape[2]
        second = tf.pad(second, [[0, 0], [self.reach] * 2, [self.reach] * 2, [0, 0]])
        moves = range(2 * self.reach + 1)
        near = (second[:, down : down + rows, right : right + columns] for down in moves for right in moves)
        return tf.stack([tf.reduce_sum(first * part, -1) for part in near], -1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:3], (2 * self.reach + 1) ** 2)


def network(side, channels, wide, dense, reach, outputs, name):
    """A network of one level.

    Args:
        side: of its images, a multiple of 8. channels: (first, second) of the convolutions over images, wide: of the last one.
        dense: units of the hidden layer. reach: nodes that maps are compared over, 0 for none. outputs: actions.

    Returns:
        A functional model. Inputs: dict of `fixed` and `moving`, float32 (batch, side, side), normalised. Output:
        (batch, outputs).
    """
    inputs = {part: tf.keras.Input((side, side), name=part) for part in ("fixed", "moving")}
    flow = tf.keras.layers.Rescaling(1.0 / UNIT)(LocalFlow()([inputs["fixed"], inputs["moving"]]))
    channel = tf.keras.layers.Reshape((side, side, 1))
    images = [channel(image) for image in inputs.values()]
    together = tf.keras.layers.Concatenate()([*images, flow])
    seen = [_maps(channels, 2 + flow.shape[-1], side)(together), tf.keras.layers.AveragePooling2D(STRIDE)(flow)]
    if reach:
        one = _maps(channels, 1, side)
        seen.append(Compared(reach)([one(image) for image in images]))
    x = _conv(wide, stride=2)(tf.keras.layers.Concatenate()(seen))
    x = tf.keras.layers.Flatten()(x)
    x = tf.keras.layers.Dense(dense, activation="elu", kernel_initializer="he_normal")(x)
    answer = tf.keras.layers.Dense(outputs)
    found = answer(x)
    near_nothing(answer)
    return tf.keras.Model(inputs, found, name=name)


def _maps(channels, depth, side):
    """Convolutions (batch, side, side, depth) -> (batch, side / STRIDE, side / STRIDE, channels[-1])."""
    image = tf.keras.Input((side, side, depth))
    x = _conv(channels[0], 5, stride=2)(image)
    return tf.keras.Model(image, _conv(channels[1], 3, stride=STRIDE // 2)(x))


def _conv(width, size=3, stride=1):
    options = {"padding": "same", "activation": "elu", "kernel_initializer": "he_normal"}
    return tf.keras.layers.Conv2D(width, size, strides=stride, **options)
