"""Precision and recall of the lint on the labelled sample: `python tests/lint/labelled.py`.

A line of `sample/` ends with `# expect: G001` for every code that belongs there, or with `# expect: clean`
where a careless check would find something. Files `dev_*` were looked at while the rules were written.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tvae.lint import check

SAMPLE = Path(__file__).parent / "sample"
PARTS = {"development": "dev_*.py", "held out": "held_*.py", "all": "*.py"}
Place = tuple[str, int, str]
_LABEL = re.compile(r"# expect: (clean|[G\d ]+)$")


@dataclass
class Score:
    """Labelled lines, and the (file, line, code) that were found, invented and missed."""

    labelled: int = 0
    found: set[Place] = field(default_factory=set)
    invented: set[Place] = field(default_factory=set)
    missed: set[Place] = field(default_factory=set)

    @property
    def precision(self) -> float:
        return len(self.found) / max(len(self.found | self.invented), 1)

    @property
    def recall(self) -> float:
        return len(self.found) / max(len(self.found | self.missed), 1)


def labels(path: Path) -> tuple[int, set[Place]]:
    """How many lines of a file are labelled, and what is expected on them."""
    expected, labelled = set(), 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if match := _LABEL.search(line):
            labelled += 1
            expected |= {(path.name, number, code) for code in match[1].split() if code != "clean"}
    return labelled, expected


def score(pattern: str) -> Score:
    """The score on the files of the sample that match a pattern."""
    made = Score()
    for path in sorted(SAMPLE.glob(pattern)):
        labelled, expected = labels(path)
        got = {(one.path, one.line, one.code) for one in check(path.read_bytes(), path.name)}
        made.labelled += labelled
        made.found |= got & expected
        made.invented |= got - expected
        made.missed |= expected - got
    return made


def main() -> None:
    print("part          lines  mistakes  precision  recall")
    for name, pattern in PARTS.items():
        one = score(pattern)
        mistakes = len(one.found | one.missed)
        print(f"{name:12}  {one.labelled:5}  {mistakes:8}  {one.precision:9.1%}  {one.recall:6.1%}")
    for word, places in (("missed", score("*.py").missed), ("invented", score("*.py").invented)):
        for file, line, code in sorted(places):
            print(f"{word}: {file}:{line} {code}")


if __name__ == "__main__":
    sys.exit(main())
