"""STAR files written by hand in the forms of RELION 3.0 and 3.1; poses against RELION's own formula."""

import mrcfile
import numpy as np
import pytest
import starfile

from pipelines.errors import InputError
from pipelines.files.opening import open_source
from pipelines.files.star import new_star, read_star, write_star
from pipelines.files.star_images import locate, relocated

OLD = """
data_

loop_
_rlnImageName #1
_rlnMicrographName #2
_rlnVoltage #3
_rlnDetectorPixelSize #4
_rlnMagnification #5
_rlnAnglePsi #6
_rlnOriginX #7
_rlnOriginY #8
_rlnDefocusU #9
000002@a.mrcs 000123 300 5.0 20000 30.0 2.0 -1.0 12345.678
000001@b.mrcs 000123 200 5.0 25000 -75.5 0.5 0.25 23456.789
000001@a.mrcs 000124 300 5.0 20000 180.0 0.0 3.0 1.25e-06
"""

NEW = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnImagePixelSize #3
first 1 2.5
second 2 2.0

# version 30001

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
_rlnAnglePsi #3
_rlnOriginXAngst #4
_rlnOriginYAngst #5
_rlnMicrographName #6
000002@a.mrcs 1 30.0 5.0 -2.5 000123
000001@b.mrcs 2 -75.5 1.0 0.5 000123
000001@a.mrcs 1 180.0 0.0 7.5 000124
"""


def one_size(text):
    """The same with one pixel size, as images that are read together must have."""
    return text.replace("second 2 2.0", "second 2 2.5").replace("200 5.0 25000", "200 5.0 20000")


def stack_values(first, size=4):
    """Three images filled with the numbers first, first + 1, first + 2."""
    return np.full((3, size, size), 0, np.float32) + np.arange(first, first + 3, dtype=np.float32)[:, None, None]


@pytest.fixture
def folder(tmp_path):
    mrcfile.write(tmp_path / "a.mrcs", stack_values(10))
    mrcfile.write(tmp_path / "b.mrcs", stack_values(20))
    return tmp_path


def write(path, text):
    path.write_text(text)
    return path


def check_poses(table):
    """The poses move points as RELION's formula says: aligned = R(psi)(x + offset) about pixel int(N / 2)."""
    size = 128
    offsets = np.array([[2.0, -1.0], [0.5, 0.25], [0.0, 3.0]])
    angle, shift = table.poses(size)
    point = np.array([70.0, 40.0])  # pixel indices (x, y)
    for psi, offset, a, s in zip([30.0, -75.5, 180.0], offsets, angle, shift, strict=True):
        cos, sin = np.cos(np.deg2rad(psi)), np.sin(np.deg2rad(psi))
        wanted = np.array([[cos, -sin], [sin, cos]]) @ (point - 64 + offset) + 64
        # ours: counter-clockwise as displayed (y down) about 63.5, then the shift
        cos, sin = np.cos(np.deg2rad(a)), np.sin(np.deg2rad(a))
        ours = np.array([[cos, sin], [-sin, cos]]) @ (point - 63.5) + 63.5 + s
        np.testing.assert_allclose(ours, wanted, atol=1e-9)


@pytest.mark.parametrize("text", [OLD, NEW], ids=["3.0", "3.1"])
def test_both_versions_read_alike(folder, text):
    table = read_star(write(folder / "in.star", text))
    np.testing.assert_allclose(table.pixel_sizes(), [2.5, 2.0, 2.5])
    np.testing.assert_allclose(table.numbers("rlnOriginYAngst"), [-2.5, 0.5, 7.5])
    assert list(table.particles["rlnMicrographName"]) == ["000123", "000123", "000124"]
    check_poses(table)
    source = open_source(write(folder / "in.star", one_size(text)))
    assert (len(source), source.shape, source.pixel_size) == (3, (4, 4), 2.5)
    np.testing.assert_array_equal(source.read(slice(None))[:, 0, 0], [11, 20, 10])
    np.testing.assert_array_equal(source.read([2, 1, 2, 0])[:, 3, 3], [10, 20, 10, 11])


def test_old_file_becomes_new_with_nothing_lost(folder):
    write_star(read_star(write(folder / "in.star", OLD)), folder / "out.star")
    blocks = starfile.read(folder / "out.star")
    assert list(blocks) == ["optics", "particles"]
    np.testing.assert_allclose(blocks["optics"]["rlnVoltage"], [300, 200])
    np.testing.assert_allclose(blocks["optics"]["rlnImagePixelSize"], [2.5, 2.0])
    assert list(blocks["particles"]["rlnOpticsGroup"]) == [1, 2, 1]
    assert not {"rlnOriginX", "rlnVoltage"} & set(blocks["particles"])
    np.testing.assert_allclose(blocks["particles"]["rlnDefocusU"], [12345.678, 23456.789, 1.25e-6], rtol=1e-8)
    assert "\t000123\t" in (folder / "out.star").read_text()
    check_poses(read_star(folder / "out.star"))


def test_poses_survive_writing(folder):
    table = read_star(write(folder / "in.star", NEW))
    angle, shift, score = np.array([10.0, -170.0, 90.0]), np.array([[1.5, -2], [0, 0.25], [-7, 3]]), [0.5, 1, 0.125]
    write_star(table.with_poses(angle, shift, 4, {"rlnParticleFigureOfMerit": score}), folder / "out.star")
    back = read_star(folder / "out.star")
    found = back.poses(4)
    np.testing.assert_allclose(found[0], angle, atol=1e-6)
    np.testing.assert_allclose(found[1], shift, atol=1e-6)
    np.testing.assert_allclose(back.numbers("rlnParticleFigureOfMerit"), score)
    np.testing.assert_allclose(back.numbers("rlnAnglePsi"), -angle)
    assert list(back.optics["rlnImageSize"]) == ["4", "4"]
    assert table.numbers("rlnAnglePsi")[0] == 30.0  # the original is untouched
    # By hand: a quarter turn to the left about the middle of 4 pixels takes pixel (2, 2) to (2, 1); RELION turns about
    # pixel (2, 2), which must first go one to the right, to be taken one up.
    quarter = table.with_poses(np.full(3, 90.0), np.zeros((3, 2)), 4).particles
    np.testing.assert_allclose(quarter["rlnOriginXAngst"] / [2.5, 2.0, 2.5], 1.0, atol=1e-9)
    np.testing.assert_allclose(quarter["rlnOriginYAngst"] / [2.5, 2.0, 2.5], 0.0, atol=1e-9)


def test_poses_missing_from_a_file_are_zero(folder):
    text = "data_optics\n_rlnOpticsGroup 1\n_rlnImagePixelSize 2.0\n\ndata_particles\nloop_\n_rlnImageName\n1@a.mrcs\n"
    angle, shift = read_star(write(folder / "in.star", text)).poses(5)  # odd: both centres are pixel 2
    np.testing.assert_array_equal(angle, [0])
    np.testing.assert_array_equal(shift, [[0, 0]])


def test_images_are_sought_as_relion_does(folder, monkeypatch):
    (folder / "Refine" / "job1").mkdir(parents=True)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    star = write(folder / "Refine" / "job1" / "in.star", one_size(NEW))  # a.mrcs lies in a parent, b.mrcs as well
    np.testing.assert_array_equal(open_source(star).read([0, 1])[:, 0, 0], [11, 20])
    mrcfile.write(folder / "elsewhere" / "a.mrcs", stack_values(30))  # the current folder comes before the parents
    np.testing.assert_array_equal(open_source(star).read([0, 1])[:, 0, 0], [31, 20])
    mrcfile.write(star.parent / "a.mrcs", stack_values(40))  # and the STAR's own before both
    np.testing.assert_array_equal(open_source(star).read([0, 1])[:, 0, 0], [41, 20])


def test_relocated_names_lead_to_the_same_images(folder, tmp_path_factory):
    table = read_star(write(folder / "in.star", one_size(NEW)))
    (folder / "sub").mkdir()
    near, far = folder / "sub" / "out.star", tmp_path_factory.mktemp("far") / "out.star"
    assert list(relocated(table, near).particles["rlnImageName"]) == list(table.particles["rlnImageName"])
    write_star(relocated(table, far), far)
    np.testing.assert_array_equal(open_source(far).read(slice(None))[:, 0, 0], [11, 20, 10])


def test_table_for_a_stack_without_one(folder):
    write_star(new_star([f"{n}@a.mrcs" for n in (3, 1)], pixel_size=1.25), folder / "out.star")
    source = open_source(folder / "out.star")
    assert source.pixel_size == 1.25
    np.testing.assert_array_equal(source.read([0, 1])[:, 0, 0], [12, 10])
    files, file, row = locate(source.star)
    assert files == [folder / "a.mrcs"] and list(file) == [0, 0] and list(row) == [2, 0]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no tables"),
        ("data_particles\n", "no table"),
        (NEW[: NEW.index("000002@")], "no particles"),
        (NEW.replace("_rlnImageName", "_rlnWrong"), "no table with the column rlnImageName"),
        (NEW.replace("000001@b.mrcs", "000004@b.mrcs"), "particle 2 is image 4 of .*b.mrcs, which holds 3"),
        (NEW.replace("000001@b.mrcs", "000000@b.mrcs"), "particle 2 .* N from 1"),
        (NEW.replace("000001@b.mrcs", "one@b.mrcs"), "particle 2 .* N from 1"),
        (NEW.replace("b.mrcs", "c.mrcs"), "'c.mrcs' not found"),
        (NEW.replace("_rlnImagePixelSize", "_rlnOther"), "no pixel size"),
        (NEW.replace("second 2 2.0", "second 2 0.0"), "no positive pixel size for particle 2"),
        (NEW.replace("second 2 2.0", "second 3 2.0"), "particle 2 is of optics group 2, which"),
        (OLD.replace("_rlnMagnification", "_rlnOther"), "no pixel size"),
        (OLD.replace(" 5.0 25000", " 5.0 x"), "rlnMagnification holds text"),
        (OLD.replace(" 5.0 25000", " 5.0 25000 1 2"), "line 15: 11 values in table data_, expected 9"),
        (NEW, "different pixel sizes, expected one; found 2 to 2.5 A"),
    ],
)
def test_bad_files(folder, text, message):
    with pytest.raises(InputError, match=message):
        open_source(write(folder / "in.star", text))


def test_stacks_of_different_sizes_are_refused(folder):
    mrcfile.write(folder / "b.mrcs", stack_values(20, size=6), overwrite=True)
    with pytest.raises(InputError, match="4x4 in .*a.mrcs, 6x6 in .*b.mrcs"):
        open_source(write(folder / "in.star", NEW))


def test_the_size_of_the_images_is_the_one_they_have(folder):
    text = one_size(NEW).replace("_rlnImagePixelSize #3", "_rlnImagePixelSize #3\n_rlnImageSize #4")
    text = text.replace("first 1 2.5", "first 1 2.5 256").replace("second 2 2.5", "second 2 2.5 256")
    source = open_source(write(folder / "in.star", text))
    poses = np.zeros(3), np.zeros((3, 2)), source.shape[0]
    assert list(source.star.with_poses(*poses).optics["rlnImageSize"]) == [4, 4]


def test_number_of_poses_is_checked(folder):
    table = read_star(write(folder / "in.star", NEW))
    with pytest.raises(InputError, match="poses of 3 particles"):
        table.with_poses(np.zeros(2), np.zeros((2, 2)), 4)


def test_numbers_and_bytes_survive_writing(folder):
    text = NEW.replace("30.0 5.0 -2.5", "30.000000123456 12345678.9012 1e-300").replace("data_particles", "data_images")
    others = "data_job\n\n_rlnJobTypeLabel class2d\n_rlnTiny 0.1\n\ndata_list\nloop_\n_rlnA\n_rlnBName\n7 007\n8 'two words'\n"
    table = read_star(write(folder / "in.star", text + others))
    assert list(table.others) == ["job", "list"]
    write_star(table, folder / "one.star")
    write_star(read_star(folder / "one.star"), folder / "two.star")
    assert (folder / "one.star").read_bytes() == (folder / "two.star").read_bytes()
    blocks = starfile.read(folder / "one.star")
    assert list(blocks) == ["optics", "particles", "job", "list"]
    assert blocks["job"] == {"rlnJobTypeLabel": "class2d", "rlnTiny": 0.1}
    assert list(blocks["list"]["rlnBName"])[1] == "two words"
    first = blocks["particles"].iloc[0]
    assert (first["rlnAnglePsi"], first["rlnOriginXAngst"], first["rlnOriginYAngst"]) == (30.000000123456, 12345678.9012, 1e-300)
    assert list(blocks["particles"]) == list(table.particles)
    assert list(blocks["particles"]["rlnImageName"]) == ["000002@a.mrcs", "000001@b.mrcs", "000001@a.mrcs"]


def with_headers(folder, a, b):
    mrcfile.write(folder / "a.mrcs", stack_values(10), voxel_size=a, overwrite=True)
    mrcfile.write(folder / "b.mrcs", stack_values(20), voxel_size=b, overwrite=True)


def test_pixel_size_of_the_headers_where_the_table_has_none(folder):
    path = write(folder / "in.star", OLD.replace("_rlnDetectorPixelSize", "_rlnOther"))
    with pytest.raises(InputError, match="no pixel size"):
        open_source(path)
    source = open_source(path, pixel_size=3.0)
    assert source.pixel_size == 3.0
    np.testing.assert_allclose(source.star.numbers("rlnOriginYAngst"), [-3.0, 0.75, 9.0])
    with_headers(folder, 1.5, 1.5)
    source = open_source(path)
    assert source.pixel_size == pytest.approx(1.5)
    np.testing.assert_allclose(source.star.numbers("rlnOriginYAngst"), [-1.5, 0.375, 4.5], rtol=1e-6)
    with_headers(folder, 1.5, 1.6)
    with pytest.raises(InputError, match="different pixel sizes"):
        open_source(path)
    assert open_source(write(folder / "in.star", one_size(NEW))).pixel_size == 2.5  # the table comes first


def test_an_explicit_pixel_size_wins_and_is_told(folder, caplog):
    with_headers(folder, 1.5, 1.5)
    path = write(folder / "in.star", OLD.replace("_rlnDetectorPixelSize", "_rlnOther"))
    source = open_source(path, pixel_size=3.0)
    assert source.pixel_size == 3.0 and "a pixel size of 3 A as told, not the file's 1.5 A" in caplog.text
    # Origins of RELION 3.0 are in pixels, and those stay; origins of 3.1 are in Angstrom, and those stay.
    np.testing.assert_allclose(source.star.numbers("rlnOriginYAngst"), [-3.0, 0.75, 9.0])
    path = write(folder / "in.star", one_size(NEW))
    before, after = open_source(path).star, open_source(path, pixel_size=5.0).star
    np.testing.assert_array_equal(after.pixel_sizes(), 5.0)
    np.testing.assert_array_equal(after.numbers("rlnOriginYAngst"), before.numbers("rlnOriginYAngst"))


def test_pixel_sizes_that_hardly_differ_are_one(folder):
    source = open_source(write(folder / "in.star", NEW.replace("second 2 2.0", "second 2 2.51")))
    assert source.pixel_size == 2.5  # two of the three particles
    np.testing.assert_allclose(source.star.pixel_sizes(), [2.5, 2.51, 2.5])
