"""`tvae config`: show, validate, migrate, compare and document configs, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvae.cli.listing.layout import terminal_width
from tvae.cli.migrate import migrate
from tvae.cli.option import Debug, Json, Quiet, Sets, Source
from tvae.cli.output import folded, result, result_json
from tvae.cli.settings import settings, variables
from tvae.errors import CheckpointError

if TYPE_CHECKING:
    from tvae.config import Config, Resolved

app = typer.Typer(
    help="Show, validate, migrate, compare and document configs.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(migrate)


@app.command()
def show(
    source: Source = None,
    sets: Sets = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print a config in full, with where each setting that is not a default comes from."""
    import msgspec

    from tvae.config import config_hash, dump

    sets = sets or []
    found = settings(source, sets=sets, env=variables(source, sets=sets))
    if as_json:
        result_json(
            {
                "name": found.name,
                "path": _path(found),
                "config": msgspec.to_builtins(found.config),
                "config_hash": config_hash(found.config),
                "origin": found.origin,
            }
        )
    else:
        result(dump(found.config, comments=found.origin))


@app.command()
def validate(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A YAML file, or a preset's name.")],
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Check a config file alone: neither the environment nor the paths that it names."""
    from tvae.config import config_hash

    found = settings(source, env=None)
    if as_json:
        result_json(
            {
                "valid": True,
                "name": found.name,
                "path": _path(found),
                "config_hash": config_hash(found.config),
            }
        )
    else:
        result(f"{found.path or f'preset {found.name}'}: valid")


@app.command()
def schema(as_json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Print the JSON Schema of config files, for editors."""
    import json

    from tvae.config.reference import json_schema

    if as_json:
        result_json({"json_schema": json_schema()})
    else:
        result(json.dumps(json_schema(), indent=2))


@app.command()
def reference(as_json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Print every key with its type, range, default and meaning, as Markdown."""
    from tvae.config.reference import reference, rows

    if as_json:
        result_json({"keys": rows()})
    else:
        result(reference())


@app.command()
def presets(as_json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the presets."""
    from textwrap import fill

    from tvae.config import presets

    found = presets()
    if as_json:
        result_json({"presets": [{"name": name, "summary": summary} for name, summary in found]})
    else:
        width = max((len(name) for name, _ in found), default=0) + 2
        for name, summary in found:
            result(fill(summary, 80, initial_indent=name.ljust(width), subsequent_indent=" " * width))


@app.command()
def diff(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="A preset, a file (old ones too), a checkpoint or a run's folder."),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="What to compare it with.")],
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare two configs key by key, defaults included; exit 1 if they differ."""
    import msgspec

    from tvae.config import tree
    from tvae.config.dump import inline

    sides = [tree.leaves(msgspec.to_builtins(_config_of(source))) for source in (a, b)]
    different = _differences(*sides)
    if as_json:
        found = [
            {"key": key, "a": left, "b": right, "in_a": key in sides[0], "in_b": key in sides[1]}
            for key, left, right in different
        ]
        result_json({"equal": not different, "differences": found})
    elif different:
        cells = [
            (key, *(inline(side[key]) if key in side else "(absent)" for side in sides))
            for key, _, _ in different
        ]
        result(folded([("key", a, b), *cells], width=terminal_width()))
    if different:
        raise typer.Exit(1)


def _differences(left: dict[str, object], right: dict[str, object]) -> list[tuple[str, object, object]]:
    absent = object()
    keys = [*left, *(key for key in right if key not in left)]
    return [
        (key, left.get(key), right.get(key))
        for key in keys
        if left.get(key, absent) != right.get(key, absent)
    ]


def _config_of(source: str) -> Config:
    """The config of a preset or a file, of a checkpoint's record, or of a run's models folder."""
    path = Path(source)
    if path.suffix == ".safetensors":
        return _of_a_checkpoint(path)
    inside = path / "config.yaml"
    if path.is_dir() and inside.exists():
        return settings(str(inside), env=None).config
    return _migrated(path) or settings(source, env=None).config


def _migrated(path: Path) -> Config | None:
    """A config of the predecessor as today's; None for anything else."""
    import msgspec

    from tvae.config import Config
    from tvae.config.document import read
    from tvae.errors import TvaeError
    from tvae.legacy.config import migrate, recognise

    try:
        document = read(path) if path.is_file() else None
    except TvaeError:
        return None
    if document is None or recognise(document.values) is None:
        return None
    return msgspec.convert(migrate(document).values, Config)


def _of_a_checkpoint(path: Path) -> Config:
    import msgspec

    from tvae.checkpoint import read_record
    from tvae.config import Config

    record = read_record(path)
    if not record.config:
        raise CheckpointError(
            "its record has no config", path=str(path), hint="compare the run's config.yaml"
        )
    try:
        return msgspec.convert(record.config, Config)
    except msgspec.ValidationError as error:
        raise CheckpointError(
            f"holds a config that this version does not read: {error}", path=str(path)
        ) from None


def _path(found: Resolved) -> str | None:
    return str(found.path) if found.path else None
