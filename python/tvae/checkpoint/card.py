"""The model card: a record as Markdown, for the README.md of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tvae.record import Record

_MEANING = {
    "coverage": "operations decoded right",
    "coverage_sampled": "the same, from one posterior sample",
    "kl_nats": "mean KL to the prior, nats; at least the entropy of the space",
    "hierarchy": "Spearman of valuation and radius",
    "inversions": "pairs of radii in the wrong order",
    "ultrametric": "-Spearman of v(i-j) and distance",
    "tree_inversions": "pairs of distances in the wrong order",
    "richness": "variance of the radius inside a level",
    "uniformity": "evenness of the radius inside a level",
    "dist_corr": "legacy: Spearman of Euclidean distance and difference of valuations",
    "Q": "legacy: dist_corr + 1.5 abs(hierarchy)",
    "mean_radius": "hyperbolic",
    "std_radius": "hyperbolic",
}


def model_card(record: Record, *, filename: str = "best.safetensors") -> str:
    """The card of a checkpoint, Markdown with the front matter of the Hugging Face Hub.

    Args:
        record: what the checkpoint says about itself.
        filename: the file beside the card that `tvae.load` should be shown with.

    Example:
        >>> card = model_card(Record(architecture={"depth": 9}, metrics={"coverage": 1.0}))
        >>> [line for line in card.splitlines() if "coverage" in line]
        ['| `coverage` | 1 | 1 | operations decoded right |']
    """
    shape = record.architecture
    name = shape.get("model_class") or "TernaryVAE"
    depth = shape.get("depth")
    operations = (
        f"{3**depth:,} operations of {depth} trits" if isinstance(depth, int) else "ternary operations"
    )
    parts = [
        "---\nlibrary_name: tvae\ntags:\n- p-adic\n- hyperbolic\n- vae\n---",
        f"# {name}, depth {depth if depth is not None else 'unknown'}",
        f"A ternary variational autoencoder: it embeds all {operations} in the Poincare ball,\n"
        "so that the radius follows the 3-adic valuation and the distance follows the 3-adic distance,\n"
        "and decodes them again.",
        f'```python\nimport torch\nimport tvae\n\nmodel = tvae.load("{filename}")\n'
        "points = model.embed(torch.tensor([0, 1, 3]))\n```",
        "## Metrics\n\n" + _metrics(record),
        "## Architecture\n\n" + _facts({key: value for key, value in shape.items() if key != "spec"}),
        "## Origin\n\n" + _facts(_origin(record)),
    ]
    if record.command:
        parts.append(f"Trained with\n\n```\n{record.command}\n```")
    return "\n\n".join(parts) + "\n"


def ceiling_of(name: str, ceilings: Mapping[str, float]) -> float | None:
    """The best value that metric `name` can reach, of either branch; None where there is none.

    Example:
        >>> ceiling_of("ultrametric_B", {"ultrametric": 0.832})
        0.832
    """
    base = base_name(name)
    for key in (name, base):
        if key in ceilings:
            return float(ceilings[key])
    return None


def base_name(name: str) -> str:
    """A metric's name without its branch.

    Example:
        >>> base_name("hierarchy_B")
        'hierarchy'
    """
    return name[:-2] if name.endswith(("_A", "_B")) else name


def in_order(names: Iterable[str]) -> list[str]:
    """Metrics in the order in which they are read: what decodes, what is ordered, what is old.

    Example:
        >>> in_order(["richness_B", "coverage", "hierarchy_B"])
        ['coverage', 'hierarchy_B', 'richness_B']
    """
    places = {name: place for place, name in enumerate(_MEANING)}
    return sorted(names, key=lambda name: (places.get(base_name(name), len(places)), name))


def meaning(name: str) -> str:
    """What a metric measures, in a few words; empty where the name says it.

    Example:
        >>> meaning("kl_nats")
        'mean KL to the prior, nats; at least the entropy of the space'
    """
    return _MEANING.get(base_name(name), "")


def ceilings_at(depth: object) -> Mapping[str, float]:
    """The closed-form ceilings of the metrics at `depth`; empty where that is no depth.

    Example:
        >>> ceilings_at(None)
        {}
    """
    if not isinstance(depth, int) or isinstance(depth, bool) or not 1 <= depth <= 19:
        return {}
    from tvae.space import TernarySpace

    return TernarySpace(depth=depth).ceilings()


def _metrics(record: Record) -> str:
    values = {name: value for name, value in record.metrics.items() if value is not None}
    if not values:
        return "None recorded."
    ceilings = ceilings_at(record.architecture.get("depth"))
    lines = ["| metric | value | ceiling | meaning |", "|---|---:|---:|---|"]
    for name in in_order(values):
        best = ceiling_of(name, ceilings)
        shown = "" if best is None else f"{best:.7g}"
        lines.append(f"| `{name}` | {values[name]:.7g} | {shown} | {meaning(name)} |")
    version = "" if record.metric_version is None else f", definition version {record.metric_version}"
    note = f"Over all operations{version}. A ceiling is the best value that can be reached."
    return "\n".join(lines) + "\n\n" + note


def _origin(record: Record) -> dict[str, object]:
    return {
        "created": record.created_at,
        "epoch": record.epoch,
        "step": record.step,
        "seed": record.seed,
        "config hash": record.config_hash,
        "config file": record.config_path,
        "base checkpoint": record.base_checkpoint,
        "git revision": record.git_revision,
        **record.training_summary,
        **record.environment,
    }


def _facts(values: Mapping[str, object]) -> str:
    shown = [f"| {key} | `{value}` |" for key, value in values.items() if value is not None]
    return "\n".join(["| | |", "|---|---|", *shown])
