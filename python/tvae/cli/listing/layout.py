"""Columns that fit a width: the long form, the short one, paths cut in the middle, then fewer columns."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TextIO

from tvae.cli.failure import one_line
from tvae.cli.listing.shortening import apart, clipped, columns_of, shortened

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
        least: the fewest signs that they are cut to.
        cut: cuts them, so that different ones stay different.
        most: the signs that are left of a cell where space is scarce.
        colours: the colour of each cell, or none.
        rank: how soon it is left out where space is scarce, the highest first; 0: never. Columns of one rank
            say nothing without each other: they are left out together.
    """

    title: str
    cells: Sequence[str]
    short: str = ""
    short_cells: Sequence[str] | None = None
    right: bool = False
    flexible: bool = False
    least: int = 18
    cut: Callable[[Sequence[str], int], Sequence[str]] = apart
    most: int | None = None
    colours: Sequence[str | None] = ()
    rank: int = 0


class Layout(NamedTuple):
    """Columns as they fit a width: those that are shown, their heads and cells, and the widths.

    Attributes:
        columns: the columns that are shown.
        rows: for each of them its head and its cells.
        widths: the width of each.
        gap: the blanks between them.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    widths: Sequence[int]
    gap: int

    def has(self, title: str) -> bool:
        """Whether the column of this title is shown."""
        return any(column.title == title for column in self.columns)

    def text(self, *, colour: bool = False) -> str:
        """The lines of the table."""
        rows = [
            _cut(column, row, width)
            for column, row, width in zip(self.columns, self.rows, self.widths, strict=True)
        ]
        return "\n".join(self._line(row, index, colour) for index, row in enumerate(zip(*rows, strict=True)))

    def _line(self, row: Sequence[str], index: int, colour: bool) -> str:
        parts = []
        for column, text, width in zip(self.columns, row, self.widths, strict=True):
            blank = " " * (width - columns_of(text))
            tint = column.colours[index - 1] if colour and index and column.colours else None
            painted = f"{_COLOURS[tint]}{text}\x1b[0m" if tint and text else text
            parts.append(blank + painted if column.right else painted + blank)
        return (" " * self.gap).join(parts).rstrip()


def lay_out(columns: Sequence[Column], *, width: int, colour: bool = False) -> str:
    """The table; no line is wider than `width` unless the narrowest form is. Numbers are never cut.

    Example:
        >>> paths = Column("path", ["runs/a_long_name/best.pt"], flexible=True)
        >>> print(lay_out([paths, Column("size", ["7 B"], right=True)], width=30))
        path                      size
        runs/a_long_name/best.pt   7 B
    """
    return fitted(columns, width=width).text(colour=colour)


def fitted(columns: Sequence[Column], *, width: int) -> Layout:
    """The widest form of the columns that fits."""
    shown = [column for column in columns if any(column.cells)]
    while True:
        for short, gap in ((False, 2), (True, 2), (True, 1)):
            rows = [_cells(column, short=short) for column in shown]
            widths = _fit(shown, rows, width, gap, short=short)
            if widths is not None:
                return Layout(shown, rows, widths, gap)
        rank = max(column.rank for column in shown)
        if not rank:
            return Layout(shown, rows, _squeeze(shown, rows, width), 1)
        shown = [column for column in shown if column.rank != rank]


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


def _cells(column: Column, *, short: bool) -> list[str]:
    if not short:
        return [column.title, *column.cells]
    cells = column.cells if column.short_cells is None else column.short_cells
    return [column.short or column.title, *cells]


def _cut(column: Column, row: Sequence[str], width: int) -> Sequence[str]:
    """A head and cells that fit the width of their column."""
    if all(columns_of(cell) <= width for cell in row):
        return row
    title = row[0] if columns_of(row[0]) <= width else column.short or row[0]
    if column.most is not None and width >= column.most:
        cells: Sequence[str] = [clipped(cell, width) for cell in row[1:]]
    else:
        cells = column.cut(row[1:], width)
    return [shortened(title, width), *cells]


def _fit(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, gap: int, *, short: bool
) -> list[int] | None:
    """The width of each column; None if the flexible ones would get too little."""
    natural = [max(map(columns_of, row)) for row in rows]
    found = [
        min(most, column.most) if short and column.most is not None else most
        for column, most in zip(columns, natural, strict=True)
    ]
    left = width - gap * (len(columns) - 1) - sum(found)
    while left < 0:
        flexible = [
            index for index, column in enumerate(columns) if column.flexible and found[index] > column.least
        ]
        if not flexible:
            return None
        found[max(flexible, key=lambda index: found[index])] -= 1
        left += 1
    # What is free is for words that would be cut.
    for index, most in enumerate(natural):
        if most - found[index] <= left and not columns[index].flexible:
            left -= most - found[index]
            found[index] = most
    return found


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
