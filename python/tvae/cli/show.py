"""`tvae show`: what a checkpoint holds and whether loading it is safe, found without loading it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from tvae.cli.danger import tell_danger
from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import remark, result, result_json
from tvae.errors import CheckpointError, TvaeError

if TYPE_CHECKING:
    from tvae.cli.failure import Failure
    from tvae.records import FileRecord

#: Kinds of files that no checkpoint has; what they are is said in the words of every other command.
_FOREIGN = ("empty", "other", "unknown", "zip", "tar")


def show(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A checkpoint of any kind, the folder of its best, or `default`."
        ),
    ],
    key: Annotated[
        str | None, typer.Option("--key", metavar="A.B", help="Print the value under this key path alone.")
    ] = None,
    tensors: Annotated[bool, typer.Option("--tensors", help="Also list every tensor.")] = False,
    imports: Annotated[
        bool, typer.Option("--imports", help="Also list what its pickles import, and where.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show what a checkpoint holds and whether loading it is safe, without executing anything in it.

    Exits with 0 if it could be read, whatever the verdict: `tvae scan FILE` exits with 1 for a dangerous one.
    """
    from tvae import scanning

    if file == "default" or os.path.isdir(file):
        from tvae.loading import locate

        file = str(locate(file))
    if key is not None:
        # A value may be what the file hands to the code that it names.
        tell_danger(file, quiet=quiet)
        _value(file, key, as_json=as_json)
        return
    record = scanning.inspect(file)
    readable = record.status in ("ok", "salvaged")
    listed = scanning.tensors(file) if tensors and readable else []
    if as_json:
        import msgspec

        more = {"tensors": [msgspec.structs.asdict(one) for one in listed]} if tensors else {}
        refused = {} if readable else {"error": _refusal(record).as_json()}
        result_json({**plain(record), **more, **refused})
    else:
        from tvae.cli.inventory import import_table, overview, tensor_table

        result(overview(record))
        if imports:
            result("\n" + import_table(record))
        if tensors and listed:
            result("\n" + tensor_table(listed, record))
    if not readable:
        # The record says why, and is a result all the same: the error object stands in it.
        if not quiet:
            remark(f"tvae: {_refusal(record).message}")
        raise typer.Exit(CheckpointError.code)


def _refusal(record: FileRecord) -> Failure:
    """Why a file is no checkpoint that can be read, as an error."""
    from tvae import scanning
    from tvae.checkpoint.record import AGAIN
    from tvae.cli.failure import Failure, describe, one_line

    if record.kind in _FOREIGN:
        try:
            scanning.tensors(record.path)
        except TvaeError as error:
            return describe(error)
    found, hint = f"{record.status}: no checkpoint that could be read", None
    if record.status == "corrupt":
        some = record.top_keys or record.state_dicts
        found, hint = f"damaged, and {'only a part' if some else 'nothing'} of it could be read", AGAIN
    told = f"{one_line(record.path)}: {found}"
    return Failure(
        code=CheckpointError.code,
        message=f"{told}; {hint}" if hint else told,
        path=record.path,
        expected="a checkpoint",
        got=record.status,
        hint=hint,
    )


def plain(record: FileRecord) -> dict[str, object]:
    """The record as an object of JSON, every field of it."""
    import msgspec

    found = msgspec.to_builtins(record)
    assert isinstance(found, dict)
    return found


def _value(file: str, key: str, *, as_json: bool) -> None:
    from tvae import scanning

    found = scanning.find(file, key)
    if not found:
        from tvae.cli.keys import no_key

        raise no_key(file, key)
    if as_json:
        result_json({"path": file, "key": key, "value": found[0]})
    else:
        from tvae.cli.inventory import value_text

        result(value_text(found[0]))
