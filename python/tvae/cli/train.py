"""`tvae train`: from a preset, a file and flags to a run, or on with one that was interrupted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvae.cli.danger import tell_danger
from tvae.cli.failure import INTERRUPTED
from tvae.cli.option import DEFAULT_OUT, Debug, Json, Out, Quiet, Sets, Source
from tvae.cli.output import columns, note, result, result_json
from tvae.cli.settings import out_folder, settings, variables
from tvae.errors import ConfigError

if TYPE_CHECKING:
    from tvae.config import Config, Resolved
    from tvae.training import Event, RunSummary, Sink

#: The flags that are short for a key.
_KEYS = {
    "--init": "init",
    "--seed": "seed",
    "--epochs": "training.epochs",
    "--batch-size": "training.batch_size",
    "--lr": "optim.lr",
    "--device": "training.device",
    "--threads": "training.threads",
    "--allow-cold-start": "training.guards.allow_cold_start",
}


def train(
    context: typer.Context,
    source: Source = None,
    sets: Sets = None,
    init: Annotated[
        str | None, typer.Option("--init", metavar="CKPT", help="Start from these weights, at epoch 0.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="RUN|CKPT", help="Continue a run: its name, its folder or its checkpoint."
        ),
    ] = None,
    out: Out = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="The run's name; without it, PRESET-sSEED-TIME."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run of the same name.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Sets seed.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", help="Sets training.epochs.")] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="N", help="Sets training.batch_size.")
    ] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="X", help="Sets optim.lr.")] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="auto|cpu|cuda|cuda:N", help="Sets training.device.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", help="Sets training.threads.")
    ] = None,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Build everything, measure the start, do not train.")
    ] = False,
    auto_fix: Annotated[
        bool,
        typer.Option(
            "--auto-fix",
            help="Give frozen parts without weights a checkpoint, in a config beside the old one.",
        ),
    ] = False,
    allow_cold_start: Annotated[
        bool, typer.Option("--allow-cold-start", help="Train on loaded or frozen parts that decode nothing.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a model. Without an argument: the preset `default`."""
    flags: dict[str, object] = {
        "--init": init,
        "--seed": seed,
        "--epochs": epochs,
        "--batch-size": batch_size,
        "--lr": lr,
        "--device": device,
        "--threads": threads,
        "--allow-cold-start": allow_cold_start or None,
    }
    given = {flag: value for flag, value in flags.items() if value is not None}
    arguments = context.obj if isinstance(context.obj, list) else []
    command = shlex.join(["tvae", *arguments])
    silent = quiet or as_json
    env = variables() if resume is not None else variables(source, sets=sets or ())
    home = out_folder(out, env)
    if resume is not None:
        from tvae import training

        others = {"a preset or file": source, "--set": sets, "--name": name, "--overwrite": overwrite or None}
        kept = {flag: value for flag, value in given.items() if flag not in {"--device", "--threads"}}
        checks = {"--validate-only": validate_only or None, "--auto-fix": auto_fix or None}
        _only_resume(resume, {**others, **kept, **checks}, out)
        sink = _progress(silent=silent)
        summary = training.resume(
            resume, out=home, command=command, device=device, threads=threads, sinks=[sink]
        )
        if not sink.started and summary.status == "finished":
            note(f"tvae: the run {summary.name} is finished already")
        _report(summary, out=home, as_json=as_json)
        return

    found = settings(
        source,
        env=env,
        sets=sets or (),
        overrides={_KEYS[flag]: value for flag, value in given.items()},
        labels={key: flag for flag, key in _KEYS.items()},
    )
    if auto_fix:
        if found.config.training.guards.allow_cold_start:
            raise ConfigError(
                "--auto-fix beside --allow-cold-start",
                path="--auto-fix",
                hint="the one finds weights for frozen parts, the other does without: leave one away",
            )
        found = _fixed(found, out=home, command=command, may_train=not validate_only, silent=silent)
    if found.config.init is not None:
        tell_danger(found.config.init, quiet=quiet)
    if validate_only:
        from tvae.checks.preflight import preflight

        _preflight(preflight(found.config, out=home), quiet=quiet, as_json=as_json)
        return
    from tvae.checks.preflight import explained, present

    with explained(found.config, out=home):
        present(found.config)
    from tvae import training

    sink = _progress(silent=silent)
    with explained(found.config, out=home):
        summary = training.train(
            found.config,
            preset=found.name,
            config_path=str(found.path) if found.path else None,
            command=command,
            out=home,
            name=name,
            overwrite=overwrite,
            sinks=[sink],
        )
    _report(summary, out=home, as_json=as_json)


def _only_resume(run: str, others: Mapping[str, object], out: Path | None) -> None:
    """A resumed run brings its own settings: one beside it would be ignored, so it is refused."""
    refused = [flag for flag, value in others.items() if value is not None and value != []]
    if refused:
        raise ConfigError(
            f"{refused[0]} beside --resume",
            path="--resume",
            hint="a resumed run keeps its own settings; start a new run from its weights with --init",
        )
    if out is not None and ("/" in run or run.endswith(".safetensors")):
        raise ConfigError(
            "--out beside the path of a run",
            path="--resume",
            hint="the run goes on where it lives; leave --out away, or give the run's name alone",
        )


class _Watched:
    """Passes events on, and knows whether any came: a finished run sends none.

    A guard's stop is left out: it becomes the error that the command ends with.
    """

    def __init__(self, inner: Sink) -> None:
        self.inner = inner
        self.started = False

    def emit(self, event: Event) -> None:
        self.started = True
        if event.scope != "alert" or event.values.get("alert") != "stopped":
            self.inner.emit(event)

    def close(self) -> None:
        self.inner.close()


def _progress(*, silent: bool) -> _Watched:
    from tvae.cli.progress import progress

    return _Watched(progress(silent=silent))


def _preflight(found: Mapping[str, object], *, quiet: bool, as_json: bool) -> None:
    if as_json:
        result_json({"valid": True, **found})
        return
    # Lists are remarks, on what the run would start from and what it would never reach.
    for value in found.values():
        for remark in value if isinstance(value, list) and not quiet else ():
            note(f"tvae: {remark}")
    facts = [
        (name, f"{value:.2%}" if name == "coverage" else str(value))
        for name, value in found.items()
        if not isinstance(value, list)
    ]
    result(columns([*facts, ("verdict", "valid")]))


def _fixed(found: Resolved, *, out: Path, command: str, may_train: bool, silent: bool) -> Resolved:
    """The config, or one beside it in which frozen parts have weights."""
    import msgspec

    from tvae.checks.repair import needed, repair

    if not needed(found.config):
        if not silent:
            why = "init is set" if found.config.init is not None else "no part is frozen"
            note(f"tvae: nothing for --auto-fix to do: {why}")
        return found

    def train_base(config: Config) -> str | None:
        from tvae import training

        if not silent:
            note("tvae: no checkpoint at hand fits: training the preset base first")
        sink = _progress(silent=silent)
        return training.train(config, preset="base", command=command, out=out, sinks=[sink]).checkpoint

    fixed = repair(found, out=out, train_base=train_base if may_train else None)
    if not silent:
        note(fixed.diff.rstrip())
    note(f"tvae: wrote {fixed.path}: init is {fixed.init} ({fixed.reason}, coverage {fixed.coverage:.2%})")
    config = msgspec.structs.replace(found.config, init=fixed.init)
    return msgspec.structs.replace(found, config=config, path=fixed.path)


def _report(summary: RunSummary, *, out: Path, as_json: bool) -> None:
    import msgspec

    from tvae.cli.scores import table

    if as_json:
        result_json(msgspec.to_builtins(summary))
    elif summary.metrics:
        result(table(summary.metrics, summary.ceilings))
    if not as_json:
        result(f"\n{summary.status} after {_length(summary)}, {_seconds(summary.seconds)}")
        if summary.best is None and summary.last is not None:
            note("tvae: no evaluation may be called best: coverage stayed too low or the order is inverted")
        if summary.checkpoint:
            checkpoint = shlex.quote(str(summary.checkpoint))
            result(f"checkpoint: {checkpoint}")
            result(f"next:       tvae eval {checkpoint}\n            tvae plot {_named(summary, out)}")
    if summary.status == "interrupted":
        note(f"tvae: interrupted, state saved; go on with: tvae train --resume {_named(summary, out)}")
        raise typer.Exit(INTERRUPTED)


def _named(summary: RunSummary, out: Path) -> str:
    """How to name the run to another command: by its name, or by its folder when it is elsewhere."""
    here = out == DEFAULT_OUT and Path(summary.models_dir) == out / "models" / summary.name
    return shlex.quote(summary.name if here else str(summary.models_dir))


def _length(summary: RunSummary) -> str:
    """How far the run went: in whole epochs, and in steps where it has no epoch."""
    if not summary.epochs and summary.steps:
        return f"{summary.steps} step{'s' if summary.steps > 1 else ''}"
    return f"{summary.epochs} epoch{'' if summary.epochs == 1 else 's'}"


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
