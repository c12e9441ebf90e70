"""What every test of a kernel needs: the interpreter's report, and a compilation without a GPU."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import tolerances as tol

Report = dict[str, float]
Usage = dict[str, int]

#: Programs that tests start, with the interpreter switched on.
collect_ignore_glob = ["interpreted*.py", "traced.py"]


@pytest.fixture(scope="session")
def interpreted() -> Callable[[str], Report]:
    """The report of `interpreted.py` on an op, or of `interpreted_OP.py`; each runs once."""
    pytest.importorskip("triton", reason="Triton is not installed")

    @cache
    def run(op: str) -> Report:
        own = Path(__file__).with_name(f"interpreted_{op}.py")
        program = own if own.exists() else Path(__file__).with_name("interpreted.py")
        done = subprocess.run(
            [sys.executable, "-W", "error", program, op],
            capture_output=True,
            text=True,
            env={**os.environ, "TRITON_INTERPRET": "1"},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def judge(interpreted: Callable[[str], Report]) -> Callable[[str], None]:
    """Holds an op's report against the tolerances."""

    def run(op: str) -> None:
        report = interpreted(op)
        assert report["value"] <= tol.KERNEL_VALUE
        assert report["gradient"] <= tol.KERNEL_GRADIENT
        assert report["curvature"] <= tol.KERNEL_CURVATURE
        assert report["value float64"] <= tol.FLOAT64_VALUE
        assert report["gradient float64"] <= tol.FLOAT64_GRADIENT
        assert report["curvature float64"] <= tol.FLOAT64_CURVATURE
        shapes = {name: error for name, error in report.items() if name.startswith("shape")}
        assert len(shapes) == 7
        assert all(error <= tol.KERNEL_VALUE for error in shapes.values()), shapes
        assert report["buffers"] >= 21
        assert report["written outside"] == report["gradient at the origin"] == report["coinciding"] == 0
        assert report["edges finite"] == report["nan goes through"] == report["dtype kept"] == 1
        assert report["tiny"] <= tol.KERNEL_VALUE
        assert report["leading shape"] == report["autocast"] <= tol.KERNEL_VALUE
        assert report.get("broadcast", 0.0) <= tol.KERNEL_VALUE
        assert report["bfloat16"] <= tol.BFLOAT16
        assert report["empty"] == 0

    return run


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., Usage]:
    """Compiles a kernel for a GPU that need not be there: registers, bytes of stack, issue slots, those of
    the longest loop, libdevice.

    Pointers are float32 (`wide`: float64) and aligned, but for those that `kinds` names; `constants` are the
    constexpr arguments and the strides that are 1.
    """
    triton = pytest.importorskip("triton", reason="Triton is not installed")
    tools = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
    if not all((tools / tool).exists() for tool in ("ptxas", "cuobjdump", "nvdisasm")):
        pytest.skip("this Triton comes without ptxas, cuobjdump or nvdisasm")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    def build(
        kernel: object,
        constants: dict[str, object],
        capability: int,
        *,
        warps: int = 4,
        wide: bool = False,
        kinds: dict[str, str] | None = None,
    ) -> Usage:
        pointer = "*fp64" if wide else "*fp32"
        plain = {arg: pointer if arg.endswith("_ptr") else "i32" for arg in kernel.arg_names}
        plain |= {arg: "*fp64" for arg in ("gc_ptr", "sums_ptr") if arg in plain}
        special = {arg: kind for arg, kind in (kinds or {}).items() if arg in plain}
        kinds = {**plain, **special, **dict.fromkeys(constants, "constexpr")}
        aligned = {
            (i,): [["tt.divisibility", 16]]
            for i, (arg, kind) in enumerate(kinds.items())
            if kind.startswith("*")
            or (arg.startswith("stride") and kind == "i32" and arg not in kernel.do_not_specialize)
        }
        source = ASTSource(fn=kernel, signature=kinds, constexprs=constants, attrs=aligned)
        target = GPUTarget("cuda", capability, 32)
        binary = triton.compile(source, target=target, options={"num_warps": warps})
        cubin = tmp_path / "kernel.cubin"
        cubin.write_bytes(binary.asm["cubin"])
        usage = _output(tools / "cuobjdump", "-res-usage", cubin)
        found = dict(re.findall(r"(REG|STACK|LOCAL):(\d+)", usage))
        listing = _output(tools / "nvdisasm", "-c", cubin)
        slots, loop = _slots(listing)
        return {
            "registers": int(found["REG"]),
            "spilled": int(found["STACK"]) + int(found["LOCAL"]),
            "slots": slots,
            "loop": loop,
            "libdevice": re.sub("//.*", "", binary.asm["ptx"]).count("__nv_"),  # inlined, it is a comment
        }

    return build


def _slots(listing: str) -> tuple[int, int]:
    """Instructions in all, and those of the longest backward jump."""
    issued, longest = 0, 0
    labels: dict[str, int] = {}
    for line in listing.splitlines():
        if label := re.match(r"(\.L_\w+):", line):
            labels[label[1]] = issued
        if slot := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?(\w+)(.*)", line):
            issued += slot[1] not in ("NOP", "BRA", "EXIT")
            target = re.search(r"\.L_\w+", slot[2]) if slot[1] == "BRA" else None
            if target and target[0] in labels:
                longest = max(longest, issued - labels[target[0]])
    return issued, longest


def _output(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr
