"""Where a run lives: its name, its folders, its files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from tvae.errors import ConfigError, MissingError, StorageError


class RunFolders(Struct, frozen=True):
    """The folders of a run below `out`."""

    out: Path
    name: str

    @property
    def models(self) -> Path:
        """`<out>/models/<name>`: weights, resume state, config, summary, model card."""
        return self.out / "models" / self.name

    @property
    def runs(self) -> Path:
        """`<out>/runs/<name>`: metrics.jsonl and TensorBoard events."""
        return self.out / "runs" / self.name

    @property
    def log(self) -> Path:
        """`<out>/logs/<name>.log`."""
        return self.out / "logs" / f"{self.name}.log"

    @property
    def best(self) -> Path:
        return self.models / "best.safetensors"

    @property
    def latest(self) -> Path:
        return self.models / "latest.safetensors"

    def create(self, *, overwrite: bool) -> None:
        """Make the folders of a new run.

        Raises:
            ConfigError: if a run of this name exists and is not to be overwritten.
            StorageError: if a folder cannot be made.
        """
        if self.exists() and not overwrite:
            raise ConfigError(
                f"a run named {self.name!r} exists in {self.out}",
                path=str(self.models),
                hint="choose another --name, or --overwrite it"
                + (", or --resume it" if self.latest.is_file() else "; it saved nothing to resume from"),
            )
        try:
            if overwrite:
                for stale in (*self.models.glob("*"), self.runs / "metrics.jsonl", self.log):
                    if stale.is_file():
                        stale.unlink()
            for folder in (self.models, self.runs, self.log.parent):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot make the run's folders: {error.strerror}",
                path=str(error.filename or self.out),
                hint="give --out a folder that can be written",
            ) from error

    def exists(self) -> bool:
        """Whether anything of a run of this name is there."""
        return any(folder.is_dir() and any(folder.iterdir()) for folder in (self.models, self.runs))


def default_name(preset: str, seed: int) -> str:
    """`{preset}-s{seed}-{UTC yyyymmdd-hhmmss}`."""
    return f"{preset}-s{seed}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def check_name(name: str) -> str:
    """A run's name is one path component of letters, digits, dots, dashes and underscores.

    Raises:
        ConfigError: if it is not.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
        raise ConfigError(
            f"{name!r} is no name for a run", expected="letters, digits, '.', '-', '_', '+'", path="--name"
        )
    return name


def find_run(source: str, *, out: Path) -> RunFolders:
    """The run that `source` means: a name below `out`, its models or runs folder, or a file in it.

    Raises:
        MissingError: if there is no such run.
    """
    path = Path(source)
    if path.is_file():
        path = path.parent
    if path.is_dir() and path.resolve().parent.name in {"models", "runs"}:
        path = path.resolve()
        folders = RunFolders(path.parent.parent, path.name)
    else:
        folders = RunFolders(out, source)
    if not folders.latest.is_file():
        raise MissingError(
            f"there is no run to resume at {source}",
            path=source,
            expected=str(folders.latest),
            hint=f"the runs below {out} are: {', '.join(known_runs(out)) or 'none'}",
        )
    return folders


def known_runs(out: Path) -> list[str]:
    """Names of the runs below `out` that can be resumed, newest first; how many more beyond ten."""
    found = sorted(out.glob("models/*/latest.safetensors"), key=lambda p: p.stat().st_mtime, reverse=True)
    names = [path.parent.name for path in found]
    return [*names[:10], f"and {len(names) - 10} more"] if len(names) > 10 else names
