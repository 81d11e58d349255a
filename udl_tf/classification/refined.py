"""Classes refined by the machinery of stacks: each particle against the average of its class and half-set, all frequencies."""

import dataclasses

import numpy as np

from pipelines import geometry
from udl_tf.alignment.aligner import Aligner
from udl_tf.alignment.models import find
from udl_tf.particles import stages
from udl_tf.particles.config import StackConfig
from udl_tf.particles.passes import Passes
from udl_tf.particles.table import LEFT_OUT, ParticleTable

MODEL = "cryo"  # brings the averages of both halves together


def refined(table, stack, half, radius, executor, store=None, progress=True):
    """A `ClassTable` with better poses and averages; what is told to be junk keeps its pose, and classes of junk their average.

    Args:
        table: `ClassTable`. stack: `particle_images.Stack`. half: (n,) half-set of each particle. radius: of the mask, pixels.
        executor, store: see `udl_tf.chunks.run.run`.

    Returns:
        `ClassTable`; view -> `udl_tf.particles.references.Reference`, what the last poses were found against.
    """
    if table.junk.all():
        return table, {}
    folder = find(MODEL)
    config = StackConfig(stack.path, str(folder.resolve()), stack.stamp, stack.box, radius, stack.pixel_size, ctf=stack.ctf)
    passes = Passes(config, executor, store, progress)
    angle, shift = geometry.rigid_from_relion(table.psi, table.offset, stack.box)
    view = np.where(table.junk, LEFT_OUT, table.label)
    particles = ParticleTable.of(np.arange(len(view)), view, half=half)
    particles.angle[:], particles.shift[:] = angle, shift
    found = stages.refine_views(passes, particles, Aligner(folder), search=False)
    psi, offset = geometry.relion_from_rigid(particles.angle, particles.shift, stack.box)
    inside = particles.usable & (particles.view != LEFT_OUT)
    averages, resolution, curves = table.averages.copy(), table.resolution.copy(), table.curves.copy()
    for one, seen in found.averages.items():
        averages[one], curves[one], resolution[one] = seen.average, seen.frc, found.resolution(one)
    better = dataclasses.replace(
        table,
        psi=np.where(inside, psi, table.psi),
        offset=np.where(inside[:, None], offset, table.offset),
        sigma=np.where(inside, particles.sigma, np.inf),
        averages=averages,
        resolution=resolution,
        curves=curves,
    )
    return better, passes.references
