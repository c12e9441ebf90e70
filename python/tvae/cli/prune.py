"""`tvae prune`: carry out a reviewed plan of `tvae scan`, or take it back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import filled, note, result, result_json
from tvae.errors import ConfigError, MissingError

if TYPE_CHECKING:
    from tvae.pruning import Prepared


def prune(
    plan: Annotated[
        str | None,
        typer.Argument(metavar="PLAN", help="A file written by `tvae scan --plan`.", show_default=False),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without this, only say what would be done.")
    ] = False,
    archive: Annotated[
        str | None,
        typer.Option(
            "--archive", metavar="DIR", help="Where files go; without it, ROOT-archive beside the tree."
        ),
    ] = None,
    undo: Annotated[
        str | None,
        typer.Option(
            "--undo",
            metavar="LOG|DIR",
            help="Move back what a log says was moved, or the newest in an archive.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Move what a plan names into an archive. Nothing is ever removed for good.

    The plan is refused as a whole if anything in it changed since it was written.
    """
    if undo is not None:
        given = {f"PLAN {plan}": plan is not None, "--apply": apply, "--archive": archive is not None}
        if surplus := [word for word, there in given.items() if there]:
            raise ConfigError(
                f"--undo takes a log and nothing else, got {' and '.join(surplus)}",
                path="--undo",
                hint="an undo moves at once: leave out the rest",
            )
        _undo(undo, as_json=as_json)
        return
    if plan is None:
        raise ConfigError(
            "there is no PLAN", path="tvae prune", hint="`tvae scan PATH --plan FILE` writes one"
        )
    from tvae import pruning

    prepared = pruning.prepare(pruning.read(plan), archive=archive)
    log = None
    if apply and prepared.moves:

        def begun(path: str) -> None:
            if not quiet:
                note(f"tvae: `tvae prune --undo {_shell(path)}` takes this back, at any moment")

        log = pruning.apply(prepared, begun=begun)
    if as_json:
        result_json(_plain(prepared, plan, log))
    else:
        result(_text(prepared, done=log is not None))
    if not quiet:
        _advise(prepared, plan, log)


def _undo(log: str, *, as_json: bool) -> None:
    from tvae import pruning
    from tvae.cli.listing.layout import escaped, size

    if os.path.isdir(log):
        from tvae.pruning.history import newest

        found = newest(log)
        if found is None:
            raise MissingError(f"{log}: no log of tvae prune is in it", path=log, hint="name an archive")
        log = found
    done = pruning.undo(log)
    if as_json:
        result_json(
            {"log": log, "root": done.root, "moved": done.moved, "bytes": done.bytes, "kept": done.kept}
        )
        return
    for path in done.moved:
        result(f"back  {escaped(path)}")
    root = escaped(done.root)
    if done.moved:
        verb = "is" if len(done.moved) == 1 else "are"
        result(f"{_counted(len(done.moved), 'file')}, {size(done.bytes)}, {verb} back in {root}")
    elif done.kept:
        result(f"nothing was moved: everything is in {root} already")
    else:
        result(f"the empty folders are back in {root}")


def _plain(prepared: Prepared, plan: str, log: str | None) -> dict[str, object]:
    return {
        "plan": plan,
        "root": prepared.root,
        "archive": prepared.archive,
        "applied": log is not None,
        "log": log,
        "bytes": {action: prepared.size(action) for action in ("archive", "delete")},
        "items": [
            {
                "path": item.path,
                "action": item.action,
                "target": None if item.folder else target,
                "size": item.size,
            }
            for item, target in prepared.moves
        ],
    }


def _text(prepared: Prepared, *, done: bool) -> str:
    """A line an item, and the sum."""
    from os.path import relpath

    from tvae.cli.listing.layout import Column, escaped, lay_out, size, terminal_width

    if not prepared.moves:
        return "the plan is empty: there is nothing to do"
    items = [item for item, _ in prepared.moves]
    files = [item for item in items if not item.folder]
    table = lay_out(
        [
            Column("action", [item.action for item in items]),
            Column("size", ["folder" if item.folder else size(item.size) for item in items], right=True),
            Column("path", [escaped(relpath(item.path, prepared.root)) for item in items], flexible=True),
            Column("reason", [escaped(item.reason) for item in items], flexible=True),
        ],
        width=terminal_width(),
    )
    sums = [
        f"{count} to {action} ({size(prepared.size(action))})"
        for action in ("archive", "delete")
        if (count := sum(item.action == action for item in files))
    ]
    told = []
    if files:
        total = f"{_counted(len(files), 'file')}, {size(sum(item.size for item in files))},"
        places = f"from {escaped(prepared.root)} to {escaped(prepared.archive)}"
        told.append(f"{'moved' if done else 'would move'} {total} {places}: {', '.join(sums)}")
    if folders := len(items) - len(files):
        told.append(f"{'removed' if done else 'would remove'} {_counted(folders, 'empty folder')}")
    return f"{table}\n\n{filled('; '.join(told), width=terminal_width())}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _advise(prepared: Prepared, plan: str, log: str | None) -> None:
    if not prepared.moves:
        return
    if log is None:
        note(f"tvae: nothing was done; `tvae prune {_shell(plan)} --apply` does it")
    elif any(item.action == "delete" and not item.folder for item, _ in prepared.moves):
        note(
            f"tvae: when nothing of it is missed, `rm -r {_shell(prepared.deleted)}` removes what was deleted"
        )


def _shell(path: str) -> str:
    from shlex import quote

    from tvae.cli.failure import one_line

    return quote(one_line(path))
