"""Did you mean: the known keys and names nearest to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

from tvae.config import tree


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").strip()


def _initials(name: str) -> str:
    words = [word for word in name.split("_") if word]
    return "".join(word[0] for word in words) if len(words) > 1 else ""


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that is most like `name`, or None.

    Example:
        >>> nearest("smokes", ["default", "smoke"])
        'smoke'
    """
    plain = {_plain(candidate): candidate for candidate in known}
    found = get_close_matches(_plain(name), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def meant(path: str) -> str:
    """A hint for an unknown dotted key: the same name elsewhere, a sibling, initials, any near key.

    Example:
        >>> meant("lr")
        'did you mean optim.lr?'
        >>> meant("optim.learning_rate")
        'did you mean optim.lr?'
    """
    every = [key for key, _ in tree.every_key()]
    parents, _, name = path.rpartition(".")
    plain = _plain(name)
    section = tree.find(parents) if parents else tree.root()
    siblings = list(section.children) if section else []
    sibling = nearest(name, siblings, cutoff=0.7)
    near = f"{parents}.{sibling}" if parents and sibling else sibling
    found = [near] if near and sibling and _plain(sibling) == plain else []
    found = found or [key for key in every if _plain(_last(key)) == plain]
    found = found or ([near] if near else [])
    found = found or [
        key for key in every if plain == _initials(_last(key)) or _initials(plain) == _last(key)
    ]
    found = found or [key for key in every if _last(key) == nearest(name, map(_last, every), cutoff=0.8)]
    if found:
        # The key in the nearest section first: the same name may be in many.
        found.sort(key=lambda key: -SequenceMatcher(None, path, key).ratio())
        return f"did you mean {' or '.join(found[:3])}?"
    if siblings:
        return f"{parents or 'the top level'} has {', '.join(siblings)}"
    return "`tvae config reference` lists every key"
