"""The text of a STAR file taken apart into tables.

Other readers (starfile, RELION) fill the end of a table that was cut off, take a file that is not UTF-8 for an empty one, or
cut names at a ``#``. Here every row is counted and every fault has its line.

Values stay the text that was read, so that what is not used is written as it came: 0042 and 24E05 are names as well as numbers.
Which word is a keyword is told by its position. The rows of a large table are taken apart by pyarrow; where it finds
anything unusual (quotes, comments among the rows, a wrong count), they are read again line by line.
"""

import pathlib
import re

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from pipelines.errors import InputError

# A quoted text, which ends with its quote before white space; a comment; or a word.
TOKEN = re.compile(r"""(?:'(.*?)'|"(.*?)")(?=\s|$)|(\#.*)|(\S+)""", re.ASCII)
MARKS = re.compile(rb"['\"#]")
NEXT_TABLE = re.compile(rb"\n[ \t]*data_\S*[ \t]*(?:#[^\n]*)?(?=\n|$)")  # a lone word: rows of several columns never are
COMMENT_LINE = re.compile(rb"\n[ \t]*#[^\n]*")
PIECE = 2**24  # bytes that are taken apart at a time
MISSING = {"nan", "NaN", "<NA>"}
TEXT = pd.StringDtype("pyarrow")


def read_tables(path):
    """All tables of a STAR file.

    Line ends may be LF, CRLF or CR, the text UTF-8 (with or without byte order mark), UTF-16 with one, or else Latin-1.

    Returns:
        dict of name -> pandas table of text (``loop_``) or dict of texts (labels with one value each), in the order of the file.

    Raises:
        InputError: no such file, not text, a row with too few or too many values, a table or a column that comes twice,
            values outside a table.
    """
    tables = {}
    for name, block in _blocks(pathlib.Path(path)).items():
        if block.loop:
            tables[name] = _frame(block.labels, block.rows) if block.frame is None else block.frame
        elif block.labels:
            tables[name] = dict(zip(block.labels, block.rows, strict=True))
    return tables


def numbers(path, frame, column):
    """A column, text or numbers, as float64 (n,). InputError with the first value that is not a number."""
    values = frame[column]
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(np.float64)
    try:
        return pa.array(values, pa.large_string()).cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        pass
    found = pd.to_numeric(values.astype(object).where(~values.isin(MISSING), np.nan), errors="coerce").to_numpy(np.float64)
    wrong = np.isnan(found) & ~values.isin(MISSING).to_numpy(bool)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{path}: column {column} holds text where numbers are expected: {str(values.iloc[row])!r} in row {row + 1}"
        )
    return found


class _Block:
    """A table under way: labels, and its rows (a loop; or all of them as a frame) or one value a label."""

    def __init__(self):
        self.loop, self.labels, self.rows, self.frame = False, [], [], None


def _blocks(path):
    text = _content(path)
    blocks, block, name = {}, None, None
    at, number = 0, 0
    while at <= len(text):
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        line, start, at, number = text[at:end], at, end + 1, number + 1
        words = _words(line)
        if not words:
            continue
        width = len(block.labels) if block and block.loop and (block.rows or block.frame is not None) else 0
        if block and block.loop and not width and len(words) == len(block.labels) > 1:
            stop = NEXT_TABLE.search(text, start)
            stop = len(text) if stop is None else stop.start()
            block.frame = _bulk(block.labels, text, start, stop)
            if block.frame is not None:
                number += text.count(b"\n", at, stop + 1)
                at = stop + 1
                continue
        if len(words) == width > 1:
            block.rows.append(words)
        elif words[0].startswith("data_") and len(words) == 1 and not (width <= 1 and _is_row(block, text, start, at)):
            name, block = words[0][5:], _Block()
            if name in blocks:
                raise InputError(f"{path} line {number}: a second table data_{name}, expected each name once")
            blocks[name] = block
        elif block is None:
            continue  # whatever stands before the first table
        elif words == ["loop_"] and not width:
            if block.loop or block.labels:
                raise InputError(f"{path} line {number}: a second loop_ in table data_{name}, expected one")
            block.loop = True
        elif words[0].startswith("_") and not width and not (block.loop and len(words) == len(block.labels) > 1):
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


def _is_row(block, text, start, after):
    """Whether a lone word that begins with data_ is a row of a loop of one column and not the name of the next table.

    After a name come loop_, or a label with its value, or nothing at all; and a blank line or a comment stands before it.
    """
    if not block or not block.loop or len(block.labels) != 1:
        return False
    following = next((words for line in text[after : after + 4096].split(b"\n") if (words := _words(line))), [])
    if following == ["loop_"] or (len(following) == 2 and following[0].startswith("_")):
        return False
    before = text[text.rfind(b"\n", 0, max(start - 1, 0)) + 1 : start]
    return bool(_words(before))


def _bulk(labels, text, start, stop):
    """The rows of a loop as a table of text, None where they are not plain words, as many in each row as there are labels."""
    parts = []
    while start < stop:  # piece by piece: what is in memory at a time
        end = text.find(b"\n", min(start + PIECE, stop), stop)
        end = stop if end < 0 else end
        part = _plain(text[start:end])
        if part is None:
            return None
        if part:
            try:
                parts.append(csv.read_csv(pa.BufferReader(part), **_options(labels)))
            except pa.ArrowException:
                return None
        start = end + 1
    table = pa.concat_tables(parts)
    return pd.DataFrame({name: pd.Series(column, dtype=TEXT) for name, column in zip(labels, table.columns, strict=True)})


def _plain(rows):
    """Rows with one blank between two values and no comment lines, None where a quote or another comment is among them."""
    if b"#" in rows:
        rows = COMMENT_LINE.sub(b"", b"\n" + rows)
    if b"#" in rows or b'"' in rows or b"'" in rows:
        return None
    if any(blank in rows for blank in (b"\t", b"\x0b", b"\x0c")):
        rows = rows.translate(bytes.maketrans(b"\t\x0b\x0c", b"   "))
    while b"  " in rows:
        rows = rows.replace(b"  ", b" ")
    return rows.replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" \n")


def _options(labels):
    return {
        "read_options": csv.ReadOptions(column_names=labels),
        "parse_options": csv.ParseOptions(delimiter=" ", quote_char=False, escape_char=False, ignore_empty_lines=True),
        "convert_options": csv.ConvertOptions(column_types=dict.fromkeys(labels, pa.string()), strings_can_be_null=False),
    }


def _frame(labels, rows):
    columns = zip(*rows, strict=True) if rows else [()] * len(labels)
    return pd.DataFrame({label: pd.Series(list(values), dtype=TEXT) for label, values in zip(labels, columns, strict=True)})


def _words(line):
    """The values of a line (bytes); white space inside a quoted text becomes blanks."""
    if not MARKS.search(line):
        return line.decode().split() if line.isascii() else [word.decode() for word in line.split()]
    found = []
    for single, double, comment, word in TOKEN.findall(line.decode()):
        if comment:
            break
        found.append(word or re.sub(r"\s", " ", single or double))
    return found


def _content(path):
    """The file as UTF-8 with LF at the ends of lines."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not content.isascii():
        try:
            text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        content = text.encode()
    if b"\0" in content:
        raise InputError(f"{path} is not a STAR file: it holds zero bytes, expected text")
    # Not splitlines: it also splits at characters that Latin-1 and Unicode have and STAR does not know.
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content
