"""What commands print: results on stdout, messages on stderr, JSON without NaN."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

SCHEMA = 1


def result(text: str) -> None:
    """Print a result on stdout."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def note(text: str) -> None:
    """Print a message on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def remark(text: str) -> None:
    """Print a sentence on stderr: on a terminal in as many lines as it takes, commands in one piece."""
    if sys.stderr.isatty():
        import re

        from tvae.cli.listing.layout import terminal_width

        whole = re.sub("`[^`]*`", lambda found: found[0].replace(" ", "\0"), text)
        text = filled(whole, width=terminal_width(sys.stderr)).replace("\0", " ")
    note(text)


def result_json(payload: Mapping[str, object]) -> None:
    """Print one JSON object with its schema; NaN and infinity become null, their places are listed."""
    from tvae.finite import dumps

    result(dumps({"schema": SCHEMA, **payload}))


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Rows in aligned columns, two spaces apart; the columns in `right` are flush right.

    Example:
        >>> print(columns([("metric", "B"), ("coverage", "1.0")], right=[1]))
        metric      B
        coverage  1.0
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def in_blocks(rows: Sequence[Sequence[str]], *, width: int, right: bool = False) -> str:
    """Aligned columns; where they are too wide, several tables, each with the first column and some others.

    Example:
        >>> print(in_blocks([("metric", "A", "B"), ("coverage", "1.0", "0.5")], width=14, right=True))
        metric      A
        coverage  1.0
        <BLANKLINE>
        metric      B
        coverage  0.5
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    parts: list[list[int]] = [[]]
    for index in range(1, len(widths)):
        line = widths[0] + sum(2 + widths[one] for one in (*parts[-1], index))
        if parts[-1] and line > width:
            parts.append([])
        parts[-1].append(index)
    return "\n\n".join(
        columns(
            [[row[0], *(row[index] for index in part)] for row in rows],
            right=range(1, len(part) + 1) if right else (),
        )
        for part in parts
    )


def folded(rows: Sequence[Sequence[str]], *, width: int, beside: int = 1, right: Sequence[int] = ()) -> str:
    """Aligned columns; where they are too wide, all but the first `beside` of them stand below, wrapped.

    Words are never cut. The columns in `right` are flush right.

    Example:
        >>> print(folded([("model.a = 1", "model.b = 1", "the same, in other words")], width=24))
        model.a = 1
              model.b = 1
              the same, in other
              words
    """
    table = columns(rows, right=right)
    if all(len(line) <= width for line in table.splitlines()):
        return table
    indent = " " * 6
    lines: list[str] = []
    heads = columns([row[:beside] for row in rows], right=right).splitlines()
    for head, row in zip(heads, rows, strict=True):
        lines += [
            head,
            *(filled(cell, width=width, indent=indent, first=indent) for cell in row[beside:] if cell),
        ]
    return "\n".join(lines)


def filled(text: str, *, width: int, indent: str = "  ", first: str = "") -> str:
    """Text in lines of at most `width`, all but the first indented; words are never cut.

    Example:
        >>> print(filled("2 files, from runs/here to runs-archive/here", width=22))
        2 files, from
          runs/here to
          runs-archive/here
    """
    from textwrap import fill

    return fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
