"""Texts cut to a width: names in the middle, sentences at their end, and names that differ stay different."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile
from string import ascii_letters, digits
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})


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


def apart(texts: Sequence[str], width: int, first: Mapping[str, str] = _NONE) -> list[str]:
    """Names cut so that different ones stay different where the width allows it: else in the middle.

    `first` has those that are cut otherwise if that keeps them different.

    Example:
        >>> apart(["runs/sweep_of_may_3_again/best.pt", "runs/sweep_of_may_4_again/best.pt"], 20)
        ['runs/swe…3…n/best.pt', 'runs/swe…4…n/best.pt']
    """
    found = {text: first.get(text) or shortened(text, width) for text in texts}
    count = 0
    while count < len(taken := set(found.values())) < len(found):
        count = len(taken)
        for group in _alike(found):
            taken.discard(found[group[0]])
            found |= _told_apart(group, width, taken)
            taken.update(found[text] for text in group)
    return [found[text] for text in texts]


def tensor_names(keys: Sequence[str], names: Sequence[str], width: int) -> list[str]:
    """Names of tensors in so many columns: the key of a state dict gives way first, then the middle.

    Example:
        >>> tensor_names(["state_dict"], ["state_dict.encoder_A.fc_mu.bias", "state_dict.c"], 26)
        ['stat….encoder_A.fc_mu.bias', 'state_dict.c']
        >>> tensor_names([""], ["projection.proj_A.radius_net.0.bias"], 24)
        ['projection.p…_net.0.bias']
    """
    long = [name for name in dict.fromkeys(names) if len(name) > width]
    short: dict[str, str] = {}
    for key in filter(None, dict.fromkeys(keys)):
        rests = {name: name[len(key) :] for name in long if name.startswith(f"{key}.")}
        cut = _without_same(list(rests.values()), width - 2)
        room = width - 1 - max(map(len, cut), default=0)
        short |= {name: f"{key[:room]}…{rest}" for name, rest in zip(rests, cut, strict=True)}
    return apart(names, width, short)


def _without_same(names: Sequence[str], width: int) -> list[str]:
    """Names cut where all that are too long agree; where that is not enough, as `apart` does."""
    long = [name for name in names if len(name) > width]
    begin = _words(_same(long)) if long else 0
    head = width - 1 - max(map(len, long), default=0) + begin
    if not 0 <= head < begin:
        return apart(names, width)
    return [f"{name[:head]}…{name[begin:]}" if len(name) > width else name for name in names]


def _alike(found: Mapping[str, str]) -> list[list[str]]:
    """The names that look the same, those that were cut."""
    groups: dict[str, list[str]] = {}
    for text, cut in found.items():
        if cut != text:
            groups.setdefault(cut, []).append(text)
    return [group for group in groups.values() if len(group) > 1]


def _told_apart(group: Sequence[str], width: int, taken: Collection[str]) -> dict[str, str]:
    """The names of a group, all cut in the same way: the first that tells most of them apart.

    `taken` is what other names look like.
    """
    best: dict[str, str] = {}
    most = 1
    for head, window, tail in _ways(group, width):
        cut = {text: _cut(text, head, window, tail) for text in group}
        count = len(set(cut.values()).difference(taken))
        if count > most:
            best, most = cut, count
        if count == len(group):
            break
    return best


def _ways(group: Sequence[str], width: int) -> Iterator[tuple[int, slice, int]]:
    """How much of the beginning, the middle and the end of names to show; the clearest first.

    Whole words that differ, with what is at both ends, are clearer than a cut at any place that happens to
    tell them apart.
    """
    room = width if all(columns_of(text) == len(text) for text in group) else width // 2
    longest = max(map(len, group))
    before, behind = _same(group), _same([text[::-1] for text in group])
    begin, end = _words(before), _words(behind)
    for head in _from_middle(room - 1):
        if head in (room - 1 - (longest - begin), longest - end) and room // 4 <= head < room - room // 4:
            yield head, slice(0, 0), room - 1 - head
    words = longest - end - begin
    for head in _from_middle(room - 2 - words):
        yield head, slice(begin, begin + words), room - 2 - words - head
    for head in _from_middle(room - 1):
        yield head, slice(0, 0), room - 1 - head
    for count in range(room // 2, room - 1):
        rest = room - 2 - count
        yield rest // 2, slice(len(before), len(before) + count), rest - rest // 2


def _from_middle(count: int) -> list[int]:
    """Every share of so many signs, the half of them first."""
    return sorted(range(count + 1), key=lambda share: abs(2 * share - count))


def _cut(text: str, head: int, window: slice, tail: int) -> str:
    """The parts of a name that are shown."""
    parts = (text[:head], text[window], text[len(text) - tail :])
    return "…".join(parts if parts[1] else parts[::2])


def _same(texts: Sequence[str]) -> str:
    """What all of them begin with."""
    pairs = zip(min(texts), max(texts), strict=False)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _words(same: str) -> int:
    """How much of what names have in common are whole words."""
    return len(same.rstrip(ascii_letters + digits))
