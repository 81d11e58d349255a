"""First poses from pairs: what each half-set finds without the other."""

import numpy as np

from pipelines import geometry
from udl_tf.particles import pair_poses
from udl_tf.particles.table import ParticleTable


def test_each_half_is_synchronised_by_its_own_pairs_alone():
    """Pairs across the halves are all wrong: they change nothing; each half has the true angles but for one turn of its own."""
    random = np.random.default_rng(3)
    truth, half = random.uniform(-180, 180, 16), np.arange(16) % 2
    first, second = np.triu_indices(16, 1)
    across = half[first] != half[second]
    count = len(first)
    found = {"angle": np.where(across, random.uniform(-180, 180, count), truth[second] - truth[first])}
    found |= {"shift": np.zeros((count, 2)), "score": np.ones(count), "symmetry": np.ones(count, int)}
    table = ParticleTable.of(np.arange(16))
    pair_poses._synchronised_apart(table, np.arange(16), first, second, found)
    for number in (0, 1):
        turn = geometry.wrap_degrees(table.angle - truth)[half == number]
        assert np.abs(geometry.wrap_degrees(turn - turn[0])).max() < 1e-3
