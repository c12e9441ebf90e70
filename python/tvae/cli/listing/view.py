"""What of a scan is shown: the records of one kind, selected and sorted, and what belongs to them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from tvae.checks.measured import Known
    from tvae.cli.listing.filter import Filter
    from tvae.scanning import Kind, ScanResult

Rows = list[dict[str, Any]]


class View:
    """A scan through filters and an order; nothing is fetched before it is asked for.

    Attributes:
        found: the scan, set as soon as there is one.
        kind: the kind of record that is shown.
        filters: the conditions.
        sort: a field, and whether downwards, if that is said; None: by path.
        families: the definitions among the sorted metric, if there are several.
        known: what was measured before, by path.
    """

    found: ScanResult

    def __init__(
        self,
        kind: Kind,
        filters: Sequence[Filter] = (),
        sort: tuple[str, bool | None] | None = None,
    ) -> None:
        self.kind = kind
        self.filters = filters
        self.sort = sort
        self.families: list[str] = []
        self.known: Mapping[str, Known] = {}

    def know(self, known: Mapping[str, Known]) -> None:
        """Take what was measured before: where it contradicts a stored metric, it counts instead."""
        self.known = known
        if not known:
            return
        told = {
            path: [(name, pair["measured"]) for name, pair in found["differs"].items()]
            for path, found in self.measured.items()
            if found["differs"]
        }
        if told:
            self.found = self.found.measured(told)

    @property
    def root(self) -> str | None:
        """The one folder that was scanned, as records begin with it; None for files, and for several."""
        roots = self.found.roots
        if any(map(os.path.isfile, roots)):
            return None
        return os.path.join(roots[0], "").rstrip("/") or "/" if len(roots) == 1 else None

    @cached_property
    def all_rows(self) -> Rows:
        """Every record of the kind."""
        return self.records(self.kind)

    def records(self, kind: Kind) -> Rows:
        """Every record of a kind, with what was measured of it."""
        rows = self.found.to_dicts(kind)
        if self.known and kind != "tensor":
            key = "path" if kind == "file" else "best"
            for row in rows:
                if found := self.measured.get(row.get(key) or ""):
                    row["measured"] = found
        return rows

    @cached_property
    def measured(self) -> dict[str, dict[str, Any]]:
        """What was measured of the scanned files, by path."""
        from tvae.checks.measured import join

        files = self.found.to_dicts("file")
        return {one["path"]: found for one in files if (found := join(one, self.known)) is not None}

    @cached_property
    def rows(self) -> Rows:
        """The records that are shown."""
        rows = self.all_rows
        if self.filters:
            from tvae.cli.listing.filter import select

            rows = select(rows, self.filters, self.kind, words=self.found.engine.words, root=self.root)
        if self.sort is not None:
            from tvae.cli.listing.order import arrange

            field, descending = self.sort
            rows, self.families = arrange(rows, field, descending=bool(descending), kind=self.kind)
        return rows

    @property
    def state_dicts(self) -> dict[str, list[str]]:
        """The keys of the state dicts in each file, by path."""
        files = self.found.to_dicts("file")
        return {file["path"]: [str(one["key"]) for one in file["state_dicts"]] for file in files}

    @cached_property
    def places(self) -> list[int] | None:
        """Where the shown records are among all of them; None if they are all there, in order."""
        if self.rows is self.all_rows:
            return None
        places = {id(row): place for place, row in enumerate(self.all_rows)}
        return [places[id(row)] for row in self.rows]

    @cached_property
    def document(self) -> dict[str, Any]:
        """Scanner, summary, dirs and files; with filters, what belongs to the shown records."""
        rows = self.rows
        found: dict[str, Any] = {
            "schema": 1,
            "scanner": self.found.scanner,
            "summary": self.found.summary,
            "dirs": rows if self.kind == "dir" else self.records("dir"),
            "files": rows if self.kind == "file" else self.records("file"),
        }
        if skipped := self.found.engine.skipped():
            found["skipped"] = skipped
        if self.kind == "tensor":
            found["tensors"] = rows
        if self.filters:
            self._shrink(found)
        return found

    def best(self, places: int) -> Rows:
        """The leaderboard, of the shown directories alone; measured values count before stored ones."""
        field, descending = self.sort or (None, None)
        if field is not None:
            from tvae.cli.listing.fields import check_metric

            check_metric(field, self.found.to_dicts("dir"))
        among = None
        if self.filters:
            among = {row["path"] for row in self.rows} if self.kind == "dir" else self._folders()
        return self.found.best(places, field, descending=descending, among=among)

    def _shrink(self, found: dict[str, Any]) -> None:
        if self.kind == "dir":
            paths = {row["path"] for row in self.rows}
            found["files"] = [one for one in found["files"] if _folder(one) in paths]
        else:
            folders = self._folders()
            found["dirs"] = [one for one in found["dirs"] if one["path"] in folders]
            if self.kind == "tensor":
                paths = {row["path"] for row in self.rows}
                found["files"] = [one for one in found["files"] if one["path"] in paths]
        found["shown"] = {kind: len(found[kind]) for kind in ("dirs", "files")}

    def _folders(self) -> set[str]:
        return {_folder(row) for row in self.rows}


def _folder(record: Mapping[str, Any]) -> str:
    return os.path.dirname(cast("str", record["path"])) or "."
