"""How long the command takes to say anything, against an empty typer app: same run, processes in turn.

    python benches/bench_startup.py [--seconds 4.0]

Correctness comes first: every command has to end with code 0 and its words before anything is timed, and none
may have loaded torch or numpy. Prints the median, the 10th to 90th percentile and the ratio to the empty app
doing the same kind of thing; asserts no time.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

EMPTY = """
import typer
app = typer.Typer()
@app.command()
def hello() -> None:
    print("hello")
app()
"""
TVAE = "import sys; from tvae.cli.app import main; sys.exit(main())"
HEAVY = "; print(sorted({'torch', 'numpy', 'huggingface_hub', 'matplotlib'} & set(sys.modules)))"

#: By title: the code, its arguments, a word of its output, and the contender it is measured against.
CONTENDERS = {
    "python": ("pass", [], "", ""),
    "typer --help": (EMPTY, ["--help"], "Usage", "typer --help"),
    "tvae --help": (TVAE, ["--help"], "Exit codes", "typer --help"),
    "typer hello": (EMPTY, [], "hello", "typer hello"),
    "tvae config presets": (TVAE, ["config", "presets"], "default", "typer hello"),
    "tvae config show": (TVAE, ["config", "show"], "seed: 0", "typer hello"),
    "tvae config validate": (TVAE, ["config", "validate", "smoke"], "valid", "typer hello"),
    "tvae scan": (TVAE, ["scan", "configs", "--no-cache", "--quiet"], "advice", "typer hello"),
    "tvae config reference": (TVAE, ["config", "reference"], "optim.lr", "typer hello"),
}


def start(code: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def verify() -> None:
    """End the program if a contender does not do what it is timed for."""
    for title, (code, arguments, word, _) in CONTENDERS.items():
        done = start(code, arguments)
        if done.returncode or word not in done.stdout:
            sys.exit(f"{title}: wrong (code {done.returncode}), nothing is timed\n{done.stderr}")
        if code == TVAE:
            light = start("import sys; from tvae.cli.app import main; main()" + HEAVY, arguments).stdout
            if not light.rstrip().endswith("[]"):
                sys.exit(f"{title}: loaded {light.splitlines()[-1]}, nothing is timed")


def interleave(seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each contender, in turn, until `seconds` a contender have passed (at least 7 each)."""
    times: dict[str, list[float]] = {title: [] for title in CONTENDERS}
    end = time.perf_counter() + seconds * len(CONTENDERS)
    while time.perf_counter() < end or len(times["python"]) < 7:
        for title, (code, arguments, _, _) in CONTENDERS.items():
            begun = time.perf_counter()
            start(code, arguments)
            times[title].append((time.perf_counter() - begun) * 1e3)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="time per contender")
    seconds = parser.parse_args().seconds
    verify()
    times = interleave(seconds)
    print(f"{'command':24}{'median':>10}{'p10':>9}{'p90':>9}   ratio")
    for title, (_, _, _, rival) in CONTENDERS.items():
        sample = times[title]
        tenths = statistics.quantiles(sample, n=10)
        median = statistics.median(sample)
        ratio = (
            f"{median / statistics.median(times[rival]):.2f} of {rival}" if rival and rival != title else ""
        )
        print(f"{title:24}{median:7.0f} ms{tenths[0]:6.0f} ms{tenths[-1]:6.0f} ms   {ratio}".rstrip())


if __name__ == "__main__":
    main()
