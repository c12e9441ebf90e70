"""A checkpoint's record as text of 80 columns. What stands in a file is escaped before it is printed."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tvae.cli.failure import one_line
from tvae.cli.listing.shortening import tensor_names
from tvae.cli.output import columns

if TYPE_CHECKING:
    from tvae.records import FileRecord, Import, Metric, Tensor

_WIDTH = 80
#: The fewest columns of a tensor's name.
_LEAST_NAME = 30
_KINDS = {
    "torch_zip": "PyTorch archive",
    "torch_legacy": "PyTorch file of before 1.6",
    "torch_tar": "PyTorch file of 0.1",
    "torchscript": "TorchScript program",
    "torch_package": "torch.package archive",
    "torch_export": "exported PyTorch program",
    "pickle": "bare pickle",
    "safetensors": "safetensors",
    "zip": "zip archive",
    "tar": "tar archive",
    "other": "no checkpoint",
    "unknown": "unknown kind",
    "empty": "empty file",
}
_VERDICTS = {
    "data_only": "yes: it imports nothing",
    "known_types": "yes: it imports only known types",
    "unknown_code": "not known: loading it runs code that is not on the list",
    "unparsed": "not known: it could not be followed to its end",
    "dangerous": "NO: loading it runs dangerous code",
}
#: What torch loads with weights_only=True without being asked.
_LOADED = {
    "_codecs.encode",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.set",
    "collections.Counter",
    "collections.OrderedDict",
    "torch.Size",
    "torch.Tensor",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch.serialization._get_layout",
}
_DTYPES = (
    "bfloat",
    "bool",
    "cfloat",
    "complex",
    "double",
    "float",
    "half",
    "int",
    "long",
    "quint",
    "qint",
    "uint",
)


def overview(record: FileRecord) -> str:
    """What the file is, whether it is safe, what it holds, what is wrong with it."""
    kind = _KINDS.get(record.kind, record.kind)
    when = datetime.fromtimestamp(record.mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = [("kind", f"{kind}, {_bytes(record.size)}, {when}"), ("status", _status(record))]
    rows.append(("safe", _VERDICTS.get(record.safety, record.safety)))
    rows += [("", _named(one)) for one in _suspects(record)]
    if record.epoch is not None:
        rows.append(("epoch", str(record.epoch)))
    if record.config:
        count = len(record.config)
        keys = f"{count} key{'' if count == 1 else 's'}"
        rows.append(("config", f"{keys}, sha256 {(record.config_hash or '')[:12]}"))
    if record.top_keys:
        rows.append(("keys", ", ".join(one_line(key) for key in record.top_keys)))
    parts = [_cut(one_line(record.path)), *_wrapped(rows)]
    if record.metrics:
        parts += ["", _metrics(record)]
    if record.state_dicts:
        parts += ["", _state_dicts(record)]
    if record.issues:
        parts += ["", *_issues(record)]
    return "\n".join(parts)


def import_table(record: FileRecord) -> str:
    """What the pickles import, where, and how to have torch load the file if it is benign."""
    if not record.imports:
        return "It imports nothing."
    rows = [("offset", "class", "import")]
    rows += [(str(one.offset), one.class_, _named(one)) for one in record.imports]
    return "\n".join([_table(rows, right=[0]), "", *_advice(record)])


def tensor_table(tensors: Sequence[Tensor], record: FileRecord) -> str:
    """Every tensor: type, shape, place and bytes; a long name says less of the state dict that it is in."""
    facts = [("dtype", "shape", "offset", "bytes")]
    for one in tensors:
        shape = "x".join(map(str, one.shape)) or "scalar"
        place = "-" if one.file_offset is None else str(one.file_offset)
        facts.append((one.dtype, shape, place, str(one.nbytes)))
    taken = sum(2 + max(map(len, column)) for column in zip(*facts, strict=True))
    width = max(_WIDTH - taken, _LEAST_NAME)
    names = tensor_names(
        [one_line(one.key) for one in record.state_dicts], [one_line(one.name) for one in tensors], width
    )
    return _table([(name, *row) for name, row in zip(["tensor", *names], facts, strict=True)], right=[3, 4])


def value_text(value: object) -> str:
    """One value: text as it is but escaped, everything else as JSON."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, indent=2)


def _status(record: FileRecord) -> str:
    if record.salvaged is None:
        return record.status
    return f"{record.status}: {record.salvaged.present} of {record.salvaged.storages} storages are there"


def _suspects(record: FileRecord) -> list[Import]:
    """The imports that the verdict rests on, the worst first; `--imports` has them all."""
    return [one for one in record.imports if one.class_ == record.safety][:6] if _bad(record) else []


def _bad(record: FileRecord) -> bool:
    return record.safety not in ("data_only", "known_types")


def _named(one: Import) -> str:
    return one_line(f"{one.module}.{one.name}")


def _metrics(record: FileRecord) -> str:
    rows = [("metric", "value", "from")]
    for name, metric in record.metrics.items():
        rows.append((_cut(one_line(name), 30), _number(metric.value), _origin(name, metric)))
    return _table(rows, right=[1])


def _origin(name: str, metric: Metric) -> str:
    told = metric.raw_key == name or metric.source.startswith(metric.raw_key)
    source = metric.source if told else f"{metric.source}: {metric.raw_key}"
    differing = [other for other in metric.others if other.value != metric.value]
    return one_line(source) + (f" ({len(differing)} other values)" if differing else "")


def _number(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5f}" if 1e-4 <= abs(value) < 1e6 or value == 0.0 else f"{value:.5g}"
    return str(value) if isinstance(value, int) else "(table)"


def _state_dicts(record: FileRecord) -> str:
    rows = [("tensors of", "number", "parameters", "bytes", "types", "layout")]
    for one in record.state_dicts:
        key = _cut(one_line(one.key), 24) if one.key else "(top)"
        types = _cut(", ".join(one.dtypes), 18)
        rows.append(
            (key, f"{one.n_tensors}", f"{one.n_params:,}", _bytes(one.bytes), types, one.layout or "")
        )
    return _table(rows, right=[1, 2, 3])


def _issues(record: FileRecord) -> Iterator[str]:
    for one in record.issues:
        place = "" if one.offset is None else f" (at {one.offset})"
        hint = f"; {one.hint}" if one.hint else ""
        head = f"{one.severity} {one.code}  "
        text = f"{head}{one_line(one.message)}{place}{hint}"
        yield from textwrap.wrap(text, _WIDTH, subsequent_indent=" " * len(head))


def _advice(record: FileRecord) -> list[str]:
    """The lines that make torch load a benign file with weights_only=True."""
    if record.kind not in ("torch_zip", "torch_legacy") or record.status != "ok":
        return ["torch does not load it."]
    if _bad(record):
        return ["Do not load this file with torch, unless you trust whoever made it."]
    wanted = sorted({f"{one.module}.{one.name}" for one in record.imports if not _is_loaded(one)})
    if not wanted:
        return ["torch loads it with weights_only=True as it is."]
    entries = [_entry(name) for name in wanted]
    if "numpy.dtype" in wanted:
        # The type of a dtype has a class of its own, which torch wants to know as well.
        entries.append('*{type(numpy.dtype(c)) for c in "?bhilqBHILQefdFD"}')
    modules = sorted({entry.lstrip("(").rpartition(".")[0] for entry in map(_target, wanted)} - {"builtins"})
    return [
        "torch loads it with weights_only=True after",
        *(f"import {module}" for module in ["torch", *modules]),
        "torch.serialization.add_safe_globals([",
        *(f"    {entry}," for entry in entries),
        "])",
    ]


def _target(name: str) -> str:
    """The object today of a name in a file: numpy 2 renamed numpy.core."""
    return name.replace("numpy.core.", "numpy._core.", 1)


def _entry(name: str) -> str:
    target = _target(name)
    short = target.removeprefix("builtins.")
    return short if target == name else f'({short}, "{name}")'


def _is_loaded(one: Import) -> bool:
    name = f"{one.module}.{one.name}"
    if name in _LOADED or (one.module == "torch._utils" and one.name.startswith("_rebuild_")):
        return True
    return one.module in ("torch", "torch.storage") and (
        one.name.endswith("Storage") or one.name.startswith(_DTYPES)
    )


def _wrapped(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        lines = textwrap.wrap(text, _WIDTH - width) or [""]
        if len(lines) > 3:
            lines = [*lines[:2], _cut(lines[2], _WIDTH - width - 1) + "…"]
        for number, line in enumerate(lines):
            yield f"{name if number == 0 else '':{width}}{line}".rstrip()


def _table(rows: Sequence[Sequence[str]], *, right: Sequence[int]) -> str:
    return "\n".join(_cut(line) for line in columns(rows, right=right).splitlines())


def _cut(text: str, width: int = _WIDTH) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    power = min((len(str(size)) - 1) // 3, 6)
    return f"{size / 1000.0**power:.3g} {' kMGTPE'[power]}B"
