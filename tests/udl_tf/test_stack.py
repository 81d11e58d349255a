"""Stacks aligned to a reference: poses, order, STAR files, aligned images, bad images."""

import mrcfile
import numpy as np
import pytest
import starfile

from pipelines import star
from pipelines.errors import InputError
from pipelines.mrc import write_mrc
from pipelines.stacks import ArraySource, open_source
from udl_tf.alignment.stack import align_stack, poses_table

SIZE = 48
COUNT = 7
BAD = 4


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(5)
    return rng.uniform(-180, 180, COUNT), rng.uniform(-3, 3, (COUNT, 2))


@pytest.fixture(scope="module")
def reference(picture):
    return picture(0.0, (0.0, 0.0), SIZE)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, picture, truth):
    """images.mrcs, whose images `truth` brings onto the reference; images.star lists them in another order; one is NaN."""
    folder = tmp_path_factory.mktemp("stack")
    angle, shift = truth
    back = np.deg2rad(angle)
    # Turned back by -angle is where the picture was before: q = R(-angle)(-shift), with y up a product by exp(-i angle).
    z = np.exp(-1j * back) * (-shift[:, 0] + 1j * shift[:, 1])
    images = picture(-angle, np.stack([z.real, -z.imag], -1), SIZE)
    images[BAD, 10, 10] = np.nan
    write_mrc(folder / "images.mrcs", images, 2.0)
    order = [6, 2, 4, 0, 5, 1, 3]
    table = star.new_star([f"{row + 1:06d}@images.mrcs" for row in order], 2.0)
    particles = table.particles.assign(rlnMicrographName=[f"{row:06d}" for row in order], rlnDefocusU=order)
    star.write_star(star.StarTable(particles, table.optics), folder / "images.star")
    return folder


def assert_poses(angle, shift, truth, rows):
    good = [i for i, row in enumerate(rows) if row != BAD]
    wanted = np.array(rows)[good]
    assert np.abs((np.asarray(angle)[good] - truth[0][wanted] + 180) % 360 - 180).max() < 0.3
    np.testing.assert_allclose(np.asarray(shift)[good], truth[1][wanted], atol=0.1)


def test_every_image_comes_onto_the_reference(aligner, folder, reference, truth, tmp_path):
    source = open_source(folder / "images.mrcs")
    path = tmp_path / "aligned.mrcs"
    result, message = align_stack(aligner, source, reference, aligned_path=path, chunk=3, progress=False)
    assert_poses(result.angle, result.shift, truth, range(COUNT))
    assert np.isnan(result.angle[BAD]) and result.score[BAD] == 0 and np.delete(result.score, BAD).min() > 0.5
    assert message == f"images left out: {BAD} not finite (NaN or infinity)"
    with mrcfile.open(path, permissive=True) as file:
        aligned, pixel = file.data, float(file.voxel_size.x)
    assert aligned.shape == (COUNT, SIZE, SIZE) and abs(pixel - 2.0) < 1e-5
    np.testing.assert_array_equal(aligned, result.apply(source.read(slice(None))))
    for row in set(range(COUNT)) - {BAD}:
        assert np.corrcoef(aligned[row].ravel(), reference.ravel())[0, 1] > 0.99
    assert sorted(item.name for item in tmp_path.iterdir()) == ["aligned.mrcs"]


def test_chunks_make_no_difference(aligner, folder, reference):
    source = open_source(folder / "images.mrcs")
    small, large = (align_stack(aligner, source, reference, chunk=chunk, progress=False)[0] for chunk in (2, 100))
    np.testing.assert_allclose(small.angle, large.angle, atol=1e-2)
    np.testing.assert_allclose(small.shift, large.shift, atol=1e-2)


def test_fast(aligner, folder, reference, truth):
    result, _ = align_stack(aligner, open_source(folder / "images.mrcs"), reference, progress=False, fast=True)
    good = np.arange(COUNT) != BAD
    assert np.abs((result.angle - truth[0] + 180) % 360 - 180)[good].max() < 3
    assert np.unique(result.sigma[good]).size == 1 and np.isinf(result.sigma[BAD])


def test_constant_images_are_counted_through_all_chunks(aligner, reference):
    images = np.stack([reference] * 5)
    images[3] = 2.0
    result, message = align_stack(aligner, ArraySource(images), reference, chunk=2, progress=False)
    assert message == "images left out: 3 constant" and np.flatnonzero(np.isnan(result.angle)).tolist() == [3]
    assert align_stack(aligner, ArraySource(images[:3]), reference, progress=False)[1] is None


def test_star_keeps_order_and_columns(aligner, folder, reference, truth, tmp_path):
    source = open_source(folder / "images.star")
    result, message = align_stack(aligner, source, reference, progress=False)
    assert "images left out: 2 " in message  # its place in the STAR file
    path = tmp_path / "aligned.star"
    star.write_star(poses_table(source, result, path), path)
    before, after = (starfile.read(p, always_dict=True)["particles"] for p in (folder / "images.star", path))
    assert after["rlnDefocusU"].tolist() == before["rlnDefocusU"].tolist() == [6, 2, 4, 0, 5, 1, 3]
    assert set(after) == set(before) | {"rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", star.SCORE, star.SIGMA}
    again = open_source(path)  # also finds the images from its own folder
    np.testing.assert_array_equal(again.read(slice(None)), source.read(slice(None)))
    angle, shift = again.star.poses(SIZE)
    assert_poses(angle, shift, truth, after["rlnDefocusU"])
    np.testing.assert_allclose((angle - np.nan_to_num(result.angle) + 180) % 360 - 180, 0, atol=1e-5)
    np.testing.assert_allclose(shift, np.nan_to_num(result.shift), atol=1e-5)
    np.testing.assert_allclose(after[star.SCORE], result.score, atol=1e-6)
    assert angle[2] == 0 and shift[2].tolist() == [0, 0] and after[star.SCORE][2] == 0
    np.testing.assert_allclose(after[star.SIGMA], np.minimum(result.sigma, 180.0), rtol=1e-4)
    assert after[star.SIGMA][2] == 180


def test_a_stack_gets_a_new_star_file(aligner, folder, reference, truth, tmp_path):
    source = open_source(folder / "images.mrcs")
    result, _ = align_stack(aligner, source, reference, progress=False)
    path = tmp_path / "new.star"
    star.write_star(poses_table(source, result, path), path)
    again = open_source(path)
    assert again.pixel_size == 2.0 and len(again) == COUNT
    np.testing.assert_array_equal(again.read(slice(None)), source.read(slice(None)))
    assert_poses(*again.star.poses(SIZE), truth, range(COUNT))


def test_images_a_star_file_cannot_name(aligner, reference):
    source = ArraySource(reference)
    result, _ = align_stack(aligner, source, reference, progress=False)
    with pytest.raises(InputError, match="STAR file can only name"):
        poses_table(source, result, "x.star")


def test_nothing_is_left_of_a_failed_run(aligner, folder, reference, tmp_path):
    class Failing(ArraySource):
        def _load(self, rows):
            if rows[0] >= 4:
                raise KeyboardInterrupt
            return super()._load(rows)

    source = Failing(np.stack([reference] * 6))
    with pytest.raises(KeyboardInterrupt):
        align_stack(aligner, source, reference, aligned_path=tmp_path / "a.mrcs", chunk=2, progress=False)
    assert list(tmp_path.iterdir()) == []
