"""`tvae config migrate`: an old config as today's, with an account of every leaf."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvae.cli.listing.layout import UNLIMITED, terminal_width, wrap
from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import folded, note, result, result_json
from tvae.errors import ConfigError

if TYPE_CHECKING:
    from tvae.config.yaml import Document
    from tvae.legacy.config.migration import Entry, Migration

_HEADS = {
    "refused": "refused: yours to decide",
    "dropped": "dropped: had no effect, or can have none",
    "converted": "converted: the same in other units or words",
    "mapped": "mapped: the same under today's name",
}


def migrate(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A config of the predecessor.")],
    new: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="NEW", help="Where the new config goes; without it, stdout."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if the file is old.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace NEW if it is there.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rewrite a config of the predecessor, and account for every key of it.

    The new file holds what differs from the defaults, with the comments of the old one. The account
    goes to stdout, or to stderr where the new file itself does.
    """
    from tvae.config.document import read
    from tvae.legacy.config import migrate, recognise
    from tvae.legacy.config.comments import comments
    from tvae.legacy.config.named import layers
    from tvae.legacy.config.written import command, written

    document = read(old)
    if check and recognise(document.values) is None:
        _current(document, as_json=as_json)
        return
    if new is not None and new.exists() and new.samefile(old):
        raise ConfigError(
            "the new file would replace the old one", path=str(new), hint="give -o another name"
        )
    if overwrite and (new is None or check):
        raise ConfigError("--overwrite writes nothing here", path="--overwrite", hint="leave it out")
    if new is not None and new.exists() and not check and not overwrite:
        raise ConfigError("exists already", path=str(new), hint="give -o another name, or --overwrite")
    found = migrate(document, layers=layers(document))
    for warning in found.warnings:
        note(f"tvae: warning: {warning}")
    name = str(new or old.with_suffix(".new.yaml"))
    text = written(found, comments(_text(old), document.lines), old=old.name, new=name)
    if new is not None and not check:
        from tvae.checkpoint import write_text

        write_text(new, text)
    if as_json:
        result_json(
            {
                "dialect": found.dialect,
                "version": found.version,
                "path": str(old),
                "written": str(new) if new is not None and not check else None,
                "command": command(found, name),
                "counts": found.counts(),
                "keys": [_row(entry) for entry in found.entries],
                "implied": [
                    {"new": key, "value": value, "reason": reason}
                    for key, (value, reason) in found.implied.items()
                ],
                "config": found.values,
                "text": text,
            }
        )
    elif new is None and not check:
        result(text)
        if not quiet:
            note(report(found, str(old), width=terminal_width()))
    elif quiet:
        result(verdict(found, str(old)))
    else:
        result(report(found, str(old), width=terminal_width()))
        if new is not None and not check:
            result(f"\nwritten: {new}\nnext:    {_next(found, command(found, name))}")
    if check:
        raise typer.Exit(1)


def report(found: Migration, name: str, *, width: int = UNLIMITED) -> str:
    """Every leaf and what became of it, the refused ones first; reasons are wrapped, keys never."""
    lines = [verdict(found, name)]
    for action, head in _HEADS.items():
        entries = [entry for entry in found.entries if entry.action == action]
        if not entries:
            continue
        lines += ["", f"{head} ({len(entries)})"]
        if action in ("mapped", "converted"):
            lines.append(folded([_cells(entry) for entry in entries], width=width))
        else:
            lines += _by_reason(
                ((entry.reason, f"{entry.old} = {_value(entry.old_value)}") for entry in entries), width
            )
    if found.implied:
        lines += ["", f"implied: what the old code did without being told ({len(found.implied)})"]
        lines += _by_reason(
            ((reason, f"{key} = {_value(value)}") for key, (value, reason) in found.implied.items()), width
        )
    return "\n".join(lines)


def verdict(found: Migration, name: str) -> str:
    """The dialect and how many leaves met which fate, in one line."""
    version = "" if found.version == found.dialect else f", version {found.version}"
    counts = ", ".join(f"{count} {action}" for action, count in found.counts().items())
    return f"{name}: dialect {found.dialect}{version}; {len(found.entries)} keys: {counts}"


def _next(found: Migration, command: str) -> str:
    refused = len(found.refused)
    return (
        f"{refused} refused: decide about {'it' if refused == 1 else 'them'} first, then\n         {command}"
        if refused
        else command
    )


def _cells(entry: Entry) -> tuple[str, str, str]:
    shown = f"{entry.new} = {_value(entry.new_value)}" if entry.sets else str(entry.new)
    return f"  {entry.old} = {_value(entry.old_value)}", shown, entry.reason


def _by_reason(pairs: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    """Keys that share a reason below it: they are many, and the reasons are long."""
    grouped: dict[str, list[str]] = {}
    for reason, key in pairs:
        grouped.setdefault(reason, []).append(key)
    for reason, keys in grouped.items():
        yield from wrap(f"  {reason}:", width)
        yield from (f"      {key}" for key in keys)


def _value(value: object) -> str:
    from tvae.config.dump import inline

    text = "on" if isinstance(value, dict) else inline(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _row(entry: Entry) -> dict[str, object]:
    return {
        "old": entry.old,
        "new": entry.new,
        "action": entry.action,
        "reason": entry.reason,
        "old_value": entry.old_value,
        "new_value": entry.new_value,
        "also": entry.also,
    }


def _current(document: Document, *, as_json: bool) -> None:
    if as_json:
        result_json({"dialect": None, "path": document.name, "keys": []})
    else:
        result(f"{document.name}: no config of the predecessor; nothing to migrate")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")
