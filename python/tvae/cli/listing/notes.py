"""What `tvae scan` says on stderr: progress, the numbers, and what to do next."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

from tvae.cli.failure import one_line
from tvae.cli.listing.fields import missing
from tvae.cli.listing.layout import escaped, size
from tvae.cli.listing.verdict import findings
from tvae.cli.listing.view import View
from tvae.scanning import ScanResult

#: Seconds after which a scan is slow enough to be watched.
_PATIENCE = 0.5
_MOST_NAMED = 5
_WORDS = {"unsafe": "unsafe", "unknown": "unknown-code", "corrupt": "undecoded"}


class Progress:
    """A line on the terminal that counts files, once a scan turns out to be slow."""

    def __init__(self, *, silent: bool) -> None:
        self.shown = False
        self.begun = time.monotonic()
        #: For the engine; None where nobody watches.
        self.callback: Callable[[int, int], None] | None = None
        if not silent and sys.stderr.isatty():
            self.callback = self.show

    def show(self, done: int, total: int) -> None:
        """Show how far it is."""
        if time.monotonic() - self.begun >= _PATIENCE:
            self.shown = True
            text = f"tvae: {done:,} of {total:,} files" if done else f"tvae: {total:,} files found"
            sys.stderr.write(f"\r{text}\x1b[K")
            sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def conclusion(view: View, *, plan: str | None) -> Iterator[str]:
    """The numbers over everything that was scanned, what is noteworthy, and what to do next."""
    found = view.found
    summary = found.summary
    if found.engine.n_files == 0:
        yield f"no checkpoints in {', '.join(map(one_line, found.roots))}"
    statuses = _listed(summary["dir_status"])
    yield (
        f"{_number(found.engine.n_dirs, 'directory', 'directories')}{f' ({statuses})' if statuses else ''},"
        f" {_number(found.engine.n_files, 'file', 'files')}, {size(summary['bytes'])}"
    )
    counts = findings(summary)
    if any(counts.values()):
        yield f"findings: {', '.join(_found(word, count) for word, count in counts.items() if count)}"
    yield from (one_line(remark) for remark in summary["notes"])
    yield from _documented(view)
    yield from _measured(view)
    if found.rules != "default":
        yield f"rules: {one_line(found.rules)}"
    if found.engine.cache_trouble:
        yield f"no facts were kept: {one_line(found.engine.cache_trouble)}"
    yield from _skipped(found)
    if view.filters and len(view.rows) < len(view.all_rows):
        yield f"{len(view.rows)} of {len(view.all_rows)} shown"
    yield from _unheld(view)
    if view.families and view.sort:
        names = ", ".join(map(escaped, view.families))
        yield f"{escaped(view.sort[0])} has {len(view.families)} definitions ({names}); sorted within each"
    yield from _next(view, counts, plan)


def not_analysed(found: ScanResult) -> list[str]:
    """What a strict scan cannot vouch for, in words."""
    summary = found.summary
    status = {word: count for word, count in summary["status"].items() if word not in ("ok", "salvaged")}
    left = [f"{count} {word}" for word, count in sorted(status.items()) if count]
    if unparsed := summary["safety"].get("unparsed", 0):
        left.append(f"{unparsed} unparsed")
    if skipped := len(found.engine.skipped()):
        left.append(f"{skipped} skipped")
    return left


def _unheld(view: View) -> Iterator[str]:
    """Fields of conditions and of the order that no record has, so that they select and sort nothing."""
    fields = [one.field for one in view.filters] if not view.rows else []
    for field in dict.fromkeys([*fields, *([view.sort[0]] if view.sort else [])]):
        if told := missing(field, view.kind, view.all_rows):
            yield one_line(told)


def _documented(view: View) -> Iterator[str]:
    """What is written about the runs, and is not what their files hold."""
    dirs = view.all_rows if view.kind == "dir" else view.found.to_dicts("dir")
    told = [
        f"{escaped(one['path'])} {escaped(number['metric'])} {number['documented']:g}"
        f" ({escaped(number['source'])}), stored {_stored_as(number)}{number['stored']:g}"
        for one in dirs
        for number in one.get("documented") or ()
        if number.get("differs") and number.get("stored") is not None
    ]
    if told:
        words = "documented number differs" if len(told) == 1 else "documented numbers differ"
        more = f"; and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
        which = "; ".join(told[:_MOST_NAMED])
        yield f"{len(told)} {words} from what is stored: {which}{more}"


def _stored_as(number: Mapping[str, Any]) -> str:
    """The name of a stored metric where what is written leaves out the branch."""
    name = number.get("stored_as")
    return f"as {escaped(name)} " if name else ""


def _measured(view: View) -> Iterator[str]:
    """Stored metrics that are not what `tvae eval` measured."""
    if not view.known:
        return
    told = [
        f"{escaped(path)} {name} {pair['stored']:.4g}, measured {pair['measured']:.4g}"
        for path, found in view.measured.items()
        for name, pair in found["differs"].items()
    ]
    if view.measured:
        yield f"{_number(len(view.measured), 'file', 'files')} measured by `tvae eval`"
    if told:
        words = "stored metric differs" if len(told) == 1 else "stored metrics differ"
        more = f"; and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
        yield f"{len(told)} {words} from the measured: {'; '.join(told[:_MOST_NAMED])}{more}"


def _skipped(found: ScanResult) -> Iterator[str]:
    skipped = found.engine.skipped()
    for one in skipped[:_MOST_NAMED]:
        yield f"skipped {escaped(one['path'])}: {escaped(one['message'])} ({one['code']})"
    if len(skipped) > _MOST_NAMED:
        yield f"skipped {len(skipped) - _MOST_NAMED} more; --format json has them all"


def _next(view: View, counts: Mapping[str, int], plan: str | None) -> Iterator[str]:
    advice = view.found.summary["recommendation"]
    target = _shell(view.found.roots[0]) if len(view.found.roots) == 1 else "PATH..."
    if plan is not None:
        yield f"wrote {one_line(plan)}: review it, then `tvae prune {_shell(plan)}` shows what it would do"
    elif advice.get("archive") or advice.get("delete"):
        count = advice.get("archive", 0) + advice.get("delete", 0)
        # Under other rules the plan would be another.
        rules = "" if view.found.rules == "default" else f" --rules {_shell(view.found.rules)}"
        which = _number(count, "directory", "directories")
        yield f"next: {which} can go: `tvae scan {target}{rules} --plan plan.json` writes which"
    status = view.found.summary["status"]
    if status.get("corrupt") or status.get("salvaged"):
        yield "next: copy damaged files again or use earlier ones; `tvae scan --explain CODE` says more"
    if counts["unsafe"] or counts["unknown"]:
        yield "next: `tvae show FILE --imports` says what a file would run"


def _found(word: str, count: int) -> str:
    if word == "invalid":
        return _number(count, "flagged directory", "flagged directories")
    return _number(count, f"{_WORDS[word]} file", f"{_WORDS[word]} files")


def _listed(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {escaped(word)}" for word, count in counts.items() if count)


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _shell(path: str) -> str:
    from shlex import quote

    return quote(one_line(path))
