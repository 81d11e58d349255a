"""Whole stacks: a file in; STAR file, aligned images, average and report out; killed, resumed, and repeated."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import cv2
import mrcfile
import numpy as np
import pytest
import starfile

from pipelines.errors import InputError
from pipelines.files import star
from pipelines.files.mrc import write_mrc
from pipelines.files.opening import open_source
from pipelines.files.source import ArraySource
from pipelines.geometry import angular_distance, wrap_degrees
from pipelines.geometry.warp import warp
from pipelines.spectra import ctf
from udl_tf.alignment.outputs import SCORE, SIGMA
from udl_tf.particles import chunk_functions, outputs, reader, stack_alignment
from udl_tf.particles.lengths import length
from udl_tf.particles.request import StackRequest, config_of, fingerprint
from udl_tf.particles.stack_alignment import align_stack

SIZE, COUNT, BAD = 48, 20, 4
ORDER = np.random.default_rng(11).permutation(COUNT)
ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def one_model(monkeypatch, aligner):
    """The model is loaded once for all."""
    for module in (stack_alignment, reader):
        monkeypatch.setattr(module, "open_aligner", lambda *_: aligner)


@pytest.fixture(scope="module")
def truth():
    random = np.random.default_rng(5)
    return random.uniform(-180, 180, COUNT), random.uniform(-3, 3, (COUNT, 2))


@pytest.fixture(scope="module")
def images(picture, truth):
    """Pictures that `truth` brings onto ``picture(0, 0)``, with some noise."""
    angle, shift = truth
    z = np.exp(-1j * np.deg2rad(angle)) * (-shift[:, 0] + 1j * shift[:, 1])  # R(-angle)(-shift), with y up
    clean = picture(-angle, np.stack([z.real, -z.imag], -1), SIZE)
    noise = 0.5 * clean.std() * np.random.default_rng(7).standard_normal(clean.shape)
    return (clean + noise).astype(np.float32)


def write_stack(folder, images, pixel_size=2.0, **columns):
    """images.mrcs, and images.star, which lists them in another order, with a column that says so and more."""
    write_mrc(folder / "images.mrcs", images, pixel_size)
    table = star.new_star([f"{row + 1:06d}@images.mrcs" for row in ORDER], pixel_size)
    optics = {name: columns.pop(name) for name in list(columns) if np.ndim(columns[name]) == 0}
    particles = table.particles.assign(rlnMicrographName=[f"mic {row}" for row in ORDER], rlnNumber=ORDER)
    particles = particles.assign(**{name: np.asarray(values)[ORDER] for name, values in columns.items()})
    star.write_star(star.StarTable(particles, table.optics.assign(**optics)), folder / "images.star")
    return folder / "images.star"


@pytest.fixture
def stack(tmp_path, images):
    """A STAR file of the images, one of which holds a NaN."""
    images = images.copy()
    images[BAD, 10, 10] = np.nan
    (tmp_path / "in").mkdir()
    return write_stack(tmp_path / "in", images)


def run(path, model_folder, **options):
    """(`StackAlignment`, sentence on the CTF, message)."""
    options = {name: str(value) if isinstance(value, pathlib.Path) else value for name, value in options.items()}
    return align_stack(StackRequest(str(path), model=str(model_folder), **options), progress=False)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def turned_to_truth(angle, truth, rows, good):
    """Errors of angles in degrees, once their one common turn is taken away."""
    difference = (np.asarray(angle) - truth[0][rows])[good]
    return wrap_degrees(difference - np.rad2deg(np.angle(np.mean(np.exp(1j * np.deg2rad(difference))))))


def test_everything_a_job_writes(stack, model_folder, tmp_path, truth, picture):
    out = tmp_path / "out"
    out.mkdir()
    paths = {"output": out / "a.star", "aligned": out / "a.mrcs", "average": out / "a.mrc", "report": out / "a.html"}
    found, said, message = run(stack, model_folder, **paths)
    result, source = found.result(), open_source(stack)
    assert names(out) == ["a.html", "a.mrc", "a.mrcs", "a.star"]  # and no folder of finished chunks
    place = ORDER.tolist().index(BAD)
    good = np.arange(COUNT) != place
    assert np.abs(turned_to_truth(result.angle, truth, ORDER, good)).max() < 3.0
    assert message == f"images left out: {place} not finite (NaN or infinity)"
    assert np.isnan(result.angle[place]) and np.isnan(result.shift[place]).all() and np.isinf(result.sigma[place])

    before, after = (starfile.read(path, always_dict=True) for path in (stack, out / "a.star"))
    assert after["particles"]["rlnNumber"].tolist() == ORDER.tolist()
    added = {"rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", SCORE, SIGMA, outputs.WEIGHT}
    assert set(after["particles"]) == set(before["particles"]) | added
    for name in before["particles"].columns.drop("rlnImageName"):
        assert after["particles"][name].tolist() == before["particles"][name].tolist()
    assert set(after["optics"]) >= set(before["optics"]) and float(after["optics"]["rlnImagePixelSize"].iloc[0]) == 2.0
    again = open_source(out / "a.star")  # finds the images from its own folder
    np.testing.assert_array_equal(again.read(slice(None)), source.read(slice(None)))
    angle, shift = again.star.poses(SIZE)
    np.testing.assert_allclose(wrap_degrees(angle - np.nan_to_num(result.angle)), 0, atol=1e-5)
    np.testing.assert_allclose(shift, np.nan_to_num(result.shift), atol=1e-5)
    particles = after["particles"]
    np.testing.assert_allclose(particles[SCORE], result.score, atol=1e-6)
    np.testing.assert_allclose(particles[SIGMA], np.minimum(result.sigma, 180.0), atol=1e-5)
    np.testing.assert_array_equal(particles[outputs.WEIGHT], good.astype(int))
    assert (angle[place], *shift[place], particles[SCORE][place], particles[SIGMA][place]) == (0, 0, 0, 0, 180)

    for path in paths.values():
        assert path.suffix not in (".mrc", ".mrcs") or mrcfile.validate(path)
    aligned = mrcfile.read(out / "a.mrcs")
    # As one batch, as the job does it: vectorised sines and cosines depend in the last bit on the place in the batch.
    images = source.read(slice(None))
    rim = np.concatenate([images[:, [0, -1]].reshape(COUNT, -1), images[:, :, [0, -1]].reshape(COUNT, -1)], 1)
    level = np.median(rim, axis=1)[:, None, None]  # each image's background comes in at the edges
    turned = warp(images - level, np.nan_to_num(result.angle), np.nan_to_num(result.shift)).numpy() + level
    np.testing.assert_array_equal(aligned[good], turned[good])
    turned_corner = aligned[np.flatnonzero(good & (np.abs(result.angle % 90 - 45) < 30))[0]][0, 0]
    assert turned_corner in level
    with mrcfile.open(out / "a.mrc") as file:
        average, pixel = file.data.copy(), float(file.voxel_size.x)
    assert average.shape == (SIZE, SIZE) and pixel == pytest.approx(2.0)
    inside = np.hypot(*(np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2)) < 0.4 * SIZE
    turn = picture(np.arange(0, 360, 2.0), np.zeros((180, 2)), SIZE)
    assert max(np.corrcoef(one[inside], average[inside])[0, 1] for one in turn) > 0.95
    assert np.corrcoef(aligned[good].mean(0)[inside], average[inside])[0, 1] > 0.97

    page = (out / "a.html").read_text()
    assert "images.star, aligned" in page and said in page and page.count("data:image/png;base64,") > COUNT
    for cells in (("Particles", f"{COUNT}"), ("In the average", f"{COUNT - 1}"), ("Left out", "1, of which 1 cannot be used")):
        assert "<tr><th>{}</th><td>{}".format(*cells) in page
    assert "2 Å" in page and "No CTF correction: the input has no defocus columns." in page


@pytest.mark.once("what a model answers is compared in the tests of the chain")
def test_two_runs_give_the_same_bytes(stack, model_folder, tmp_path):
    for name in ("one", "two"):
        run(stack, model_folder, output=tmp_path / f"{name}.star", average=tmp_path / f"{name}.mrc")
    for ending in ("star", "mrc"):
        one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two"))
        start = 1024 if ending == "mrc" else 0  # an MRC header holds the time
        assert one[start:] == two[start:] and len(one) > 1024


@pytest.mark.once("chunks are Python and NumPy")
def test_resumed_after_a_kill_gives_the_same_bytes(stack, model_folder, tmp_path, monkeypatch, caplog):
    straight, killed = tmp_path / "straight.star", tmp_path / "killed.star"
    run(stack, model_folder, output=straight)
    computed = []

    def counted(work):
        def count(task, start, stop):
            computed.append(start)
            if killing and len(computed) == 5:
                raise KeyboardInterrupt
            return work(task, start, stop)

        return count

    for name in ("add_up", "refine"):
        monkeypatch.setattr(chunk_functions, name, counted(getattr(chunk_functions, name)))
    killing = True
    with pytest.raises(KeyboardInterrupt):
        run(stack, model_folder, output=killed, report=tmp_path / "killed.html")
    assert "--resume goes on" in caplog.text and f"{killed}.parts" in caplog.text
    assert names(tmp_path) == ["in", "killed.star.parts", "straight.star"]  # no output, and nothing half-written
    killing, done = False, len(computed)
    with pytest.raises(InputError, match="cannot resume"):
        run(stack, model_folder, output=killed, resume=True, max_shift=5)
    monkeypatch.setattr(chunk_functions, "align_pairs", None)  # the pairs are done
    run(stack, model_folder, output=killed, resume=True)
    resumed = len(computed) - done
    assert killed.read_bytes() == straight.read_bytes()
    assert names(tmp_path) == ["in", "killed.star", "straight.star"]
    computed.clear()
    monkeypatch.undo()
    assert resumed > 0 and done == 5


@pytest.mark.parametrize("error", [RuntimeError, InputError])
def test_nothing_but_finished_chunks_is_left_of_a_failed_run(stack, model_folder, tmp_path, monkeypatch, caplog, error):
    def failing(*_):
        raise error("no")

    monkeypatch.setattr(stack_alignment.outputs, "turn_images", failing)
    with pytest.raises(error):
        run(stack, model_folder, reference=1, reference_name="1", output=tmp_path / "a.star", aligned=tmp_path / "a.mrcs")
    assert names(tmp_path) == ["a.star.parts", "in"] and f"finished chunks are kept in {tmp_path / 'a.star.parts'}" in caplog.text


def test_of_a_stack_with_nothing_to_align_nothing_is_left(images, model_folder, tmp_path):
    path = write_stack(tmp_path, np.ones_like(images))
    with pytest.raises(InputError, match="no image can be used|no two images that can be aligned"):
        run(path, model_folder, output=tmp_path / "a.star")
    assert names(tmp_path) == ["images.mrcs", "images.star"]


@pytest.mark.once("chunks are Python and NumPy")
@pytest.mark.slow("a process that imports TensorFlow, with two workers that do, too")
def test_processes_give_the_same_bytes(images, model_folder, tmp_path):
    """The command as people start it, with two worker processes, and one process with its threads: this one."""
    path = write_stack(tmp_path, images)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [
        sys.executable,
        "-m",
        "udl_tf.align",
        str(path),
        "--output",
        "2.star",
        "--model",
        str(model_folder),
        "--workers",
        "2",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert f"{COUNT} images aligned to their average" in done.stdout and "wrote 2.star" in done.stdout
    run(path, model_folder, output=tmp_path / "1.star")
    assert (tmp_path / "1.star").read_bytes() == (tmp_path / "2.star").read_bytes()


def test_a_reference_by_number_or_image(images, model_folder, tmp_path, truth, picture):
    write_mrc(tmp_path / "images.mrcs", images, 2.0)
    clean = picture(0.0, (0.0, 0.0), SIZE)[0]
    options = {"reference": clean, "reference_name": "clean.mrc", "report": tmp_path / "a.html"}
    result = run(tmp_path / "images.mrcs", model_folder, **options)[0].result()
    assert angular_distance(result.angle, truth[0]).max() < 2.5
    assert np.abs(result.shift - truth[1]).max() < 0.6
    page = (tmp_path / "a.html").read_text()
    assert "clean.mrc" in page and "their Fourier ring correlation is too high" in page
    numbered = run(tmp_path / "images.mrcs", model_folder, reference=3, reference_name="image 3")[0].result()
    wanted = wrap_degrees(truth[0] - truth[0][2])  # onto the third image, which itself stays
    assert angular_distance(numbered.angle, wanted).max() < 4.0 and abs(numbered.angle[2]) < 0.5
    assert angular_distance(numbered.angle, wanted).mean() < 1.5


def through_ctf(picture, truth, astigmatism=0.8):
    """Particles seen through CTFs whose signs differ at most frequencies; and the columns that say so."""
    angle, shift = truth
    z = np.exp(-1j * np.deg2rad(angle)) * (-shift[:, 0] + 1j * shift[:, 1])
    clean = picture(-angle, np.stack([z.real, -z.imag], -1), SIZE)
    u = np.linspace(20000, 40000, COUNT)
    direction = np.linspace(0, 170, COUNT)
    values = ctf.ctf(SIZE, 2.0, u, astigmatism * u, direction).numpy()
    columns = {"rlnDefocusU": u, "rlnDefocusV": astigmatism * u, "rlnDefocusAngle": direction}
    columns |= {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
    noise = 0.15 * clean.std() * np.random.default_rng(1).standard_normal(clean.shape)
    return np.fft.rfft2(clean), values, noise, columns


def likeness(average, picture):
    """The highest correlation of an average with the picture at any turn, low frequencies as in both."""
    inside = np.hypot(*(np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2)) < 0.4 * SIZE
    turned = picture(np.arange(0, 360, 3.0), np.zeros((120, 2)), SIZE)
    return max(np.corrcoef(one[inside], average[inside])[0, 1] for one in turned)


def test_the_ctf_of_the_star_file_is_corrected(model_folder, tmp_path, picture, truth):
    spectra, values, noise, columns = through_ctf(picture, truth)
    images = (np.fft.irfft2(spectra * values, (SIZE, SIZE)) + noise).astype(np.float32)
    path = write_stack(tmp_path, images, **columns)
    (with_ctf, said, _), (without, no, _) = (run(path, model_folder, ctf=wanted) for wanted in (True, False))
    assert said.startswith("Corrected for the CTF") and no == "No CTF correction was asked for."
    error = np.abs(turned_to_truth(with_ctf.result().angle, truth, ORDER, slice(None)))
    assert error.max() < 3.0
    alike = likeness(with_ctf.averages[0].average, picture)
    assert alike > 0.9 and alike > likeness(without.averages[0].average, picture) + 0.1


def test_images_whose_signs_are_corrected_already(model_folder, tmp_path, picture, truth):
    """rlnCtfDataArePhaseFlipped: the CTF of such images is its absolute value."""
    spectra, values, noise, columns = through_ctf(picture, truth)
    images = (np.fft.irfft2(spectra * np.abs(values), (SIZE, SIZE)) + noise).astype(np.float32)
    averages = []
    for flipped in (1, 0):
        path = write_stack(tmp_path, images, rlnCtfDataArePhaseFlipped=flipped, **columns)
        averages.append(run(path, model_folder)[0].averages[0].average)
    right, wrong = (likeness(average, picture) for average in averages)
    assert right > 0.9 and right > wrong + 0.1


def test_images_multiplied_by_their_ctf_are_refused(model_folder, tmp_path, images, truth, picture):
    *_, columns = through_ctf(picture, truth)
    path = write_stack(tmp_path, images, rlnCtfDataAreCtfPremultiplied=1, **columns)
    with pytest.raises(InputError, match="multiplied by their CTF already .* use --no-ctf"):
        run(path, model_folder, output=tmp_path / "a.star")
    assert names(tmp_path) == ["images.mrcs", "images.star"]
    found, *_ = run(path, model_folder, ctf=False)
    assert np.abs(turned_to_truth(found.result().angle, truth, ORDER, slice(None))).max() < 3.0


@pytest.mark.parametrize(
    ("value", "pixel_size", "pixels"),
    [
        (None, None, None),
        (12, None, 12),
        ("12", 3.0, 12),
        ("12px", None, 12),
        (" 12.5 px ", 2.0, 12.5),
        ("25A", 2.0, 12.5),
        ("1e1 A", 4.0, 2.5),
        ("0", None, 0),
    ],
)
def test_lengths(value, pixel_size, pixels):
    assert length(value, pixel_size, "max-shift") == pixels


@pytest.mark.parametrize("value", ["", "A", "12 nm", "-3", "1.2.3", "nan", "inf", "12 a px", "1e999"])
def test_what_is_no_length(value):
    with pytest.raises(InputError, match=r"--max-shift .*: expected pixels such as 12 or 12px, or Angstrom such as 25A"):
        length(value, 2.0, "max-shift")


def test_angstrom_without_a_pixel_size():
    with pytest.raises(InputError, match="--mask-diameter 25A: pixel size unknown, expected pixels or --pixel-size A"):
        length("25A", None, "mask-diameter")


def test_a_search_no_further_than_asked_and_a_smaller_mask(stack, model_folder, truth):
    near, *_ = run(stack, model_folder, max_shift="4A")  # 2 pixels; particles lie up to 4.2 from the centre
    far, *_ = run(stack, model_folder, max_shift="24A", mask_diameter="60A")
    good = ORDER != BAD
    reach = np.linalg.norm(near.result().shift[good], axis=1)
    assert reach.max() < 4.0 < np.linalg.norm(far.result().shift[good] - far.result().shift[good].mean(0), axis=1).max() + 1.0
    assert np.abs(turned_to_truth(far.result().angle, truth, ORDER, good)).max() < 4.0
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    outside = np.hypot(x, y) > 15 + 6  # 60 A are 30 pixels across; beyond them the average is empty but for what filters carry
    average = far.averages[0].average
    assert np.abs(average[outside]).max() < 0.1 * np.abs(average).max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_shift": "13"}, "--max-shift 13: 13 pixels, expected at most 12, a quarter of the image"),
        ({"max_shift": "25A"}, "--max-shift 25A: 12.5 pixels, expected at most 12"),
        ({"max_shift": "far"}, "--max-shift far: expected pixels"),
        ({"mask_diameter": "10A"}, "--mask-diameter 10A: 5 pixels, expected 8 to 48"),
        ({"mask_diameter": "49"}, "--mask-diameter 49: 49 pixels, expected 8 to 48"),
        ({"output": "a.txt"}, "--output a.txt: expected a name that ends with .star"),
        ({"aligned": "a.mrc"}, "--aligned a.mrc: expected a name that ends with .mrcs"),
        ({"average": "a.star"}, "--average a.star: expected a name that ends with .mrc"),
        ({"report": "a.pdf"}, "--report a.pdf: expected a name that ends with .html"),
        ({"resume": True}, "received --resume without --output"),
        ({"workers": 0}, "0 workers: expected 1 or more"),
        ({"report": "nowhere/a.html", "output": "a.star"}, "nowhere does not exist"),
    ],
)
def test_bad_requests(stack, model_folder, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    before = names(tmp_path)
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        run(stack, model_folder, **options)
    assert names(tmp_path) == before


def test_a_pixel_size_is_asked_for_where_there_is_none(images, model_folder, tmp_path):
    path = tmp_path / "images.mrcs"
    write_mrc(path, images, None)
    with pytest.raises(InputError, match="pixel size unknown, expected --pixel-size A"):
        run(path, model_folder, output=tmp_path / "a.star")
    with pytest.raises(InputError, match="pixel size unknown"):
        run(path, model_folder, max_shift="10A")
    assert names(tmp_path) == ["images.mrcs"]
    found, *_ = run(path, model_folder, output=tmp_path / "a.star", pixel_size=1.7, max_shift="10A", fast=True)
    again = open_source(tmp_path / "a.star")
    assert again.pixel_size == pytest.approx(1.7) and len(again) == COUNT
    np.testing.assert_allclose(again.star.poses(SIZE)[1], found.result().shift, atol=1e-5)
    assert run(path, model_folder, average=tmp_path / "a.mrc")[0].resolution(0) < SIZE  # pixels, where there are no Angstrom


def test_images_a_star_file_cannot_name(model_folder, tmp_path, images):
    (tmp_path / "folder").mkdir()

    for row, image in enumerate(images[:3]):
        cv2.imwrite(str(tmp_path / "folder" / f"{row}.png"), np.uint8(np.clip(100 + 80 * image, 0, 255)))
    with pytest.raises(InputError, match="STAR file can only name"):
        run(tmp_path / "folder", model_folder, output=tmp_path / "a.star", pixel_size=1.0)
    with pytest.raises(InputError, match="STAR file can only name"):
        outputs.poses_table(ArraySource(images, 1.0), None, "a.star")
    assert names(tmp_path) == ["folder"]


def test_an_mrc_file_of_several_images_is_named_as_a_stack(images, tmp_path):
    write_mrc(tmp_path / "images.mrc", images, 2.0)
    table = outputs.poses_table(open_source(tmp_path / "images.mrc"), None, tmp_path / "sub.star")
    assert table.particles["rlnImageName"][1] == "000002@images.mrc:mrcs"


def test_links_keep_the_name_that_the_user_gave(images, tmp_path):
    """What a link leads to may have any name: a store's, or one that RELION takes for a volume."""
    (tmp_path / "store").mkdir()
    write_mrc(tmp_path / "store" / "stack.mrcs", images, 2.0)
    os.rename(tmp_path / "store" / "stack.mrcs", tmp_path / "store" / "sha256-ab12")
    write_mrc(tmp_path / "volume.mrc", images, 2.0)
    for link, target in (("blob.mrcs", "store/sha256-ab12"), ("linked.mrcs", "volume.mrc"), ("linked.mrc", "volume.mrc")):
        (tmp_path / link).symlink_to(target)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "store", target_is_directory=True)
    (tmp_path / "store" / "again.mrcs").symlink_to("sha256-ab12")
    names = ("blob.mrcs", "linked.mrcs", "linked.mrc", "elsewhere/again.mrcs")
    wanted = ("blob.mrcs", "linked.mrcs", "linked.mrc:mrcs", "store/again.mrcs")
    for name, known in zip(names, wanted, strict=True):
        source = open_source(tmp_path / name)
        table = outputs.poses_table(source, None, tmp_path / "a.star")
        assert table.particles["rlnImageName"][0] == f"000001@{known}"
        star.write_star(table, tmp_path / "a.star")
        np.testing.assert_array_equal(open_source(tmp_path / "a.star").read([0]), images[:1])


@pytest.mark.parametrize(("side", "message"), [(12, "images of 12 pixels, expected 16 to 2048")])
def test_images_of_a_size_that_cannot_be_aligned(model_folder, tmp_path, side, message):
    write_mrc(tmp_path / "images.mrcs", np.random.default_rng(0).random((3, side, side)).astype(np.float32), 1.0)
    with pytest.raises(InputError, match=message):
        run(tmp_path / "images.mrcs", model_folder)


def test_a_fingerprint_tells_stacks_apart(stack, model_folder, monkeypatch):
    """What a resumed run compares: the files with their times, the model, the options, the reference."""
    source = open_source(stack)

    def of(**changes):
        changed = dataclasses.replace(StackRequest(str(stack), model=str(model_folder)), **changes)
        return fingerprint(changed, config_of(changed, source)[0])

    plain = of()
    assert plain == of(workers=2, output="elsewhere.star", report="a.html", resume=True)
    image = np.zeros((SIZE, SIZE), np.float32)
    others = [of(max_shift=3), of(fast=True), of(ctf=False, mask_diameter=20)]
    others += [of(reference=image, reference_name="a"), of(reference=image + 1, reference_name="a")]
    others += [of(reference=2, reference_name="image 2")]
    os.utime(stack.parent / "images.mrcs", ns=(1, 1))
    others.append(of())
    told = [repr(other) for other in (plain, *others)]
    assert len(set(told)) == len(told)
