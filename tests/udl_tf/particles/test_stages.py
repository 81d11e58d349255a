"""The stages of a stack alignment on noisy pictures of known poses, with junk and an image that cannot be used."""

import numpy as np
import pytest

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files.mrc import write_mrc
from udl_tf.chunks.executors import open_executor
from udl_tf.chunks.store import ChunkStore
from udl_tf.particles import chunk_functions, passes, reader, stages
from udl_tf.particles.alignment import StackAlignment
from udl_tf.particles.config import StackConfig
from udl_tf.particles.passes import Passes
from udl_tf.particles.references import Reference
from udl_tf.particles.table import ParticleTable

SIZE, COUNT, SNR = 48, 56, 0.3
JUNK = np.arange(5, COUNT, 9)  # images of nothing but noise
BAD = 17  # holds a NaN
REAL = np.setdiff1d(np.arange(COUNT), [*JUNK, BAD])


def particles(picture, count, snr, seed=0, spots=None):
    """Noisy pictures (count, SIZE, SIZE) and the poses (angle, shift) that bring them onto ``picture(0, 0)``."""
    random = np.random.default_rng(seed)
    angle, shift = random.uniform(-180, 180, count), random.uniform(-3, 3, (count, 2))
    z = np.exp(-1j * np.deg2rad(angle)) * (-shift[:, 0] + 1j * shift[:, 1])  # R(-angle)(-shift), with y up
    extra = () if spots is None else (spots,)
    images = picture(-angle, np.stack([z.real, -z.imag], -1), SIZE, *extra)
    noise = picture(0.0, (0.0, 0.0), SIZE, *extra).std() / np.sqrt(snr)
    return images, noise * random.standard_normal(images.shape).astype(np.float32), (angle, shift)


def config_of(path, images, **changes):
    write_mrc(path, images.astype(np.float32), 2.0)
    fields = {"path": str(path), "model": "m", "stamp": "s", "box": SIZE, "mask_radius": 0.45 * SIZE}
    return StackConfig(**fields | changes)


def table_of(count, view=None):
    return ParticleTable.of(np.arange(count), view)


def to_average(config, count, executor, aligner, store=None):
    return stages.to_average(Passes(config, executor, store, progress=False), table_of(count), aligner)


@pytest.fixture(autouse=True)
def one_model(monkeypatch, aligner):
    """The model is loaded once for all."""
    monkeypatch.setattr(reader, "open_aligner", lambda *_: aligner)


@pytest.fixture(scope="module")
def threads():
    with open_executor() as executor:
        yield executor


@pytest.fixture(scope="module")
def truth(picture):
    return particles(picture, COUNT, SNR)[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory, picture, aligner, threads):
    """The `StackAlignment` of particles of which each alone is mostly noise, aligned to their own average."""
    images, noise, _ = particles(picture, COUNT, SNR)
    images[JUNK] = 0.0
    images = images + noise
    images[BAD, 3, 4] = np.nan
    config = config_of(tmp_path_factory.mktemp("stages") / "stack.mrcs", images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "open_aligner", lambda *_: aligner)
        return to_average(config, COUNT, threads, aligner)


def residuals(table, truth, rows, period=360.0):
    """Errors of the angle (rows,), degrees, and of the shift, pixels, once the common frame's turn and move are taken away."""
    angle = table.angle[rows] - truth[0][rows]
    turn = np.rad2deg(np.angle(np.mean(np.exp(2j * np.pi / period * angle)))) * period / 360.0
    place = np.asarray(geometry.rotate_points(np.full(len(rows), turn, np.float32), truth[1][rows].astype(np.float32)))
    move = table.shift[rows] - place
    return geometry.wrap_degrees(angle - turn, period), move - move.mean(0)


def test_angles_are_as_good_as_sigma_says(found, truth):
    """Sigma is the Cramer-Rao bound; the mean error of a normal distribution is 0.8 sigma."""
    angle, shift = residuals(found.particles, truth, REAL)
    sigma = found.particles.sigma[REAL]
    assert np.abs(angle).mean() < 2 * sigma.mean() and np.abs(angle).mean() < 1.0
    assert np.abs(angle).max() < 5.0 and np.abs(shift).mean() < 0.3
    assert sigma.min() > 0.1 and sigma.max() < 3.0
    assert np.quantile(found.particles.score[REAL], 0.1) > 0.9


def test_both_halves_are_in_one_frame(found, truth):
    angle, shift = residuals(found.particles, truth, REAL)
    even = REAL % 2 == 0
    assert abs(angle[even].mean() - angle[~even].mean()) < 1.0
    assert np.linalg.norm(shift[even].mean(0) - shift[~even].mean(0)) < 0.3


def test_junk_is_left_out_and_stays_in_the_stack(found):
    assert found.particles.weight[REAL].mean() > 0.95 and found.particles.weight[JUNK].mean() < 0.3
    assert len(found.particles.angle) == COUNT and found.particles.usable[JUNK].all()
    assert np.median(found.particles.score[JUNK]) < 0.5 < np.min(found.particles.score[REAL])
    out = int(np.sum(found.particles.weight[found.particles.usable] == 0))
    assert any(note.startswith(f"{out} particles left out") for note in found.notes)
    table = found.particles
    np.testing.assert_array_equal(table.in_average, table.weight * table.usable)  # those in the final average


def test_an_image_that_cannot_be_used_stays_too(found):
    assert np.flatnonzero(~found.particles.usable).tolist() == [BAD]
    assert found.particles.score[BAD] == 0 and np.isinf(found.particles.sigma[BAD]) and np.isfinite(found.particles.angle[BAD])
    assert any(note.startswith("1 images cannot be used") for note in found.notes)


def test_the_averages_tell_how_it_came_about(found, picture):
    frc = found.averages[0].frc
    assert frc[1:7].min() > 0.5 and np.abs(frc[16:23]).mean() < 0.5
    labels = [label for label, _ in found.snapshots]
    assert labels[:2] == ["before", "pairs, synchronised"] and labels[-1] == "final" and "all particles" in labels
    assert len(found.changes) == len(found.rates) and min(found.rates) > 0 and found.changes[-1] < 1.0
    # The average is the picture, turned and moved: compared with the picture at all turns, in steps of 2 degrees.
    mask = np.hypot(*(np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2)) < 0.42 * SIZE
    turned = picture(np.arange(0, 360, 2.0), np.zeros((180, 2)), SIZE)
    seen = [(label, images.values()) for label, images in found.snapshots]
    alike = {label: max(np.corrcoef(one[mask], image[mask])[0, 1] for one in turned) for label, (image,) in seen}
    assert alike["final"] > 0.85 > alike["before"] and alike["final"] > alike["pairs, synchronised"] - 0.02


def test_halves_that_drifted_apart_are_brought_together(tmp_path, picture, aligner, threads):
    """The odd half's average is turned by 6 degrees and moved: its poses follow the average back. Another view stays."""
    images, noise, _ = particles(picture, 8, 5.0)
    work = Passes(config_of(tmp_path / "stack.mrcs", images + noise), threads, progress=False)
    drift = np.array([0.0, 6.0]), np.array([[0.0, 0.0], [1.5, -1.0]])
    work.references = {1: Reference(picture(*drift, SIZE), np.ones(25), 16, np.zeros((2, 25)))}
    table = table_of(8, [1, 1, 1, 1, 1, 1, 0, 0])
    table.angle, table.shift = np.linspace(-90, 90, 8).astype(np.float32), np.full((8, 2), 2.0, np.float32)
    before = table.angle.copy(), table.shift.copy()
    stages._bring_halves_together(work, table, [1], aligner)
    still = [0, 2, 4, 6, 7]
    np.testing.assert_array_equal(table.angle[still], before[0][still])
    np.testing.assert_array_equal(table.shift[still], before[1][still])
    np.testing.assert_allclose(table.angle[1:6:2], before[0][1:6:2] - 6.0, atol=0.3)
    # A point at (2, 2), where the odd half's average has it, is moved back by the drift, then turned back: R(-6) (p - t).
    z = np.exp(-1j * np.deg2rad(6.0)) * complex(2.0 - 1.5, -(2.0 + 1.0))
    np.testing.assert_allclose(table.shift[1:6:2], [[z.real, -z.imag]] * 3, atol=0.15)


def test_scores_are_lowered_where_halves_did_not_fit_each_other():
    table = table_of(6, np.array([0, 0, 3, 3, 4, 4], np.int32))
    table.score[:] = 0.8
    alignment = StackAlignment(table)
    stages._lower(alignment, {0: 0.25, 3: 0.75})  # of view 4, too small for halves, nothing is known
    np.testing.assert_allclose(table.score, [0.2, 0.2, 0.8, 0.8, 0.8, 0.8])
    assert len(alignment.notes) == 1 and "View 1: " in alignment.notes[0] and "(score 0.25)" in alignment.notes[0]


@pytest.mark.parametrize("how", ["search", "refine"])
def test_each_particle_meets_the_average_of_its_own_view_and_half(tmp_path, picture, how):
    """Averages of the two halves that differ by 20 degrees, and of another view that has nothing of it."""
    images, _, truth = particles(picture, 8, 5.0)
    averages = picture(np.array([0.0, 20.0]), np.zeros((2, 2)), SIZE)
    rows, view, half = np.arange(8), np.array([0, 0, 5, 5, 5, 5, 5, 5]), np.arange(8) % 2
    wanted = truth[0] + 20.0 * half
    config = config_of(tmp_path / "stack.mrcs", images)
    if how == "search":
        task = chunk_functions.SearchTask(config, rows, view, half, {0: averages[:, ::-1], 5: averages})
    else:
        references = {
            view: Reference(images_of / images.std(), np.full(25, 10.0), 16, np.zeros((2, 25)))
            for view, images_of in ((0, averages[:, ::-1]), (5, averages))
        }
        start, everybody = (wanted + 2.0, truth[1]), np.ones(8, bool)
        lost = wanted + 90.0, truth[1]
        fields = config, rows, view, half, np.ones(8), np.zeros(8)
        # Of two poses to begin from the one that fits is kept, unless it is not known.
        one, two, three = (
            chunk_functions.refine(chunk_functions.RefineTask(*fields, starts, references, 6), 2, 8)["angle"]
            for starts in (
                ((*start, everybody),),
                ((*lost, everybody), (*start, everybody)),
                ((*lost, everybody), (*start, rows < 4)),
            )
        )
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one[:2], three[:2])
        assert np.abs(geometry.wrap_degrees(three - wanted[2:]))[2:].min() > 20.0
        task = chunk_functions.RefineTask(*fields, ((*start, everybody),), references, 6)
    found = getattr(chunk_functions, how)(task, 2, 8)
    assert len(found["angle"]) == 6
    np.testing.assert_allclose(geometry.wrap_degrees(found["angle"] - wanted[2:]), 0, atol=0.5)


def test_to_a_reference(tmp_path, picture, threads):
    """Aligned to the clean picture there is no free turn: poses are those of the picture itself."""
    images, noise, truth = particles(picture, 24, SNR, seed=5)
    images = images + noise
    images[3] = np.inf
    work = Passes(config_of(tmp_path / "stack.mrcs", images), threads, progress=False)
    clean = picture(0.0, (0.0, 0.0), SIZE)[0]
    aligned = [stages.to_reference(work, table_of(24), 50.0 * clean + 3.0, refine=refine) for refine in (True, False)]
    table, rough = (found.particles for found in aligned)
    good = np.delete(np.arange(24), 3)
    error = geometry.angular_distance(table.angle[good], truth[0][good])
    assert error.mean() < 2 * table.sigma[good].mean() and error.mean() < 1.0 and error.max() < 4.0
    assert np.linalg.norm(table.shift[good] - truth[1][good], axis=1).mean() < 0.4
    # Refined beyond what is found first.
    assert error.mean() < geometry.angular_distance(rough.angle[good], truth[0][good]).mean()
    for one in (table, rough):
        assert np.flatnonzero(~one.usable).tolist() == [3] and one.score[3] == 0 and np.isinf(one.sigma[3])
    assert [label for label, _ in aligned[1].snapshots] == ["before", "found by the network", "final"]
    assert len(aligned[0].changes) == 2 and aligned[1].changes == []


def test_few_images_keep_the_poses_of_their_pairs(tmp_path, picture, aligner, threads):
    images, noise, truth = particles(picture, 8, 5.0, seed=2)
    found = to_average(config_of(tmp_path / "stack.mrcs", images + noise), 8, threads, aligner)
    table = found.particles
    angle, shift = residuals(table, truth, np.arange(8))
    assert np.abs(angle).max() < 2.0 and np.abs(shift).max() < 0.5
    assert "8 images are too few" in found.notes[0] and table.score.min() > 0.5 and (table.weight == 1).all()
    assert [label for label, _ in found.snapshots] == ["before", "pairs, synchronised", "final"]


def test_two_images(tmp_path, picture, aligner, threads):
    images, _, truth = particles(picture, 2, 5.0, seed=3)
    table = to_average(config_of(tmp_path / "stack.mrcs", images), 2, threads, aligner).particles
    wanted = geometry.wrap_degrees(truth[0][1] - truth[0][0])
    assert geometry.angular_distance(table.angle[1] - table.angle[0], wanted) < 0.5


def test_a_symmetric_picture_is_told(tmp_path, picture, spots_of_order, aligner, threads):
    images, noise, truth = particles(picture, 20, 3.0, seed=4, spots=spots_of_order(2))
    found = to_average(config_of(tmp_path / "stack.mrcs", images + noise), 20, threads, aligner)
    assert (found.particles.symmetry == 2).all() and any("turns by 360/2 degrees" in note for note in found.notes)
    assert np.abs(residuals(found.particles, truth, np.arange(20), 180.0)[0]).max() < 3.0


def test_chunks_make_no_difference(tmp_path, picture, aligner, threads, monkeypatch):
    images, noise, _ = particles(picture, 20, 2.0, seed=6)
    config = config_of(tmp_path / "stack.mrcs", images + noise)
    found = []
    for size in (128, 7):
        monkeypatch.setattr(passes, "SMALL_CHUNK", size)
        found.append(to_average(config, 20, threads, aligner))
    one, other = found
    np.testing.assert_allclose(geometry.wrap_degrees(one.particles.angle - other.particles.angle), 0, atol=0.05)
    np.testing.assert_allclose(one.particles.shift, other.particles.shift, atol=0.02)
    averages = [part.averages[0].average for part in found]
    np.testing.assert_allclose(*averages, atol=0.02 * np.ptp(averages[0]))


def test_only_finished_passes_and_no_chunks_of_them_are_kept(tmp_path, picture, aligner, threads):
    """A second run over the same store computes nothing."""
    images, noise, _ = particles(picture, 8, 5.0, seed=2)
    config = config_of(tmp_path / "stack.mrcs", images + noise)
    store = ChunkStore(tmp_path / "parts", {"job": 1}, False)
    first = to_average(config, 8, threads, aligner, store)
    kept = sorted(path.relative_to(tmp_path / "parts").as_posix() for path in (tmp_path / "parts").glob("*/*.chunk"))
    for name in ("before", "paired", "final"):
        assert [path for path in kept if path.startswith(f"{name}/")] == [f"{name}/{passes.WHOLE:08d}.chunk"]

    class Nothing:
        in_flight = 2

        def stage(self, function, payload):
            return self

        def __enter__(self):
            return None  # cannot be called

        def __exit__(self, *_):
            return None

    again = to_average(config, 8, Nothing(), aligner, store)
    np.testing.assert_array_equal(again.particles.angle, first.particles.angle)
    np.testing.assert_array_equal(again.averages[0].average, first.averages[0].average)


@pytest.mark.parametrize(
    ("count", "value", "message"),
    [(1, 1.0, "holds 1 image: expected at least 2"), (4, np.nan, "no image can be used"), (4, 2.0, "no image can be used")],
)
def test_stacks_that_cannot_be_aligned(tmp_path, aligner, threads, count, value, message):
    config = config_of(tmp_path / "stack.mrcs", np.full((count, SIZE, SIZE), value))
    with pytest.raises(InputError, match=message):
        to_average(config, count, threads, aligner)


def test_one_usable_image_makes_no_pair(tmp_path, picture, aligner, threads):
    images = np.concatenate([picture(0.0, (0.0, 0.0), SIZE), np.zeros((3, SIZE, SIZE))])
    with pytest.raises(InputError, match="no two images that can be aligned"):
        to_average(config_of(tmp_path / "stack.mrcs", images), 4, threads, aligner)
