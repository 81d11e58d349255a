"""Write the training of a preset or run as programs: one file each, and a JSON of names, shapes, dtypes and order."""

import dataclasses
import pathlib

import numpy as np

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_folder
from pipelines.pictures import Phantoms
from pipelines.pictures.particles import without_background
from udl_tf.presets import as_dict, resolve
from udl_tf.programs.training import programs_of
from udl_tf.training import datasets, run_record
from udl_tf.versions import versions

NAME, CONSTANTS, IMAGES = "programs.json", "constants.npz", "images.npy"
PICTURES, SIDE = 256, 480  # photographs that the program of pairs draws from, and their side


def export_programs(what, output, simulate_from=None, pictures=PICTURES, **overrides):
    """Write the programs of a preset or run into a new folder.

    Files: NAME.mlir of each program of `udl_tf.programs.training`; `constants.npz`, inputs that never change; programs.json; and
    for particles images.npy, the clean images that pairs are made of.

    Args:
        what: preset, config file or run folder. output: folder, made anew.
        simulate_from: clean particles, by default those of the run, or phantoms. pictures: number of photographs that the program
            of pairs draws from. overrides: fields of `udl_tf.presets.Config`.

    Returns:
        What programs.json says.

    Raises:
        InputError: anything a user can mend; nothing is written then.
    """
    output = pathlib.Path(output)
    if output.exists():
        raise InputError(f"{output} exists: expected a new folder for the programs")
    config, simulate_from = _resolved(what, simulate_from, overrides)
    images, renoise, shape = None, datasets.photo_noise(config), (pictures, SIDE, SIDE)
    if config.material != "photos":
        images = _particles(config, simulate_from)
        renoise, shape = datasets.gather(config, simulate_from=simulate_from).renoise, images.shape
    programs = programs_of(config, renoise, shape)
    content = {
        "config": as_dict(config),
        "versions": versions(),
        "images": {"file": None if images is None else IMAGES, "shape": list(shape)},
        "programs": {name: _described(name, program) for name, program in programs.items()},
    }
    with atomic_folder(output, replace=False) as folder:
        for name, program in programs.items():
            (folder / f"{name}.mlir").write_bytes(program.code)
        constants = {f"{name}:{key}": value for name, program in programs.items() for key, value in program.constants.items()}
        np.savez(folder / CONSTANTS, **constants)
        if images is not None:
            np.save(folder / IMAGES, images)
        run_record.write_json(folder / NAME, content)
    return content


def _resolved(what, simulate_from, overrides):
    """(configuration, clean particles it simulates from or None)."""
    folder = pathlib.Path(what)
    if not folder.is_dir():
        return resolve(what, **overrides), simulate_from
    config, record = run_record.read(folder)
    if record["data"] and (config.material != "photos" or datasets.is_pairs(record["data"])):
        raise InputError(f"{what} was trained on images as they are: its pairs are no program, expected a run on simulated ones")
    if any(value is not None for value in overrides.values()):
        raise InputError(f"received a setting with the run {what}: expected none, a run keeps its own")
    return config, simulate_from or record["simulate_from"]


def _particles(config, path):
    """Clean particles (n, box, box) that pairs are made of, background zero."""
    if path:
        return without_background(datasets.clean_images(config, path)[0])
    return Phantoms(config.sources, config.box, config.batch, config.seed).images


def _described(name, program):
    values = {
        kind: [{**dataclasses.asdict(value), "shape": list(value.shape)} for value in getattr(program, kind)]
        for kind in ("inputs", "outputs")
    }
    places = {value.name: place for place, value in enumerate(program.inputs)}
    feeds = {place: places[value.name] for place, value in enumerate(program.outputs) if value.name in places}
    return {"file": f"{name}.mlir", **values, "feeds": feeds}
