"""An error as one line, as a JSON object, and as an exit code."""

from __future__ import annotations

from typing import NamedTuple

from tvae.errors import TvaeError

INTERRUPTED = 130


class Interrupted(Exception):
    """Ctrl-C or SIGTERM reached a command that had nothing to save."""


class Failed(Exception):
    """A failure that a command has described already, with a code of its own."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Failure(NamedTuple):
    """What went wrong, for the exit of a command; a named tuple because `--help` imports it too.

    Attributes:
        code: the exit code.
        message: one line.
        path, expected, got, hint: the four answers, where known.
        details: a table that follows the line, or None.
    """

    code: int
    message: str
    path: str | None = None
    expected: str | None = None
    got: str | None = None
    hint: str | None = None
    details: str | None = None

    def as_json(self) -> dict[str, object]:
        """The error object of `--json`."""
        return {
            "code": self.code,
            "path": self.path,
            "expected": self.expected,
            "got": self.got,
            "hint": self.hint,
            "message": self.message,
            **({"details": self.details} if self.details else {}),
        }


def describe(error: BaseException) -> Failure:
    """The failure that an exception means.

    Example:
        >>> describe(PermissionError(13, "Permission denied", "outputs")).code
        4
    """
    if isinstance(error, Interrupted):
        return Failure(code=INTERRUPTED, message="interrupted")
    if isinstance(error, Failed):
        return error.failure
    if isinstance(error, TvaeError):
        return Failure(
            code=error.code,
            message=one_line(error.line),
            path=error.path,
            expected=error.expected,
            got=error.got,
            hint=error.hint,
            details=error.details,
        )
    if isinstance(error, OSError):
        path = str(error.filename) if error.filename is not None else None
        what = error.strerror or str(error) or type(error).__name__
        return Failure(code=4, message=one_line(f"{path}: {what}" if path else what), path=path)
    if isinstance(error, ModuleNotFoundError):
        hint = f"install {error.name}" if error.name else None
        return Failure(code=4, message=one_line(f"{error}; {hint}" if hint else str(error)), hint=hint)
    if usage := getattr(error, "format_message", None):
        return _usage(error, str(usage()))
    hint = "this is a bug of tvae; run again with --debug and report what it shows"
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Failure(code=1, message=one_line(f"{what}; {hint}"), hint=hint)


def _usage(error: BaseException, message: str) -> Failure:
    """An error of the command line itself; typer's classes for it moved between its versions."""
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", None)
    hint = f"see `{path} --help`" if path else None
    text, expected, got = message.rstrip("."), None, None
    if refused := _refused(error):
        option, expected, got = refused
        text = f"{option} {got} is not accepted (expected {expected})"
    told = one_line(f"{text}; {hint}" if hint else text)
    return Failure(code=2, message=told, path=path, expected=expected, got=got, hint=hint)


def _refused(error: BaseException) -> tuple[str, str, str] | None:
    """Which option has what wrong number, where typer only tells what it should be."""
    told = getattr(error.__cause__, "errors", None)
    options = getattr(getattr(error, "param", None), "opts", None)
    if told is None or not options:
        return None
    wrong = told()[0]
    limits = wrong.get("ctx", {})
    words = {"int": "an integer", "float": "a number"}
    expected = words.get(wrong["type"].partition("_")[0])
    for bound, word in (("ge", "at least"), ("le", "at most")):
        if bound in limits:
            expected = f"{word} {limits[bound]}"
    return (options[0], expected, repr(wrong["input"])) if expected else None


def one_line(text: str) -> str:
    """Text on one line of a terminal, whatever a file's name holds.

    Example:
        >>> one_line("a\\nb\\x1b[0m")
        'a b\\\\x1b[0m'
    """
    words = " ".join(text.split())
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in words)
