"""The marks of a record: its flags, and what a table shows beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

#: Verdicts that are not clean whatever the file is for.
UNSAFE = ("dangerous", "unparsed")


class Mark(NamedTuple):
    """What the narrow table shows, what the wide one shows, and what it means."""

    letter: str
    word: str
    meaning: str


#: In the order of the legend: the flags of a record, then what other fields of it say.
MARKS = {
    "coverage_collapse": Mark("C", "collapsed", "coverage collapsed"),
    "inverted_hierarchy": Mark("I", "inverted", "hierarchy inverted"),
    "best_latest_divergence": Mark("D", "diverged", "best and latest differ"),
    "nan": Mark("N", "nan", "NaN"),
    "unsafe": Mark("!", "unsafe", "holds an unsafe file"),
    "unsafe_best": Mark("!!", "unsafe_best", "its best file is unsafe"),
    "measured": Mark("M", "measured", "a stored metric is not the one that `tvae eval` measured"),
    "documented": Mark("*", "documented", "a documented number differs from the stored one"),
}
#: The name of a mark by what a table shows for it.
NAMES = {shown: name for name, mark in MARKS.items() for shown in (mark.word, mark.letter)}


def marks(record: Mapping[str, Any]) -> Iterator[str]:
    """The names of a record's marks, in the order in which a table shows them.

    Example:
        >>> list(marks({"safety": "dangerous", "best_safety": "data_only", "flags": ["nan"]}))
        ['unsafe', 'nan']
    """
    if record.get("safety") in UNSAFE:
        yield "unsafe"
    if record.get("best_safety") in UNSAFE:
        yield "unsafe_best"
    yield from record.get("flags") or ()
    if any(told.get("differs") for told in record.get("documented") or ()):
        yield "documented"
    if (record.get("measured") or {}).get("differs"):
        yield "measured"


def shown(record: Mapping[str, Any]) -> list[Mark]:
    """The marks of a record in a table; a file's safety has a column of its own."""
    names = list(marks(record))
    if "n_files" not in record or "unsafe_best" in names:
        names = [name for name in names if name != "unsafe"]
    return [MARKS.get(name) or Mark(name[:1].upper(), name, name) for name in names]
