"""What checkpoints hold and whether loading them would be safe, found without loading them.

The module is not called `scan` or `inspect`, because a submodule would shadow the function of its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tvae import _core
from tvae.errors import ConfigError, DomainError

if TYPE_CHECKING:
    from tvae.records import DirRecord, FileRecord, Tensor

Kind = Literal["dir", "file", "tensor"]
#: The name of a file with rules, in a tree or beside it.
RULES = ".tvae-rules.toml"
_MOST_RULES = 1 << 20


def inspect(path: str | os.PathLike[str]) -> FileRecord:
    """What a file is and holds. Nothing in it is executed, and no tensor is read.

    Raises:
        MissingError: if there is no such file.
        CheckpointError: if it is a folder, a pipe or a device.
        StorageError: if it may not be read. What is wrong inside the file stands in the record instead.

    Example:
        >>> from importlib.resources import files
        >>> record = inspect(files("tvae.presets") / "default.safetensors")
        >>> record.kind, record.status, record.safety
        ('safetensors', 'ok', 'data_only')
    """
    import msgspec

    from tvae.records import FileRecord

    return msgspec.convert(_core.inspect_file(path), FileRecord)


def families() -> dict[str, str]:
    """What each family of metrics means: who computed them, and how.

    Example:
        >>> families()["unknown"]
        'Nothing in the file tells how it was computed.'
    """
    return _core.metric_families()


def find(path: str | os.PathLike[str], key: str) -> list[object]:
    """The value under a key path such as `config.lr` in a list, or an empty list; tensors are described.

    Raises:
        MissingError, StorageError: as `inspect`.
        CheckpointError: if the file is no checkpoint that could be decoded.
    """
    return _core.checkpoint_value(path, key)


def tensors(path: str | os.PathLike[str]) -> list[Tensor]:
    """Every tensor of a checkpoint.

    Raises:
        MissingError, StorageError: as `inspect`.
        CheckpointError: if the file is no checkpoint that could be decoded.
    """
    from tvae.records import Tensor

    return [Tensor(*entry) for entry in _core.open_checkpoint(path)[1]]


def scan(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    threads: int | None = None,
    rules: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], bool | None] | None = None,
    follow: bool = False,
    verify_crc: bool = False,
    refresh: bool = False,
) -> ScanResult:
    """What is in whole trees of checkpoints, which of it is good, and what is wrong with the rest.

    Nothing is executed, no tensor is read, nothing in the trees is changed. Other threads run meanwhile, and
    Ctrl-C ends it.

    Args:
        paths: folders and files.
        threads: by default as many as pay.
        rules: `legacy` for the rules of the predecessor, `default` or `none` for those of this package, or a
            file; by default the `.tvae-rules.toml` in the tree or beside it, or else those of this package.
        cache: a file that keeps facts between scans; by default none. It replaces nothing but a cache.
        progress: called with (done, total) every 50 ms, from this thread; False ends the scan as Ctrl-C does.
        follow: go through links.
        verify_crc: read every record of every archive and compare its checksum.
        refresh: look at every file, whatever the cache says of it.

    Raises:
        MissingError: if one of the paths does not exist.
        StorageError: if one of them cannot be read. What is wrong below them stands in the records instead.
        ConfigError: if the rules are refused, or `cache` is a folder or a file that is no cache.
        DomainError: if `paths` holds no paths, or `progress` cannot be called.

    Example:
        >>> from importlib.resources import files
        >>> found = scan(files("tvae.presets") / "default.safetensors")
        >>> [record.status for record in found.files]
        ['ok']
    """
    roots = _roots(paths)
    if progress is not None and not callable(progress):
        raise DomainError("progress cannot be called", expected="a function of (done, total), or None")
    text, origin = _rules(roots, rules)
    found = _core.scan(
        roots,
        threads=threads,
        follow=follow,
        verify_crc=verify_crc,
        cache=cache,
        refresh=refresh,
        rules=text,
        rules_origin=origin,
        progress=progress,
    )
    return ScanResult(found, roots=[os.fspath(root) for root in roots], rules=origin)


class ScanResult:
    """What a scan found. The rows stay in the engine until they are asked for.

    It is also a table of its files by the Arrow C stream interface, so `polars.DataFrame(result)` or
    `pyarrow.table(result)` take it as it is; `table` has the other kinds.

    Attributes:
        roots: the paths that were scanned.
        rules: the rules that judged: a path, `legacy` or `default`.
    """

    def __init__(self, engine: _core.Scan, *, roots: list[str], rules: str | None) -> None:
        self.engine = engine
        self.roots = roots
        self.rules = rules or "default"

    @cached_property
    def files(self) -> list[FileRecord]:
        """The files as objects, sorted by path."""
        import msgspec

        from tvae.records import FileRecord

        return msgspec.convert(self.engine.files(), list[FileRecord])

    @cached_property
    def dirs(self) -> list[DirRecord]:
        """The directories as objects, sorted by path."""
        import msgspec

        from tvae.records import DirRecord

        return msgspec.convert(self.engine.dirs(), list[DirRecord])

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The numbers over everything that was scanned."""
        return self.engine.summary()

    @property
    def scanner(self) -> dict[str, str]:
        """What made these records."""
        return {"name": "tvae", "version": _core.__version__, "rules": self.rules}

    def to_dicts(self, kind: Kind = "file") -> list[dict[str, Any]]:
        """The records of a kind as plain dicts, sorted by path.

        Raises:
            DomainError: if the kind is none of file, dir and tensor.
        """
        _check_kind(kind)
        if kind == "dir":
            return self.engine.dirs()
        return self.engine.files() if kind == "file" else list(self.engine.tensors())

    def to_json(self) -> str:
        """Everything but the tensors as one JSON object: schema, scanner, summary, dirs, files.

        NaN and infinity become null, and the record that holds one lists the place in `not_finite`.
        """
        from tvae.finite import dumps_records

        found = {"schema": 1, "scanner": self.scanner, "summary": self.summary}
        return dumps_records({**found, "dirs": self.to_dicts("dir"), "files": self.to_dicts("file")})

    def best(
        self,
        n: int = 10,
        field: str | None = None,
        *,
        descending: bool | None = None,
        among: Collection[str] | None = None,
    ) -> list[dict[str, Any]]:
        """The best `n` directories of every family of definitions, then the others with why they lost.

        Args:
            n: places in each family.
            field: the metric; by default hierarchy, coverage first.
            descending: whether more is better; by default as the metric has it.
            among: the paths of the directories that compete; by default all.
        """
        return self.engine.best(n, field=field, descending=descending, among=among)

    def measured(self, contradicted: Mapping[str, Sequence[tuple[str, float]]]) -> ScanResult:
        """The same scan, judged by measured values of stored metrics that are not those, by path."""
        return ScanResult(self.engine.measured(contradicted), roots=self.roots, rules=self.rules)

    def table(self, kind: Kind = "file") -> Table:
        """The records of a kind as an Arrow table, for polars, pandas or pyarrow to take.

        Raises:
            DomainError: if the kind is none of file, dir and tensor.
        """
        _check_kind(kind)
        return Table(self.engine, kind)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.engine.arrow("file")

    def __repr__(self) -> str:
        return f"ScanResult({self.engine.n_files} files, {self.engine.n_dirs} directories)"


class Table:
    """Records of one kind as an Arrow C stream."""

    def __init__(self, engine: _core.Scan, kind: Kind) -> None:
        self._engine = engine
        self._kind = kind

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._engine.arrow(self._kind)


def _roots(paths: object) -> list[str | os.PathLike[str]]:
    one = not isinstance(paths, Iterable) or isinstance(paths, (str, bytes, os.PathLike))
    roots: list[Any] = [paths] if one else [*paths]  # type: ignore[misc]
    for root in roots:
        if not isinstance(root, (str, os.PathLike)) or not os.fspath(root):
            raise DomainError(
                f"{root!r} is no path to scan", expected="text or os.PathLike, or several of them"
            )
    return roots


def _check_kind(kind: object) -> None:
    if kind not in ("file", "dir", "tensor"):
        raise DomainError(
            f"there are no records of kind {kind!r}", expected="file, dir or tensor", got=repr(kind)
        )


def _rules(
    roots: Sequence[str | os.PathLike[str]], rules: str | os.PathLike[str] | None
) -> tuple[str | None, str | None]:
    """The rules as the engine takes them, and where they come from."""
    if rules is None:
        return _rules_beside(roots)
    path = os.fspath(rules)
    if path in ("default", "none"):
        return None, None
    if path == "legacy":
        return "legacy", "legacy"
    return _text(path), path


def _rules_beside(roots: Sequence[str | os.PathLike[str]]) -> tuple[str | None, str | None]:
    """The file with rules in a tree, or beside it; two different ones are a question to the user."""
    found: dict[str, str] = {}
    for given in roots:
        root = os.fspath(given)
        folder = root if os.path.isdir(root) else os.path.dirname(root) or os.curdir
        for place in (folder, os.path.join(folder, os.pardir)):
            path = os.path.join(place, RULES)
            if os.path.lexists(path):
                found.setdefault(os.path.realpath(path), os.path.normpath(path))
                break
    if len(found) > 1:
        one, other, *_ = found.values()
        raise ConfigError(
            f"two files with rules apply: {one} and {other}", path=one, hint="choose one with --rules"
        )
    for path in found.values():
        return _text(path), path
    return None, None


def _text(path: str) -> str:
    """The text of a file with rules; a pipe would keep us waiting, and a huge file is none."""
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MOST_RULES:
            raise ConfigError(f"{path} is no file with rules", path=path, expected="a TOML file below 1 MB")
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no file with rules", path=path, expected="UTF-8") from error
    except OSError as error:
        from tvae.config.suggestion import nearest

        reason = error.strerror or str(error)
        missing = isinstance(error, FileNotFoundError)
        near = nearest(path, ("legacy", "default", "none"), cutoff=0.7) if missing else None
        raise ConfigError(
            f"cannot read the rules in {path}: {reason}",
            path=path,
            hint=f"did you mean {near}?" if near else None,
        ) from error
