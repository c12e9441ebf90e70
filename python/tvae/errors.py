"""What can go wrong, for programs to catch and people to read.

Every error of this package derives from `TvaeError` and from the natural built-in, so
`except ValueError` keeps working. A message answers four questions: where, what was
expected, what came, what to do.
"""

from __future__ import annotations


class TvaeError(Exception):
    """An error with an exit code and the four answers.

    Args:
        message: one line, complete in itself.
        path: where it happened: a file, a config key, an argument.
        expected: what was expected there.
        got: what came instead.
        hint: what to do about it.
        details: a table, where one line cannot say it all; it follows the line.

    Example:
        >>> from tvae.errors import TvaeError
        >>> print(TvaeError("depth 40 is out of range", expected="1 to 19", hint="use --set space.depth=9"))
        depth 40 is out of range (expected 1 to 19); use --set space.depth=9
    """

    code = 1

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        hint: str | None = None,
        details: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.expected = expected
        self.got = got
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return self.line + (f"\n{self.details}" if self.details else "")

    @property
    def line(self) -> str:
        """The message and its answers, on one line."""
        where = f"{self.path}: " if self.path and self.path not in self.message else ""
        details = [
            f"{word} {value}"
            for word, value in (("expected", self.expected), ("got", self.got))
            if value is not None and value not in self.message
        ]
        tail = f" ({', '.join(details)})" if details else ""
        return f"{where}{self.message}{tail}" + (f"; {self.hint}" if self.hint else "")


class DomainError(TvaeError, ValueError):
    """A value lies outside its mathematical domain: an index, a trit, a depth, a share."""

    code = 2


class ConfigError(TvaeError, ValueError):
    """A config, preset, override or command line is refused."""

    code = 2


class CheckpointError(TvaeError, ValueError):
    """A checkpoint is corrupt, truncated or of another architecture."""

    code = 3


class PlanError(TvaeError, ValueError):
    """A plan of `tvae scan`, or a log of `tvae prune`, is malformed or does not hold any more."""

    code = 3


class MissingError(TvaeError, FileNotFoundError):
    """A checkpoint, a run or another input does not exist."""

    code = 3


class StorageError(TvaeError, OSError):
    """The disk is full, a folder cannot be made, a permission is missing."""

    code = 4


class DeviceError(TvaeError, RuntimeError):
    """The device asked for is not there."""

    code = 4


class DependencyError(TvaeError, ImportError):
    """An optional dependency is not installed."""

    code = 4


class GuardStop(TvaeError, RuntimeError):
    """A training guard stopped the run before harm was done."""

    code = 5
