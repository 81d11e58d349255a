"""What the tasks of networks on volumes of serial sections have in common: pixel loss or a discriminator, a curve, a board."""

import collections

import tensorflow as tf

from pipelines.errors import InputError
from udl_tf.alignment.saving import save
from udl_tf.networks.build import build
from udl_tf.networks.sections.discriminator import Discriminator
from udl_tf.training import section_picture
from udl_tf.training.section_board import SectionBoard
from udl_tf.training.section_step import SectionModel

CURVE = 8  # held-out examples of the curve
MOMENTUM = 0.5  # of Adam, where there is a discriminator (Radford et al., whom the source cites)
Measured = collections.namedtuple("Measured", "metrics shown")


class Served:
    """What is saved: the network, tiles in and tiles out."""

    def __init__(self, network):
        self._network, self.weights = network, network.weights

    def signatures(self):
        """``serving_default``, float32: ``input``, mean 0 and standard deviation 1, to ``output``, as the network takes them."""
        spec = tf.TensorSpec(self._network.inputs[0].shape, tf.float32, name="input")

        @tf.function(input_signature=(spec,), autograph=False)
        def served(input):
            return {"output": self._network(input, training=False)}

        return {"serving_default": served.get_concrete_function()}


class SectionTask:
    """See `udl_tf.training.tasks.Task`.

    A task of sections says: `name` and `unit`; `gather`; `examples(config)`, what `SectionModel` asks; `slices`, how many the
    discriminator sees together; `part(held_out, count)`, the first of what was held out; `measures(config, network, held_out)`,
    floats by name, ``mae`` among them; `reference(config, held_out)`, the same of what needs no network; `planes(network,
    held_out)`, what pictures show.
    """

    def compiled(self, config, data, xla=False):
        """A `SectionModel`."""
        if tf.distribute.has_strategy():
            raise InputError("networks on sections are trained on one device: expected --strategy one")
        tf.keras.utils.set_random_seed(config.seed)
        sizes, network = config.network, build(config)
        judge = judge_optimizer = None
        if sizes.adversarial:
            judge = Discriminator(config.box, self.slices, sizes.discriminator_maps, sizes.dense, sizes.dropout)
            judge_optimizer = tf.keras.optimizers.Adam(sizes.discriminator_rate, beta_1=MOMENTUM)
        model = SectionModel(
            network,
            self.examples(config),
            judge,
            sizes.adversarial,
            sizes.pixel,
            floor=sizes.discriminator_floor,
            warm_steps=config.warm_steps,
            seed=config.seed,
        )
        momentum = {"beta_1": MOMENTUM} if judge else {}
        model.compile(tf.keras.optimizers.Adam(learning_rate(config), **momentum), judge_optimizer, jit_compile=xla)
        return model

    def measure(self, config, data):
        """What `measures` says of examples that were held out, and ``learning_rate``."""
        held_out, rate = self.part(data.held_out, CURVE), learning_rate(config)

        def measure(step, model):
            return {**self.measures(config, model.network, held_out), "learning_rate": float(rate(model.optimizer.iterations))}

        return measure

    def judge(self, config, data, model, count):
        """The mean absolute error of examples that were held out."""
        return self.measures(config, model.network, self.part(data.held_out, count))["mae"]

    def finish(self, config, data, model):
        """Nothing is left to find out."""

    def save(self, config, trained, folder, about, verbose=0):
        """The network, see `Served`."""
        save(Served(trained.model.network), folder, about)

    def evaluate(self, config, data, trained, folder):
        """`Measured`: `metrics` for metrics.json, and `shown`, dict of name -> planes (n, height, width) for the report."""
        network = trained.model.network
        metrics = {
            "task": self.name,
            **self.measures(config, network, data.held_out),
            **self.reference(config, data.held_out),
            "steps": trained.steps,
            "seconds": round(trained.seconds, 2),
            "examples_per_second": round(trained.steps * config.batch / max(trained.seconds, 1e-9), 1),
            "loss": trained.history["loss"][-1] if trained.history["loss"] else None,
            "interrupted": trained.interrupted,
        }
        return Measured(metrics, self.planes(network, data.held_out))

    def board(self, folder):
        """A `SectionBoard`."""
        return SectionBoard(folder, self.planes)

    def draw(self, path, config, trained, measured, title):
        """The curve, and what was made of held-out examples."""
        section_picture.draw(path, trained.history, measured.shown, title)


def learning_rate(config):
    """Cosine to zero over all updates of the generator: two a step once there is a discriminator."""
    updates = config.steps + (max(0, config.steps - config.warm_steps) if config.network.adversarial else 0)
    return tf.keras.optimizers.schedules.CosineDecay(config.learning_rate, updates)
