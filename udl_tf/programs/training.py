"""Training as programs: initial state, pairs, step, answers. A runtime without TensorFlow can train with them.

    initialise(seed)                       -> state
    pairs(images, seed, number)            -> fixed, moving, angle, shift
    step(fixed, moving, state)             -> loss, ..., state
    angles(fixed, moving, state)           -> angle, the constant C still in it
    disturbed(images, seed, number)        -> image, angle      copies, to find C with (`udl_tf.training.calibration`)

The learning rate follows the count of steps, which is part of the state. Disturbances follow that count and the seed of the
configuration.
"""

import collections

import tensorflow as tf

from pipelines import noise
from pipelines.errors import InputError
from pipelines.pairs import rigid
from pipelines.pictures.crops_in_memory import crops_in_memory
from pipelines.pictures.particles import drawn
from udl_tf.networks.output import degrees
from udl_tf.programs.initial_state import initial_state, variable_of
from udl_tf.programs.lowering import lower
from udl_tf.training import trainer

NUMBER = tf.TensorSpec((), tf.int32)
Material = collections.namedtuple("Material", "renoise")  # of what a run has gathered, all that its step depends on


def programs_of(config, renoise, shape):
    """The programs of a configuration.

    Args:
        config: `udl_tf.presets.Config` of a pair network.
        renoise: the fresh noise of disturbed pairs, or None; see `datasets.TrainingData`.
        shape: of what pairs are made of: clean particles float32 (n, box, box), background zero; or photographs uint8
            (n, height, width).

    Returns:
        dict of `lowering.Program` by name.

    Raises:
        InputError: noise that is not made by operations of XLA, or a TensorFlow that writes no StableHLO.
    """
    photos = config.material == "photos"
    images = tf.TensorSpec(shape, tf.uint8 if photos else tf.float32)
    of_images = _pairs(config)  # first: it refuses what cannot be done
    model = trainer.compiled(config, Material(renoise))
    state = state_of(model)
    side = config.box + 2 * config.margin
    seen = {name: tf.TensorSpec((config.batch, side, side), tf.float32) for name in ("fixed", "moving")}
    number = {"seed": NUMBER, "number": NUMBER}

    def step(fixed, moving):
        return model.update({"fixed": fixed, "moving": moving})

    def angles(fixed, moving):
        return {"angle": degrees(model({"fixed": fixed, "moving": moving}), model.period)}

    def disturbed(images, seed, number):
        image, (angle, _) = model.disturb.image(images, tf.stack([seed, number]))
        return {"image": image, "angle": angle}

    return {
        "initialise": lower(lambda seed: initial_state(model, state, seed), {"seed": tf.TensorSpec((2,), tf.int32)}, {}),
        "pairs": lower(of_images, {"images": images, **number}, {}),
        "step": lower(step, seen, state),
        "angles": lower(angles, seen, state),
        "disturbed": lower(disturbed, {"images": seen["moving"], **number}, {}),
    }


def state_of(model):
    """All that a step reads and writes: dict of names to `tf.Variable`."""
    weights = {f"weight/{number}": weight for number, weight in enumerate(model.network.weights)}
    slots = {f"optimizer/{number}": slot for number, slot in enumerate(model.optimizer.variables)}
    return {name: variable_of(variable) for name, variable in {**weights, **slots}.items()}


def _pairs(config):
    """A function (images, seed, number) -> dict of fixed, moving, angle, shift."""
    if config.noise == "any":
        raise InputError("noise any: expected one kind, such as --noise clean; the mixture is not a program of XLA")
    spec = noise.parse(config.train_noise or config.noise)

    def of_particles(images, seed, number):
        return _flat(rigid.of_particles(drawn(images, config.batch, seed, number), spec, seed, number, config.max_shift))

    def of_photos(images, seed, number):
        patch = config.box + 2 * config.margin
        crops = crops_in_memory(images, config.batch, seed, number, patch, config.max_shift)
        return _flat(
            rigid.of_photos(crops, lambda seen, own: noise.apply(spec, seen, own), seed, number, patch, config.max_shift)
        )

    return of_photos if config.material == "photos" else of_particles


def _flat(element):
    return {**element[0], **element[1]}
