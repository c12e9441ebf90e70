"""`tvae scan`: what is in a tree of checkpoints, what is good, what is broken and what is dangerous."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tvae.cli.failure import Failed, Failure, describe
from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import remark, result
from tvae.errors import ConfigError, TvaeError

if TYPE_CHECKING:
    from tvae.cli.listing.view import View
    from tvae.scanning import Kind

FORMATS = ("table", "json", "jsonl", "csv", "parquet", "md", "sarif", "quiet")
#: Formats by the suffix of the file that -o names.
_SUFFIXES = {f".{form}": form for form in ("json", "jsonl", "csv", "parquet", "md", "sarif")}
KINDS = ("dir", "file", "tensor")
#: The code of every failure of a scan; its other codes are verdicts.
_FAILED = 2

Paths = Annotated[
    list[str] | None, typer.Argument(metavar="PATH...", help="Folders and files.", show_default=False)
]
By = Annotated[
    str | None,
    typer.Option(
        "--by", metavar="dir|file|tensor", help="What a record is about; else dir, of files alone file."
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="|".join(FORMATS),
        help="How records are written; else as the suffix of -o says, or as a table.",
    ),
]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="EXPR",
        help="Show what matches, such as 'coverage<0.95' or 'path~sweep'; repeatable.",
    ),
]
Sort = Annotated[
    str | None, typer.Option("--sort", metavar="FIELD[:desc]", help="Order of the records; else by path.")
]
Best = Annotated[
    int | None,
    typer.Option("--best", metavar="N", min=1, help="Rank the best N of each definition; why others lost."),
]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        metavar="LIST",
        help="Exit with 1 for any of unsafe,unknown,corrupt,invalid; or any, or never.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 2 if anything was not analysed.")]
Rules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="FILE|legacy|default",
        help="The rules; else .tvae-rules.toml in or beside PATH, or ours.",
    ),
]
Plan = Annotated[
    str | None,
    typer.Option("--plan", metavar="FILE", help="Write what of the shown can go, for `tvae prune`."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, help="Threads; else as many as pay.")
]
Follow = Annotated[bool, typer.Option("--follow", help="Go through links.")]
Cache = Annotated[
    str | None,
    typer.Option(
        "--cache", metavar="PATH", help="Where facts are kept between scans; else in the user's cache."
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no facts.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Look at every file, whatever the cache says.")]
VerifyCrc = Annotated[
    bool, typer.Option("--verify-crc", help="Read the archives in full and compare their checksums.")
]
Explain = Annotated[
    str | None,
    typer.Option(
        "--explain", metavar="CODE", help="Say what a code, a word or a head means; `all` lists them."
    ),
]


def scan(
    paths: Paths = None,
    by: By = None,
    form: Format = None,
    output: Output = None,
    filters: Filters = None,
    sort: Sort = None,
    best: Best = None,
    fail_on: FailOn = "unsafe",
    strict: Strict = False,
    rules: Rules = None,
    plan: Plan = None,
    threads: Threads = None,
    follow: Follow = False,
    cache: Cache = None,
    no_cache: NoCache = False,
    refresh: Refresh = False,
    verify_crc: VerifyCrc = False,
    explain: Explain = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take stock of checkpoints: what is good, broken or dangerous, and what can go.

    Nothing is executed and nothing is changed. Exits with 0, 1 for findings, 2 for failures.

    A filter's OP is one of < <= > >= = != and ~, which looks for a regular expression. Numbers may have
    units: 1.5MB, 2GiB, 95%. A list, such as flags, matches if one of its items does, and a path also as the
    table shows it. Fields are those of --format json, dotted below one (config.lr, issues.code), and the
    heads of the tables. One that no record has is named on stderr.
    """
    with _failures():
        if explain is not None:
            from tvae.cli.listing.codes import explain as explained

            result(explained(explain, as_json=as_json))
            return
        if not paths:
            raise ConfigError("there is no PATH to scan", path="tvae scan", hint="see `tvae scan --help`")
        if "" in paths:
            raise ConfigError("a PATH is empty", path="tvae scan", hint="`.` is the folder at hand")
        if best is not None and by == "file" and not filters:
            raise ConfigError(
                "--best ranks directories, whatever --by says",
                path="--by",
                hint="leave out --by file, which only says what --filter is about",
            )
        named = all(map(os.path.isfile, paths))
        if best is not None and named:
            raise ConfigError(
                "--best ranks directories, and every PATH is a file",
                path="--best",
                hint="name the folder they are in, or use `--sort coverage:desc`",
            )
        if by is None:
            by = "file" if named else "dir"
        form = _format(form, by, best, output, as_json=as_json)
        fails = _fails(fail_on)
        view = _view(by, filters or (), sort)
        facts = _cache(cache, no_cache=no_cache, refresh=refresh)
        _check_targets({"--output": output, "--plan": plan, "--cache": facts}, paths)
        from tvae.cli.listing.notes import Progress
        from tvae.scanning import scan as scanned

        with Progress(silent=quiet) as progress:
            view.found = scanned(
                paths,
                threads=threads,
                rules=rules,
                cache=facts,
                progress=progress.callback,
                follow=follow,
                verify_crc=verify_crc,
                refresh=refresh,
            )
        if not no_cache:
            _add_measured(view)
        _deliver(view, form, best, output)
        if plan is not None:
            _plan(view, plan)
        _conclude(view, fails, strict=strict, quiet=quiet, plan=plan)


def _add_measured(view: View) -> None:
    """What `tvae eval` measured of the files, where it did."""
    from tvae.cli.keeping import kept

    folder = kept("measured")
    if folder is not None and os.path.isdir(folder):
        from pathlib import Path

        from tvae.checks.measured import index

        view.know(index(Path(folder)))


@contextmanager
def _failures() -> Iterator[None]:
    """A scan has one code for everything that keeps it from a verdict, and flushes what it wrote."""
    try:
        yield
        sys.stdout.flush()
    except (typer.Exit, BrokenPipeError):
        raise
    except (TvaeError, OSError) as error:
        raise Failed(describe(error)._replace(code=_FAILED)) from error
    except Exception as error:
        # Errors of the command line are 2 already; anything else is a bug.
        failure: Failure = describe(error)
        raise Failed(failure._replace(code=_FAILED)) from error


def _check_targets(targets: Mapping[str, str | None], paths: Sequence[str]) -> None:
    from tvae.cli.target import check, check_apart

    named = {option: path for option, path in targets.items() if path is not None}
    for option, path in named.items():
        # What is no cache is for the engine to refuse.
        if option != "--cache":
            check(path, option, paths)
    check_apart(named)


def _format(form: str | None, by: str, best: int | None, output: str | None, *, as_json: bool) -> str:
    if as_json and form not in (None, "json"):
        raise ConfigError(f"--json and --format {form} exclude each other", path="--format")
    suffix = os.path.splitext(output or "")[1].lower()
    chosen = form or ("json" if as_json else _SUFFIXES.get(suffix, "table"))
    for option, word, words in (("--format", chosen, FORMATS), ("--by", by, KINDS)):
        if word not in words:
            raise ConfigError(
                f"{option} {word!r} is not accepted", path=option, expected=f"one of {', '.join(words)}"
            )
    if best is not None and (chosen in ("parquet", "sarif") or by == "tensor"):
        what = "--by tensor" if by == "tensor" else f"--format {chosen}"
        raise ConfigError(f"{what} has no leaderboard", path="--best", hint="leave out --best")
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise ConfigError("Parquet is no text for a terminal", path="--format", hint="name a file with -o")
    return chosen


def _fails(fail_on: str) -> frozenset[str]:
    from tvae.cli.listing.verdict import parse

    return parse(fail_on)


def _view(by: str, filters: list[str] | tuple[()], sort: str | None) -> View:
    from tvae.cli.listing.view import View

    conditions, order = [], None
    if filters:
        from tvae.cli.listing.filter import parse

        conditions = [parse(expression) for expression in filters]
    if sort is not None:
        from tvae.cli.listing.order import parse as parse_order

        order = parse_order(sort)
    return View(cast("Kind", by), conditions, order)


def _cache(cache: str | None, *, no_cache: bool, refresh: bool) -> str | None:
    if no_cache:
        for option, given in (("--cache", cache is not None), ("--refresh", refresh)):
            if given:
                raise ConfigError(f"{option} and --no-cache exclude each other", path=option)
        return None
    if cache is not None:
        return cache
    from tvae.cli.keeping import kept

    return kept("scan")


def _deliver(view: View, form: str, best: int | None, output: str | None) -> None:
    """Write the records where they are wanted."""
    from tvae.cli.listing.layout import UNLIMITED, terminal_width
    from tvae.cli.listing.written import written

    if output is not None:
        from tvae.cli.target import deliver

        data = written(view, form, best=best, width=UNLIMITED, colour=False)
        if isinstance(data, str):
            data = data.encode(errors="backslashreplace")
            data += b"" if data.endswith(b"\n") or not data else b"\n"
        deliver(output, data)
        return
    terminal = sys.stdout.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    data = written(view, form, best=best, width=terminal_width(), colour=colour)
    if isinstance(data, bytes):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    elif data:
        result(data)


def _plan(view: View, path: str) -> None:
    import msgspec

    from tvae.cli.target import deliver
    from tvae.pruning.plan import make

    if view.filters:
        # What is not shown was not reviewed.
        dirs, files = view.document["dirs"], view.document["files"]
    else:
        dirs, files = view.found.to_dicts("dir"), view.found.to_dicts("file")
    made = make(dirs, files, roots=view.found.roots)
    deliver(path, msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")


def _conclude(view: View, fails: frozenset[str], *, strict: bool, quiet: bool, plan: str | None) -> None:
    """Say what it comes to on stderr, and end with the code of the verdict."""
    from tvae.cli.listing import notes
    from tvae.cli.listing.verdict import findings

    if not quiet:
        for line in notes.conclusion(view, plan=plan):
            remark(f"tvae: {line}")
    left = notes.not_analysed(view.found) if strict else []
    if left:
        # The records are out, and an error object of --json would be a second document.
        remark(f"tvae: error: --strict: not analysed: {', '.join(left)}")
        raise typer.Exit(_FAILED)
    found = findings(view.found.summary)
    if any(found[word] for word in fails):
        raise typer.Exit(1)
