"""Pickle streams that exhaust by depth, by repetition and by number: classes 59 to 62."""

from __future__ import annotations

from scan.hostile.opcodes import EPOCH, integer, stream, text
from scan.hostile.streams import MANY, UNPARSED, case, with_epoch


def laughs(levels: int) -> bytes:
    """Each list holds the one before ten times."""
    body = b"]q\0"
    for _ in range(levels):
        body += b"0](" + b"h\0" * 10 + b"eq\0"
    return body


CASES = [
    case(
        59,
        "half a million nested tuples",
        lambda: with_epoch(b"N" + b"\x85" * (MANY // 2)),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(
        59, "nested lists", lambda: with_epoch(b"]" * MANY + b"a" * (MANY - 1)), "corrupt", UNPARSED, "P010"
    ),
    case(
        59,
        "nested dictionaries",
        lambda: with_epoch(b"}N" * MANY + b"N" + b"s" * MANY),
        "corrupt",
        UNPARSED,
        "P010",
    ),
    case(
        59, "90,000 nested lists", with_epoch(b"]" * 90_000 + b"a" * 89_999), "ok", "data_only", epoch=EPOCH
    ),
    case(60, "a list that holds itself", with_epoch(b"]q\0h\0a"), "ok", "data_only", epoch=EPOCH),
    case(
        60,
        "a dictionary that holds itself",
        with_epoch(b"}q\0" + text("a") + b"h\0s"),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(
        60,
        "the root holds itself",
        stream(b"}q\0(" + text("epoch") + integer(EPOCH) + text("config") + b"h\0u"),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(61, "a billion laughs", with_epoch(laughs(30)), "ok", "data_only", epoch=EPOCH),
    case(
        61,
        "a billion laughs as config",
        stream(
            b"}(" + text("epoch") + integer(EPOCH) + text("config") + b"}" + text("a") + laughs(30) + b"su"
        ),
        "ok",
        "data_only",
        epoch=EPOCH,
    ),
    case(61, "2^100 by doubling", with_epoch(b"]" + b"2\x86" * 100), "ok", "data_only", epoch=EPOCH),
    case(62, "ten million marks", lambda: b"\x80\x02" + b"(" * 10_000_000, "corrupt", UNPARSED, "P010"),
    case(62, "ten million lists", lambda: b"\x80\x02" + b"]" * 10_000_000, "corrupt", UNPARSED, "P010"),
    case(62, "ten million copies", lambda: b"\x80\x02N" + b"2" * 10_000_000, "corrupt", UNPARSED, "P010"),
    case(
        62,
        "many names",
        lambda: b"\x80\x02" + b"".join(b"ca\n%d\n0" % at for at in range(300_000)) + b"N.",
        "corrupt",
        UNPARSED,
        "P010",
    ),
    case(
        62, "many short lists", lambda: stream(b"](" + b"]Na" * 1_000_000 + b"e"), "corrupt", UNPARSED, "P010"
    ),
]
