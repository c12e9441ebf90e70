"""`tvae`: the commands assembled, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tvae.cli.failure import Interrupted, describe
from tvae.cli.output import note, remark, result, result_json

EXIT_CODES = """\b
Exit codes:
  0    done
  1    a negative verdict: findings, invalid, differs
  2    usage, or a refused config
  3    input missing, corrupt or incompatible
  4    disk, permission, device or network
  5    stopped by a training guard
  130  interrupted, state saved"""


class Commands(TyperGroup):
    """Keeps an interrupt and a closed pipe apart from errors, which typer would not."""

    def make_context(self, *arguments: Any, **keywords: Any) -> Any:
        try:
            return super().make_context(*arguments, **keywords)
        except KeyboardInterrupt:
            raise Interrupted from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            # The reader, such as `head`, has had enough; nothing is left to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


#: Where each command lives: a module of `tvae.cli` and its function, or the app of a family of commands.
_HOMES = {
    "train": ("train", "train"),
    "eval": ("evaluate", "evaluate"),
    "plot": ("plot", "plot"),
    "scan": ("scan", "scan"),
    "show": ("show", "show"),
    "prune": ("prune", "prune"),
    "config": ("config", "app"),
    "models": ("models", "models"),
    "checkpoint": ("checkpoint", "app"),
    "info": ("info", "info"),
    "lint-geometry": ("lint", "lint_geometry"),
}


def _version(wanted: bool) -> None:
    if wanted:
        from tvae.cli.info import version

        result(f"tvae {version()}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train, judge and share ternary VAEs in the Poincare ball."""


def assemble(names: Iterable[str]) -> typer.Typer:
    """The application with these commands: one that runs need not wait for the others."""
    app = typer.Typer(
        name="tvae",
        cls=Commands,
        help="Train, judge and share ternary VAEs in the Poincare ball.",
        epilog=EXIT_CODES,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names:
        module, attribute = _HOMES[name]
        found = getattr(import_module(f"tvae.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every error is one line on stderr.

    Args:
        argv: the arguments; None: those of the process.

    Example:
        >>> main(["config", "validate", "default", "--quiet"])
        preset default: valid
        0
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # A group alone shows what it offers.
    shown = [*arguments, "--help"] if arguments in ([], ["config"], ["checkpoint"]) else arguments
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        with _terminable():
            # Completion, help and mistakes need to know all of them.
            known = arguments[:1] if arguments and arguments[0] in _HOMES else _HOMES
            command = typer.main.get_command(assemble(_HOMES if "_TVAE_COMPLETE" in os.environ else known))
            code = command.main(shown, prog_name="tvae", standalone_mode=False, obj=arguments)
            sys.stdout.flush()
    except Exception as error:
        return _fail(error, arguments)
    return code if isinstance(code, int) else 0


def _fail(error: Exception, arguments: list[str]) -> int:
    failure = describe(error)
    if "--debug" in arguments:
        traceback.print_exception(error)
    try:
        if "--json" in arguments:
            result_json({"error": failure.as_json()})
            sys.stdout.flush()
    except OSError:
        # Standard output itself is what failed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    remark(f"tvae: {'' if isinstance(error, Interrupted) else 'error: '}{failure.message}")
    if failure.details:
        note(failure.details)
    return failure.code


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is an interrupt, so that whatever saves on Ctrl-C also saves when a machine is taken away."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None
    finally:
        signal.signal(signal.SIGTERM, before)
