"""A table as Markdown, with the paper's values beside ours, and as CSV."""

import csv
import io

from udl_tf.tables.protocol import FAILED

MISSING = "-"  # not measured, or not printed in the paper


def markdown(table, methods, rows, about, curves):
    """The table as Markdown text.

    Args:
        table: `protocol.Table`. methods: {name: `rivals.registry.Rival`}.
        rows: list of dicts, see `running.cells`; some may be missing.
        about: {what: text}, said below the table. curves: {(condition, method): path of a loss curve, relative to the text}.
    """
    found = {(row["condition"], row["method"]): row for row in rows}
    printed = list(table.printed)
    titles = {name: method.title for name, method in methods.items()}
    heads = ["", *titles.values(), *(f"paper: {titles.get(name, name)}" for name in printed)]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for condition in table.conditions:
        ours = [_ours(found.get((condition.name, name)), curves.get((condition.name, name))) for name in methods]
        theirs = [number(table.printed[name].get(condition.name)) for name in printed]
        lines.append("| " + " | ".join([condition.title, *ours, *theirs]) + " |")
    head = f"# Table {table.name}: {table.title[0].lower()}{table.title[1:]}"
    notes = [f"Mean error, {table.unit}."]
    if table.period:
        notes.append(f"Errors are counted modulo {table.period:g} degrees; an angle at random is wrong by {table.period / 4:g}.")
    elif rows:
        least, most = (number(pick(row["chance"] for row in rows)) for pick in (min, max))
        notes.append(f"To say that nothing has moved is wrong by {least if least == most else f'{least} to {most}'}.")
    if any(not row["converged"] for row in rows) or FAILED in (value for row in table.printed.values() for value in row.values()):
        notes.append(f"{FAILED}: did not converge; of ours, the error is above 0.8 of that of an answer that knows nothing.")
    told = [_measures(table, methods, found)] if table.measures and rows else []
    facts = [f"- {what}: {text}" for what, text in about.items()]
    return "\n\n".join([head, "\n".join(lines), " ".join(notes), *told, "\n".join(facts)]) + "\n"


def _measures(table, methods, found):
    """A second table: a line for each cell, a column for each of the table's measures."""
    lines = ["| " + " | ".join(["", "", *table.measures.values()]) + " |", "|---|---" + "|---:" * len(table.measures) + "|"]
    for condition in table.conditions:
        for name, method in methods.items():
            row = found.get((condition.name, name))
            if row:
                values = [number(row[key]) for key in table.measures]
                lines.append("| " + " | ".join([condition.title, method.title, *values]) + " |")
    return "\n".join(lines)


def csv_text(rows):
    """The rows as CSV text, one line for each cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def number(value):
    """A value of the table as text, two digits behind the point."""
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value
    return f"{value:.2f}"


def _ours(row, curve):
    if row is None:
        return MISSING
    if row["converged"]:
        return number(row["mean"])
    return f"[{FAILED}]({curve})" if curve else FAILED
