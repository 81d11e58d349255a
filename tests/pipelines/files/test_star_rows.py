"""What workers are given of a table: the same images, pixel sizes and CTFs without reading it."""

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.mrc import write_mrc
from pipelines.files.opening import open_source
from pipelines.files.source import Source
from pipelines.files.star_rows import RowsArray, save_rows

STAR = """data_optics
loop_
_rlnOpticsGroup
_rlnImagePixelSize
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
1 1.5 300 2.7 0.1
2 1.5 200 2.0 0.07

data_particles
loop_
_rlnImageName
_rlnOpticsGroup
_rlnDefocusU
_rlnDefocusV
_rlnDefocusAngle
2@a.mrcs 1 12000.5 11000 10
1@b.mrcs 2 13000 12000 20
3@a.mrcs 2 14000 13000 30
"""


@pytest.fixture
def source(tmp_path):
    for name, first in (("a.mrcs", 10), ("b.mrcs", 20)):
        write_mrc(tmp_path / name, np.zeros((3, 4, 6)) + np.arange(first, first + 3)[:, None, None], 1.5)
    (tmp_path / "in.star").write_text(STAR)
    return open_source(tmp_path / "in.star")


def test_the_rows_are_those_of_the_table(source, tmp_path):
    array = RowsArray(save_rows(source.array, tmp_path / "rows.npz"))
    (tmp_path / "in.star").write_text("not looked at")
    again = Source(array)
    assert (len(again), again.shape, again.pixel_size, again.path) == (3, (4, 4), 1.5, tmp_path / "in.star")
    np.testing.assert_array_equal(again.read([2, 0, 1, 0])[:, 0, 0], [12, 11, 20, 11])
    np.testing.assert_array_equal(again.star.pixel_sizes(), 1.5)
    found, known = again.star.ctf_parameters(), source.star.ctf_parameters()
    np.testing.assert_array_equal(found.defocus_u, [12000.5, 13000, 14000])
    for name, values in vars(known).items():
        np.testing.assert_array_equal(getattr(found, name), values)


def test_ctfs_are_kept_where_they_are_asked_for_alone(source, tmp_path):
    assert RowsArray(save_rows(source.array, tmp_path / "rows.npz", ctf=False)).star.ctf_parameters() is None


def test_a_damaged_file_is_one_line(source, tmp_path):
    path = save_rows(source.array, tmp_path / "rows.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="rows.npz: the rows that were kept for the workers cannot be read"):
        RowsArray(path)
