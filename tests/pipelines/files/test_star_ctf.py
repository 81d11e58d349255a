"""CTF columns of STAR files written by hand, in the forms of RELION 3.0 and 3.1."""

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.files.star import read_star


def write(path, text):
    path.write_text(text)
    return path


OLD = """
data_

loop_
_rlnImageName #1
_rlnAmplitudeContrast #2
_rlnVoltage #3
_rlnDetectorPixelSize #4
_rlnMagnification #5
_rlnDefocusV #6
_rlnDefocusAngle #7
_rlnSphericalAberration #8
_rlnDefocusU #9
000002@a.mrcs 0.1 300 5.0 20000 30.0 2.0 2.5 12345.678
000001@b.mrcs 0.1 200 5.0 25000 -75.5 0.5 0.25 23456.789
000001@a.mrcs 0.2 300 5.0 20000 180.0 0.0 3.0 1.25e-06
"""

NONE = "data_\n\nloop_\n_rlnImageName #1\n_rlnVoltage #2\n000001@a.mrcs 300\n"

CTF = """
data_optics
loop_
_rlnOpticsGroup
_rlnImagePixelSize
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
_rlnCtfDataArePhaseFlipped
1 2.5 300 2.7 0.1 0
2 2.5 200 2.0 0.07 1

data_particles
loop_
_rlnImageName
_rlnOpticsGroup
_rlnDefocusU
_rlnDefocusV
_rlnDefocusAngle
_rlnPhaseShift
000002@a.mrcs 2 12000.5 11000 30 0
000001@b.mrcs 1 13000 12000 -45 90
000001@a.mrcs 2 14000 13000 60.25 0
"""


def test_ctf_of_each_particle(tmp_path):
    found = read_star(write(tmp_path / "in.star", CTF)).ctf_parameters()
    wanted = {
        "defocus_u": [12000.5, 13000, 14000],
        "defocus_v": [11000, 12000, 13000],
        "angle": [30, -45, 60.25],
        "voltage": [200, 300, 200],
        "cs": [2.0, 2.7, 2.0],
        "amplitude_contrast": [0.07, 0.1, 0.07],
        "phase_shift": [0, 90, 0],
        "phase_flipped": [True, False, True],
        "premultiplied": [False, False, False],
    }
    for name, values in wanted.items():
        np.testing.assert_array_equal(getattr(found, name), values)
        np.testing.assert_array_equal(getattr(found.take([2, 1]), name), np.array(values)[[2, 1]])
    assert found.cs.dtype == np.float64 and len(found) == 3
    # in a file of RELION 3.0 each particle has everything in its row
    found = read_star(write(tmp_path / "in.star", OLD)).ctf_parameters()
    np.testing.assert_array_equal(found.voltage, [300, 200, 300])
    np.testing.assert_array_equal(found.cs, [2.5, 0.25, 3.0])
    np.testing.assert_array_equal(found.amplitude_contrast, [0.1, 0.1, 0.2])
    np.testing.assert_array_equal(found.phase_shift, [0, 0, 0])


def test_no_ctf_columns(tmp_path):
    assert read_star(write(tmp_path / "in.star", NONE)).ctf_parameters() is None


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("_rlnDefocusV", "_rlnX", "column rlnDefocusV is missing"),
        ("_rlnVoltage", "_rlnX", "column rlnVoltage is missing"),
        ("_rlnAmplitudeContrast", "_rlnX", "column rlnAmplitudeContrast is missing"),
        ("12000.5", "nan", "particle 1 has rlnDefocusU nan"),
        ("12000.5", "1e9", "particle 1 has rlnDefocusU 1e.09, expected a value from -1e.06"),
        ("12000.5", "deep", "rlnDefocusU holds text where numbers are expected: 'deep' in row 1"),
        ("200 2.0 0.07 1", "0 2.0 0.07 1", "particle 1 has rlnVoltage 0"),
        ("200 2.0 0.07 1", "200 2.0 7 1", "particle 1 has rlnAmplitudeContrast 7"),
        ("200 2.0 0.07 1", "200 2.0 0.07 5", "rlnCtfDataArePhaseFlipped holds 5, expected 0 or 1"),
        ("-45 90", "-45 inf", "particle 2 has rlnPhaseShift inf"),
    ],
)
def test_bad_ctf_columns(tmp_path, old, new, message):
    table = read_star(write(tmp_path / "in.star", CTF.replace(old, new)))
    with pytest.raises(InputError, match=message):
        table.ctf_parameters()
