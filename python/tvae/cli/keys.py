"""A key that a checkpoint does not have: where its path breaks off, and which one may be meant."""

from __future__ import annotations

from collections.abc import Iterator

from tvae.errors import CheckpointError

_MOST_KEYS = 12
_MOST_MEANT = 3


def no_key(file: str, key: str) -> CheckpointError:
    """The error for `key`: the keys at the level where the path ends, and those that are like it."""
    from tvae import scanning

    whole = next(iter(scanning.find(file, "")), None)
    place, inside, rest = _way(whole, key)
    known = _keys(inside)
    of = f"a key of {place}" if place else "a key of the file"
    listed = f"{', '.join(known[:_MOST_KEYS])}{', ...' if len(known) > _MOST_KEYS else ''}"
    meant = list(_meant(whole, place, inside, rest))[:_MOST_MEANT]
    hint = f"did you mean {' or '.join(meant)}?" if meant else None
    if not known:
        hint = hint or (f"{place} is a value without keys" if place else None)
    return CheckpointError(
        f"{file} has no key {key}", path=file, expected=f"{of}: {listed}" if known else None, hint=hint
    )


def _way(value: object, key: str) -> tuple[str, object, str]:
    """How far a path leads: up to there, what is there, and what is left of the path."""
    place, rest = "", key
    while True:
        # Keys may hold dots themselves.
        found = [name for name in _keys(value) if f"{rest}.".startswith(f"{name}.") and name != rest]
        if not found:
            return place, value, rest
        name = max(found, key=len)
        value = _at(value, name)
        place, rest = _joined(place, name), rest[len(name) + 1 :]


def _meant(whole: object, place: str, inside: object, rest: str) -> Iterator[str]:
    """Paths that end as this one does, first those below `place`; else the nearest key there."""
    from tvae.config.suggestion import nearest

    for value, start in ((inside, place), (whole, "")):
        same = [path for path in _paths(value, start) if f".{path}".endswith(f".{rest}")]
        if same:
            yield from sorted(same, key=len)
            return
    known = _keys(inside)
    near = nearest(rest, known, cutoff=0.8)
    if near is None:
        first, _, more = rest.partition(".")
        near = nearest(first, known)
        longer = f"{near}.{more}"
        near = longer if near and longer in _paths(inside, "") else near
    if near is not None:
        yield _joined(place, near)


def _paths(value: object, start: str) -> Iterator[str]:
    ahead = [(start, value)]
    while ahead:
        place, value = ahead.pop()
        for name in _keys(value):
            yield _joined(place, name)
            ahead.append((_joined(place, name), _at(value, name)))


def _keys(value: object) -> list[str]:
    if isinstance(value, dict):
        return [str(name) for name in value]
    return [str(number) for number in range(len(value))] if isinstance(value, list) else []


def _at(value: object, name: str) -> object:
    if isinstance(value, list):
        return value[int(name)]
    return value[name] if isinstance(value, dict) else None


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
