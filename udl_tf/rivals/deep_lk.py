"""Deep-LK (Wang et al. 2017): inverse compositional Lucas-Kanade on features that a convolutional network has learned.

Of the template T the network's features f(T), their gradient and the warp's Jacobian give the matrix M of how features change
with the warp. The regressor R = M^+ and b = -R f(T) are fixed for this template; a step is ``p <- p o (R f(I(p)) + b)^-1``,
in which I(p) is the patch cut out where the warp says. The network is trained through all steps, so that R is right.
"""

import tensorflow as tf

from pipelines import geometry
from udl_tf.alignment.gauss_newton import gradients
from udl_tf.rivals.lucas_kanade import DAMPING
from udl_tf.rivals.pair_model import of_scale
from udl_tf.rivals.tracking import PlaceModel, cut, learner_of

CHANNELS = {"small": (16, 16, 8), "paper": (32, 64, 32)}
KERNELS = (5, 3, 3)
STEPS = {"small": 400, "paper": 20000}
LEARNING_RATE = {"small": 2e-3, "paper": 5e-4}
FURTHEST = 0.5  # a step changes no parameter by more; they are in halves of the patch, or radians


def learner(problem, steps=None):
    """See `registry.Rival`."""
    return learner_of(problem, build(problem.side, problem.scale), LEARNING_RATE[problem.scale], steps or STEPS[problem.scale])


def build(box, scale, kind="homography"):
    """An untrained `DeepLK` for patches of `box` pixels. scale: a key of `CHANNELS`.

    Raises:
        InputError: unknown scale or kind.
    """
    return DeepLK(features(of_scale(CHANNELS, scale)), box, kind)


def features(channels):
    """Convolutions without padding, (batch, side, side, 1) -> (batch, side - 8, side - 8, channels[-1]): no border is seen."""
    x = images = tf.keras.Input((None, None, 1))
    for i, (count, kernel) in enumerate(zip(channels, KERNELS, strict=True)):
        last = i == len(KERNELS) - 1
        x = tf.keras.layers.Conv2D(count, kernel, activation=None if last else "elu")(x)
    return tf.keras.Model(images, x, name="features")


class DeepLK(PlaceModel):
    """See the module.

    Args:
        network: features, (batch, side, side, 1) -> (batch, h, w, channels), centred on the image's centre.
        side: of the template, pixels. kind: a key of `lucas_kanade.WARPS`.
        steps: in use. train_steps: gradients flow through as many.
    """

    def __init__(self, network, side, kind="homography", steps=20, train_steps=5):
        super().__init__(side, kind, renews=False)
        self.network, self.steps, self.train_steps = network, steps, train_steps

    def placed(self, patches, frames, places, steps=None):
        """Places after each step, a list of (batch, 3, 3)."""
        regressor, bias, still = self.regressor(patches)
        found = []
        for _ in range(steps or self.train_steps):
            places = self.step(regressor, bias, still, frames, places)
            found.append(places)
        return found

    @tf.function(reduce_retracing=True, autograph=False)
    def locate(self, patches, frames, places):
        """Mended places, see `tracking`."""
        regressor, bias, still = self.regressor(patches)

        def step(places):
            return (self.step(regressor, bias, still, frames, places),)

        return tf.while_loop(lambda *_: True, step, (places,), maximum_iterations=self.steps)[0]

    def weighed(self, distance):
        """Its logarithm: pairs that are lost for these steps count little, the last tenths of a pixel much."""
        return tf.math.log1p(distance)

    def regressor(self, patches):
        """R (batch, count, n), b (batch, count) and the template's features (batch, n) they belong to."""
        maps = self.network(patches[..., None])  # (batch, h, w, c)
        height, width, channels = maps.shape[1:]
        size = height * width * channels
        points = tf.constant(geometry.centred_grid(height, width).reshape(-1, 2) / (self.side / 2.0))
        jacobian = self.warp.jacobian(tf.zeros((1, self.warp.count)), points)[0]  # (h w, 2, count)
        slope = tf.reshape(tf.stack(gradients(maps), -1) * (self.side / 2.0), (-1, height * width, channels, 2))
        steepest = tf.reshape(tf.einsum("bnci,nik->bnck", slope, jacobian), (-1, size, self.warp.count))
        normal = tf.matmul(steepest, steepest, transpose_a=True)
        scale = tf.math.rsqrt(tf.linalg.diag_part(normal) + 1e-12)[..., None]  # (batch, count, 1)
        unit = normal * scale * tf.transpose(scale, (0, 2, 1)) + DAMPING * tf.eye(self.warp.count)
        regressor = scale * tf.linalg.cholesky_solve(tf.linalg.cholesky(unit), scale * tf.transpose(steepest, (0, 2, 1)))
        still = tf.reshape(maps, (-1, size))
        return regressor, -tf.linalg.matvec(regressor, still), still

    def step(self, regressor, bias, still, frames, places):
        """The next places. Features that see beyond the frame's border are taken to be those of the template."""
        seen = self.network(cut(frames, places, self.side)[..., None])
        reach = self.side - seen.shape[1] + 1  # of the network, pixels
        inside = cut(tf.ones_like(frames), places, self.side)[..., None]
        inside = -tf.nn.max_pool2d(-inside, reach, 1, "VALID") > 0.999
        seen = tf.where(inside, seen, tf.reshape(still, tf.shape(seen)))
        change = tf.linalg.matvec(regressor, tf.reshape(seen, tf.shape(still))) + bias
        change = tf.clip_by_value(change, -FURTHEST, FURTHEST)
        forward = tf.matmul(self.in_units(places), tf.linalg.inv(self.warp.matrix(change)))
        new = self.in_units(forward / forward[:, 2:, 2:], backwards=True)
        return tf.where(tf.reduce_all(tf.math.is_finite(new), axis=(1, 2), keepdims=True), new, places)
