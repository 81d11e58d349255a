"""The stages of a stack alignment on noisy pictures of known poses, with junk and an image that cannot be used."""

import numpy as np
import pytest

from pipelines import geometry
from pipelines.errors import InputError
from pipelines.files.mrc import write_mrc
from udl_tf.chunks.executors import open_executor
from udl_tf.chunks.store import Ledger
from udl_tf.particles import chunk_context, chunk_functions, passes
from udl_tf.particles.references import Reference

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


def setting_of(path, images, **changes):
    write_mrc(path, images.astype(np.float32), 2.0)
    return chunk_context.Setting(
        **{"path": str(path), "model": "m", "stamp": "s", "box": SIZE, "mask_radius": 0.45 * SIZE} | changes
    )


@pytest.fixture(autouse=True)
def one_model(monkeypatch, aligner):
    """The model is loaded once for all, and no workbench is left of another stack."""
    monkeypatch.setattr(chunk_context, "open_aligner", lambda *_: aligner)


@pytest.fixture(scope="module")
def threads():
    with open_executor() as executor:
        yield executor


@pytest.fixture(scope="module")
def truth(picture):
    return particles(picture, COUNT, SNR)[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory, picture, aligner, threads):
    """The `Stack` of particles of which each alone is mostly noise, aligned to their own average."""
    images, noise, _ = particles(picture, COUNT, SNR)
    images[JUNK] = 0.0
    images = images + noise
    images[BAD, 3, 4] = np.nan
    setting = setting_of(tmp_path_factory.mktemp("stages") / "stack.mrcs", images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunk_context, "open_aligner", lambda *_: aligner)
        return passes.Stages(setting, threads, progress=False).to_average(COUNT, aligner)


def residuals(stack, truth, rows, period=360.0):
    """Errors of the angle (rows,), degrees, and of the shift, pixels, once the common frame's turn and move are taken away."""
    angle = stack.angle[rows] - truth[0][rows]
    turn = np.rad2deg(np.angle(np.mean(np.exp(2j * np.pi / period * angle)))) * period / 360.0
    place = np.asarray(geometry.rotate_points(np.full(len(rows), turn, np.float32), truth[1][rows].astype(np.float32)))
    move = stack.shift[rows] - place
    return geometry.wrap_degrees(angle - turn, period), move - move.mean(0)


def test_angles_are_as_good_as_sigma_says(found, truth):
    """Sigma is the Cramer-Rao bound; the mean error of a normal distribution is 0.8 sigma."""
    angle, shift = residuals(found, truth, REAL)
    sigma = found.sigma[REAL]
    assert np.abs(angle).mean() < 2 * sigma.mean() and np.abs(angle).mean() < 1.0
    assert np.abs(angle).max() < 5.0 and np.abs(shift).mean() < 0.3
    assert sigma.min() > 0.1 and sigma.max() < 3.0
    assert np.quantile(found.score[REAL], 0.1) > 0.9


def test_both_halves_are_in_one_frame(found, truth):
    angle, shift = residuals(found, truth, REAL)
    even = REAL % 2 == 0
    assert abs(angle[even].mean() - angle[~even].mean()) < 1.0
    assert np.linalg.norm(shift[even].mean(0) - shift[~even].mean(0)) < 0.3


def test_junk_is_left_out_and_stays_in_the_stack(found):
    assert found.weight[REAL].mean() > 0.95 and found.weight[JUNK].mean() < 0.3
    assert len(found.angle) == COUNT and found.usable[JUNK].all()
    assert np.median(found.score[JUNK]) < 0.5 < np.min(found.score[REAL])
    out = int(np.sum(found.weight[found.usable] == 0))
    assert any(note.startswith(f"{out} particles left out") for note in found.notes)
    np.testing.assert_array_equal(found.inside, found.weight * found.usable)  # those in the final average


def test_an_image_that_cannot_be_used_stays_too(found):
    assert np.flatnonzero(~found.usable).tolist() == [BAD]
    assert found.score[BAD] == 0 and np.isinf(found.sigma[BAD]) and np.isfinite(found.angle[BAD])
    assert any(note.startswith("1 images cannot be used") for note in found.notes)


def test_the_averages_tell_how_it_came_about(found, picture):
    frc = found.picture.frc
    assert frc[1:7].min() > 0.5 and np.abs(frc[16:23]).mean() < 0.5
    labels = [label for label, _ in found.averages]
    assert labels[:2] == ["before", "pairs, synchronised"] and labels[-1] == "final" and "all particles" in labels
    assert len(found.changes) == len(found.rates) and min(found.rates) > 0 and found.changes[-1] < 1.0
    # The average is the picture, turned and moved: compared with the picture at all turns, in steps of 2 degrees.
    mask = np.hypot(*(np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2)) < 0.42 * SIZE
    turned = picture(np.arange(0, 360, 2.0), np.zeros((180, 2)), SIZE)
    alike = {label: max(np.corrcoef(one[mask], image[mask])[0, 1] for one in turned) for label, image in found.averages}
    assert alike["final"] > 0.85 > alike["before"] and alike["final"] > alike["pairs, synchronised"] - 0.02


def test_halves_that_drifted_apart_are_brought_together(tmp_path, picture, aligner, threads):
    """The odd half's average is turned by 6 degrees and moved: its poses follow the average back."""
    images, noise, _ = particles(picture, 6, 5.0)
    work = passes.Stages(setting_of(tmp_path / "stack.mrcs", images + noise), threads, progress=False)
    drift = np.array([0.0, 6.0]), np.array([[0.0, 0.0], [1.5, -1.0]])
    work.reference = Reference(picture(*drift, SIZE), np.ones(25), 16, np.zeros((2, 25)))
    stack = passes.Stack.of(np.arange(6))
    stack.angle, stack.shift = np.linspace(-90, 90, 6).astype(np.float32), np.full((6, 2), 2.0, np.float32)
    before = stack.angle.copy(), stack.shift.copy()
    work._bring_halves_together(stack, aligner)
    np.testing.assert_array_equal(stack.angle[::2], before[0][::2])
    np.testing.assert_array_equal(stack.shift[::2], before[1][::2])
    np.testing.assert_allclose(stack.angle[1::2], before[0][1::2] - 6.0, atol=0.3)
    # A point at (2, 2), where the odd half's average has it, is moved back by the drift, then turned back: R(-6) (p - t).
    z = np.exp(-1j * np.deg2rad(6.0)) * complex(2.0 - 1.5, -(2.0 + 1.0))
    np.testing.assert_allclose(stack.shift[1::2], [[z.real, -z.imag]] * 3, atol=0.15)


@pytest.mark.parametrize("how", ["search", "reference"])
def test_each_particle_meets_the_average_of_its_own_half(tmp_path, picture, how):
    """Averages of the two halves that differ by 20 degrees and in their noise: no half must hear of the other's."""
    images, _, truth = particles(picture, 8, 5.0)
    averages = picture(np.array([0.0, 20.0]), np.zeros((2, 2)), SIZE)
    rows = np.arange(8)
    wanted = truth[0] + 20.0 * (rows % 2)
    payload = {"setting": setting_of(tmp_path / "stack.mrcs", images), "rows": rows, "steps": 6, "known": np.zeros(8, bool)}
    payload |= {"weight": np.ones(8), "inside": np.zeros(8), "search": None, "reference": None}
    payload |= (
        {"angle": wanted + 2.0, "shift": truth[1]} if how == "reference" else {"angle": 0.0 * wanted, "shift": 0.0 * truth[1]}
    )
    reference = Reference(averages / images.std(), np.full(25, 10.0), 16, np.zeros((2, 25)))
    payload[how] = averages if how == "search" else reference
    found = chunk_functions.poses(payload, 2, 8)
    assert len(found["angle"]) == 6 and found["count"] == 6
    np.testing.assert_allclose(geometry.wrap_degrees(found["angle"] - wanted[2:]), 0, atol=0.5)
    assert ("detection" in found) == (how == "reference") and ("symmetry" in found) == (how == "search")


def test_to_a_reference(tmp_path, picture, threads):
    """Aligned to the clean picture there is no free turn: poses are those of the picture itself."""
    images, noise, truth = particles(picture, 24, SNR, seed=5)
    images = images + noise
    images[3] = np.inf
    setting = setting_of(tmp_path / "stack.mrcs", images)
    clean = picture(0.0, (0.0, 0.0), SIZE)[0]
    work = passes.Stages(setting, threads, progress=False)
    stack, rough = (work.to_reference(50.0 * clean + 3.0, 24, refine=refine) for refine in (True, False))
    good = np.delete(np.arange(24), 3)
    error = geometry.angular_distance(stack.angle[good], truth[0][good])
    assert error.mean() < 2 * stack.sigma[good].mean() and error.mean() < 1.0 and error.max() < 4.0
    assert np.linalg.norm(stack.shift[good] - truth[1][good], axis=1).mean() < 0.4
    assert (
        error.mean() < geometry.angular_distance(rough.angle[good], truth[0][good]).mean()
    )  # refined beyond what is found first
    for one in (stack, rough):
        assert np.flatnonzero(~one.usable).tolist() == [3] and one.score[3] == 0 and np.isinf(one.sigma[3])
    assert [label for label, _ in rough.averages] == ["before", "found by the network", "final"]


def test_few_images_keep_the_poses_of_their_pairs(tmp_path, picture, aligner, threads):
    images, noise, truth = particles(picture, 8, 5.0, seed=2)
    setting = setting_of(tmp_path / "stack.mrcs", images + noise)
    stack = passes.Stages(setting, threads, progress=False).to_average(8, aligner)
    angle, shift = residuals(stack, truth, np.arange(8))
    assert np.abs(angle).max() < 2.0 and np.abs(shift).max() < 0.5
    assert "8 images are too few" in stack.notes[0] and stack.score.min() > 0.5 and (stack.weight == 1).all()
    assert [label for label, _ in stack.averages] == ["before", "pairs, synchronised", "final"]


def test_two_images(tmp_path, picture, aligner, threads):
    images, _, truth = particles(picture, 2, 5.0, seed=3)
    stack = passes.Stages(setting_of(tmp_path / "stack.mrcs", images), threads, progress=False).to_average(2, aligner)
    wanted = geometry.wrap_degrees(truth[0][1] - truth[0][0])
    assert geometry.angular_distance(stack.angle[1] - stack.angle[0], wanted) < 0.5


def test_a_symmetric_picture_is_told(tmp_path, picture, spots_of_order, aligner, threads):
    images, noise, truth = particles(picture, 20, 3.0, seed=4, spots=spots_of_order(2))
    setting = setting_of(tmp_path / "stack.mrcs", images + noise)
    stack = passes.Stages(setting, threads, progress=False).to_average(20, aligner)
    assert (stack.symmetry == 2).all() and any("turns by 360/2 degrees" in note for note in stack.notes)
    assert np.abs(residuals(stack, truth, np.arange(20), 180.0)[0]).max() < 3.0


def test_chunks_make_no_difference(tmp_path, picture, aligner, threads, monkeypatch):
    images, noise, _ = particles(picture, 20, 2.0, seed=6)
    setting = setting_of(tmp_path / "stack.mrcs", images + noise)
    found = []
    for size in (128, 7):
        monkeypatch.setattr(passes, "SMALL_CHUNK", size)
        found.append(passes.Stages(setting, threads, progress=False).to_average(20, aligner))
    one, other = found
    np.testing.assert_allclose(geometry.wrap_degrees(one.angle - other.angle), 0, atol=0.05)
    np.testing.assert_allclose(one.shift, other.shift, atol=0.02)
    np.testing.assert_allclose(one.picture.average, other.picture.average, atol=0.02 * np.ptp(one.picture.average))


def test_only_finished_passes_and_no_chunks_of_them_are_kept(tmp_path, picture, aligner, threads):
    """A second run over the same ledger computes nothing."""
    images, noise, _ = particles(picture, 8, 5.0, seed=2)
    setting = setting_of(tmp_path / "stack.mrcs", images + noise)
    ledger = Ledger(tmp_path / "parts", {"job": 1}, False)
    first = passes.Stages(setting, threads, ledger, progress=False).to_average(8, aligner)
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

    again = passes.Stages(setting, Nothing(), ledger, progress=False).to_average(8, aligner)
    np.testing.assert_array_equal(again.angle, first.angle)
    np.testing.assert_array_equal(again.picture.average, first.picture.average)


@pytest.mark.parametrize(
    ("count", "value", "message"),
    [(1, 1.0, "holds 1 image: expected at least 2"), (4, np.nan, "no image can be used"), (4, 2.0, "no image can be used")],
)
def test_stacks_that_cannot_be_aligned(tmp_path, aligner, threads, count, value, message):
    setting = setting_of(tmp_path / "stack.mrcs", np.full((count, SIZE, SIZE), value))
    with pytest.raises(InputError, match=message):
        passes.Stages(setting, threads, progress=False).to_average(count, aligner)


def test_one_usable_image_makes_no_pair(tmp_path, picture, aligner, threads):
    images = np.concatenate([picture(0.0, (0.0, 0.0), SIZE), np.zeros((3, SIZE, SIZE))])
    setting = setting_of(tmp_path / "stack.mrcs", images)
    with pytest.raises(InputError, match="no two images that can be aligned"):
        passes.Stages(setting, threads, progress=False).to_average(4, aligner)


def test_nothing_known_is_not_shared():
    """What is learned of one thing must not turn up in another: the arrays of a new stack are its own."""
    stack = passes.Stack.of(np.arange(3))
    stack.angle[0], stack.inside[1], stack.score[2] = 10.0, 1.0, 0.5
    assert stack.angle.tolist() == [10, 0, 0] and stack.inside.tolist() == [0, 1, 0] and stack.score.tolist() == [0, 0, 0.5]
