"""`tvae checkpoint`: convert, validate, compare and verify checkpoints, ours and the predecessor's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tvae.cli.danger import tell_danger
from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import filled, folded, remark, result, result_json

if TYPE_CHECKING:
    from tvae.checks.conversion import Converted
    from tvae.checks.validation import Check

app = typer.Typer(
    help="Convert, validate, compare and verify checkpoints, ours and those of the predecessor.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Checkpoint = Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint, or its folder, or `default`.")]


@app.command()
def convert(
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A checkpoint, or its folder.")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="NAME.safetensors, or NAME.pt for the predecessor's tools.")
    ],
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Measure every metric anew.")
    ] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace NEW.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write an old .pt as a checkpoint of ours, or one of ours as a .pt. Nothing is unpickled."""
    import shlex

    from tvae.checks.conversion import convert as run

    tell_danger(old, quiet=quiet)
    arguments = context.obj if isinstance(context.obj, list) else []
    done = run(old, new, measure=measure, overwrite=overwrite, command=shlex.join(["tvae", *arguments]))
    if as_json:
        result_json(plain(done))
    else:
        _show_conversion(done, quiet=quiet)


@app.command()
def validate(
    checkpoint: Checkpoint,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="Also ask whether it fits this config, or preset."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Ask whether a checkpoint loads, is whole, finite and sane, and fits a config; 1 if not."""
    from tvae.checks.validation import validate as run
    from tvae.checks.validation import verdict

    wanted = None
    if config is not None:
        from tvae.cli.settings import settings

        wanted = settings(config, env=None).config
    tell_danger(checkpoint, quiet=quiet)
    checks = run(checkpoint, config=wanted)
    valid = verdict(checks)
    if as_json:
        result_json({"checkpoint": checkpoint, "valid": valid, "checks": [plain(one) for one in checks]})
    else:
        _show_checks(checkpoint, checks, valid=valid)
    if not valid:
        raise typer.Exit(1)


@app.command()
def verify(
    checkpoint: Checkpoint,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", min=0, help="Seed of the latents that old definitions sample."),
    ] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a checkpoint anew and hold what it stores against that, by definition.

    Exits with 1 if something differs, and if it stores nothing that can be measured.
    """
    from tvae.checks.verification import verdict as judged
    from tvae.checks.verification import verify as run

    def say(told: str) -> None:
        if not (quiet or as_json):
            remark(f"tvae: {told}")

    tell_danger(checkpoint, quiet=quiet)
    found = run(checkpoint, seed=seed, say=say)
    verified = judged(found)
    if as_json:
        result_json(
            {"checkpoint": checkpoint, "verified": verified, "metrics": [plain(one) for one in found]}
        )
    else:
        from tvae.cli.sides import verification

        result(verification(checkpoint, found))
    if not verified:
        raise typer.Exit(1)


@app.command()
def compare(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Two or more checkpoints.")],
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Put checkpoints side by side: models, metrics by definition, configs, tensors; 1 if they differ."""
    from tvae.checks.comparison import compare as run
    from tvae.errors import ConfigError

    if len(checkpoints) < 2:
        raise ConfigError(
            "one checkpoint has nothing to be compared with", path="CKPT", expected="two or more"
        )
    for checkpoint in dict.fromkeys(checkpoints):
        tell_danger(checkpoint, quiet=quiet)
    found = run(checkpoints)
    if not (quiet or as_json):
        for told in dict.fromkeys(f"{side.path}: {note}" for side in found.sides for note in side.notes):
            remark(f"tvae: {told}")
    if as_json:
        differing = {of: found.differing(of) for of in ("architecture", "config")}
        result_json({"same": found.same, **plain(found), "differing": differing})
    else:
        from tvae.cli.sides import comparison

        result(comparison(found))
    if not found.same:
        raise typer.Exit(1)


def plain(value: Any) -> dict[str, Any]:
    """A struct as an object of JSON."""
    import msgspec

    found = msgspec.to_builtins(value)
    assert isinstance(found, dict)
    return found


def _show_conversion(done: Converted, *, quiet: bool) -> None:
    if not quiet:
        for told in done.notes:
            remark(f"tvae: {told}")
    from tvae.cli.listing.layout import terminal_width

    layout = f" of the layout {done.layout}" if done.layout else ""
    result(filled(f"{done.target}: {done.tensors} tensors{layout}", width=terminal_width()))
    if done.metrics:
        from tvae.checkpoint.card import ceilings_at
        from tvae.cli.scores import table

        result(table(done.metrics, ceilings_at(done.depth)))


def _show_checks(source: str, checks: list[Check], *, valid: bool) -> None:
    from tvae.cli.failure import one_line
    from tvae.cli.listing.layout import terminal_width

    rows = [("ok" if one.ok else "FAIL", one.name, one_line(one.message)) for one in checks]
    result(folded(rows, width=terminal_width(), beside=2))
    for one in checks:
        if one.details:
            result(f"\n{one.details}")
    result(f"{one_line(source)}: {'valid' if valid else 'not valid'}")
