"""What a preset reaches from random weights: many seeds, the worst of each metric beside its ceiling.

    python benches/bench_recipe.py                         the table of docs/results.md: default, seeds 0 to 9
    python benches/bench_recipe.py dual --seeds 3
    python benches/bench_recipe.py --set space.depth=11    the same settings at another depth

Seconds are those of the training loop, its evaluations and checkpoints included, the exact evaluation at
the end (about 2 s at depth 9) not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tvae.config import load
from tvae.metrics import ceilings
from tvae.space import TernarySpace
from tvae.training import train

#: Metrics of the table and whether more is better.
SHOWN = {
    "coverage": True,
    "coverage_sampled": True,
    "kl_nats": False,
    "hierarchy_B": False,
    "inversions_B": False,
    "richness_B": True,
    "uniformity_B": True,
    "ultrametric_B": True,
    "tree_inversions_B": False,
    "seconds": False,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset", nargs="?", default="default")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows, by_level = [], []
    for seed in range(options.seeds):
        config = load(
            options.preset, sets=[*options.sets, f"seed={seed}", "training.device=cpu"], env={}
        ).config
        with tempfile.TemporaryDirectory() as out:
            summary = train(config, preset=options.preset, out=out)
        row = {name: summary.metrics.get(name) for name in SHOWN} | {"seconds": summary.seconds}
        levels = [level.get("tree_inversions") for level in (summary.best or {}).get("levels", [])]
        by_level.append([value for value in levels if value is not None])
        rows.append({"seed": seed, **row})
        print(" ".join(f"{k}={v:.7g}" for k, v in rows[-1].items() if v is not None), flush=True)
    best = ceilings(TernarySpace(config.space.depth))
    print(f"\n{options.preset}: worst, median and best of {len(rows)} seeds")
    print(f"{'metric':<18}{'worst':>13}{'median':>13}{'best':>13}{'ceiling':>13}")
    for name, more in SHOWN.items():
        values = sorted((row[name] for row in rows if row[name] is not None), reverse=not more)
        if values:
            limit = f"{best[name]:.7f}" if name in best else ""
            middle = values[len(values) // 2]
            print(f"{name:<18}{values[0]:>13.7g}{middle:>13.7g}{values[-1]:>13.7g}{limit:>13}")
    if by_level[0]:
        worst = " ".join(f"{max(values):.2g}" for values in zip(*by_level, strict=True))
        print(f"tree inversions of levels 0-1, 1-2, ...: worst {worst}")
    if options.json:
        options.json.write_text(
            json.dumps({"preset": options.preset, "sets": options.sets, "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
