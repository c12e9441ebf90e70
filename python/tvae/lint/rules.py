"""What the lint says: one rule, one code, one line, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its code, its name, what is wrong, and what to do."""

    code: str
    name: str
    message: str
    remedy: str

    @property
    def line(self) -> str:
        """The message and the remedy on one line."""
        return f"{self.message}; {self.remedy}"


_ALL = (
    Rule("G000", "unreadable-source", "this file could not be parsed", "mend it, nothing in it was checked"),
    Rule(
        "G001",
        "euclidean-norm",
        "Euclidean norm of ball points taken for their radius",
        "use the hyperbolic radius, 2 artanh(sqrt(c) |x|) / sqrt(c)",
    ),
    Rule(
        "G002",
        "euclidean-distance",
        "Euclidean distance or error between ball points",
        "use the hyperbolic distance, or compare in the tangent space (logmap0)",
    ),
    Rule(
        "G003",
        "cosine-of-points",
        "cosine of ball points, which ignores their radius",
        "use the hyperbolic distance, or cosines of tangent vectors if the angle is meant",
    ),
    Rule(
        "G004",
        "euclidean-mean",
        "Euclidean mean of ball points",
        "use a gyromidpoint, or average in the tangent space (logmap0, mean, expmap0)",
    ),
    Rule(
        "G005",
        "unmapped-points",
        "hyperbolic operation on values that were never mapped into the ball",
        "apply expmap0 or project to them first",
    ),
    Rule(
        "G008",
        "comment-without-reason",
        "`norm: euclidean-ok` without a reason allows nothing",
        "say after it why the Euclidean value is meant",
    ),
    Rule("G009", "unused-comment", "`norm: euclidean-ok` where nothing is found", "remove the comment"),
)

#: Every rule by its code.
RULES = {rule.code: rule for rule in _ALL}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place in a file and the rule that it breaks; lines and columns count from 1."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    code: str
    detail: str = ""

    @property
    def message(self) -> str:
        """What is wrong here, on one line."""
        rule = RULES[self.code]
        return f"{rule.message} ({self.detail})" if self.detail else rule.message

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return RULES[self.code].remedy
