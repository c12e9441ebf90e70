"""Checkpoints that a config could start from, found by their tensors in trees that are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tvae import _core, scanning
from tvae.checkpoint import read_record
from tvae.checks.difference import changed, lacking
from tvae.config.schema import Config
from tvae.errors import TvaeError
from tvae.legacy import compatibility, weights
from tvae.nn.spec import ModelSpec, from_architecture

if TYPE_CHECKING:
    from tvae.nn import TernaryVAE

Shapes = Mapping[str, tuple[int, ...]]
#: More files than this are not looked into.
_MOST_FILES = 2000
_STATE = "state/"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint whose tensors fit.

    Attributes:
        path: the file.
        coverage: the one that it stores, if any.
        differs: keys in which it computes something else than the config's model.
        whole: whether it has every part of the model; one without a projection leaves that to training.
    """

    path: str
    coverage: float | None
    differs: list[str]
    whole: bool


def places(init: str | None, out: Path) -> list[Path]:
    """Where to look: the predecessor's tree, files beside a path that was given, the runs below `out`."""
    found = [place for place in (*map(Path, compatibility.TREES), out / "models") if place.is_dir()]
    if init and init != "default":
        # The files alone: what lies below the folder may be a whole home.
        suffixes = (".safetensors", *weights.SUFFIXES)
        beside = sorted(path for path in Path(init).parent.glob("*") if path.suffix in suffixes)
        inside = [place.resolve() for place in found]
        found += [path for path in beside if not any(one in path.resolve().parents for one in inside)]
    return found


def compatible(config: Config, where: Sequence[Path], *, plain: bool = False) -> list[Candidate]:
    """The checkpoints below `where` whose tensors fit the config's model, the likeliest first.

    Args:
        config: the config.
        where: folders and files.
        plain: put those without a projection first, which leave it to training, as the preset `base` does.
    """
    if not where:
        return []
    from tvae.nn import TernaryVAE

    model = TernaryVAE(config.model, depth=config.space.depth)
    found = []
    for facts in scanning.scan(list(where)).to_dicts("file")[:_MOST_FILES]:
        if facts["status"] != "ok" or facts["safety"] not in ("data_only", "known_types"):
            continue
        if candidate := _candidate(model, config.model, facts):
            found.append(candidate)
    # By path at last, so that the same trees give the same answer whatever was touched in them.
    return sorted(found, key=lambda one: (*_rank(one, plain=plain), one.path))


def decodes(config: Config, init: str) -> float:
    """The coverage that the config's model starts from with these weights; 0 if they do not load."""
    from tvae import training

    try:
        coverage: float = training.preflight(msgspec.structs.replace(config, init=init))["coverage"]
    except TvaeError:
        return 0.0
    return coverage


def fits(wanted: Shapes, have: Shapes) -> bool:
    """Whether `init` would take these tensors: all of them, or all but every projection.

    Example:
        >>> fits({"decoder.w": (2,), "projection.B.w": (3,)}, {"decoder.w": (2,)})
        True
    """
    from tvae.training.part import part_of

    fresh = lacking(map(part_of, have))
    missing = [name for name in wanted if name not in have and not part_of(name).startswith(fresh)]
    return bool(have) and not missing and all(wanted.get(name) == shape for name, shape in have.items())


def _rank(one: Candidate, *, plain: bool) -> tuple[int, bool, bool, float]:
    """Small for a likely one; of a run, its best weights come before its latest."""
    latest = Path(one.path).stem == "latest"
    return len(one.differs), one.whole is plain, latest, -(one.coverage or 0.0)


def _candidate(model: TernaryVAE, spec: ModelSpec, facts: Mapping[str, Any]) -> Candidate | None:
    path = str(facts["path"])
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    try:
        have, theirs = _content(path)
    except (TvaeError, msgspec.ValidationError, OSError):
        return None
    if not fits(wanted, have):
        return None
    stored = facts["metrics"].get("coverage")
    coverage = stored["value"] if stored and isinstance(stored["value"], (int, float)) else None
    return Candidate(
        path=path, coverage=coverage, differs=list(changed(spec, theirs)), whole=have.keys() == wanted.keys()
    )


def _content(path: str) -> tuple[Shapes, ModelSpec]:
    """Shapes under today's names, and the spec, without a tensor being read where that is possible."""
    if weights.is_old(path):
        old = weights.describe(path)
        if old.found.misfits:
            return {}, ModelSpec()
        spec, _ = from_architecture(weights.read(path).record.architecture)
        return {new: old.entries[name].shape for name, new in old.found.names.items()}, spec
    spec, _ = from_architecture(read_record(path).architecture)
    _, tensors = _core.open_checkpoint(path)
    return {name: tuple(shape) for name, _, shape, *_ in tensors if not name.startswith(_STATE)}, spec
