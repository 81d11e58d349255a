"""The training step of networks on sections: pixel loss, alone or with a discriminator (algorithm 1).

::

    warm steps:   G by |G(slices) - section|
    then:         D by its loss on real and made sections, unless that is below a floor: it must not run away
                  G, twice, by |G(slices) - section| and by what D says of G(slices)

The condition on the discriminator is lost from the source's text; "not updated while its loss is below a floor" is our choice.
"""

import tensorflow as tf

from udl_tf.training import replicas


class SectionModel(tf.keras.Model):
    """Trains a generator. Its data are dicts of what the network sees and of what it is to make.

    Args:
        network: the generator. examples: with ``seen(data)``, its input; ``pixels(made, data)``, the pixel loss (a scalar);
            ``real(data, number)`` and ``made(made, data, number)``, what the discriminator sees (batch, side, side, slices).
        discriminator: `udl_tf.networks.sections.discriminator.Discriminator`, or None for pixel loss alone.
        weight: of the discriminator's loss beside the pixel loss. pixel_weight: of the latter.
        floor: loss of the discriminator below which it is not updated. warm_steps: first steps by pixel loss alone.
        seed: of what the discriminator drops; with the step count it makes training reproducible, also after a restart.
    """

    def __init__(self, network, examples, discriminator=None, weight=0.0, pixel_weight=1.0, floor=0.0, warm_steps=0, seed=0):
        super().__init__()
        self.network, self.examples, self.discriminator = network, examples, discriminator
        self.weight, self.pixel_weight, self.floor = weight, pixel_weight, floor
        self.warm_steps, self.seed = warm_steps, seed
        self.steps_done = tf.Variable(0, trainable=False, dtype=tf.int32, name="steps_done")
        self.judge_optimizer = None
        self.built = True

    def compile(self, optimizer, judge_optimizer=None, jit_compile=False):
        """Args: optimizer: of the generator. judge_optimizer: of the discriminator. jit_compile: with XLA."""
        super().compile(optimizer=optimizer, jit_compile=jit_compile)
        optimizer.build(self.network.trainable_variables)
        if self.discriminator is not None:
            self.judge_optimizer = judge_optimizer
            judge_optimizer.build(self.discriminator.trainable_variables)

    @property
    def training_state(self):
        """All variables that a training needs to be gone on with."""
        state = [*self.network.weights, *self.optimizer.variables, self.steps_done]
        if self.discriminator is None:
            return state
        return [*state, *self.discriminator.weights, *self.judge_optimizer.variables]

    def call(self, inputs, training=False):
        """What the network makes."""
        return self.network(inputs, training=training)

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step; returns a dict of scalars.

        ``loss``, the pixel loss; with a discriminator also ``loss_made``, what it says of made sections, and
        ``loss_discriminator``, its own, both 0 in the warm steps.
        """
        if replicas.count() > 1:
            raise NotImplementedError("networks on sections are trained on one device")
        step = tf.identity(self.steps_done)
        self.steps_done.assign_add(1)
        if self.discriminator is None:
            return {"loss": self._pixel_update(data)}
        nothing = tf.constant(0.0)
        loss, made, judged = tf.cond(
            step < self.warm_steps,
            lambda: (self._pixel_update(data), nothing, nothing),
            lambda: self._adversarial_update(data, step),
        )
        return {"loss": loss, "loss_made": made, "loss_discriminator": judged}

    def _pixel_update(self, data):
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.examples.pixels(self.network(self.examples.seen(data), training=True), data)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    def _adversarial_update(self, data, step):
        weights, judged = self.network.trainable_variables, None
        for again in range(2):
            with tf.GradientTape() as tape:
                made = self.network(self.examples.seen(data), training=True)
                if judged is None:
                    with tape.stop_recording():
                        judged = self._judge_update(data, made, step)
                loss = self.examples.pixels(made, data)
                logits = self.discriminator(self.examples.made(made, data, step), self._seed(step, 2 + again))
                said = tf.reduce_mean(tf.nn.softplus(-logits))
                total = self.pixel_weight * loss + self.weight * said
            self.optimizer.apply_gradients(zip(tape.gradient(total, weights), weights, strict=True))
        return loss, said, judged

    def _judge_update(self, data, made, step):
        weights = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            real = self.discriminator(self.examples.real(data, step), self._seed(step, 0))
            fake = self.discriminator(self.examples.made(made, data, step), self._seed(step, 1))
            loss = 0.5 * tf.reduce_mean(tf.nn.softplus(-real) + tf.nn.softplus(fake))
        gradients = tape.gradient(loss, weights)

        def update():
            self.judge_optimizer.apply_gradients(zip(gradients, weights, strict=True))
            return loss

        return tf.cond(loss < self.floor, lambda: loss, update)

    def _seed(self, step, number):
        return tf.stack([tf.constant(self.seed, tf.int32), 4 * step + number])


class Triplets:
    """What `SectionModel` asks of the examples of interpolation; see `pipelines.pairs.section_crops`."""

    def __init__(self, margin):
        self._margin = margin

    def seen(self, data):
        """The slices."""
        return data["slices"]

    def pixels(self, made, data):
        """Mean absolute difference."""
        return tf.reduce_mean(tf.abs(made - data["section"]))

    def real(self, data, number):
        """The section behind its neighbour."""
        return self.made(data["section"], data, number)

    def made(self, made, data, number):
        """What was made behind the same neighbour."""
        inner = slice(self._margin, -self._margin)
        return tf.stack([data["slices"][:, inner, inner, 0], made], -1)
