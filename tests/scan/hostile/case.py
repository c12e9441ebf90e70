"""A hostile file: how it is written, and what must be said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# What `safety` may be where a file was made to be unclear: anything but clean.
NOT_CLEAN = frozenset({"unknown_code", "dangerous", "unparsed"})
CLEAN = frozenset({"data_only", "known_types"})


@dataclass(frozen=True)
class Case:
    """One file of a class of the specification.

    Attributes:
        number: the class.
        name: what is special about this one, with the advisory that it goes back to if there is one.
        make: the bytes, or a function that writes them to a path.
        status, safety: of the record; several safeties where each of them is right.
        codes: issues that must be there, and `without` issues that must not.
        epoch: what must survive.
        kind: what it must be called, if that matters.
        suffix: of the file.
    """

    number: int
    name: str
    make: bytes | Callable[[Path], object]
    status: str
    safety: str | frozenset[str]
    codes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    epoch: int | None = None
    kind: str | None = None
    suffix: str = ".pt"
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.number:03d} {self.name}"

    def write(self, folder: Path) -> Path:
        """The file, written to a folder."""
        name = "".join(sign if sign.isalnum() else "-" for sign in self.label)
        path = folder / f"{name}{self.suffix}"
        if isinstance(self.make, bytes):
            path.write_bytes(self.make)
        else:
            self.make(path)
        return path


def later(make: Callable[[], bytes]) -> Callable[[Path], object]:
    """A file that is made when it is written, because it takes a while or much memory."""
    return lambda path: path.write_bytes(make())
