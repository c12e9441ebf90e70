"""Models, losses and geometry take plain arguments: no printing, no logging, no environment, no files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PURE = ["nn", "losses", "geometry", "mining", "metrics", "space"]
MODULES = {"io", "logging", "os", "pathlib", "shutil", "socket", "subprocess", "tempfile", "urllib"}
CALLS = {"print", "input", "open"}
METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "getenv"}


def impurities(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        match node:
            case ast.Import(names=names) if found := MODULES & {
                alias.name.partition(".")[0] for alias in names
            }:
                yield f"{path}:{node.lineno}: imports {', '.join(sorted(found))}"
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in MODULES:
                yield f"{path}:{node.lineno}: imports {module}"
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield f"{path}:{node.lineno}: calls {name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS:
                yield f"{path}:{node.lineno}: calls .{name}"


def test_the_lower_levels_are_pure(root: Path) -> None:
    package = root / "python" / "tvae"
    sources = [path for part in PURE for path in [*(package / part).rglob("*.py"), package / f"{part}.py"]]
    wrong = [line for path in sources if path.exists() for line in impurities(path)]
    assert not wrong, "belongs in training/, checkpoint or the command line:\n" + "\n".join(wrong)


def test_impurities_are_seen(tmp_path: Path) -> None:
    source = tmp_path / "bad.py"
    source.write_text("import os\nfrom pathlib import Path\nprint(open('x'))\nPath('x').read_text()\n")
    assert [line.rpartition(": ")[2] for line in impurities(source)] == [
        "imports os",
        "imports pathlib",
        "calls print",
        "calls .read_text",
        "calls open",
    ]
