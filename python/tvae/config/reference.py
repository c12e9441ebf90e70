"""The reference of the config, generated from the schema: Markdown for people, JSON Schema for editors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec

from tvae.config import tree
from tvae.config.dump import inline
from tvae.config.schema import Config
from tvae.config.tree import Shape

_HEADER = "| key | type | range | default | meaning |\n|---|---|---|---|---|"


def reference() -> str:
    """Markdown: one table per section, one row per key, with type, range, default and meaning.

    Example:
        >>> "| `optim.lr` | number | > 0 | 0.01 |" in reference()
        True
    """
    parts = ["# Configuration", _HOW, *_sections(tree.root(), "")]
    return "\n\n".join(parts) + "\n"


_HOW = """A config file is YAML and names only what differs from these defaults. Any key can be set on the
command line with `--set a.b=value` or in the environment with `TVAE_A__B=value`; the command wins over
the environment, the environment over the file. `TVAE_SEED` and `TVAE_INIT` set the keys `seed` and
`init`, and `TVAE_OUT` stands for `--out`; other names without a double underscore are no settings: the
commands know those of old files ([migration.md](migration.md)) and leave the rest alone. A section that may
be null is switched off by null, and switched on, with its defaults, by setting any of its keys."""


def rows() -> list[dict[str, object]]:
    """The same rows as plain values.

    Example:
        >>> rows()[0]["key"]
        'seed'
    """
    found: list[dict[str, object]] = []
    for key, at in tree.every_key():
        if not at.section:
            noun, bounds = tree.words(at.annotation)
            default = tree.default_of(at)
            found.append(
                {"key": key, "type": noun, "range": bounds, "default": default, "meaning": at.description}
            )
    return found


def _sections(at: Shape, path: str) -> Iterator[str]:
    rows = [_row(f"{path}{name}", child) for name, child in at.children.items() if not child.section]
    yield f"## `{path.rstrip('.')}`" if path else "## Top level"
    yield _about(at)
    if rows:
        yield "\n".join([_HEADER, *rows])
    if tree.is_mapping(at.annotation):
        # Every name of a mapping takes the same keys: one table says them all.
        yield f"NAME is one of {', '.join(f'`{name}`' for name in at.children)}."
        yield from _sections(next(iter(at.children.values())), f"{path}NAME.")
        return
    for name, child in at.children.items():
        if child.section:
            yield from _sections(child, f"{path}{name}.")


def _row(path: str, at: Shape) -> str:
    noun, bounds = tree.words(at.annotation)
    cells = (f"`{path}`", noun, bounds, inline(tree.default_of(at)), at.description)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _about(at: Shape) -> str:
    """What a section is for, and whether it may be null."""
    struct = next((member for member in tree.alternatives(at.annotation) if isinstance(member, type)), None)
    about = [_first_paragraph(inspect.getdoc(struct) or "")] if struct is not None else []
    if at.description:
        about.append(f"{at.description[0].upper()}{at.description[1:]}.")
    if at.nullable:
        about.append("Null by default." if tree.default_of(at) is None else "May be null.")
    return " ".join(about)


def _first_paragraph(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config file, for editors that complete and check YAML.

    Example:
        >>> json_schema()["title"]
        'tvae config'
    """
    schema = msgspec.json.schema(Config)
    for definition in schema["$defs"].values():
        definition["description"] = _first_paragraph(definition.get("description", ""))
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tvae config", **schema}
    # Defaults that are tuples become lists, as they are in a file.
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))
    return plain
