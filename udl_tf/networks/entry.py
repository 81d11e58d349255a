"""What there is to say of a kind of network, in one place: an entry of the registry."""

import collections.abc
import dataclasses

from udl_tf.networks.search_space import Space

MATERIALS = ("particles", "photos")


@dataclasses.dataclass(frozen=True)
class Network:
    """A kind of network. TensorFlow is imported only when one is built.

    Attributes:
        config: frozen dataclass of its sizes, each with a default.
        build: function (config, box, period, precision) -> Keras model; box in pixels, period of its angle in degrees.
        period: function (config) -> degrees modulo which it knows the angle.
        proposes: ``poses``, where its layer ``correlation`` gives angles and shifts, or ``angles``: see
            `udl_tf.alignment.proposal`.
        task: what it is trained for, a name in `udl_tf.training.tasks.TASKS`.
        space: what a search may change of its config.
        family: a search may put one network in the place of another of its family.
        materials: of images, that a search may try it on.
        precisions: in which it can be trained; the first is the one everybody can.
    """

    config: type
    build: collections.abc.Callable
    period: collections.abc.Callable
    proposes: str
    task: str
    space: Space
    family: str
    materials: tuple = MATERIALS
    precisions: tuple = ("float32",)
