"""The text of a STAR file taken apart into tables.

starfile writes our STAR files but does not read them: it fills the end of a table that was cut off with NaN, takes a file
that is not UTF-8 for an empty one, and cuts names at a ``#``. Here every row is counted and every fault has its line.
"""

import pathlib
import re

import numpy as np
import pandas as pd

from pipelines.errors import InputError

# A quoted text, which ends with its quote before white space; a comment; or a word.
TOKEN = re.compile(r"""(?:'(.*?)'|"(.*?)")(?=\s|$)|(\#.*)|(\S+)""")
MARKS = re.compile("['\"#]")
MISSING = {"nan", "NaN", "<NA>"}


def read_tables(path):
    """All tables of a STAR file.

    Line ends may be LF, CRLF or CR, the text UTF-8 (with or without byte order mark), UTF-16 with one, or else Latin-1.

    Returns:
        dict of name -> pandas table (``loop_``) or dict of values (labels with one value each), in the order of the file.
        Columns whose values all are numbers hold numbers, except those whose label ends with ``Name``.

    Raises:
        InputError: no such file, not text, a row with too few or too many values, a table or a column that comes twice,
            values outside a table.
    """
    path = pathlib.Path(path)
    tables = {}
    for name, block in _blocks(path).items():
        if block.loop:
            columns = zip(*block.rows, strict=True) if block.rows else [()] * len(block.labels)
            columns = {label: _column(label, values) for label, values in zip(block.labels, columns, strict=True)}
            tables[name] = pd.DataFrame(columns, columns=block.labels)
        elif block.labels:
            values = zip(block.labels, block.rows, strict=True)
            tables[name] = {label: pd.Series(_column(label, [value])).tolist()[0] for label, value in values}
    return tables


def numbers(path, frame, column):
    """A column as float64 (n,). InputError with the first value that is not a number."""
    try:
        return frame[column].to_numpy(np.float64)
    except (ValueError, TypeError):
        wrong = pd.to_numeric(frame[column], errors="coerce").isna().to_numpy()
        row = int(np.flatnonzero(wrong)[0]) if wrong.any() else 0
        value = frame[column].iloc[row]
        raise InputError(f"{path}: column {column} holds text where numbers are expected: {value!r} in row {row + 1}") from None


class _Block:
    """A table under way: labels, and its rows (a loop) or one value a label."""

    def __init__(self):
        self.loop, self.labels, self.rows = False, [], []


def _blocks(path):
    blocks, block = {}, None
    for number, line in enumerate(_lines(path), 1):
        words = _words(line) if MARKS.search(line) else line.split()
        if not words:
            continue
        width = len(block.labels) if block and block.loop and block.rows else 0
        if len(words) == width > 1:
            block.rows.append(words)
        elif words[0].startswith("data_") and len(words) == 1:
            name, block = words[0][5:], _Block()
            if name in blocks:
                raise InputError(f"{path} line {number}: a second table data_{name}, expected each name once")
            blocks[name] = block
        elif block is None:
            continue  # whatever stands before the first table
        elif words == ["loop_"]:
            if block.loop or block.labels:
                raise InputError(f"{path} line {number}: a second loop_ in table data_{name}, expected one")
            block.loop = True
        elif words[0].startswith("_") and not width:
            label = words[0][1:]
            if label in block.labels:
                raise InputError(f"{path} line {number}: column {label} comes twice in table data_{name}, expected once")
            if not block.loop:
                if len(words) != 2:
                    raise InputError(f"{path} line {number}: label {label} has {len(words) - 1} values, expected one")
                block.rows.append(words[1])
            block.labels.append(label)
        elif block.loop and len(words) == len(block.labels):
            block.rows.append(words)
        else:
            expected = f"{len(block.labels)}, one for each column" if block.loop else "a label or loop_ first"
            raise InputError(f"{path} line {number}: {len(words)} values in table data_{name}, expected {expected}")
    return blocks


def _words(line):
    """The values of a line with quotes or a comment; white space inside a quoted text becomes blanks."""
    found = []
    for single, double, comment, word in TOKEN.findall(line):
        if comment:
            break
        found.append(word or re.sub(r"\s", " ", single or double))
    return found


def _lines(path):
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{path} is not a STAR file: it holds zero bytes, expected text")
    # Not str.splitlines: it also splits at characters that Latin-1 and Unicode have and STAR does not know.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _column(label, values):
    if label.endswith("Name"):
        return list(values)
    column = _as_numbers(values)
    if column is None and not MISSING.isdisjoint(values):
        column = _as_numbers([np.nan if value in MISSING else value for value in values])
    return list(values) if column is None else column


def _as_numbers(values):
    try:
        column = pd.to_numeric(np.array(values, object))
    except (ValueError, TypeError):
        return None
    return column if column.dtype.kind in "iuf" else None  # not what is too large for any of them
