"""What a STAR file's words are: kept as text, told apart by position, taken apart in bulk as one by one."""

import numpy as np
import pandas as pd
import pytest
import starfile

from pipelines.errors import InputError
from pipelines.files import star_text
from pipelines.files.star import read_star, write_star
from pipelines.files.star_text import numbers, read_tables
from pipelines.files.star_writing import write_tables


def read(tmp_path, text):
    (tmp_path / "in.star").write_text(text)
    return read_tables(tmp_path / "in.star")


PARTICLES = "data_particles\n\nloop_\n_rlnImageName #1\n_rlnJob #2\n_rlnAnglePsi #3\n"


def test_values_come_back_as_they_were_written(tmp_path):
    rows = "1@a.mrcs 0042 24E05\n2@a.mrcs 0007 1.500000\n"
    optics = "data_optics\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n01 1.2340\n\n"
    (tmp_path / "in.star").write_text(optics + PARTICLES + rows)
    table = read_star(tmp_path / "in.star")
    write_star(table, tmp_path / "out.star")
    words = [line.split() for line in (tmp_path / "out.star").read_text().splitlines()]
    assert ["01", "1.2340"] in words
    assert words[-4:-2] == [["1@a.mrcs", "0042", "24E05", "01"], ["2@a.mrcs", "0007", "1.500000", "01"]]
    np.testing.assert_array_equal(table.numbers("rlnAnglePsi"), [24e5, 1.5])
    np.testing.assert_array_equal(table.pixel_sizes(), 1.234)


def test_keywords_are_told_by_their_position(tmp_path):
    text = PARTICLES + "_2.mrc 1 2\ndata_3.mrc 3 4\nloop_ 5 6\n\ndata_list\nloop_\n_rlnMicrographName\nmic.mrc\ndata_001.mrc\n"
    text += "data_002.mrc\nloop_.mrc\n_3.mrc\n\n# version 30001\n\ndata_more\n_rlnOne 1\n\ndata_last\n\nloop_\n_a\n1\n"
    tables = read(tmp_path, text)
    assert list(tables) == ["particles", "list", "more", "last"]
    assert tables["particles"]["rlnImageName"].tolist() == ["_2.mrc", "data_3.mrc", "loop_"]
    names = tables["list"]["rlnMicrographName"].tolist()
    assert names == ["mic.mrc", "data_001.mrc", "data_002.mrc", "loop_.mrc", "_3.mrc"]
    assert tables["more"] == {"rlnOne": "1"} and tables["last"]["a"].tolist() == ["1"]


@pytest.mark.parametrize("odd", ["", "'two words' 1 2\n", "5 6 7 # why\n", "\n# a line\n\n1@x 1 2\n"])
def test_bulk_and_single_lines_agree(tmp_path, monkeypatch, odd):
    text = PARTICLES + "  1@ä.mrcs\t 0042   24E05 \n\n2@a#1.mrcs  7 8\n" + odd + "3@c 1 2\n\n\ndata_next\n_rlnA 1\n"
    tables = read(tmp_path, text)
    monkeypatch.setattr(star_text, "_bulk", lambda *_: None)
    expected = read(tmp_path, text)
    assert list(tables) == list(expected) == ["particles", "next"]
    pd.testing.assert_frame_equal(tables["particles"], expected["particles"])


def test_pieces_are_put_together(tmp_path, monkeypatch):
    rows = "".join(f"{n}@a.mrcs {n} {n / 7:.6f}\n" for n in range(500))
    whole = read(tmp_path, PARTICLES + rows)["particles"]
    monkeypatch.setattr(star_text, "PIECE", 64)
    pd.testing.assert_frame_equal(read(tmp_path, PARTICLES + rows)["particles"], whole)
    assert whole["rlnJob"].tolist() == [str(n) for n in range(500)]
    with pytest.raises(InputError, match="line 507: 2 values in table data_particles, expected 3"):
        read(tmp_path, PARTICLES + rows + "1@a.mrcs 2\n" + rows)


def test_any_name_can_be_read_back(tmp_path):
    names = ['1@5" data/a.mrcs', "2@Bob's data/a.mrcs", "'quoted'", "#sharp", "two  words", "", '3@a"b.mrcs', "_4", "data_5"]
    frame = pd.DataFrame({"rlnImageName": names, "rlnCount": np.arange(9), "rlnX": np.arange(9) / 7})
    write_tables({"particles": frame, "one": {"rlnName": "a b"}}, tmp_path / "a.star")
    tables = read_tables(tmp_path / "a.star")
    assert tables["particles"]["rlnImageName"].tolist() == names and tables["one"] == {"rlnName": "a b"}
    np.testing.assert_array_equal(numbers("", tables["particles"], "rlnX"), np.arange(9) / 7)
    with pytest.raises(InputError, match="holds both kinds of quotes before blanks"):
        write_tables({"particles": pd.DataFrame({"rlnImageName": ["5\" 6' a"]})}, tmp_path / "b.star")
    assert not (tmp_path / "b.star").exists()


def test_another_program_reads_the_same(tmp_path):
    frame = pd.DataFrame({"rlnImageName": ["1@a b.mrcs", "2@c"], "rlnX": [1e-300, -0.1], "rlnGroup": [1, 2]})
    write_tables({"optics": frame[["rlnX"]], "particles": frame}, tmp_path / "a.star")
    found = starfile.read(tmp_path / "a.star", always_dict=True)
    assert found["particles"]["rlnImageName"].tolist() == frame["rlnImageName"].tolist()
    assert found["particles"]["rlnX"].tolist() == [1e-300, -0.1] and found["particles"]["rlnGroup"].tolist() == [1, 2]
    text = starfile.to_string({"optics": frame[["rlnX"]], "particles": frame}, float_format=None)
    assert (tmp_path / "a.star").read_text() == text.partition("\n")[2]  # byte by byte, but for the time of writing


@pytest.mark.parametrize(
    "values, message", [(["1", "x"], "'x' in row 2"), (["1_0"], "'1_0' in row 1"), (["", "1"], "'' in row 1")]
)
def test_text_where_numbers_are_used(values, message):
    with pytest.raises(InputError, match=f"a.star: column rlnX holds text where numbers are expected: {message}"):
        numbers("a.star", pd.DataFrame({"rlnX": pd.Series(values, dtype=star_text.TEXT)}), "rlnX")


def test_numbers_are_those_of_python():
    words = ["0.1", "1e-300", "12345678.9012", "+5", "nan", "<NA>", "-inf", "24E05", "4.9406564584124654e-324"]
    expected = [float(word) if word != "<NA>" else np.nan for word in words]
    for some in (slice(None), slice(0, 3), slice(6, None)):  # with and without what pyarrow does not know
        frame = pd.DataFrame({"rlnX": pd.Series(words[some], dtype=star_text.TEXT)})
        np.testing.assert_array_equal(numbers("", frame, "rlnX"), expected[some])
