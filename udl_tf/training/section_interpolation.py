"""The task of interpolation: a section from its two neighbours (section 3)."""

import numpy as np
import tensorflow as tf

from udl_tf.networks.sections.interpolation import LINEAR
from udl_tf.training import section_triplets
from udl_tf.training.section_step import Triplets
from udl_tf.training.section_task import SectionTask
from udl_tf.volumes.sharpness import band_power

BATCH = 4  # held-out sections that are made at once
LEARNED, EVERY = 60, 5  # batches that a linear prediction is learned from, and pixels between those that are
RIDGE = 1e-3  # of the mean power of a weight's pixels, so that few sections do not lead astray


class SectionInterpolationTask(SectionTask):
    """See `SectionTask`; its data are `section_triplets.TripletData`."""

    name, unit, slices = "section-interpolation", "triplets", 2

    def gather(self, config, data=None, simulate_from=None):
        """`section_triplets.gather`."""
        return section_triplets.gather(config, data, simulate_from)

    def compiled(self, config, data, xla=False):
        """A `SectionModel`; a linear prediction within the network is that of least squares."""
        model = super().compiled(config, data, xla)
        if config.network.residual == "linear":
            set_linear(model.network, data.train(), config.network.margin)
        return model

    def examples(self, config):
        """`Triplets`."""
        return Triplets(config.network.margin)

    def part(self, held_out, count):
        """The first sections."""
        return section_triplets.HeldOut(*(planes[:count] for planes in held_out))

    def measures(self, config, network, held_out):
        """See `measured` below."""
        return measured(made_of(network, held_out), held_out.sections)

    def reference(self, config, held_out):
        """``mean_of_slices_mae``: without a network."""
        mean = measured(means(held_out), held_out.sections)["mae"]
        return {"mean_of_slices_mae": mean, "held_out": len(held_out.sections)}

    def planes(self, network, held_out):
        """The slice before, the section made and the true one, of some examples."""
        some = self.part(held_out, BATCH)
        made = made_of(network, some)
        first = _inner(some.slices, made.shape)[..., 0]
        return {"before": first, "made": made, "true": some.sections}


def set_linear(network, dataset, margin):
    """Set the layer ``linear`` of a network to the weights of least squares on the first batches of triplets."""
    layer, reach = network.get_layer("linear"), LINEAR // 2
    power = products = 0.0
    for batch in dataset.take(LEARNED):
        cropped = batch["slices"][:, margin - reach : reach - margin, margin - reach : reach - margin]
        sizes, strides = (1, LINEAR, LINEAR, 1), (1, EVERY, EVERY, 1)
        windows = tf.image.extract_patches(cropped, sizes, strides, (1, 1, 1, 1), "VALID")  # (batch, h, w, LINEAR^2 slices)
        windows = np.float64(windows).reshape(-1, windows.shape[-1])
        wanted = np.float64(batch["section"][:, ::EVERY, ::EVERY]).ravel()
        power, products = power + windows.T @ windows, products + windows.T @ wanted
    power = power + RIDGE * np.trace(power) / len(power) * np.eye(len(power))
    layer.set_weights([np.linalg.solve(power, products).reshape(layer.kernel.shape)])


def made_of(network, held_out):
    """Sections (n, rows, width) that a network makes of held-out slices."""
    parts = range(0, len(held_out.slices), BATCH)
    return np.concatenate([network(held_out.slices[k : k + BATCH], training=False).numpy() for k in parts])


def means(held_out):
    """The means (n, rows, width) of held-out slices."""
    return _inner(held_out.slices, held_out.sections.shape).mean(-1)


def measured(made, sections):
    """``mae``, mean absolute error in standard deviations; ``sharpness``, spectral power over the truth's in the middle band.

    Args:
        made, sections: float32 (n, height, width).
    """
    made_power, power = (sum(band_power(section)[0] for section in planes) for planes in (made, sections))
    return {"mae": float(np.abs(made - sections).mean()), "sharpness": float(made_power / power)}


def _inner(slices, shape):
    """The middle of slices, of the size of sections."""
    top, left = ((wide - side) // 2 for wide, side in zip(slices.shape[1:3], shape[1:3]))
    return slices[:, top : top + shape[1], left : left + shape[2]]
