"""How good a network is, told without truth: do its angles follow turns that we chose, under fresh noise?

Both images of a held-out pair are turned, moved and given fresh noise; the angle of the new pair is the old one plus the
difference of the two turns, whatever the true angle is (`geometry.disturbed_truth`). UDL's loss asks for the same on the training
pairs; here the images are held-out ones, the disturbance is the same for every configuration, and the unit is degrees.
"""

import numpy as np
import tensorflow as tf

from pipelines import geometry, pairs
from pipelines.geometry import warp
from pipelines.noise.renoise import Background, White
from pipelines.pairs.disturb import Disturb
from pipelines.spectra import noise_spectrum

PAIRS = 128
SHIFT = 5.0 / 128.0  # largest shift of the disturbance, as a share of the box
LEVEL = 0.5  # power of the fresh noise, of that the images have. Under less, gross errors stay as they are and are not seen
CAP = 30.0  # degrees a pair counts at most: how wrong a pair is that came apart says nothing
BACKGROUND_RADIUS = 0.75  # of half the box: beyond it a particle's image is taken for background
SEED = 20_260_721  # of the disturbance: the same for all configurations, so that they are compared on the same images
BATCH = 64


class Consistency:
    """The label-free validation measure on the held-out pairs of a run; the truth beside them is not looked at.

    Args:
        config: `udl_tf.presets.Config`; of it only what the images are made of counts, and nothing that a search may change.
        data: `udl_tf.training.datasets.TrainingData`. count: pairs used.
    """

    def __init__(self, config, data, count=PAIRS):
        self.error_period = config.error_period
        inputs, _ = pairs.collect(data.held_out, count)
        fixed, moving = tf.constant(inputs["fixed"]), tf.constant(inputs["moving"])
        pair = Disturb(SHIFT * config.box, fresh_noise(config, inputs))(fixed, moving, (SEED, 0))
        self.turn = (pair.fixed_disturbance[0] - pair.moving_disturbance[0]).numpy()  # (pairs,) degrees
        # Pairs, then disturbed pairs: (2 pairs, box, box) each.
        self.fixed = warp.centre_crop(tf.concat([fixed, pair.fixed], 0), config.box)
        self.moving = warp.centre_crop(tf.concat([moving, pair.moving], 0), config.box)

    def measure(self, model):
        """Mean inconsistency in degrees, modulo the period of errors, each pair's at most `CAP`; 0 for a perfect network.

        A constant output gives 25 degrees modulo 180. A constant added to the angle, UDL's C, changes nothing.

        Args:
            model: `udl_tf.training.step.DisturbedPairModel`, or anything with ``angles(inputs) -> (batch,) degrees``.
        """
        return float(np.mean(np.minimum(self.inconsistency(model), CAP)))

    def inconsistency(self, model):
        """Of each pair, (pairs,) degrees."""
        parts = [slice(start, start + BATCH) for start in range(0, self.fixed.shape[0], BATCH)]
        angles = [model.angles({"fixed": self.fixed[rows], "moving": self.moving[rows]}) for rows in parts]
        before, after = np.split(np.concatenate([np.asarray(part, np.float64) for part in angles]), 2)
        return geometry.angular_distance(after - before, self.turn.astype(np.float64), self.error_period)


def fresh_noise(config, inputs):
    """Noise of the held-out images' own kind, which no setting of the training changes."""
    if config.material == "photos":
        return White(LEVEL**0.5, LEVEL**0.5)
    images = np.concatenate([inputs["fixed"], inputs["moving"]])
    power = noise_spectrum.background_power(images, BACKGROUND_RADIUS * config.box / 2.0)
    return Background(tuple(np.asarray(power, float)), LEVEL)
