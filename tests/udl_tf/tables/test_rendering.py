"""The text of a table, letter by letter."""

import csv
import io

from udl_tf.rivals.registry import RIVALS
from udl_tf.tables import rendering
from udl_tf.tables.protocol import Condition, Table

CONDITIONS = (Condition("clean", "clean", "clean"), Condition("s&p-0.2", "salt-and-pepper 0.2", "s&p:0.2"))
TABLE = Table("1", "Rotation error", "photos", "deg", 360.0, CONDITIONS, ("stn",), {"stn": {"clean": 0.96, "s&p-0.2": "n.c."}})
METHODS = {"stn": RIVALS["stn"], "orb": RIVALS["orb"]}


def row(condition, method, mean, converged=True):
    return {"condition": condition, "method": method, "mean": mean, "converged": converged}


def test_markdown_has_our_numbers_beside_the_printed_ones():
    rows = [row("clean", "stn", 1.234), row("clean", "orb", 90.0), row("s&p-0.2", "stn", 88.8, False)]
    text = rendering.markdown(TABLE, METHODS, rows, {"seed": "0"}, {("s&p-0.2", "stn"): "figures/loss.png"})
    assert text == (
        "# Table 1: rotation error\n\n"
        "|  | STN-based | ORB | paper: STN-based |\n"
        "|---|---:|---:|---:|\n"
        "| clean | 1.23 | 90.00 | 0.96 |\n"
        "| salt-and-pepper 0.2 | [n.c.](figures/loss.png) | - | n.c. |\n\n"
        "Mean error, deg. Errors are counted modulo 360 degrees; an angle at random is wrong by 90. n.c.: did not converge; of "
        "ours, the error is above 0.8 of that of an answer that knows nothing.\n\n"
        "- seed: 0\n"
    )


def test_a_table_with_measures_has_a_line_for_each_cell():
    measures = {"mean": "mean, px", "ms": "ms a pair"}
    table = Table("deformable", "Error", "deformable", "px", 0.0, CONDITIONS, ("stn", "orb"), {}, measures)
    rows = [{**row("clean", name, mean), "ms": 2.5, "chance": 7.0} for name, mean in (("stn", 1.0), ("orb", 2.0))]
    text = rendering.markdown(table, METHODS, rows, {"seed": "0"}, {})
    assert text.split("\n\n")[3] == (
        "|  |  | mean, px | ms a pair |\n|---|---|---:|---:|\n| clean | STN-based | 1.00 | 2.50 |\n| clean | ORB | 2.00 | 2.50 |"
    )


def test_csv_has_a_line_for_each_cell():
    text = rendering.csv_text([row("clean", "stn", 1.25), row("s&p-0.2", "stn", 88.5, False)])
    assert text.splitlines()[0] == "condition,method,mean,converged"
    assert list(csv.DictReader(io.StringIO(text)))[1] == {
        "condition": "s&p-0.2",
        "method": "stn",
        "mean": "88.5",
        "converged": "False",
    }


def test_without_angles_the_error_of_the_identity_is_told():
    table = Table("tracking", "Corner error", "tracking", "px", 0.0, CONDITIONS, ("orb",), {})
    rows = [{**row("clean", "orb", 1.0), "chance": 7.0}, {**row("s&p-0.2", "orb", 2.0), "chance": 6.125}]
    text = rendering.markdown(table, {"orb": METHODS["orb"]}, rows, {}, {})
    assert "Mean error, px. To say that nothing has moved is wrong by 6.12 to 7.00." in text
    assert "n.c." not in text and "paper" not in text
    same = rendering.markdown(table, {"orb": METHODS["orb"]}, rows[:1] * 2, {}, {})
    assert "To say that nothing has moved is wrong by 7.00." in same
