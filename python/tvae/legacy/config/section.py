"""Rules and conversions that the tables of several dialects share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tvae.legacy.config.action import (
    Old,
    Outcome,
    Refused,
    Rule,
    becomes,
    choose,
    convert,
    drop,
    either,
    keys,
    only,
    to,
    truth,
)
from tvae.legacy.config.number import OPERATIONS, number, radius, share_of_radius, steps, whole
from tvae.nn.spec import CURVATURE_RANGE

#: Losses that are on by default, and that no config of the predecessor knows.
OWN_LOSSES = ("radius_band", "distance_band", "spread")

GONE = "steered a model class and a trainer that the predecessor itself removed: unreachable, there and here"
WISH = "a target that nothing was compared with; `tvae eval` prints every metric beside its ceiling"
LABEL = "a label; no number depends on it"
NO_CACHE = "housekeeping of GPU memory; no number depends on it"
NO_WORKERS = "there are no loading processes: the operations are computed where they are needed"
RESERVED = "every pair of the two halves of the batch is used, a larger sample of the same mean"
ONE_FOLDER = "a run keeps its logs and events below the same folder as its weights"
EVERY_STEP = "every step and every evaluation are written to metrics.jsonl; a line is shown per evaluation"


def sane_curvature(c: float) -> float:
    """The curvature, or 1 in place of one that is refused where it stands."""
    low, high = CURVATURE_RANGE
    return c if low <= c <= high else 1.0


def limit(old: Old) -> tuple[float, float]:
    """The largest Euclidean radius of the old ball, and its curvature."""
    c = sane_curvature(old.get("model.curvature", old.get("geometry.curvature", 1.0)))
    return old.get("model.max_radius", old.get("geometry.max_radius", 0.95)), c


def share(value: object, old: Old) -> float:
    """A Euclidean target radius as a share of the hyperbolic radius of the old limit."""
    reach, c = limit(old)
    return share_of_radius(number(value), limit=reach, c=c)


def implied_share(norm: float, key: str, old: Old) -> float:
    """The target at `key`, or `norm`; relative to the rim where the old limit lies outside the ball."""
    for value in (old.leaves.get(key, norm), norm):
        try:
            found = share(value, old)
        except Refused:
            continue
        if 0.0 < found < 1.0:
            return found
    return rim_share(norm, old)


def rim_share(value: object, old: Old) -> float:
    """The same for balls whose limit was given without regard to the curvature: both relative to the rim."""
    return share_of_radius(number(value), limit=0.95, c=1.0)


def reach(old: Old) -> float:
    """The hyperbolic radius of the old limit, today's r_max."""
    return round(radius(*limit(old)), 6)


def implied_reach(old: Old) -> float:
    """The same where the old limit may make no sense: it is refused where it stands."""
    try:
        return reach(old)
    except Refused:
        return round(radius(0.95, 1.0), 6)


def max_radius(value: object, old: Old) -> Outcome:
    """The bound of the projection, and the unit of all targets with it."""
    c = limit(old)[1]
    return Outcome(
        action="converted",
        new="model.projection.max_norm",
        values={
            "model.projection.max_norm": round(number(value) * c**0.5, 10),
            "model.projection.radius": "euclidean",
            "model.r_max": round(radius(number(value), c), 6),
        },
        reason="a Euclidean norm: the projection keeps it, and r_max is its hyperbolic radius",
    )


def switch(section: str, *, also: Mapping[str, object] | None = None) -> Rule:
    """`enabled`: the section with its defaults, or null."""

    def rule(value: object, old: Old) -> Outcome:
        if truth(value):
            return Outcome(action="mapped", new=section, values={section: {}, **(also or {})})
        return Outcome(action="mapped", new=section, values={section: None}, reason="null switches it off")

    return rule


def same_curvature(value: object, old: Old) -> Outcome:
    """The curvature of one loss: today all of them measure in the ball of the model."""
    c = limit(old)[1]
    if number(value) != c:
        raise Refused(
            f"losses measure in the ball of the model, whose curvature is {c:g}; make the two agree"
        )
    return Outcome(action="mapped", new="model.curvature", reason="losses measure in the ball of the model")


def depth_of(value: object, old: Old) -> int:
    """The trits of a space of so many operations."""
    for trits in range(1, 20):
        if value == 3**trits:
            return trits
    raise Refused(f"{value!r} is no power of 3, so no space of operations; write {OPERATIONS}")


def device(value: object, old: Old) -> str:
    """The number of a GPU; the first one is what `auto` takes."""
    index = whole(value)
    return "auto" if index == 0 else f"cuda:{index}"


def batch_size(batches: Callable[[object, Old], int]) -> Rule:
    """The size of a batch, and the steps of an epoch that follow from it."""

    def rule(value: object, old: Old) -> Outcome:
        return Outcome(
            action="mapped",
            new="training.batch_size",
            values={"training.batch_size": value, "training.steps_per_epoch": batches(value, old)},
            reason="an epoch keeps its number of batches (steps_per_epoch)",
        )

    return rule


def whole_pass(value: object, old: Old) -> int:
    """Batches in a pass over all operations."""
    return steps(OPERATIONS, max(1, whole(value)))


def pairs(section: str) -> Rule:
    """How many pairs a loss sampled."""
    return becomes(section, RESERVED)


def name_of(value: object, old: Old) -> Outcome:
    """A name for the run, as the command line takes it."""
    if value is None:
        return Outcome(
            action="mapped",
            new="--name",
            reason="a run without --name is called after its config and the time",
        )
    return Outcome(
        action="converted",
        new="--name",
        values={"--name": str(value)},
        reason="a run is named on the command line",
    )


def folder(value: object, old: Old) -> Outcome:
    """Where a run goes, as the command line takes it."""
    return Outcome(
        action="converted",
        new="--out",
        values={"--out": str(value)},
        reason="a run's folder is named on the command line; the old files there are left alone",
    )


def autocast(value: object, old: Old) -> Outcome:
    """Mixed precision; the newer of its two sections decides."""
    other = old.leaves.get("mixed_precision.enabled")
    if isinstance(other, bool):
        return Outcome(
            action="converted",
            new="training.autocast",
            reason="mixed_precision, the newer section, decides",
        )
    return to("training.autocast", reason="bfloat16 instead of float16")(value, old)


MIXED_PRECISION: dict[str, Rule] = {
    "mixed_precision.enabled": to("training.autocast"),
    "mixed_precision.dtype": choose(
        {
            "float16": becomes("training.autocast", "autocast is bfloat16, which has the range of float32"),
            "bfloat16": becomes("training.autocast", "autocast is bfloat16"),
        },
        "autocast is bfloat16; remove it",
    ),
    **keys(
        "mixed_precision",
        "init_scale growth_factor backoff_factor growth_interval",
        becomes("training.autocast", "a loss scale is for float16; bfloat16 needs none"),
    ),
}


def _compiled(value: object, old: Old) -> Outcome:
    if value is True and old.leaves.get("torch_compile.backend", "inductor") == "eager":
        return Outcome(
            action="converted",
            new="training.compile",
            values={"training.compile": False},
            reason="its backend `eager` compiles nothing; the old code looked for another name anyway",
        )
    return to("training.compile")(value, old)


def _compiles(old: Old) -> bool:
    return (
        old.leaves.get("torch_compile.enabled") is True and old.leaves.get("torch_compile.backend") != "eager"
    )


def _detail(fine: object) -> Rule:
    def rule(value: object, old: Old) -> Outcome:
        if not _compiles(old):
            return Outcome(action="dropped", reason="a detail of torch_compile, which compiles nothing here")
        return only(fine, "training.compile", f"the step is compiled with {fine!r}; remove it")(value, old)

    return rule


TORCH_COMPILE: dict[str, Rule] = {
    "torch_compile.enabled": _compiled,
    "torch_compile.backend": choose(
        {"eager": drop("compiles nothing: training.compile is false")}, _detail("inductor")
    ),
    "torch_compile.mode": _detail("default"),
    "torch_compile.fullgraph": choose(
        {False: drop("the step is compiled as one graph anyway")}, _detail(True)
    ),
}

#: Whether the best checkpoint is kept.
SAVE_BEST = either(
    true=becomes("training.best", "as always"),
    false=becomes("training.best", "a best checkpoint is always kept; nothing is decided by it"),
)


def dual(value: object, old: Old) -> Outcome:
    """Whether each branch has a projection of its own."""
    return Outcome(
        action="converted",
        new="model.projection.shared",
        values={"model.projection.shared": not truth(value)},
        reason="the same said the other way round",
    )


DATA: dict[str, Rule] = {
    "data.n_operations": convert("space.depth", depth_of, "3^depth operations"),
    "data.use_full_dataset": only(
        True, "space.depth", "all operations are trained on; remove it", reason="all operations, always"
    ),
}


def trits(value: object, old: Old) -> Outcome:
    """The largest valuation, which is the number of trits."""
    return to("space.depth", reason="the largest valuation is the number of trits")(value, old)
