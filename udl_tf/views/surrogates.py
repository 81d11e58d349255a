"""Surrogates of particles: noise with the spectrum of the stack's noise, in which no view is left."""

import dataclasses

import numpy as np

from udl_tf.views.polar_particles import polar_particles


def noise_alone(grid, images, noise, ctf):
    """`PolarParticles` of pure noise on a grid.

    Args:
        images: (n, box, box) white noise of any level. noise: (rings,) mean |F|^2. ctf: (n, rings) of the
            particles, or None.
    """
    particles = polar_particles(grid, images, ctf)
    gain = np.sqrt(noise / particles.power.mean(0)).astype(np.float32)
    return dataclasses.replace(particles, samples=particles.samples * gain[:, None], power=particles.power * np.square(gain))
