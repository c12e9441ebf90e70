"""The comments of a YAML text, by the key that each stands at."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

_RULER = re.compile(r"#[\s#=\-*_~]*")


class Comments(Struct, frozen=True):
    """What a file remarks.

    Attributes:
        head: the lines before its first key, without their marks.
        above: for a key, the lines right above it.
        beside: for a key, the remark on its line, and its continuation in the same column.
    """

    head: tuple[str, ...]
    above: Mapping[str, tuple[str, ...]]
    beside: Mapping[str, str]


def comments(text: str, lines: Mapping[str, int]) -> Comments:
    """The comments of `text`, whose dotted keys stand on `lines` (from 1).

    Rulers and blank comment lines are left out; a blank line ends a block, so that what a block says
    about a whole part of the file is not taken for a remark on the next key.

    Example:
        >>> found = comments("# about\\n\\n# one\\na: 1  # two\\nb: '#'\\n", {"a": 4, "b": 5})
        >>> found.head, found.above, found.beside
        (('about',), {'a': ('one',)}, {'a': 'two'})
    """
    rows = text.splitlines()
    first = min(lines.values(), default=len(rows) + 1)
    by_line = {line: key for key, line in sorted(lines.items(), key=lambda item: -len(item[0]))}
    head: list[str] = []
    block: list[str] = []
    above: dict[str, tuple[str, ...]] = {}
    beside: dict[str, str] = {}
    open_key, open_column = "", -1
    for number, row in enumerate(rows, start=1):
        column = _mark(row)
        words = _words(row[column:]) if column >= 0 else ""
        alone = column >= 0 and not row[:column].strip()
        key = by_line.get(number)
        if alone and open_key and column == open_column:
            beside[open_key] = f"{beside[open_key]}; {words}"
        elif alone:
            open_key = ""
            block += [words] if words else []
        elif key is not None:
            if block and number == first and not head:
                # Without a blank line between, it is the header of the file all the same.
                head = block
            elif block:
                above[key] = tuple(block)
            block = []
            open_key, open_column = (key, column) if words else ("", -1)
            if words:
                beside[key] = words
        else:
            if number < first:
                head += block
            block, open_key = [], ""
    return Comments(tuple(head), above, beside)


def _words(comment: str) -> str:
    return "" if _RULER.fullmatch(comment) else comment.lstrip("#").strip()


def _mark(row: str) -> int:
    """Where the comment of a row begins, or -1: a # at the start or after a blank, outside of quotes."""
    quote = ""
    for at, sign in enumerate(row):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and (at == 0 or not row[at - 1].isalnum()):
            quote = sign
        elif sign == "#" and (at == 0 or row[at - 1] in " \t"):
            return at
    return -1
