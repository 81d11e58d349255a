"""Which methods a table may have."""

import pytest

from pipelines.errors import InputError
from udl_tf.tables import methods, protocol


@pytest.mark.parametrize("name", protocol.TABLES)
def test_every_method_of_a_table_is_known_and_either_learns_or_aligns(name):
    table = protocol.table(name)
    found = methods.find(table)
    assert tuple(found) == table.methods and set(table.printed) <= set(found)
    assert all((method.learner is None) != (method.align is None) for method in found.values())


def test_a_method_of_another_table_is_refused():
    with pytest.raises(InputError, match="table tracking: unknown method 'udl', expected some of ic-lk, deep-lk, goturn"):
        methods.find(protocol.table("tracking"), ["udl"])


def test_one_name_may_be_another_method_in_another_table():
    rigid, plane = (methods.find(protocol.table(name), ["supervised"])["supervised"] for name in ("1", "homography"))
    assert rigid.learner is not plane.learner
