"""Which dialect an old config is written in, from its keys alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from tvae.config import tree
from tvae.legacy.config import flat, manifold, nested, rival, scheduler
from tvae.legacy.config.action import Old, Rules
from tvae.legacy.config.architecture import implied as architecture
from tvae.legacy.config.architecture import implied_parts, single
from tvae.legacy.config.section import OWN_LOSSES, implied_share

Implied = dict[str, tuple[object, str]]


class Dialect(Struct, frozen=True, kw_only=True):
    """A vocabulary of old configs.

    Attributes:
        name: what messages and reports call it.
        rules: a rule for every key that it has; of two that set one key, the earlier one has the say.
        switches: by the beginning of a key, the leaf that switches it off.
        implied: what the old code did without being told.
        canonical: a key of the dialect as the rules have it.
        version: the version that a file was most likely written for.
    """

    name: str
    rules: Rules
    switches: Mapping[str, str]
    implied: Callable[[Old], Implied]
    version: Callable[[Old], str]
    canonical: Callable[[str], str] = str


def _off(implied: Callable[[Old], Implied]) -> Callable[[Old], Implied]:
    """Today's own losses off, then what a dialect implies."""

    def found(old: Old) -> Implied:
        return {
            **{f"loss.{name}": (None, "no loss of the predecessor") for name in OWN_LOSSES},
            **implied(old),
        }

    return found


def _nested(old: Old) -> Implied:
    found = architecture(old) | implied_parts(old) | scheduler.implied(old)
    found["loss.kl"] = (None, "no rate in the loss since v5.11")
    if not old.on("loss.rich_hierarchy"):
        found["loss.reconstruction"] = (None, "encoder A and decoder are frozen, so it has no gradient")
    else:
        # The same targets as the radial loss, so that the two do not pull apart.
        reason = "the targets of loss.radial"
        inner, outer = (
            implied_share(norm, f"loss.radial.{name}_radius", old)
            for name, norm in (("inner", 0.1), ("outer", 0.9))
        )
        found["loss.rich_hierarchy.inner"] = (inner, reason)
        found["loss.rich_hierarchy.outer"] = (outer, reason)
    if old.on("loss.zero_structure"):
        reason = "its targets 0.1 and 0.85, Euclidean radii, as shares of r_max"
        found["loss.zero_structure.inner"] = (implied_share(0.1, "", old), reason)
        found["loss.zero_structure.outer"] = (implied_share(0.85, "", old), reason)
    if old.on("loss.geodesic") and single(old) and not old.has("loss.curriculum"):
        found["loss.geodesic.weight"] = (1.0, "the trainer's own weight")
    if old.dialect.startswith("5.12"):
        reason = "the trainer kept the lowest hierarchy of branch B above a coverage of 0.99"
        found["training.best.metric"] = ("hierarchy_B", reason)
        found["training.best.mode"] = ("min", reason)
        found["training.best.coverage"] = (0.99, reason)
    return found


def _flat_version(old: Old) -> str:
    named = old.leaves.get("config_version")
    if isinstance(named, str):
        return named
    marks = {
        "5.10": ("radial_stratification", "padic_losses.hyperbolic_v10", "exploration_boost"),
        "5.9": ("continuous_feedback", "padic_losses.ranking_hyperbolic"),
        "5.8": ("two_phase_training", "padic_losses.ranking_v2"),
        "appetitive": ("appetite_ranking", "appetite_hierarchy", "phase_gates"),
        "5.7": ("model.statenet_ranking_scale", "model.base_ranking_weight"),
        "5.6": ("torch_compile",),
    }
    return next((version for version, keys in marks.items() if any(map(old.has, keys))), "5.5")


def _nested_version(old: Old) -> str:
    named = old.leaves.get("version.model")
    return named if isinstance(named, str) else old.dialect


FLAT = Dialect(
    name="5.5-5.10",
    rules=flat.RULES,
    switches=flat.SWITCHES,
    implied=_off(flat.implied),
    version=_flat_version,
)
MANIFOLD = Dialect(
    name="manifold",
    rules=manifold.RULES,
    switches={},
    implied=_off(manifold.implied),
    version=lambda old: str(old.leaves.get("training.manifold_type", "manifold")),
)
NESTED = {
    name: Dialect(name=name, rules=nested.RULES, switches={}, implied=_off(_nested), version=_nested_version)
    for name in ("5.11", "5.11.11", "5.12", "5.12.5")
}
SCHEMA = Dialect(
    name="schema", rules=rival.SCHEMA, switches={}, implied=_off(rival.implied), version=lambda old: "schema"
)
TRAINER = Dialect(
    name="trainer schema",
    rules=flat.RULES,
    switches=flat.SWITCHES,
    implied=_off(flat.implied),
    canonical=rival.canonical,
    version=lambda old: "5.10",
)
DIALECTS = (FLAT, *NESTED.values(), MANIFOLD, SCHEMA, TRAINER)
#: The families, any of whose dialects has the same vocabulary.
_FAMILIES = (NESTED["5.12"], FLAT, MANIFOLD, SCHEMA, TRAINER)
#: Least share of a file's keys that a vocabulary must know, misspelt ones included in the rest.
LEAST = 0.5


def recognise(values: Mapping[str, object]) -> Dialect | None:
    """The dialect of an old config; None for a config of today's schema, or of nobody's.

    The vocabulary that knows most of the keys is taken, if it knows more of them than today's does.

    Example:
        >>> recognise({"total_epochs": 50, "vae_a": {"beta_start": 0.3}}).name
        '5.5-5.10'
        >>> recognise({"training": {"epochs": 3}}) is None
        True
    """
    leaves = tree.leaves(dict(values))
    if not leaves:
        return None
    ours = sum(_is_ours(key) for key in leaves)
    known = {
        family.name: sum(family.canonical(key) in family.rules for key in leaves) for family in _FAMILIES
    }
    best = max(_FAMILIES, key=lambda family: known[family.name])
    if known[best.name] <= ours or known[best.name] < LEAST * len(leaves):
        return None
    return _within(leaves) if best.rules is nested.RULES else best


def known_elsewhere(key: str) -> str | None:
    """A dialect that has this key."""
    return next((family.name for family in _FAMILIES if key in family.rules), None)


def _is_ours(key: str) -> bool:
    return tree.find(key) is not None


def _within(leaves: Mapping[str, object]) -> Dialect:
    """The version of a file of sections."""
    old = Old("", leaves)
    named = str(old.leaves.get("version.model", ""))
    if named.startswith("5.12.5"):
        return NESTED["5.12.5"]
    if named.startswith("5.12"):
        return NESTED["5.12"]
    modern = any(
        map(old.has, ("mixed_precision", "torch_compile", "gradient_checkpoint", "loss.adaptive_loss"))
    )
    if modern:
        return NESTED["5.12.5"]
    if old.has("loss.rich_hierarchy"):
        return NESTED["5.12"]
    if any(map(old.has, ("homeostasis", "memory", "riemannian", "device"))):
        return NESTED["5.11.11"]
    return NESTED["5.11"]
