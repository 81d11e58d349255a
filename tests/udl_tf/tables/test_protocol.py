"""The tables as data, against the paper's text."""

import pytest

from pipelines import noise
from pipelines.errors import InputError
from udl_tf.tables import protocol, scales

# Table 1 of the paper as it is printed: supervised, STN-based, UDL-based.
PAPER_1 = """
Clean 3.87 0.96 2.57
Gaussian 0.5 6.78 n.c. 4.29
Gaussian 0.1 9.23 n.c. 5.69
Gaussian 0.05 12.27 n.c. 6.49
Salt-and-pepper 0.1 5.72 n.c. 3.38
Salt-and-pepper 0.2 5.47 n.c. 4.92
Salt-and-pepper 0.3 6.10 n.c. 12.10
"""


def test_printed_values_of_table_1_stand_beside_their_conditions():
    table = protocol.table("1")
    for line, condition in zip(PAPER_1.strip().splitlines(), table.conditions, strict=True):
        *words, supervised, stn, udl = line.split()
        values = [table.printed[name][condition.name] for name in ("supervised", "stn", "udl")]
        assert [value if value == "n.c." else f"{value:.2f}" for value in values] == [supervised, stn, udl]
        spec = noise.parse(condition.noise)
        assert spec.kind == words[0].lower() and spec.level == (float(words[1]) if words[1:] else 0.0)


def test_table_2_has_the_three_class_averages_or_three_phantoms_without_printed_values():
    table = protocol.table("2")
    assert [table.printed["udl"][condition.image] for condition in table.conditions] == [0.84, 3.27, 2.33]
    assert [table.printed["fourier"][condition.image] for condition in table.conditions] == [1.75, 6.12, 2.99]
    without = protocol.table("2", with_data=False)
    assert [condition.image for condition in without.conditions] == ["phantom-1", "phantom-2", "phantom-3"]
    assert without.printed == {} and without.methods == table.methods


def test_the_figure_of_table_1_shows_the_rows_of_the_papers():
    assert [c.noise for c in protocol.table("1").conditions if c.shown] == ["clean", "gaussian:0.1", "s&p:0.2"]


def test_a_table_of_some_rows_has_these_once_and_shows_them():
    table = protocol.table("features")
    some = protocol.with_rows(table, ["gamma", "gaussian-0.5", "gamma"])
    assert [(row.name, row.noise, row.shown) for row in some.conditions] == [
        ("gamma", "gamma:2", True),
        ("gaussian-0.5", "gaussian:0.5", True),
    ]
    assert some.methods == table.methods and protocol.with_rows(table, None) is table
    with pytest.raises(InputError, match="unknown row 'dark': expected one of clean, gaussian-0.5"):
        protocol.with_rows(table, ["dark"])


def test_names_that_are_not_there_are_answered_with_those_that_are():
    with pytest.raises(InputError, match="unknown table '3': expected one of 1, 2, homography, tracking"):
        protocol.table(3)
    with pytest.raises(InputError, match="unknown scale 'huge': expected one of small, paper"):
        scales.scale("huge")
