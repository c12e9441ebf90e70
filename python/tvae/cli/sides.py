"""Tables of `tvae checkpoint verify` and `compare`: values side by side, definitions apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tvae.checkpoint.card import in_order
from tvae.cli.failure import one_line
from tvae.cli.listing.layout import terminal_width
from tvae.cli.output import filled, folded, in_blocks
from tvae.cli.scores import score

if TYPE_CHECKING:
    from tvae.checks.comparison import Comparison, Tensors
    from tvae.checks.verification import Verified

_LONGEST = 40


def verification(source: str, found: Sequence[Verified]) -> str:
    """The stored metrics beside the measured ones, and what it comes to."""
    rows: list[Sequence[str]] = [("", "metric", "stored", "measured", "within", "as", "")]
    for one in found:
        verdict = "-" if one.agrees is None else "ok" if one.agrees else "DIFFERS"
        measured, within = score(one.measured), score(one.tolerance)
        rows.append(
            (verdict, one.metric, score(one.stored), measured, within, one.family, one_line(one.definition))
        )
    held = [one for one in found if one.agrees is not None]
    left = len(found) - len(held)
    text = f"{sum(one.agrees is True for one in held)} of {len(held)} measured metrics agree"
    more = f", {left} cannot be measured from the weights" if left else ""
    if not held:
        text = f"stores {'no metric that can be measured from the weights' if found else 'no metrics'}"
        more = "; nothing was verified"
    table = folded(rows, width=terminal_width(), beside=6, right=(2, 3, 4)) + "\n" if found else ""
    if any(not one.family.startswith("tvae ") for one in held):
        more += "; old definitions: the mean of 5 draws of sampled latents"
    return table + filled(f"{one_line(source)}: {text}{more}", width=terminal_width())


def comparison(found: Comparison) -> str:
    """Every section that has something to say, by blank lines apart."""
    # Letters are branches.
    labels = [f"#{number}" for number in range(1, len(found.sides) + 1)]
    head = [
        (label, side.layout, f"epoch {'-' if side.epoch is None else side.epoch}", one_line(side.path))
        for label, side in zip(labels, found.sides, strict=True)
    ]
    sections = [folded(head, width=terminal_width(), beside=3)]
    for title, of in (("Architecture", "architecture"), ("Config", "config")):
        if differing := found.differing(of):
            alike = of == "architecture" and not any(found.functions)
            what = "the same function; what differs serves training alone" if alike else "what differs"
            sections.append(_keys(f"{title}: {what}", differing, labels))
        elif of == "architecture":
            sections.append("Architecture: the same")
    sections += _families(found, labels)
    told = [_tensors(one, labels[0], other) for one, other in _pairs(found, labels)]
    sections.append("\n".join(filled(one, width=terminal_width()) for one in told))
    return "\n\n".join(section for section in sections if section)


def _families(found: Comparison, labels: Sequence[str]) -> Iterator[str]:
    """A table for each family of definitions: values of different ones do not compare."""
    families = dict.fromkeys(family for side in found.sides for family in side.metrics)
    for family in families:
        tables = [side.metrics.get(family, {}) for side in found.sides]
        names = in_order({name for table in tables for name in table})
        rows = [(f"Metrics as {family}", *labels)]
        rows += [(name, *(score(table.get(name)) for table in tables)) for name in names]
        yield in_blocks(rows, width=terminal_width(), right=True)


def _keys(title: str, differing: Mapping[str, Sequence[object]], labels: Sequence[str]) -> str:
    """The keys that at least two of them have; of the others, how many there are."""
    shared = {key: values for key, values in differing.items() if sum(one is not None for one in values) > 1}
    width = terminal_width()
    cells = [(one_line(key), *map(_text, values)) for key, values in shared.items()]
    table = in_blocks([(title, *labels), *cells], width=width)
    if any(len(line) > width for line in table.splitlines()):
        # A long title stands above.
        table = "\n".join([filled(title, width=width), in_blocks([("", *labels), *cells], width=width)])
    lines = [table] if shared else []
    for place, label in enumerate(labels):
        alone = sum(values[place] is not None for key, values in differing.items() if key not in shared)
        if alone:
            keys = "1 key" if alone == 1 else f"{alone} keys"
            lines.append(f"{title.partition(':')[0]}: {keys} in {label} alone; --json has them")
    return "\n".join(lines)


def _pairs(found: Comparison, labels: Sequence[str]) -> Iterator[tuple[Tensors, str]]:
    yield from zip(found.tensors, labels[1:], strict=True)


def _tensors(one: Tensors, first: str, other: str) -> str:
    facts = {
        "equal": one.equal,
        "equal up to rounding": one.close,
        "different": one.different,
        f"in {first} alone": one.only_one,
        f"in {other} alone": one.only_other,
    }
    told = ", ".join(f"{count} {what}" for what, count in facts.items() if count)
    gap = f"; at most {one.largest:.3g} apart ({one.where})" if one.where else ""
    return f"Tensors of {first} and {other}: {told}{gap}"


def _text(value: object) -> str:
    text = "-" if value is None else f"{value:g}" if isinstance(value, float) else one_line(str(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
