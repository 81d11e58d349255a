"""RELION itself reads our STAR files and turns the images as we do. Runs where `relion_stack_create` is on the PATH."""

import dataclasses
import shutil
import subprocess

import numpy as np
import pytest

from pipelines.files import star
from pipelines.files.mrc import write_mrc
from pipelines.files.opening import open_source
from pipelines.geometry.warp import warp
from pipelines.pictures import phantoms

COUNT = 12


@pytest.mark.skipif(shutil.which("relion_stack_create") is None, reason="RELION is not on the PATH (apt-get install relion)")
@pytest.mark.parametrize("box", [64, 63])
def test_relion_applies_our_poses(tmp_path, box):
    random = np.random.default_rng(4)
    images = np.array(phantoms.particles(COUNT, box=box, seed=2))
    angle, shift = random.uniform(-180, 180, COUNT).astype(np.float32), random.uniform(-4, 4, (COUNT, 2)).astype(np.float32)
    write_mrc(tmp_path / "images.mrcs", images, 2.0)
    table = star.new_star([f"{row + 1:06d}@{tmp_path}/images.mrcs" for row in range(COUNT)], 2.0)
    microscope = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}  # it insists on them
    table = dataclasses.replace(table, optics=table.optics.assign(**microscope))
    star.write_star(table.with_poses(angle, shift, box), tmp_path / "poses.star")
    command = ["relion_stack_create", "--i", "poses.star", "--o", "turned", "--apply_transformation"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    theirs, ours = open_source(tmp_path / "turned.mrcs").read(slice(None)), warp(images, angle, shift).numpy()
    inside = np.s_[:, 8:-8, 8:-8]  # what comes in over the edge differs: zeros of ours, wrapped around or grey of theirs
    for their, our in zip(theirs[inside], ours[inside], strict=True):
        assert np.corrcoef(their.ravel(), our.ravel())[0, 1] > 0.995
    assert np.corrcoef(theirs[inside].mean(0).ravel(), ours[inside].mean(0).ravel())[0, 1] > 0.995
