"""What a scan costs beside the system calls that it cannot do without, and beside all else that reads `.pt`.

    python benches/bench_scan.py [--quick] [--rounds 7] [--sample 60] [--folder FOLDER]

Makes two trees in a temporary folder: the replica of the predecessor's checkpoints (489 files, 0.5 GB) and a
large one (2,000 files, 11 GB with holes, 0.8 GB on the disk). Correctness comes first: every file of the
replica has to give the metrics that went into it, from us and from rivals. Then, with a warm cache and one
thread, every round times all contenders in turn: floor and scan of the whole tree by one Rust program, the
rivals on a sample of it. A ratio is taken within a round, of the means over the files and of the files in the
middle; printed are the medians over the rounds and the distance of their quartiles over them. `picklescan`
is measured if it is installed. Tensors of the large tree are holes, which flatters who reads them.
"""

from __future__ import annotations

import argparse
import compileall
import json
import math
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

import bench_startup
import python_reader
import tvae

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))
from scan import large_tree, replica  # noqa: E402

try:
    from picklescan.scanner import scan_file_path
except ImportError:
    scan_file_path = None

#: By contender: the least ratio of its time to ours that the project wants.
GOALS = {
    "torch.load, numpy declared safe": 300,
    "torch.load, anything goes": 150,
    "picklescan": 300,
    "pure Python, two preads": 15,
}
FLOOR, COMMAND, LARGE, CACHED = 1.8, 40, 60, 3
SAFE = [
    np._core.multiarray.scalar,
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
]

Work = Callable[[Path], object]


def restricted(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def unrestricted(path: Path) -> Any:
    return torch.load(path, weights_only=False)


def contenders() -> dict[str, Work]:
    found: dict[str, Work] = {
        "torch.load, numpy declared safe": restricted,
        "torch.load, anything goes": unrestricted,
        "pure Python, two preads": python_reader.read,
        "tvae.inspect, called from Python": tvae.inspect,
    }
    if scan_file_path is not None:
        found["picklescan"] = lambda path: scan_file_path(str(path))
    return found


def verify(tree: replica.Tree) -> None:
    """End the program if anybody reads other metrics than those that were saved."""
    for path, file in tree.files.items():
        record = tvae.inspect(tree.root / path)
        if (record.status, record.safety) != ("ok", "known_types"):
            sys.exit(f"{path}: {record.status}, {record.safety}; nothing is timed")
        found = {
            (one.source, one.raw_key): one.value
            for metric in record.metrics.values()
            for one in (metric, *metric.others)
        }
        contents = [python_reader.read(tree.root / path), restricted(tree.root / path)]
        for one in file.metrics:
            values = [found.get((one.source, one.key))]
            if one.source == "metrics" and not isinstance(one.value, dict):
                values += [content["metrics"][one.key] for content in contents]
            if any(not same(value, one.value) for value in values):
                sys.exit(f"{path}: {one.key} is {one.value}, and was read as {values}; nothing is timed")


def same(value: Any, expected: Any) -> bool:
    return value == expected or (value is not None and math.isnan(value) and math.isnan(expected))


def refused(paths: list[Path]) -> int:
    """How many files torch does not read by default."""
    count = 0
    for path in paths:
        try:
            restricted(path)
        except Exception:
            count += 1
    return count


def speed_program() -> Path | None:
    """The Rust program that measures floor and scan; None, and a line, where there is no cargo."""
    command = ["cargo", "build", "--quiet", "--release", "-p", "tvae-scan", "--example", "speed"]
    try:
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        told = subprocess.run(
            ["cargo", "metadata", "--format-version=1", "--no-deps"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    except OSError as error:
        print(f"floor and scan by themselves are not measured: {error}")
        return None
    except subprocess.CalledProcessError as error:
        print(f"floor and scan by themselves are not measured: {error.stderr.strip().splitlines()[-1]}")
        return None
    return Path(json.loads(told.stdout)["target_directory"]) / "release" / "examples" / "speed"


def per_file(work: Work, paths: list[Path]) -> list[float]:
    """Microseconds."""
    times = []
    for path in paths:
        start = perf_counter()
        work(path)
        times.append((perf_counter() - start) * 1e6)
    return times


def spread(values: list[float]) -> tuple[float, float]:
    """The median, and the distance between the quartiles over it."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float((high - low) / middle)


class Times:
    """Of one contender in every round: the mean over the files, and the file in the middle."""

    def __init__(self) -> None:
        self.means: list[float] = []
        self.middles: list[float] = []

    def add(self, mean: float, middle: float) -> None:
        self.means.append(mean)
        self.middles.append(middle)

    def over(self, other: Times) -> list[list[float]]:
        """By round how many times longer it took than another one: by the means, and by the middles."""
        pairs = ((self.means, other.means), (self.middles, other.middles))
        return [[mine / its for mine, its in zip(*pair, strict=True)] for pair in pairs]


def row(name: str, times: Times, ratios: list[list[float]] | None = None, goal: str = "") -> None:
    line = f"{name:<36}"
    for at, values in enumerate((times.means, times.middles)):
        line += f"{statistics.median(values):>11,.1f}"
        ratio, share = spread(ratios[at]) if ratios else (0.0, 0.0)
        line += f"{ratio:>10,.2f}{share:>7.1%}" if ratios else " " * 17
    print(f"{line}   {goal}".rstrip())


def tree_report(title: str, root: Path, sample: list[Path], program: Path | None, rounds: int) -> None:
    works = contenders()
    times = {name: Times() for name in works}
    stat, floor, scan = Times(), Times(), Times()
    for work in works.values():
        per_file(work, sample)
    for _ in range(rounds):
        if program:
            told = subprocess.run([program, "5", root], capture_output=True, check=True).stdout
            measured = json.loads(told)
            for name, mine in (("stat", stat), ("floor", floor), ("scan", scan)):
                mine.add(measured[f"{name}_us"], measured[f"{name}_middle_us"])
        for name, work in works.items():
            found = per_file(work, sample)
            times[name].add(statistics.mean(found), statistics.median(found))
    heads = f"{'mean, us':>11}{'ratio':>10}{'spread':>7}{'middle, us':>11}{'ratio':>10}{'spread':>7}"
    print(f"\n{title:<36}{heads}   goal")
    if program:
        row("stat alone", stat)
        row("floor: open, fstat, 2 preads, close", floor)
        row("scan", scan, scan.over(floor), f"<= {FLOOR} of the floor")
    # Without cargo the record that Python gets stands for the scan; it costs more.
    ours = scan if program else times["tvae.inspect, called from Python"]
    for name, mine in times.items():
        row(name, mine, mine.over(ours), f">= {GOALS[name]} of the scan" if name in GOALS else "")


def tree_scans(roots: dict[str, Path], rounds: int) -> None:
    """Whole trees from Python, rules included: threads, and a second time with what the first one noted."""
    print(f"\n{'whole tree':<36}{'1 thread':>11}{'2 threads':>11}{'again':>11}   ratio of threads")
    for title, root in roots.items():
        options: list[dict[str, Any]] = [
            {"threads": 1},
            {"threads": 2},
            {"threads": 1, "cache": root.with_suffix(".cache")},
        ]
        times: list[list[float]] = [[], [], []]
        for case in options:
            tvae.scan(root, **case)
        for _ in range(rounds):
            for case, mine in zip(options, times, strict=True):
                start = perf_counter()
                found = tvae.scan(root, **case)
                mine.append((perf_counter() - start) * 1e3)
        ratio, share = spread([one / two for one, two in zip(*times[:2], strict=True)])
        columns = "".join(f"{statistics.median(mine):>8.1f} ms" for mine in times)
        print(f"{title:<36}{columns}   {ratio:.2f}, spread {share:.1%}")
        again = statistics.median(times[2]) * 1e3 / len(found.files)
        goal = f"; one thread <= {LARGE} ms" if title == "large" else ""
        print(f"{'':<36}again: {again:.1f} us a file (goal <= {CACHED}){goal}")


def command_report(root: Path, rounds: int) -> None:
    arguments = ["scan", str(root), "--no-cache"]
    cases = {
        "empty typer app": (bench_startup.EMPTY, []),
        "tvae scan": (bench_startup.TVAE, arguments),
    }
    # As pip does it with what it installs.
    compileall.compile_dir(ROOT / "python" / "tvae", quiet=1)
    for title, (code, words) in cases.items():
        done = bench_startup.start(code, words)
        if done.returncode:
            print(f"\nthe command is not timed: {title} ended with {done.returncode}: {done.stderr.strip()}")
            return
    times: dict[str, list[float]] = {title: [] for title in cases}
    for _ in range(4 * rounds):
        for title, (code, words) in cases.items():
            start = perf_counter()
            bench_startup.start(code, words)
            times[title].append((perf_counter() - start) * 1e3)
    print(f"\n{'command, 489 files':<36}{'ms':>11}")
    for title, mine in times.items():
        print(f"{title:<36}{statistics.median(mine):>11.1f}")
    rival, ours = times.values()
    low, middle, high = np.quantile(np.subtract(ours, rival), [0.25, 0.5, 0.75])
    print(f"{'difference':<36}{middle:>11.1f}   quartiles {low:.1f} to {high:.1f}   <= {COMMAND} ms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sample", type=int, default=60, help="files of a tree that the rivals read a round")
    parser.add_argument("--folder", type=Path, help="where the trees are made, and removed afterwards")
    parser.add_argument("--quick", action="store_true", help="fewer files and rounds")
    arguments = parser.parse_args()
    rounds, size = (3, 20) if arguments.quick else (arguments.rounds, arguments.sample)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    program = speed_program()
    with tempfile.TemporaryDirectory(prefix="tvae-bench-scan-", dir=arguments.folder) as folder:
        tree = replica.build(Path(folder) / "replica", narrow=1)
        large = large_tree.build(Path(folder) / "large", files=200 if arguments.quick else large_tree.FILES)
        small = sorted(tree.root / path for path in tree.files)
        count = refused(small)
        torch.serialization.add_safe_globals(SAFE)
        verify(tree)
        print(
            f"metrics of {len(small)} files checked; torch refuses {count} of them unless numpy is declared"
        )
        if scan_file_path is None:
            print("picklescan is not installed and not measured (pip install picklescan)")
        for title, root, paths in (
            ("replica", tree.root, small),
            ("large", Path(folder) / "large", large),
        ):
            sample = paths[:: max(1, len(paths) // size)][:size]
            tree_report(f"{title}: {len(paths)} files", root, sample, program, rounds)
        tree_scans({"replica": tree.root, "large": Path(folder) / "large"}, 3 * rounds)
        command_report(tree.root, rounds)


if __name__ == "__main__":
    main()
