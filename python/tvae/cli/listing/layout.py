"""Columns that fit a width: the long form, the short one, paths cut in the middle, then fewer columns."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

from tvae.cli.failure import one_line

_LEAST = 18
#: Where nobody looks at a terminal, nothing is cut: what is cut cannot be found again.
UNLIMITED = 1 << 20
_COLOURS = {"red": "\x1b[31m", "yellow": "\x1b[33m", "green": "\x1b[32m", "dim": "\x1b[2m"}


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title, short: its head, and that where space is scarce.
        cells: its cells, escaped already.
        short_cells: its cells where space is scarce, if they differ.
        right: whether it is flush right.
        flexible: whether its cells may be cut in the middle.
        most: the most signs of a cell where space is scarce.
        colours: the colour of each cell, or none.
        rank: how soon it is left out where space is scarce, the highest first; 0: never.
    """

    title: str
    cells: Sequence[str]
    short: str = ""
    short_cells: Sequence[str] | None = None
    right: bool = False
    flexible: bool = False
    most: int | None = None
    colours: Sequence[str | None] = ()
    rank: int = 0


def lay_out(columns: Sequence[Column], *, width: int, colour: bool = False) -> str:
    """The table; no line is wider than `width` unless the narrowest form is. Numbers are never cut.

    Example:
        >>> paths = Column("path", ["runs/a_long_name/best.pt"], flexible=True)
        >>> print(lay_out([paths, Column("size", ["7 B"], right=True)], width=30))
        path                      size
        runs/a_long_name/best.pt   7 B
    """
    shown = [column for column in columns if any(column.cells)]
    while True:
        for short, gap in ((False, 2), (True, 2), (True, 1)):
            rows = [_cells(column, short=short) for column in shown]
            widths = _fit(shown, rows, width, gap)
            if widths is not None:
                return _lines(shown, rows, widths, gap, colour)
        last = max(shown, key=lambda column: column.rank)
        if not last.rank:
            return _lines(shown, rows, _squeeze(shown, rows, width), 1, colour)
        shown = [column for column in shown if column is not last]


def terminal_width(stream: TextIO | None = None) -> int:
    """Columns of what is printed: those that COLUMNS says, or those of a terminal; no limit for a pipe.

    `stream` is stdout if left out.
    """
    stream = stream or sys.stdout
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdecimal() and 0 < len(told) < 7 and int(told):
        return max(int(told), 20)
    if not stream.isatty():
        return UNLIMITED
    return max(os.get_terminal_size(stream.fileno()).columns or 80, 20)


def _lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    gap: int,
    colour: bool,
) -> str:
    return "\n".join(
        _line(columns, row, widths, gap, index, colour) for index, row in enumerate(zip(*rows, strict=True))
    )


def _line(
    columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], gap: int, index: int, colour: bool
) -> str:
    parts = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        text = shortened(cell, width)
        blank = " " * (width - columns_of(text))
        tint = column.colours[index - 1] if colour and index and column.colours else None
        painted = f"{_COLOURS[tint]}{text}\x1b[0m" if tint and text else text
        parts.append(blank + painted if column.right else painted + blank)
    return (" " * gap).join(parts).rstrip()


def _cells(column: Column, *, short: bool) -> list[str]:
    if not short:
        return [column.title, *column.cells]
    cells = column.cells if column.short_cells is None else column.short_cells
    if column.most is not None:
        cells = [clipped(cell, column.most) for cell in cells]
    return [column.short or column.title, *cells]


def _fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, gap: int) -> list[int] | None:
    """The width of each column; None if the flexible ones would get too little."""
    natural = [max(map(columns_of, row)) for row in rows]
    flexible = [index for index, column in enumerate(columns) if column.flexible]
    left = width - gap * (len(columns) - 1) - sum(natural)
    while left < 0 and flexible:
        widest = max(flexible, key=lambda index: natural[index])
        if natural[widest] <= _LEAST:
            return None
        natural[widest] -= 1
        left += 1
    return natural if left >= 0 else None


def _squeeze(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The widths where nothing fits: text gives way, the widest first, and numbers never do."""
    natural = [max(map(columns_of, row)) for row in rows]
    texts = [index for index, column in enumerate(columns) if not column.right]
    while sum(natural) + len(natural) - 1 > width and texts:
        widest = max(texts, key=lambda index: natural[index])
        if natural[widest] <= 3:
            break
        natural[widest] -= 1
    return natural


def columns_of(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def shortened(text: str, width: int) -> str:
    """Text cut in the middle, where names that differ mostly agree.

    Example:
        >>> shortened("v5_11_progressive_non_fixed", 18)
        'v5_11_pro…on_fixed'
    """
    if columns_of(text) <= width:
        return text
    head, tail = text[: width // 2], text[len(text) - (width - width // 2 - 1) :] if width > 2 else ""
    while head and columns_of(head) + columns_of(tail) + 1 > width:
        head, tail = (head[:-1], tail) if columns_of(head) >= columns_of(tail) else (head, tail[1:])
    return f"{head}…{tail}"


def clipped(text: str, width: int) -> str:
    """Text cut at its end."""
    return text if len(text) <= width else text[: width - 1] + "…"


def wrap(text: str, width: int, *, indent: int = 2) -> Iterator[str]:
    """Text in lines of at most `width`; all but the first are indented."""
    words = text[indent:].split(" ")
    line = text[:indent]
    for word in words:
        if line.strip() and columns_of(line) + 1 + columns_of(word) > width and len(line) > indent:
            yield line.rstrip()
            line = " " * indent
        line += word if len(line) <= indent else f" {word}"
    yield clipped(line.rstrip(), width)


def escaped(value: object) -> str:
    """What stands in a file, or is the name of one, on one line."""
    text = str(value)
    return text if text.isascii() and text.isprintable() and "  " not in text else one_line(text)


def size(count: int | float | None) -> str:
    """Bytes for people: `534 MB`."""
    if count is None:
        return ""
    if count < 1000:
        return f"{count} B"
    power = min((len(str(int(count))) - 1) // 3, 6)
    return f"{count / 1000.0**power:.3g} {' kMGTPE'[power]}B"
