"""cryoSPARC files as its own tools write them: structured NumPy arrays, made here field by field."""

import mrcfile
import numpy as np
import pytest
import starfile

from pipelines.errors import InputError
from pipelines.files.opening import open_source
from pipelines.files.star import write_star
from pipelines.files.star_images import relocated

FIELDS = {
    "uid": ("<u8", [2**63 + 5, 7, 9]),
    "blob/path": ("S64", [b">J1/imported/a.mrc", b"J1/extract/b.mrcs", b">J1/imported/a.mrc"]),
    "blob/idx": ("<u4", [2, 0, 1]),
    "blob/shape": ("<u4", [[4, 4], [4, 4], [4, 4]]),
    "blob/psize_A": ("<f4", [1.1, 1.1, 1.1]),
    "ctf/accel_kv": ("<f4", [300.0, 200.0, 300.0]),
    "ctf/cs_mm": ("<f4", [2.7, 2.7, 2.7]),
    "ctf/amp_contrast": ("<f4", [0.1, 0.1, 0.1]),
    "ctf/df1_A": ("<f4", [12000.0, 13000.0, 14000.0]),
    "ctf/df2_A": ("<f4", [11000.0, 12000.0, 13000.0]),
    "ctf/df_angle_rad": ("<f4", [0.0, np.pi / 2, -np.pi / 6]),
    "ctf/phase_shift_rad": ("<f4", [0.0, 0.0, np.pi]),
    "alignments2D/pose": ("<f4", [0.1, 0.2, 0.3]),
}


def write(path, **changes):
    """A .cs file; a field set to None is left out."""
    fields = {**FIELDS, **{name.replace("__", "/"): field for name, field in changes.items()}}
    fields = {name: (dtype, np.array(values, dtype)) for name, (dtype, values) in ((n, f) for n, f in fields.items() if f)}
    records = np.zeros(3, [(name, dtype, values.shape[1:]) for name, (dtype, values) in fields.items()])
    for name, (_, values) in fields.items():
        records[name] = values
    with open(path, "wb") as file:
        np.save(file, records)
    return path


@pytest.fixture
def project(tmp_path):
    """A project folder with two jobs; the images of a.mrc are filled with 10, 11, 12, those of b.mrcs with 20, 21, 22."""
    for name, first in (("J1/imported/a.mrc", 10), ("J1/extract/b.mrcs", 20)):
        (tmp_path / name).parent.mkdir(parents=True)
        images = np.zeros((3, 4, 4), np.float32) + np.arange(first, first + 3)[:, None, None]
        mrcfile.write(tmp_path / name, images.astype(np.float32))
    (tmp_path / "J2").mkdir()
    return tmp_path


def test_images_pixel_size_and_ctf(project):
    source = open_source(write(project / "J2" / "particles.cs"))
    assert (len(source), source.shape, source.pixel_size) == (3, (4, 4), 1.1)
    np.testing.assert_array_equal(source.read(slice(None))[:, 0, 0], [12, 20, 11])
    found = source.star.ctf_parameters()
    np.testing.assert_array_equal(found.defocus_u, [12000, 13000, 14000])
    np.testing.assert_array_equal(found.defocus_v, [11000, 12000, 13000])
    np.testing.assert_allclose(found.angle, [0, 90, -30], atol=1e-5)
    np.testing.assert_allclose(found.phase_shift, [0, 0, 180], atol=1e-4)
    np.testing.assert_array_equal(found.voltage, [300, 200, 300])
    np.testing.assert_array_equal(found.cs, [2.7, 2.7, 2.7])  # not 2.7000000477
    assert "rlnAnglePsi" not in source.star.particles  # poses are not taken over


def test_many_classes_of_alignments(project):
    """Their header is longer than NumPy reads unless told to."""
    kinds = [f"field_of_some_length_{n}" for n in range(12)]
    more = {f"alignments_class_{n}__{kind}": ("<f4", [0.5, 0.5, 0.5]) for n in range(20) for kind in kinds}
    path = write(project / "J2" / "particles.cs", **more)
    assert len(str(np.load(path, max_header_size=10**6).dtype.descr)) > 10_000
    np.testing.assert_array_equal(open_source(path).read(slice(None))[:, 0, 0], [12, 20, 11])


def test_goes_on_as_a_star_file(project):
    table = open_source(write(project / "J2" / "particles.cs")).star.with_poses(np.zeros(3), np.zeros((3, 2)), 4)
    path = project / "J2" / "out.star"
    write_star(relocated(table, path), path)
    # RELION takes an .mrc file for a volume unless its name says otherwise
    names = ["000003@J1/imported/a.mrc:mrcs", "000001@J1/extract/b.mrcs", "000002@J1/imported/a.mrc:mrcs"]
    blocks = starfile.read(path)
    assert list(blocks["particles"]["rlnImageName"]) == names
    assert list(open_source(path).star.particles["ucsfUid"]) == [str(2**63 + 5), "7", "9"]
    assert list(blocks["optics"]["rlnVoltage"]) == [300, 200] and list(blocks["optics"]["rlnImageSize"]) == [4, 4]
    np.testing.assert_array_equal(open_source(path).read(slice(None))[:, 0, 0], [12, 20, 11])


def test_elsewhere_the_names_become_absolute_and_stay_stacks(project, tmp_path_factory):
    table = open_source(write(project / "J2" / "particles.cs")).star
    path = tmp_path_factory.mktemp("far") / "out.star"
    write_star(relocated(table, path), path)
    assert starfile.read(path)["particles"]["rlnImageName"][0] == f"000003@{project}/J1/imported/a.mrc:mrcs"
    np.testing.assert_array_equal(open_source(path).read(slice(None))[:, 0, 0], [12, 20, 11])


def test_without_ctf_and_pixel_size(project):
    left_out = {name.replace("/", "__"): None for name in FIELDS if not name.startswith("blob/p") and name != "blob/idx"}
    path = write(project / "J2" / "particles.cs", **{**left_out, "blob__psize_A": None})
    with pytest.raises(InputError, match="no pixel size"):
        open_source(path)
    source = open_source(path, pixel_size=2.0)
    assert source.pixel_size == 2.0 and source.star.ctf_parameters() is None


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"blob__path": None}, "no field blob/path; found uid"),
        ({"blob__idx": None}, "no field blob/idx"),
        ({"blob__path": ("<u4", [1, 2, 3])}, "blob/path is uint32"),
        ({"blob__idx": ("<f4", [0.0, 1.0, 2.0])}, "blob/idx is float32"),
        ({"blob__idx": ("<i4", [0, -1, 2])}, "one integer from 0"),
        ({"blob__idx": ("<u4", [0, 3, 2])}, "particle 2 is image 4 of .*b.mrcs, which holds 3"),
        ({"blob__path": ("S64", [b">J1/c.mrc"] * 3)}, "'J1/c.mrc:mrcs' not found"),
        ({"blob__shape": ("<u4", [[4, 4], [6, 6], [4, 4]])}, "different sizes, expected one size; found 4x4, 6x6"),
        ({"blob__psize_A": ("<f4", [1.1, np.nan, 1.1])}, "blob/psize_A of particle 2 is not finite"),
        ({"blob__psize_A": ("<f4", [1.1, 0.0, 1.1])}, "no positive pixel size for particle 2"),
        ({"blob__psize_A": ("<f4", [1.1, 2.2, 1.1])}, "different pixel sizes"),
        ({"ctf__df1_A": ("S8", [b"1", b"2", b"3"])}, "ctf/df1_A is .S8"),
    ],
)
def test_bad_fields(project, changes, message):
    with pytest.raises(InputError, match=message):
        open_source(write(project / "J2" / "particles.cs", **changes))


def test_what_is_no_particle_file(tmp_path):
    path = tmp_path / "a.cs"
    for array, message in [
        (np.zeros(3), "expected a NumPy array of records"),
        (np.zeros((2, 2), [("blob/path", "S8")]), "expected a NumPy array of records"),
        (np.zeros(0, [("blob/path", "S8")]), "no particles"),
        (np.array([(None,)], [("blob/path", object)]), "cannot be read as a NumPy array"),  # would need pickle
    ]:
        with open(path, "wb") as file:
            np.save(file, array)
        with pytest.raises(InputError, match=message):
            open_source(path)
    np.savez(tmp_path / "b.npz", a=np.zeros(3))
    (tmp_path / "b.npz").rename(path)
    with pytest.raises(InputError, match="expected a NumPy array of records"):
        open_source(path)
