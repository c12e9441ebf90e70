"""ARCHITECTURE.md, "One arrow": an import goes down or stays on its level; dependencies are declared."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tvae

# Low to high. `errors`, `autograd` and `record` lie below everything, `__main__` beside the command line.
LEVELS = [
    {"errors", "autograd", "finite", "metric_names", "record", "records"},
    {"_core", "kernels"},
    {"geometry", "space"},
    {"nn", "losses", "metrics", "mining"},
    {"config", "checkpoint", "legacy"},
    {"training", "scanning", "pruning", "lint", "hub", "sweep", "report", "load", "loading", "checks"},
    {"cli"},
    {"__main__"},
]
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}

# Import names that differ from the name on the package index, or that another dependency brings along.
DISTRIBUTIONS = {"triton": "torch", "ruamel": "ruamel.yaml"}


@dataclass(frozen=True)
class Import:
    """`where` imports the dotted name `what`; `part` is the part of tvae that `where` belongs to."""

    where: str
    part: str
    what: str

    @property
    def target(self) -> str:
        """The part of tvae that is imported, or "" for a module from elsewhere."""
        head, _, rest = self.what.partition(".")
        if head != "tvae":
            return ""
        name = rest.partition(".")[0]
        return tvae._HOMES.get(name, f"tvae.{name}").split(".")[1]


def imports(root: Path) -> Iterator[Import]:
    package = root / "python" / "tvae"
    for path in sorted([*package.rglob("*.py"), *(package / "kernels").glob("*.py")]):
        dotted = path.relative_to(package).with_suffix("").parts
        if dotted == ("__init__",):
            continue  # the lazy names: it holds a home for each and imports none
        here = ["tvae", *dotted]
        for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
            for what in _names(node, here):
                yield Import(f"{path.relative_to(root)}:{node.lineno}", dotted[0], what)


def _names(node: ast.AST, here: list[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = [*here[: -node.level], *filter(None, [node.module])] if node.level else [node.module or ""]
        return [".".join([*base, alias.name]) for alias in node.names]
    return []


def test_every_part_has_a_level(root: Path) -> None:
    package = root / "python" / "tvae"
    parts = {path.stem for path in package.glob("*.py")} | {
        path.name for path in package.iterdir() if path.is_dir() and any(path.rglob("*.py"))
    }
    unplaced = parts - set(LEVEL) - {"__init__", "__pycache__"}
    assert not unplaced, f"give {sorted(unplaced)} a level in ARCHITECTURE.md and in LEVELS"


def test_nothing_points_up(root: Path) -> None:
    wrong = [
        f"{one.where}: {one.part} imports {one.what}"
        for one in imports(root)
        if one.target and LEVEL[one.target] > LEVEL[one.part]
    ]
    assert not wrong, "an import points up:\n" + "\n".join(wrong)


def test_parts_form_no_circle(root: Path) -> None:
    graph: dict[str, set[str]] = {}
    for one in imports(root):
        if one.target and one.target != one.part:
            graph.setdefault(one.part, set()).add(one.target)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_dependency_is_declared(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name in extras if name != "dev" for line in extras[name])]
    declared = {re.split(r"[<>=!~\[; ]", line)[0] for line in lines}
    wrong = []
    for one in imports(root):
        head = one.what.partition(".")[0]
        if head not in sys.stdlib_module_names | {"tvae"} and DISTRIBUTIONS.get(head, head) not in declared:
            wrong.append(f"{one.where}: {one.what}")
    assert not wrong, "imported, but not among the dependencies in pyproject.toml:\n" + "\n".join(wrong)


def test_nothing_unpickles(root: Path) -> None:
    """Decision 1: what is read from disk is data; no module here can be talked into running it."""
    banned = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    wrong = [f"{one.where}: {one.what}" for one in imports(root) if one.what.partition(".")[0] in banned]
    assert not wrong, "\n".join(wrong)


def test_old_names_stay_in_their_room(root: Path) -> None:
    """ARCHITECTURE.md: `legacy` could be deleted as a whole, for nothing else knows an old name."""
    old = re.compile(
        r"frozen_checkpoint|option_c|TernaryVAEV5|StateNet|TERNARY_|sandbox-training|model_state_dict|padic_losses"
    )
    package = root / "python" / "tvae"
    wrong = [
        f"{path.relative_to(root)}: {found.group()}"
        for path in sorted(package.rglob("*.py"))
        if "legacy" not in path.relative_to(package).parts
        and (found := old.search(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)
