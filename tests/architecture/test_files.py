"""What a file may be called, how long it may grow, and what must not stand in it."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import pytest

WANTS_SPLITTING, THE_END = 400, 600
SOURCES = {".py", ".pyi", ".rs"}
VAGUE = re.compile(r"(?:utils?|commons?|helpers?|misc|new_.*|.*_(?:utils?|helpers?|old|new|v\d+))$")

# Where torch.load may stand: it has to be shown how slow it is, and that our truth is its truth.
UNPICKLING = {
    Path("benches/bench_scan.py"): "the rival, on files that the benchmark has made itself",
    Path("tests/scan/test_replica_oracle.py"): "the oracle, on files that the test has made itself",
}

# Brackets keep the patterns from matching themselves.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(
        r"(?<![\w.}-])/(?:(?:home|Users)/\w|root/|(?:mnt|scratch|work|workspace)/\w)|[A-Z]:\\+Users\\"
    ),
    "a package index or a host inside somebody's network": re.compile(
        r"https?://(?:[^\s/@'\"]+:[^\s/@'\"]+@|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)"
        r"|https?://[^\s/'\"]*(?:artifactory|crates\.io|devpi|mirror|nexus|proxy|pypi|pythonhosted)"
    ),
    "a note to do later": re.compile(r"\b(?:TO[D]O|FIX[M]E|HA[C]K)\b"),
}


def test_no_vague_names(tracked: list[Path]) -> None:
    wrong = [str(path) for path in tracked if path.suffix in SOURCES and VAGUE.match(path.stem)]
    assert not wrong, f"name these after what is in them: {wrong}"


@pytest.mark.filterwarnings("default::UserWarning")
def test_no_long_files(root: Path, tracked: list[Path]) -> None:
    lengths = {path: _lines(root / path) for path in tracked if path.suffix in SOURCES}
    for path, length in lengths.items():
        if WANTS_SPLITTING < length <= THE_END:
            warnings.warn(f"{path} has {length} lines and wants splitting", stacklevel=1)
    wrong = [f"{path} ({length})" for path, length in lengths.items() if length > THE_END]
    assert not wrong, f"over {THE_END} lines: {wrong}"


def test_nothing_forbidden_stands_in_a_file(root: Path, tracked: list[Path]) -> None:
    wrong = []
    for path in tracked:
        for number, line in enumerate(_text(root / path).splitlines(), start=1):
            wrong += [
                f"{path}:{number}: {what}" for what, pattern in FORBIDDEN.items() if pattern.search(line)
            ]
    assert not wrong, "\n".join(wrong)


def test_the_lock_names_the_public_registry(root: Path) -> None:
    sources = re.findall(r'^source = "(.*)"$', _text(root / "Cargo.lock"), flags=re.MULTILINE)
    assert set(sources) == {"registry+https://github.com/rust-lang/crates.io-index"}


def test_torch_load_is_nowhere(root: Path, tracked: list[Path]) -> None:
    """It unpickles, in tests as anywhere else; `tvae.load` and safetensors read what there is to read."""
    wrong = []
    for path in tracked:
        if path.suffix != ".py" or path in UNPICKLING or (root / path).is_symlink():
            continue
        for node in ast.walk(ast.parse((root / path).read_bytes(), filename=str(path))):
            match node:
                case ast.Attribute(value=ast.Name(id="torch"), attr="load"):
                    wrong.append(f"{path}:{node.lineno}")
                case ast.ImportFrom(module="torch", names=names) if "load" in {alias.name for alias in names}:
                    wrong.append(f"{path}:{node.lineno}")
    assert not wrong, f"unpickles: {wrong}"
    unused = [str(path) for path in UNPICKLING if "torch.load" not in _text(root / path)]
    assert not unused, f"need not be allowed to unpickle: {unused}"


def test_the_top_folders_are_not_packages(root: Path) -> None:
    """With an `__init__.py` a root folder wins over the installed package `kernels` that others import."""
    for folder, link in {"kernels": "kernels", "configs": "presets"}.items():
        assert not (root / folder / "__init__.py").exists()
        assert (root / "python" / "tvae" / link).readlink() == Path("../..") / folder


def test_every_kernel_has_a_test(root: Path) -> None:
    missing = [
        path.name
        for path in sorted((root / "kernels").glob("*.py"))
        if not (root / "tests" / "kernels" / f"test_{path.stem}.py").exists()
    ]
    assert not missing, f"no kernel without a test against its reference: {missing}"


def _lines(path: Path) -> int:
    return len(_text(path).splitlines())


def _text(path: Path) -> str:
    """The text of a file; nothing for symlinks and for binary files."""
    if path.is_symlink():
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
