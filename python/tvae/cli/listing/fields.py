"""The fields of a record by name: plain ones, dotted ones, and metrics by their canonical names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from tvae.cli.listing.marks import marks
from tvae.errors import ConfigError
from tvae.metric_names import BALL_METRICS, DECODING_METRICS

Record = Mapping[str, Any]

FIELDS = {
    "dir": (
        "path",
        "status",
        "category",
        "rule",
        "n_files",
        "bytes",
        "allocated",
        "best",
        "latest",
        "epoch",
        "metrics",
        "safety",
        "best_safety",
        "flags",
        "warnings",
        "duplicates_of",
        "group",
        "group_kind",
        "better",
        "recommendation",
        "reason",
        "recommended_by",
        "verdict",
        "note",
        "documented",
        "measured",
    ),
    "file": (
        "path",
        "size",
        "allocated",
        "mtime",
        "kind",
        "torch_prefix",
        "status",
        "safety",
        "imports",
        "epoch",
        "metrics",
        "config",
        "config_hash",
        "top_keys",
        "state_dicts",
        "optimizers",
        "lineage",
        "n_records",
        "serialization_id",
        "issues",
        "salvaged",
        "flags",
        "warnings",
        "duplicates_of",
        "duplicates_by",
        "identity",
        "measured",
        "elapsed_us",
    ),
    "tensor": ("path", "name", "dtype", "shape", "stride", "file_offset", "nbytes"),
}
#: Names that are metrics whether or not a file at hand has them.
METRICS = frozenset(DECODING_METRICS) | {
    name + suffix for name in (*BALL_METRICS, "coverage") for suffix in ("", "_A", "_B")
}

#: The heads of the tables, as names of what is below them.
_HEADS = {
    "dir": {"flag": "flags", "advice": "recommendation", "n": "n_files", "files": "n_files", "size": "bytes"},
    "file": {"flag": "flags"},
    "tensor": {"tensor": "name", "offset": "file_offset", "bytes": "nbytes"},
}
#: Heads with the first of several metrics below them.
SHOWN = {
    "cover": ("coverage", "coverage_B", "coverage_A", "coverage_sampled"),
    "hier": ("hierarchy_B", "hierarchy_A", "hierarchy"),
}
#: Names below a field that are looked at in a record, for one that may be meant.
_MOST_LEAVES = 500
_KINDS = {"dir": "directory", "file": "file", "tensor": "tensor"}
#: What people call a field.
_MEANT = {
    "dir": "path",
    "directory": "path",
    "file": "path",
    "filename": "path",
    "folder": "path",
    "name": "path",
}
_EXAMPLES = {
    "dir": "path, status, recommendation, safety, flags, bytes, coverage, hierarchy_B",
    "file": "path, kind, status, safety, size, epoch, config.KEY, coverage, hierarchy_B",
}

#: What a condition on a number takes.
NUMBERS = "one such as 1000, 1.5MB, 2GiB or 95%"


class Absent:
    """Stands for the value of a field that a record does not have."""


ABSENT = Absent()


def value(record: Record, field: str) -> object:
    """The value of a field, a list of values where the path leads through a list, or `ABSENT`.

    Example:
        >>> record = {"config": {"a.b": 1}, "metrics": {"Q": {"value": 2.0}}, "issues": [{"code": "Z1"}]}
        >>> [value(record, field) for field in ("config.a.b", "Q", "issues.code")]
        [1, 2.0, ['Z1']]
    """
    if field == "flags" and field in record:
        return list(marks(record))
    if field in record:
        return _told(record[field])
    metrics = record.get("metrics")
    if isinstance(metrics, Mapping):
        if field in SHOWN:
            return _told(metrics[name].get("value")) if (name := shown(record, field)) else ABSENT
        if field == "def":
            names = [name for head in SHOWN if (name := shown(record, head))]
            return [*dict.fromkeys(str(metrics[name].get("family") or "unknown") for name in names)] or ABSENT
        if field in metrics:
            return _told(metrics[field].get("value"))
        name, _, rest = field.partition(".")
        if rest and name in metrics:
            return _told(_descend(metrics[name], rest))
    return _told(_descend(record, field))


def resolved(field: str, kind: str) -> str:
    """The field that a head of a table means; any other as it is.

    Example:
        >>> resolved("advice", "dir"), resolved("size", "file")
        ('recommendation', 'size')
    """
    return _HEADS[kind].get(field, field)


def check(field: str, kind: str, records: Iterable[Record]) -> None:
    """Raises `ConfigError`, which lists the fields, if no record of this kind could have the field."""
    name = field.partition(".")[0]
    if name in FIELDS[kind]:
        return
    if kind == "tensor":
        raise _unknown(field, kind, records, [])
    if name in METRICS or field in SHOWN or field == "def":
        return
    found = {name for record in records for name in record.get("metrics") or ()}
    if name not in found:
        raise _unknown(field, kind, records, sorted(found | {"coverage", "hierarchy_B"}))


def missing(field: str, kind: str, records: Sequence[Record]) -> str | None:
    """Why a dotted field says nothing about any record, in words; None if one has a value there.

    Example:
        >>> missing("config.lrr", "file", [{"config": {"lr": 0.1, "optim": {"name": "adam"}}}])
        'no file has a field config.lrr; did you mean config.lr?'
        >>> missing("config.optim", "file", [{"config": {"optim": {"name": "adam"}}}])
        'config.optim is no single value; name one that it holds, such as config.optim.name'
    """
    if "." not in field:
        return None
    found = [value(record, field) for record in records]
    if not found or not all(one is ABSENT or isinstance(one, Mapping) for one in found):
        return None
    head = field.partition(".")[0]
    held = [record[head] if head in record else (record.get("metrics") or {}).get(head) for record in records]
    known = dict.fromkeys(path for one in held for path in islice(_leaves(head, one), _MOST_LEAVES))
    if inner := next((path for path in known if path.startswith(f"{field}.")), None):
        return f"{field} is no single value; name one that it holds, such as {inner}"
    from difflib import get_close_matches

    # All begin alike.
    rest = len(head) + 1
    near = get_close_matches(field[rest:], [path[rest:] for path in known], n=2)
    hint = f"; did you mean {' or '.join(f'{head}.{one}' for one in near)}?" if near else ""
    return f"no {_KINDS[kind]} has a field {field if known else head}{hint}"


def check_metric(field: str, records: Sequence[Record]) -> None:
    """Raises `ConfigError` if a field is no metric that directories can be ranked by."""
    check(field, "dir", records)
    if field in FIELDS["dir"] or field in SHOWN or field == "def":
        raise ConfigError(f"{field} is no metric", path=field, expected="a metric, such as hierarchy_B")


def family(record: Record, field: str) -> str | None:
    """The definition that a metric was computed by; None if the field is no metric of this record."""
    metrics = record.get("metrics")
    found = metrics.get(shown(record, field) or field) if isinstance(metrics, Mapping) else None
    return str(found.get("family") or "unknown") if isinstance(found, Mapping) else None


def shown(record: Record, head: str) -> str | None:
    """The metric that a table shows under a head; of two coverages the better one, as the rules have it.

    Example:
        >>> shown({"metrics": {"coverage_A": {"value": 0.9}, "coverage_B": {"value": 0.5}}}, "cover")
        'coverage_A'
    """
    metrics = record.get("metrics") or {}
    there = [name for name in SHOWN.get(head, ()) if isinstance(_number(metrics, name), (int, float))]
    if there[:2] == ["coverage_B", "coverage_A"]:
        return max(there[:2], key=lambda name: metrics[name]["value"])
    return there[0] if there else None


def _number(metrics: Mapping[str, Any], name: str) -> object:
    found = metrics.get(name)
    return found.get("value") if isinstance(found, Mapping) else None


def _unknown(field: str, kind: str, records: Iterable[Record], metrics: Sequence[str]) -> ConfigError:
    from difflib import get_close_matches

    name = field.partition(".")[0]
    others = [other for other in FIELDS if other != kind and name in (*FIELDS[other], *_HEADS[other])]
    known = [*FIELDS[kind], *_HEADS[kind], *metrics, *(METRICS if kind != "tensor" else ())]
    inner = next((one for record in records for one in _inside(record, field)), None)
    meant = _MEANT.get(name) if _MEANT.get(name) in FIELDS[kind] else inner
    near = (
        [meant]
        if meant
        else get_close_matches(name, dict.fromkeys(known), n=2, cutoff=0.7 if others else 0.6)
    )
    hints = [f"did you mean {' or '.join(near)}?"] if near else []
    if others:
        hints.append(f"--by {others[0]} has {name}")
    return ConfigError(
        f"a {_KINDS[kind]} has no field {field!r}",
        path=field,
        expected=None if hints else f"one such as {_EXAMPLES.get(kind, ', '.join(FIELDS[kind]))}",
        hint=" ".join(hints) or None,
    )


def _inside(record: Record, name: str) -> Iterator[str]:
    """Where a record has a name one step further down."""
    for field, found in record.items():
        item = found[0] if isinstance(found, list) and found else found
        if isinstance(item, Mapping) and name in item and field != "metrics":
            yield f"{field}.{name}"


def _leaves(path: str, found: object) -> Iterator[str]:
    """The names of single values below a path, as `value` takes them."""
    item = found[0] if isinstance(found, list) and found else found
    if not isinstance(item, Mapping):
        if item is not None and "." in path:
            yield path
        return
    for name, inner in item.items():
        yield from _leaves(f"{path}.{name}", inner)


def _told(found: object) -> object:
    return ABSENT if found is None else found


def _descend(found: object, path: str) -> object:
    if isinstance(found, Mapping):
        if path in found:
            return found[path]
        # Keys may hold dots themselves: the longest that is there wins.
        for end in range(len(path) - 1, 0, -1):
            if path[end] == "." and path[:end] in found:
                return _descend(found[path[:end]], path[end + 1 :])
        return None
    if isinstance(found, (list, tuple)):
        name, _, rest = path.partition(".")
        if name.isdecimal():
            item = found[int(name)] if len(name) < 9 and int(name) < len(found) else None
            return _descend(item, rest) if rest else item
        inner = [_descend(item, path) for item in found]
        return [item for item in inner if item is not None] or None
    return None
