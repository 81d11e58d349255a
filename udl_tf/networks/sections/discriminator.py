"""The source's discriminator (section 3.3): convolution and max-pooling three times on each slice, dropout, dense, sigmoid.

Filters of side 3, pooling by 2 and the widths are our choice; the source's text has lost them.
"""

import tensorflow as tf

SLOPE = 0.2  # of the leaky ReLU, below zero


class Discriminator(tf.keras.Model):
    """Tells real slices from made ones.

    Args:
        side: of the square slices it sees, pixels. slices: how many it sees together; one network sees each of them.
        maps: of the convolutions, each followed by pooling. dense: width of the fully connected layer.
        dropout: share of what was seen of all slices that is left out while it is trained.
    """

    def __init__(self, side: int, slices: int = 2, maps=(32, 64, 128), dense: int = 128, dropout: float = 0.5):
        super().__init__(name="discriminator")
        layers = [tf.keras.Input((side, side, 1))]
        for width in maps:
            layers.append(tf.keras.layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal"))
            layers += [tf.keras.layers.LeakyReLU(SLOPE), tf.keras.layers.MaxPooling2D(2)]
        self.slice_network = tf.keras.Sequential([*layers, tf.keras.layers.Flatten()])
        joined = slices * self.slice_network.output_shape[-1]
        hidden = tf.keras.layers.Dense(dense, kernel_initializer="he_normal")
        self.verdict = tf.keras.Sequential(
            [tf.keras.Input((joined,)), hidden, tf.keras.layers.LeakyReLU(SLOPE), tf.keras.layers.Dense(1)]
        )
        self.slices, self.dropout = slices, dropout
        self.built = True

    def call(self, slices, seed=None):
        """Logits (batch,) of slices (batch, side, side, slices), positive for real; the sigmoid is in the loss.

        Args:
            seed: int32 (2,) of what is dropped; None: nothing is. It is stateless, so that a training can be gone on with.
        """
        seen = [self.slice_network(slices[..., number : number + 1]) for number in range(self.slices)]
        joined = tf.concat(seen, -1)
        if seed is not None and self.dropout:
            joined = tf.nn.experimental.stateless_dropout(joined, self.dropout, seed)
        return self.verdict(joined)[:, 0]
