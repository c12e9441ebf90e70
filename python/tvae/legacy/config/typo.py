"""Did you mean: the old key that an unknown one comes nearest to."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

#: Least likeness of two names, and of two whole dotted keys, to be taken for each other.
NAME, WHOLE = 0.7, 0.8
#: The same of two levels at one place of two dotted keys.
LEVEL = 0.6


def meant(path: str, known: Sequence[str]) -> str | None:
    """The known dotted key most like `path`: the same name elsewhere, a sibling, or any near key.

    Example:
        >>> known = ["training.patience", "training.epochs", "loss.rank.weight"]
        >>> [meant(key, known) for key in ("training.patence", "epochs", "los.rank.weight")]
        ['training.patience', 'training.epochs', 'loss.rank.weight']
        >>> [meant(key, known) for key in ("zzz", "loss.foo.weight")]
        [None, None]
    """
    section, _, name = path.rpartition(".")
    best: tuple[float, str] | None = None
    for key in known:
        parents, _, last = key.rpartition(".")
        name_alike = 0.9 if _initials(name) == last or _initials(last) == name else _alike(name, last)
        section_alike = _alike(section, parents) if section or parents else 1.0
        whole = _alike(path, key)
        if not (
            (parents == section and name_alike >= NAME)
            or (last == name and _near(section, parents))
            or (whole >= WHOLE and _near(path, key))
        ):
            continue
        score = name_alike + section_alike + whole
        if best is None or score > best[0]:
            best = (score, key)
    return best[1] if best else None


def _near(a: str, b: str) -> bool:
    """Whether two dotted keys have the same levels but for one that is missing, or have each level alike."""
    left, right = a.split(".") if a else [], b.split(".") if b else []
    while left and right and left[0] == right[0]:
        del left[0], right[0]
    while left and right and left[-1] == right[-1]:
        del left[-1], right[-1]
    if not left or not right:
        return True
    return len(left) == len(right) and all(_alike(x, y) >= LEVEL for x, y in zip(left, right, strict=True))


def _initials(name: str) -> str:
    """The first letters of its words: `learning_rate` is `lr` too."""
    words = name.split("_")
    return "".join(word[:1] for word in words) if len(words) > 1 else ""


def _alike(a: str, b: str) -> float:
    a, b = a.lower().replace("-", "_"), b.lower().replace("-", "_")
    # Letters that changed places leave the same letters: `lable` for `label`.
    return max(SequenceMatcher(None, a, b).ratio(), 0.9 if len(a) > 3 and sorted(a) == sorted(b) else 0.0)
