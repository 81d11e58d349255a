"""Stacks of several views: each goes through all passes as if it were a stack of its own."""

import dataclasses

import numpy as np
import pytest

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files.mrc import write_mrc
from udl_tf.chunks.executors import open_executor
from udl_tf.particles import passes, reader, stages
from udl_tf.particles.config import StackConfig
from udl_tf.particles.passes import Passes
from udl_tf.particles.table import LEFT_OUT, ParticleTable, halves

SIZE, SIZES = 48, (26, 20)  # particles of each view
OTHER = np.array([[0.2, 0.0, 0.06, 1.0], [-0.1, 0.2, 0.05, 1.0], [-0.15, -0.15, 0.05, 1.2], [0.05, -0.25, 0.03, 1.0]])
ORDER = np.random.default_rng(3).permutation(np.repeat([0, 1], SIZES))  # the view of each row


@pytest.fixture(autouse=True)
def one_model(monkeypatch, aligner):
    """The model is loaded once for all."""
    monkeypatch.setattr(reader, "open_aligner", lambda *_: aligner)


@pytest.fixture(scope="module")
def threads():
    with open_executor() as executor:
        yield executor


@pytest.fixture(scope="module")
def truth():
    random = np.random.default_rng(4)
    return random.uniform(-180, 180, len(ORDER)), random.uniform(-2, 2, (len(ORDER), 2))


def noisy(picture, truth, spots):
    """Pictures of two things, the second of these spots, that `truth` brings upright, and noise."""
    angle, shift = truth
    z = np.exp(-1j * np.deg2rad(angle)) * (-shift[:, 0] + 1j * shift[:, 1])  # R(-angle)(-shift), with y up
    move = np.stack([z.real, -z.imag], -1)
    first = (ORDER == 0)[:, None, None]
    clean = np.where(first, picture(-angle, move, SIZE), picture(-angle, move, SIZE, spots))
    noise = np.random.default_rng(5).standard_normal(clean.shape)
    return (clean + 0.8 * clean.std() * noise).astype(np.float32)


@pytest.fixture(scope="module")
def images(picture, truth):
    """Particles of two things without symmetry."""
    return noisy(picture, truth, OTHER)


def passes_of(path, images, executor):
    write_mrc(path, images, 2.0)
    return Passes(StackConfig(str(path), "m", "s", SIZE, 0.45 * SIZE), executor, progress=False)


def same(table, members, alone):
    """Bit for bit: the particles of a view, and the table of that view alone."""
    for field in dataclasses.fields(ParticleTable):
        if field.name not in ("rows", "view"):
            np.testing.assert_array_equal(getattr(table, field.name)[members], getattr(alone, field.name), err_msg=field.name)


def same_average(one, two):
    for name in ("average", "halves", "frc"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def test_two_interleaved_views_give_what_each_gives_alone(
    tmp_path, picture, spots_of_order, aligner, threads, truth, monkeypatch
):
    """To the last bit: no chunk mixes views, so that every sum has the order it has in a stack of one view."""
    monkeypatch.setattr(passes, "SMALL_CHUNK", 11)  # several chunks to a view
    images = noisy(picture, truth, spots_of_order(2))
    table = ParticleTable.of(np.arange(len(ORDER)), ORDER)
    both = stages.to_average(passes_of(tmp_path / "both.mrcs", images, threads), table, aligner)
    assert sorted(both.averages) == [0, 1]
    for one, count in enumerate(SIZES):
        members = np.flatnonzero(one == ORDER)
        alone = stages.to_average(
            passes_of(tmp_path / f"{one}.mrcs", images[members], threads), ParticleTable.of(np.arange(count)), aligner
        )
        same(both.particles, members, alone.particles)
        same_average(both.averages[one], alone.averages[0])
        assert {f"View {one + 1}: {note}" for note in alone.notes} <= set(both.notes)
        assert both.resolution(one) == alone.resolution(0)
        period = 360.0 / both.particles.symmetry[members[0]]
        turn = np.exp(2j * np.pi / period * (both.particles.angle - truth[0])[members])
        assert np.abs(np.angle(turn * np.conj(turn.mean()))).mean() * period / (2 * np.pi) < 3.0
    assert (both.particles.symmetry == np.where(ORDER == 1, 2, 1)).all()


@pytest.mark.parametrize("search", [False, True])
def test_views_and_poses_that_are_handed_in_are_refined(tmp_path, images, aligner, threads, truth, search):
    """From poses that are 4 degrees and a pixel off; particles of no view are not looked at, not even a broken one."""
    random, n = np.random.default_rng(6), len(ORDER)
    angle = truth[0] + random.normal(0, 4.0, n)
    shift = truth[1] + random.normal(0, 1.0, (n, 2))
    out = [2, 9, 30]
    view, images = ORDER.copy(), images.copy()
    view[out], images[out[0]] = LEFT_OUT, np.nan
    table = ParticleTable.of(np.arange(n), view, angle, shift)
    both = stages.refine_views(passes_of(tmp_path / "both.mrcs", images, threads), table, aligner, search)
    for one in (0, 1):
        members = np.flatnonzero(view == one)
        error = geometry.wrap_degrees(table.angle[members] - truth[0][members])
        assert np.abs(error - error.mean()).mean() < 1.5 and np.median(table.sigma[members]) < 1.5
        assert np.linalg.norm(table.shift[members] - truth[1][members], axis=1).mean() < 0.7
        assert np.mean(table.weight[members]) > 0.8 and np.median(table.score[members]) > 0.8
        alone = ParticleTable.of(np.arange(len(members)), None, angle[members], shift[members])
        found = stages.refine_views(passes_of(tmp_path / f"{one}.mrcs", images[members], threads), alone, aligner, search)
        same(table, members, alone)
        same_average(both.averages[one], found.averages[0])
    np.testing.assert_array_equal(table.angle[out], angle[out].astype(np.float32))
    result = both.result()
    assert np.isnan(result.angle[out]).all() and np.isfinite(np.delete(result.angle, out)).all()
    assert not table.included[out].any() and ("all particles" in [label for label, _ in both.snapshots]) == search


def test_a_view_that_cannot_be_averaged_does_not_stop_the_others(tmp_path, images, aligner, threads):
    """Of four views one has a single particle, one has no image that can be used, one is small."""
    images, view = images.copy(), ORDER.copy()
    zero = np.flatnonzero(ORDER == 0)
    view[ORDER == 1] = 3
    single, broken, small = np.flatnonzero(view == 3)[:1], zero[:3], zero[3:8]
    view[single], view[broken], view[small] = 7, 1, 2
    images[broken] = 1.0
    table = ParticleTable.of(np.arange(len(view)), view)
    found = stages.to_average(passes_of(tmp_path / "stack.mrcs", images, threads), table, aligner)
    assert sorted(found.averages) == [0, 2, 3] == table.views
    assert (table.view[[*single, *broken]] == LEFT_OUT).all()
    told = [note for note in found.notes if "is left out" in note]
    assert [note.split(" is")[0] for note in told] == ["View 2", "View 8"]
    assert "View 3: 5 images are too few for an average that leads them: the poses are those of their pairs." in found.notes
    with pytest.raises(InputError, match="no two images that can be aligned"):
        lonely = ParticleTable.of(np.arange(4), [0, 0, 1, 1])
        stages.to_average(
            passes_of(tmp_path / "lonely.mrcs", np.where(np.arange(4)[:, None, None] % 2, images[zero[9]], 0), threads),
            lonely,
            aligner,
        )


def test_half_sets_of_each_view_are_equally_large():
    """Rows that alternate between two views would all fall into one half by their number."""
    view = np.array([0, 1, 0, 1, 0, 1, -1, 0, 1])
    assert halves(view).tolist() == [0, 0, 1, 1, 0, 0, 0, 1, 1]
    assert halves(np.zeros(7, int)).tolist() == [0, 1, 0, 1, 0, 1, 0]  # one view: even and odd rows


def test_a_table_is_its_own_and_fits_together():
    table = ParticleTable.of(np.arange(3))
    table.angle[0], table.in_average[1], table.score[2] = 10.0, 1.0, 0.5
    other = ParticleTable.of(np.arange(3), angle=table.angle)
    table.angle[1] = 20.0
    part = table.take([0, 2])
    part.angle[:] = 0.0
    assert table.angle.tolist() == [10, 20, 0] and other.angle.tolist() == [10, 0, 0] and other.in_average.tolist() == [0, 0, 0]
    with pytest.raises(InputError, match=r"shift has shape \(3,\), expected \(3, 2\)"):
        dataclasses.replace(table, shift=table.angle)
