"""Tables written as the text of a STAR file.

starfile writes a million rows in more than a minute, and puts double quotes round a value with a blank even where the value holds
double quotes itself, so that nothing reads it back.
"""

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import InputError
from pipelines.files.atomic import atomic_path

ROWS = 65_536  # that are text at a time
TAB = pa.scalar("\t", pa.large_string())
SPECIAL = r"""\s|^['"#]|^$"""  # what a value must be quoted for


def write_tables(tables, path):
    """Write tables by name, each a pandas table (``loop_``) or a dict of single values; the file appears when it is whole.

    Numbers are written so that reading gives the same ones, and the same tables give the same bytes.

    Raises:
        InputError: the file cannot be written, or a value holds both kinds of quotes before blanks, which no quotes can hold.
    """
    with atomic_path(path) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n\n")
        for name, table in tables.items():
            file.write(f"data_{name}\n\n")
            if isinstance(table, dict):
                file.writelines(f"_{label}\t\t\t{_quoted(_word(value), path)}\n" for label, value in table.items())
            else:
                file.write("loop_\n")
                file.writelines(f"_{label} #{number}\n" for number, label in enumerate(table.columns, 1))
                for start in range(0, len(table), ROWS):
                    columns = [_texts(table[label].iloc[start : start + ROWS], path) for label in table.columns]
                    file.write("\n".join(pc.binary_join_element_wise(*columns, TAB).to_pylist()) + "\n")
            file.write("\n\n")


def _texts(column, path):
    """A column as an array of words, quoted where they must be."""
    if isinstance(column.dtype, pd.StringDtype):
        words = pa.array(column, pa.large_string())
        if words.null_count:
            words = pc.fill_null(words, "nan")
    else:
        words = pa.array([_word(value) for value in column.tolist()], pa.large_string())
    if pc.any(pc.match_substring_regex(words, SPECIAL)).as_py():
        words = pa.array([_quoted(word, path) for word in words.to_pylist()], pa.large_string())
    return words


def _word(value):
    return "nan" if value is None or value is pd.NA or value != value else str(value)


def _quoted(word, path):
    """A word in such quotes that a quoted text, which ends with its quote before white space, is the whole of it."""
    if not re.search(SPECIAL, word):
        return word
    for quote in "\"'":
        if not re.search(rf"{quote}\s", word):
            return quote + word + quote
    raise InputError(f"cannot write {path}: {word!r} holds both kinds of quotes before blanks, expected one kind")
