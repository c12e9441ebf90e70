"""The geometry against geoopt, HypLL, eager torch, torch.compile and KeOps, in one run.

    python benches/kernels.py [--device cpu|cuda] [--quick] [--max-n 1000000] [--ops OP ...]

What is measured is checked first: a result of ours that is off from the float64 reference by 1e-6 ends the
program; the errors of the others stand in the results. Contenders take turns. `bytes` are the least that an
operation must move, `copy` is their rate as a share of the rate of a copy in the same run, `peak` is memory
above what was held before the call. Matrices of pairs are too large: but for our loop and kernel, pairs are
timed on fewer points, and the time is scaled by the number of pairs ("from"). One CPU thread.

Prints a table and writes benches/results/MACHINE-COMMIT.json.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import re
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rivals import DIM, Op, eager, geoopt_ops, hypll_ops, keops_ops
from tvae import geometry
from tvae.errors import TvaeError

SIZES = (512, 2_000, 19_683, 1_000_000)
PAIRS = 19_683
TOLERANCE = 1e-6
MARGIN = 0.5
FORM_NO_MATRIX = ("tvae rust", "tvae triton")
RESULTS = Path(__file__).with_name("results")


class Case(NamedTuple):
    """An operation on inputs of a size, and the bytes that it must move forward, and forward and backward.

    Of pairs, all but our loop and kernel take the first `few` points instead.
    """

    op: str
    n: int
    inputs: tuple[Tensor, ...]
    bytes: tuple[int, int]
    few: int | None = None


class Row(NamedTuple):
    """One line of the results; times in microseconds, memory in bytes."""

    op: str
    n: int
    mode: str
    contender: str
    median_us: float
    p10_us: float
    p90_us: float
    bytes: int
    share_of_copy: float
    peak_bytes: int | None
    timed_at_n: int
    value_error: float | None
    gradient_error: float | None


def points(n: int, device: str) -> Tensor:
    x = normalize(torch.randn(n, DIM), dim=-1) * 0.95 * torch.rand(n, 1).sqrt()
    return x.to(device)


def cases(device: str, sizes: list[int], pairs: int, few: int) -> list[Case]:
    row, found = 4 * DIM, []
    for n in sizes:
        x, y = points(n, device), points(n, device)
        found += [Case("distance", n, (x, y), (n * (2 * row + 4), n * (6 * row + 8)))]
        found += [Case("radius", n, (x,), (n * (row + 4), n * (3 * row + 8)))]
        found += [Case(op, n, (x,), (2 * n * row, 5 * n * row)) for op in ("expmap0", "logmap0")]
    x, rows = points(pairs, device), torch.randint(pairs, (3, pairs), device=device)
    once = pairs * row
    found += [Case("triplet_hinge", pairs, (x, rows), (once + 12 * pairs, 2 * once + 12 * pairs))]
    side = few if device == "cpu" else pairs
    read, matrix = side * row, 4 * side**2
    found += [Case("pairwise_distance", side, (x[:side],), (read + matrix, 3 * read + 2 * matrix), few)]
    return [*found, Case("all_pairs_stress", pairs, (x,), (once, 2 * once), few)]


def ours(device: str) -> dict[str, dict[str, Op]]:
    """Each implementation of ours by op; what one does not take is left out when it refuses."""
    found: dict[str, dict[str, Op]] = {}
    for impl in ("reference", "triton") if device == "cuda" else ("reference", "rust"):
        found[f"tvae {impl}"] = {
            "distance": lambda x, y, i=impl: geometry.distance(x, y, impl=i),
            "radius": lambda x, i=impl: geometry.radius(x, impl=i),
            "expmap0": lambda x, i=impl: geometry.expmap0(x, impl=i),
            "logmap0": lambda x, i=impl: geometry.logmap0(x, impl=i),
            "pairwise_distance": lambda x, i=impl: geometry.pairwise_distance(x, x, impl=i),
            "triplet_hinge": lambda x, t, i=impl: geometry.triplet_hinge(x, t, margin=MARGIN, impl=i),
            "all_pairs_stress": lambda x, i=impl: stress(x, i),
        }
    return found


def stress(x: Tensor, impl: str) -> Tensor:
    """Sum over pairs of (d - 1)^2."""
    levels = next(depth for depth in range(1, 20) if 3**depth >= len(x))
    one = torch.ones(levels, device=x.device, dtype=x.dtype)
    return geometry.all_pairs_loss(x, lo=one, hi=one, weight=one, power=2, impl=impl)


def contenders(device: str) -> dict[str, dict[str, Op]]:
    plain = eager(MARGIN)
    compiled = {name: torch.compile(op, dynamic=True) for name, op in plain.items()}
    table = {"geoopt": geoopt_ops(MARGIN, device), "eager": plain, "compile": compiled, **ours(device)}
    for name, package, make in (("HypLL", "hypll", hypll_ops), ("KeOps", "pykeops", keops_ops)):
        if find_spec(package) is None:
            print(f"{name}: not measured, {package} is not installed")
            continue
        try:
            table[name] = make(MARGIN)
        except Exception as error:  # whatever a build of somebody else's may raise
            print(f"{name}: not measured, {type(error).__name__}: {error}")
    return table


def gradient_of(op: Op, inputs: tuple[Tensor, ...]) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
    """A call of value and gradient, and its leaves."""
    given = tuple(t.detach().clone().requires_grad_() if t.is_floating_point() else t for t in inputs)
    leaves = tuple(t for t in given if t.is_floating_point())
    with torch.no_grad():
        upstream = torch.ones_like(op(*inputs))
    return lambda: torch.autograd.grad(op(*given), leaves, upstream), leaves


def forward_of(op: Op, inputs: tuple[Tensor, ...]) -> Callable[[], object]:
    def call() -> object:
        with torch.no_grad():
            return op(*inputs)

    return call


def errors(op: Op, truth: Op, inputs: tuple[Tensor, ...]) -> tuple[float | None, float | None]:
    """Relative errors of value and gradient against `truth` in float64; None where they are not numbers."""
    results = []
    for function, wide in ((op, False), (truth, True)):
        leaves = [
            t.detach().to(torch.float64 if wide else t.dtype).requires_grad_() if t.is_floating_point() else t
            for t in inputs
        ]
        value = function(*leaves)
        of = [t for t in leaves if t.is_floating_point()]
        results.append((value.detach().double(), *torch.autograd.grad(value.sum(), of)))
    found = [float((a.double() - b).norm() / b.norm()) for a, b in zip(*results, strict=True)]
    worst = max(found[1:])
    return found[0] if isfinite(found[0]) else None, worst if isfinite(worst) else None


def sync(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def interleaved(
    calls: dict[str, Callable[[], object]], device: str, seconds: float
) -> dict[str, list[float]]:
    """Microseconds of each contender, in turn, for about `seconds` a contender and 3 times at least."""
    for call in calls.values():
        call()
        sync(device)
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = perf_counter() + seconds * len(calls)
    while perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, call in calls.items():
            start = perf_counter()
            call()
            sync(device)
            times[name].append((perf_counter() - start) * 1e6)
    return times


def peak(call: Callable[[], object], device: str) -> int | None:
    """Bytes above those held before the call, at most; of a process on a CPU under Linux."""
    gc.collect()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - held
    status = Path("/proc/self/status")
    if not status.exists():
        return None

    def resident(kind: str) -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(kind))

    Path("/proc/self/clear_refs").write_text("5")
    held = resident("VmRSS")
    call()
    return max(resident("VmHWM") - held, 0) * 1024


def graphed(op: Op, inputs: tuple[Tensor, ...], *, backward: bool) -> Callable[[], object]:
    """The call captured in a CUDA graph: what it costs without launches from Python."""
    call = gradient_of(op, inputs)[0] if backward else forward_of(op, inputs)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def copy_rate(device: str) -> float:
    """Bytes a second, read and written, of the fastest of several copies of a large buffer."""
    source = torch.rand(1 << (27 if device == "cuda" else 24), device=device)
    target = torch.empty_like(source)
    times = interleaved({"copy": lambda: target.copy_(source)}, device, 1.0)["copy"]
    return 2 * source.numel() * 4 / (min(times) * 1e-6)


def run(case: Case, table: dict[str, dict[str, Op]], device: str, seconds: float, rate: float) -> list[Row]:
    truth = table["tvae reference"][case.op]
    chosen: dict[str, tuple[Op, int, tuple[float | None, float | None]]] = {}
    for name, ops in table.items():
        if case.op not in ops:
            continue
        n = case.n if case.few is None or name in FORM_NO_MATRIX else case.few
        try:
            sample = tuple(t[:512] if t.is_floating_point() else t % 512 for t in case.inputs)
            if case.op == "all_pairs_stress" and name == "tvae rust":
                sample = (case.inputs[0][:243],)  # it takes whole spaces
            found = errors(ops[case.op], truth, sample)
        except TvaeError:
            continue
        if name.startswith("tvae") and not all(e is not None and e <= TOLERANCE for e in found):
            sys.exit(f"{name} {case.op}: wrong by {found} in value and gradient, nothing is timed")
        chosen[name] = ops[case.op], n, found
    rows = []
    for mode, least in zip(("fwd", "fwd+bwd"), case.bytes, strict=True):
        calls, at, wrong = {}, {}, {}
        for name, (op, n, found) in chosen.items():
            inputs = tuple(t[:n] if case.few else t for t in case.inputs)
            calls[name] = gradient_of(op, inputs)[0] if mode == "fwd+bwd" else forward_of(op, inputs)
            at[name], wrong[name] = n, found
            if name == "tvae triton":
                graph = f"{name}, graph"
                calls[graph] = graphed(op, inputs, backward=mode == "fwd+bwd")
                at[graph], wrong[graph] = n, found
        times = interleaved(calls, device, seconds)
        for name, sample in times.items():
            scale = (case.n / at[name]) ** 2
            low, *_, high = statistics.quantiles(sample, n=10)
            median = statistics.median(sample) * scale
            share = least / (median * 1e-6) / rate
            memory = peak(calls[name], device)
            rows.append(
                Row(
                    case.op,
                    case.n,
                    mode,
                    name,
                    median,
                    low * scale,
                    high * scale,
                    least,
                    share,
                    memory,
                    at[name],
                    *wrong[name],
                )
            )
    return rows


def show(rows: list[Row]) -> None:
    anchor = next((row.median_us for row in rows if row.contender == "geoopt"), None)
    for row in rows:
        ratio = f"{anchor / row.median_us:8.2f}" if anchor else f"{'-':>8}"
        memory = "-" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:.1f}"
        scaled = f"  from {row.timed_at_n:,}" if row.timed_at_n != row.n else ""
        print(
            f"{row.op:18}{row.n:>10,} {row.mode:8}{row.contender:21}{row.median_us:>12,.1f}"
            f"  [{row.p10_us:>11,.1f} {row.p90_us:>11,.1f}]{ratio}{row.bytes / 1e6:>9.1f}"
            f"{100 * row.share_of_copy:>7.1f}{memory:>9}{shown(row.value_error)}"
            f"{shown(row.gradient_error)}{scaled}",
            flush=True,
        )


def shown(error: float | None) -> str:
    return f"{'nan':>9}" if error is None else f"{error:>9.0e}"


def machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    return named[1] if named else platform.processor() or platform.machine()


def commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=RESULTS.parent,
    )
    return done.stdout.strip() or "unknown"


def heading(device: str, rate: float, *, quick: bool) -> dict[str, object]:
    return {
        "bench": "kernels",
        "machine": machine(device),
        "device": device,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "quick": quick,
        "dim": DIM,
        "copy_bytes_per_second": rate,
    }


def write(about: dict[str, object], rows: list[Row]) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", str(about["machine"]).lower()).strip("-")
    path = RESULTS / f"{slug}-{about['commit']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**about, "rows": [row._asdict() for row in rows]}, indent=1) + "\n")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cpu", "cuda"])
    parser.add_argument("--quick", action="store_true", help="a fifth of the time, two sizes")
    parser.add_argument("--max-n", type=int, default=SIZES[-1], help="most rows of an elementwise operation")
    parser.add_argument("--ops", nargs="+", help="only these operations")
    args = parser.parse_args()
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    sizes = [n for n in (SIZES[1::2] if args.quick else SIZES) if n <= args.max_n]
    few = 2_048 if device == "cpu" else 4_096
    table = contenders(device)
    rate = copy_rate(device)
    print(f"{machine(device)}, {device}, one thread; a copy moves {rate / 1e9:.1f} GB/s")
    print(
        f"{'operation':18}{'N':>10} {'':8}{'contender':21}{'median, us':>12}  {'[10 % .. 90 %]':>25}"
        f"{'geoopt/':>8}{'MB':>9}{'copy %':>7}{'peak MB':>9}{'value':>9}{'gradient':>9}"
    )
    about = heading(device, rate, quick=args.quick)
    rows: list[Row] = []
    for case in cases(device, sizes, PAIRS, few):
        if args.ops and case.op not in args.ops:
            continue
        found = run(case, table, device, 0.2 if args.quick else 1.0, rate)
        for mode in ("fwd", "fwd+bwd"):
            show([row for row in found if row.mode == mode])
        rows += found
        write(about, rows)
    print(f"wrote {write(about, rows)}")


if __name__ == "__main__":
    main()
