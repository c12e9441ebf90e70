"""`tvae scan --explain CODE`: what a code, a word or a definition means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tvae import _core
from tvae.cli.listing.layout import wrap
from tvae.cli.listing.marks import MARKS, NAMES
from tvae.errors import ConfigError

_WIDTH = 80
_DEFINITION = "a definition of the metrics"
_LETTER = "a letter under `def`"
#: The branch of a metric, and a radius that is not hyperbolic.
_SUFFIX = re.compile(r"(_euclidean)?(_[ab])?$", re.ASCII)
#: Words and signs of tables and records that are no codes, by kind, and what they mean. One word may be of
#: several kinds.
_KINDS: dict[str, dict[str, str]] = {
    "a flag": {
        "coverage_collapse": (
            "Coverage is below `thresholds.coverage_collapse` of the rules, 0.90 by default: the model "
            "lost operations it knew. C, or `collapsed`, in a table."
        ),
        "inverted_hierarchy": (
            "A hierarchy is at or above `thresholds.inverted` of the rules, -0.1 by default: absent, or "
            "the wrong way round. I, or `inverted`, in a table."
        ),
        "best_latest_divergence": (
            "The best and the latest file of a directory differ widely. D, or `diverged`, in a table."
        ),
        "nan": "A metric is no finite number. N in a table.",
    },
    "a mark of a table": {
        "unsafe": (
            "The directory holds a file that is dangerous or unparsed; it is named below the table. ! "
            "where space is scarce."
        ),
        "unsafe_best": (
            "The best file of the directory is dangerous or unparsed, and no other one in it can be "
            "read safely. !! where space is scarce."
        ),
        "measured": (
            "A stored metric is not the one that `tvae eval` measured: flags, advice and leaderboard "
            "follow the measured one, the metrics that are shown are those that are stored. M where "
            "space is scarce."
        ),
        "documented": (
            "A number in its README, or in an annotation, differs from the stored one. * where space is "
            "scarce."
        ),
    },
    "a head of the tables": {
        "path": "The directory or the file; below the folder that was scanned, if it is one.",
        "below": "Paths below the folder behind it, which was scanned.",
        "status": "How complete a run is; of a file, how far it was decoded.",
        "category": "What the rules take a directory for, mostly by its name.",
        "files": "How many checkpoints a directory holds, without folders in it. n where space is scarce.",
        "n": "How many checkpoints a directory holds: `files` where space is scarce.",
        "size": "Bytes of a file, or of the checkpoints in a directory, in units of 1000.",
        "kind": "The format of a file, whatever its name says.",
        "safety": "What loading a file would run: the worst of everything in it.",
        "epoch": "The epoch that the file states.",
        "cover": (
            "Coverage; the letter behind it is the branch where the model has none of its own, the "
            "better of two."
        ),
        "hier": "The hierarchy of branch B, else of A; without a letter the file does not say which.",
        "def": "The definition of the two metrics beside it, by the letter of the legend below the table.",
        "flags": "What speaks against a record. Where space is scarce it is letters: see `flag`.",
        "flag": "The flags by their letters: `flags` where space is scarce.",
        "issues": "Codes of what is odd in a file; where space is scarce the first, and how many more.",
        "advice": "The recommendation; `--format json` has its reason.",
        "tensor": "The name of a tensor, after the key of the state dict that it is in.",
        "dtype": "The type of a tensor's numbers.",
        "shape": "The sizes of a tensor's dimensions.",
        "offset": "Where the data of a tensor begins in the file, in bytes.",
        "bytes": "Bytes of a tensor.",
        "rank": "The place among directories whose metrics have one definition.",
    },
    "a metric": {
        "coverage": "The share of operations of which every digit is decoded right.",
        "coverage_sampled": "Coverage from one sample of the posterior each.",
        "kl_nats": "The KL divergence of the posterior to the prior, in nats.",
        "hierarchy": "Spearman's correlation of valuation and radius: the more negative, the better.",
        "inversions": "The share of pairs of valuations whose radii are in the wrong order.",
        "ultrametric": "Spearman's correlation of the 3-adic distance and that in the ball.",
        "tree_inversions": "The share of pairs of distances that are in the wrong order.",
        "richness": "The mean variance of the radii inside the levels.",
        "uniformity": "How evenly a level fills its own range.",
        "dist_corr": "A correlation of distances; its definition says of which.",
        "Q": "A score of dist_corr and hierarchy; its definition says which.",
        "mean_radius": "The mean radius.",
        "std_radius": "The standard deviation of the radii.",
        "r_v0": "The mean radius at valuation 0.",
        "r_v9": "The mean radius at valuation 9.",
    },
    "a verdict on safety": {
        "data_only": "The file imports nothing.",
        "known_types": "The file imports only known types.",
        "unknown_code": "Loading the file runs code that is not on the list.",
        "unparsed": "The file could not be followed to its end, so it is not clean.",
        "dangerous": "Loading the file runs dangerous code. Do not load it.",
    },
    "a status of a directory": {
        "complete": "A run with what a finished one leaves.",
        "partial": "A run that lacks some of what a finished one leaves.",
        "crashed": "A run that seems to have stopped before its end.",
        "empty": "It holds no checkpoint.",
    },
    "a status of a file": {
        "ok": "It was decoded whole.",
        "salvaged": "It was cut, and a part of it could be decoded.",
        "corrupt": "It could not be decoded; its issues say why.",
        "unsupported": "Its format or a part of it is not known here.",
        "unreadable": "The system did not let it be read.",
        "skipped": "It was not looked at; its issues say why.",
    },
    "a recommendation": {
        "keep": "Nothing speaks for removing it.",
        "archive": "It can go into an archive; --plan writes such a plan.",
        "delete": "It can go; `tvae prune` moves it, and never removes it for good.",
        "review": "Somebody has to look at it; its reason says why.",
    },
    "a kind of file": {
        "torch_zip": "What torch.save has written since 1.6: a zip archive with a pickle.",
        "torch_legacy": "What torch.save wrote from 0.1.10 to 1.5: several pickles and the tensors.",
        "torch_tar": "What torch.save wrote before 0.1.10: a tar archive.",
        "torchscript": "A TorchScript program.",
        "torch_package": "An archive of torch.package.",
        "torch_export": "An exported PyTorch program.",
        "pickle": "A pickle that torch did not write.",
        "safetensors": "Tensors and a JSON header, without code.",
        "zip": "A zip archive that is none of torch's.",
        "tar": "A tar archive that is none of torch's.",
        "other": "A format that holds no checkpoint.",
        "unknown": "Nothing in it tells what it is.",
        "empty": "A file without bytes.",
    },
    "a kind of group": {
        "sweep": "Three or more directories whose names differ in one number.",
        "versions": "Versions under several names whose metrics hardly differ.",
    },
    "a kind of copy": {
        "hard_link": "The same file under a second name; it takes no space.",
        "copy": "The same save.",
        "weights": "The same weights beside other values.",
    },
    "a verdict of a person": {
        "valid": "An annotation says so: it is kept whatever its flags.",
        "invalid": "An annotation says so: it is archived and does not compete.",
    },
    "a category of the default rules": {
        "empty": "It holds no checkpoint.",
        "sweep": "It is named as a sweep, or one of several names that differ in one number.",
        "test": "It is named as a test.",
        "domain": "A codon or amino-acid model.",
        "release": "A plain version, or named so.",
        "variant": "A version with a remark.",
        "experiment": "Anything else.",
    },
    "a word of --fail-on": {
        "unsafe": "A file is dangerous or unparsed.",
        "unknown": "A file is unknown_code.",
        "corrupt": "A file is corrupt, unsupported or unreadable.",
        "invalid": "A directory has a flag.",
    },
    "a severity of an issue": {
        "info": "Worth knowing, and nothing wrong.",
        "warning": "Odd: readers may disagree about the file.",
        "error": "A part of the file cannot be read.",
        "high": "The file was made to look like something else.",
    },
    "a branch": {
        "A": "Behind a value: it is of branch A.",
        "B": "Behind a value: it is of branch B. A model with one branch has B alone.",
    },
}


def explain(word: str, *, as_json: bool) -> str:
    """What a code, a word or a definition means, or a list of all of them.

    Raises:
        ConfigError: if there is no such code or word.
    """
    everything = word.strip().lower() == "all"
    if everything:
        found = [{"code": code, **(_core.explain(code) or {})} for code in _core.codes()]
    else:
        found = _named(word.strip())
    if as_json:
        from tvae.finite import dumps

        words = {"words": {title: list(names) for title, names in _lists().items()}} if everything else {}
        return dumps({"schema": 1, "codes": found, **words})
    if everything:
        lines = [line for one in found for line in wrap(_title(one), _WIDTH, indent=6)]
        for title, names in _lists().items():
            lines += ["", f"{title}:", *wrap(f"  {', '.join(names)}", _WIDTH)]
        return "\n".join(lines)
    return "\n\n".join("\n".join(_full(one)) for one in found)


def _lists() -> dict[str, Sequence[str]]:
    """The words and signs that are no codes, by kind."""
    marks = [shown for mark in MARKS.values() for shown in (mark.letter, mark.word)]
    return {
        **{title: list(words) for title, words in _KINDS.items()},
        "a flag or a mark in a table": list(dict.fromkeys(marks)),
        _LETTER: ["a", "b", "c", "...", "?"],
        _DEFINITION: list(_core.metric_families()),
    }


def _named(word: str) -> list[dict[str, Any]]:
    """Everything that a word means; several definitions are joined by ` + `."""
    families = {name.lower(): (name, meaning) for name, meaning in _core.metric_families().items()}
    parts = [part.strip().lower() for part in word.split("+")]
    found: list[dict[str, Any]] = []
    if all(part in families for part in parts):
        found = [
            {"code": name, "title": _DEFINITION, "meaning": meaning}
            for name, meaning in (families[part] for part in dict.fromkeys(parts))
        ]
    return [*found, *_words(word)] or [{"code": word.upper(), **_known(word)}]


def _words(word: str) -> Iterator[dict[str, Any]]:
    """What a word or a sign of a table means."""
    # SARIF has the kind of a word before it.
    plain = word.lower().removeprefix("safety-").removeprefix("invalid-").replace("-", "_")
    plain = NAMES.get(word) or NAMES.get(plain) or (word if word in _KINDS["a branch"] else plain)
    metric = {name.lower(): name for name in _KINDS["a metric"]}.get(_SUFFIX.sub("", plain), plain)
    for title, words in _KINDS.items():
        name = metric if title == "a metric" else plain
        if name in words:
            yield {"code": name, "title": title, "meaning": words[name]}
    if plain == "?" or (len(word) == 1 and word.islower()):
        meaning = "Which definition of the metrics it stands for is said in the legend below that table."
        yield {"code": plain, "title": _LETTER, "meaning": meaning}


def _known(code: str) -> dict[str, Any]:
    found = _core.explain(code.upper())
    if found is None:
        from difflib import get_close_matches

        words = (*NAMES, *(word for words in _KINDS.values() for word in words if len(word) > 1))
        known = {name.lower(): name for name in (*words, *_core.metric_families(), *_core.codes())}
        near = get_close_matches(code.lower(), known, n=1)
        hint = f"did you mean {known[near[0]]}?" if near else "`tvae scan --explain all` lists them"
        raise ConfigError(f"there is no code or word {code!r}", path="--explain", hint=hint)
    return found


def _title(one: Mapping[str, Any]) -> str:
    return f"{one['code']}  {one.get('title', '')}".rstrip()


def _full(one: Mapping[str, Any]) -> Iterator[str]:
    yield _title(one)
    for name in ("meaning", "remedy"):
        if one.get(name):
            yield ""
            yield from wrap(str(one[name]), _WIDTH, indent=0)
