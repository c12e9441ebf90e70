"""The radius kernels: right in the interpreter, compiled for two GPUs without spills, right on a device."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

import tolerances as tol

triton = pytest.importorskip("triton", reason="Triton is not installed")


@pytest.fixture(scope="module")
def interpreted() -> dict[str, float]:
    program = Path(__file__).with_name("radius_interpreted.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", program],
        capture_output=True,
        text=True,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.mark.interpret
def test_interpreted_accuracy(interpreted: dict[str, float]) -> None:
    assert interpreted["value"] <= tol.KERNEL_VALUE
    assert interpreted["gradient"] <= tol.KERNEL_GRADIENT
    assert interpreted["curvature"] <= tol.KERNEL_CURVATURE


@pytest.mark.interpret
def test_interpreted_shapes_and_strides(interpreted: dict[str, float]) -> None:
    shapes = {name: error for name, error in interpreted.items() if name.startswith("shape")}
    assert len(shapes) == 7
    assert all(error <= tol.KERNEL_VALUE for error in shapes.values()), shapes
    assert interpreted["written outside"] == 0


@pytest.mark.interpret
def test_interpreted_edges(interpreted: dict[str, float]) -> None:
    assert interpreted["edges finite"] == 1
    assert interpreted["origin"] == 0
    assert interpreted["nan goes through"] == 1
    assert interpreted["tiny"] <= tol.KERNEL_VALUE
    assert interpreted["rim"] <= tol.KERNEL_VALUE


@pytest.mark.interpret
def test_interpreted_dispatch(interpreted: dict[str, float]) -> None:
    assert interpreted["leading shape"] <= tol.KERNEL_VALUE
    assert interpreted["bfloat16"] <= tol.BFLOAT16
    assert interpreted["empty"] == 0


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dim", [2, 16, 128])
@pytest.mark.parametrize("name", ["_radius_fwd_kernel", "_radius_bwd_kernel"])
def test_compiled_without_spills(name: str, dim: int, capability: int, tmp_path: Path) -> None:
    tools = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
    if not (tools / "ptxas").exists() or not (tools / "cuobjdump").exists():
        pytest.skip("this Triton comes without ptxas or cuobjdump")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from tvae.kernels import poincare as kernels

    kernel = getattr(kernels, name)
    _, block_n, block_d = kernels._tiling(1_000_000, dim)
    constants = {"BLOCK_N": block_n, "BLOCK_D": block_d, "stride_d": 1, "stride_g": 1}
    kinds = {
        arg: "constexpr" if arg in constants else "*fp32" if arg.endswith("_ptr") else "i32"
        for arg in kernel.arg_names
    }
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, (arg, kind) in enumerate(kinds.items())
        if kind == "*fp32" or arg == "stride_n"
    }
    source = ASTSource(
        fn=kernel,
        signature=kinds,
        constexprs={arg: constants[arg] for arg, kind in kinds.items() if kind == "constexpr"},
        attrs=aligned,
    )
    binary = triton.compile(source, target=GPUTarget("cuda", capability, 32))
    cubin = tmp_path / "kernel.cubin"
    cubin.write_bytes(binary.asm["cubin"])
    usage = subprocess.run(
        [tools / "cuobjdump", "-res-usage", cubin], capture_output=True, text=True, check=True
    )
    found = dict(re.findall(r"(REG|STACK|LOCAL):(\d+)", usage.stdout + usage.stderr))
    assert found["STACK"] == found["LOCAL"] == "0"
    assert int(found["REG"]) <= 128
    assert "__nv_" not in binary.asm["ptx"]


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_device(dtype: torch.dtype, compiled: bool) -> None:
    from tvae import geometry

    radius = torch.compile(geometry.radius, fullgraph=True) if compiled else geometry.radius
    for r in (1e-6, 0.3, 0.95, 0.996, 1 - 1e-6):
        x = normalize(torch.randn(1000, 16, dtype=torch.float64), dim=-1) * r
        x = x.to("cuda", dtype).requires_grad_()
        c = torch.tensor(1.0, device="cuda", requires_grad=True)
        d = radius(x, c, impl="triton")
        truth = geometry.radius(x, c, impl="reference")
        half = dtype == torch.bfloat16
        value, gradient = (tol.BFLOAT16,) * 2 if half else (tol.KERNEL_VALUE, tol.KERNEL_GRADIENT)
        torch.testing.assert_close(d, truth, rtol=value, atol=0)
        (gx, gc), (tx, tc) = (torch.autograd.grad(t.float().sum(), (x, c)) for t in (d, truth))
        assert ((gx - tx).norm(dim=-1) <= gradient * tx.norm(dim=-1)).all()
        torch.testing.assert_close(gc, tc, rtol=max(value, tol.KERNEL_CURVATURE), atol=0)


@pytest.mark.gpu
def test_in_a_cuda_graph() -> None:
    from tvae import geometry

    x = 0.1 * torch.randn(64, 16, device="cuda")
    c = torch.tensor(1.0, device="cuda")
    geometry.radius(x, c, impl="triton")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        d = geometry.radius(x, c, impl="triton")
    x.fill_(math.sqrt(0.5) / 4)
    graph.replay()
    torch.testing.assert_close(d, geometry.radius(x, c, impl="reference"))
