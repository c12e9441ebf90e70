"""Old configs of our own, which between them have every key that the predecessor ever had."""

from __future__ import annotations

from pathlib import Path

from tvae.config.document import read
from tvae.config.yaml import Document, parse
from tvae.legacy.config import Migration, migrate

FOLDER = Path(__file__).parent / "configs"
FILES = sorted(FOLDER.glob("*.yaml"))
NAMES = [path.stem for path in FILES]


def document(name: str) -> Document:
    return read(FOLDER / f"{name}.yaml", name=f"{name}.yaml")


def migrated(name: str, *changes: tuple[str, str]) -> Migration:
    """The migration of a file, in which some text has been replaced by other text."""
    text = (FOLDER / f"{name}.yaml").read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return migrate(parse(text, name=f"{name}.yaml"))


def fate(found: Migration, key: str) -> tuple[str, str | None, object]:
    """What became of a leaf: action, new key, new value."""
    entry = next(entry for entry in found.entries if entry.old == key)
    return entry.action, entry.new, entry.new_value


def reason(found: Migration, key: str) -> str:
    return next(entry.reason for entry in found.entries if entry.old == key)
