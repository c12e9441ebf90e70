"""Our machine against CPython's unpickler in C, on random programs: the same streams, and the same values.

What CPython accepts we decode, to the same value. What it refuses we refuse as well, or do not call clean:
the machine goes on where Python stops, because a scanner that stops is a scanner that can be stopped.
"""

from __future__ import annotations

import _pickle
import codecs
import io
import pickle
import random
import resource
import warnings
from pathlib import Path
from typing import Any

import pytest

import tvae
from scan.hostile.opcodes import CHECKPOINT, EVIL, PLAIN
from scan.hostile.programs import Grammar, changed
from scan.hostile.streams import PROTOCOLS
from tvae import scanning
from tvae.errors import CheckpointError

CLEAN = {"data_only", "known_types"}
# Where the record says so, a difference is known and meant.
KNOWN = {
    "P006": "a string of Python 2 that is not UTF-8 is kept as bytes, for the encoding is up to the loader",
    "P010": "the budget ends before Python does",
    "P011": "frames that end within an opcode are refused, for the unpickler in Python refuses them too",
    "P012": "keys that are equal for Python only, such as two equal tuples, stay two",
}


class Thing:
    """Stands for every class of the stream: keeps what it is given."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Thing:
        made = object.__new__(cls)
        made.args, made.state, made.items, made.pairs = args, Thing, [], {}
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.pairs[key] = value

    def append(self, item: Any) -> None:
        self.items.append(item)


class Persistent:
    """Stands for whatever a loader makes of a persistent id."""


class Unpickler(_pickle.Unpickler):
    """Knows two names; a third makes the value incomparable, as it stands for something else here."""

    foreign = False

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return codecs.encode
        self.foreign |= (module, name) != ("own", "Thing")
        return Thing

    def persistent_load(self, pid: Any) -> Any:
        self.foreign |= isinstance(pid, tuple)
        return Persistent


class Unsure(Exception):
    """The comparison is not possible, as one side keeps less of the value."""


def oracle(program: bytes) -> Any:
    """What CPython makes of a program, with little memory to do so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (256 << 20), hard))
    try:
        unpickler = Unpickler(io.BytesIO(program), encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = unpickler.load()
        return Unsure if unpickler.foreign else value
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def label(key: Any) -> str:
    if isinstance(key, str):
        return plain_text(key)
    if key is None or isinstance(key, bool) or (isinstance(key, int) and abs(key) < 1 << 63):
        return str(key)
    if isinstance(key, bytes):
        return "<key>"
    raise Unsure


def plain_text(value: str) -> str:
    return "".join(f"\\u{ord(sign):04x}" if 0xD800 <= ord(sign) < 0xE000 else sign for sign in value)


def plain(value: Any, above: tuple[int, ...] = ()) -> Any:
    """A value of CPython in the form in which ours are handed out."""
    if len(above) > 40:
        raise Unsure
    if id(value) in above:
        return "<cycle>"
    inner = (*above, id(value))
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        if abs(value) >= 1 << 120:
            raise Unsure
        return value if -(1 << 63) <= value < 1 << 63 else str(value)
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    if isinstance(value, (list, tuple)):
        return [plain(item, inner) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, inner) for item in value), key=repr)
    if isinstance(value, dict):
        return {label(key): plain(item, inner) for key, item in value.items()}
    if isinstance(value, Thing):
        return plain_thing(value, inner)
    if value is Thing:
        return "own.Thing"
    if value is Persistent:
        return "<persistent id>"
    raise Unsure


def plain_thing(value: Thing, inner: tuple[int, ...]) -> Any:
    if value.state is not Thing:
        state = value.state
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
            state = state[0]
        return plain(state, inner)
    if value.pairs:
        return {label(key): plain(item, inner) for key, item in value.pairs.items()}
    if len(value.args) == 1 and not value.items:
        return plain(value.args[0], inner)
    return [plain(item, inner) for item in value.items or value.args]


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        pairs = list(zip(ours, theirs, strict=False))
        if len(ours) == len(theirs) and all(same(one, other) for one, other in pairs):
            return True
        # A set has no order.
        return sorted(map(repr, ours)) == sorted(map(repr, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    return repr(ours) == repr(theirs)


def compare(program: bytes, path: Path) -> str:
    """What became of one program: `same`, `refused`, `told` or `unsure`; anything else is an error."""
    path.write_bytes(program)
    record = tvae.inspect(path)
    codes = {issue.code for issue in record.issues}
    try:
        theirs = oracle(program)
    except (MemoryError, RecursionError):
        return "unsure"
    except Exception as error:
        if record.status == "ok" and record.safety in CLEAN and not codes & KNOWN.keys():
            pytest.fail(f"{program!r} is refused by Python ({error!r}) and {record.safety} for us")
        return "refused" if record.status != "ok" else "told"
    if theirs is Unsure or "S003" in codes:
        return "unsure"
    try:
        ours = scanning.find(path, "")
    except CheckpointError:
        # Of a line that goes on behind its frame, C drops the part before the end of the frame.
        if codes & KNOWN.keys() or b"\x95" in program:
            return "told"
        pytest.fail(f"{program!r} is accepted by Python and refused by us: {record.issues}")
    try:
        expected = plain(theirs)
    except (Unsure, RecursionError):
        return "unsure"
    if not same(ours[0], expected) and not codes & KNOWN.keys():
        pytest.fail(f"{program!r} is {expected!r} for Python and {ours[0]!r} for us")
    return "same"


@pytest.mark.parametrize("part", range(4))
def test_programs_of_the_grammar_have_the_same_value(part: int, tmp_path: Path) -> None:
    ends = [compare(Grammar(seed).program(), tmp_path / "x.pkl") for seed in range(part, 3000, 4)]
    assert ends.count("same") > 0.9 * len(ends)


@pytest.mark.parametrize("part", range(4))
def test_changed_programs_are_not_clean_unless_they_load(part: int, tmp_path: Path) -> None:
    chance = random.Random(part)
    ends = [
        compare(changed(Grammar(seed).program(), chance), tmp_path / "x.pkl") for seed in range(part, 6000, 4)
    ]
    assert ends.count("same") > 0.05 * len(ends)
    assert ends.count("refused") > 0.3 * len(ends)


@pytest.mark.parametrize("place", range(9))
def test_changed_pickles_are_not_clean_unless_they_load(place: int, tmp_path: Path) -> None:
    chance = random.Random(place)
    real = [*(pickle.dumps(PROTOCOLS, protocol) for protocol in range(6)), PLAIN, EVIL, CHECKPOINT][place]
    for _ in range(400):
        compare(changed(real, chance), tmp_path / "x.pkl")
