"""The comments that allow a finding: `# norm: euclidean-ok REASON`."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass

_COMMENT = re.compile(r"#\s*norm:\s*euclidean-ok\b[\s:,-]*([^#]*)")


@dataclass
class Allowance:
    """A comment that allows what is found on its line."""

    line: int
    column: int
    end_column: int
    reason: str
    used: bool = False


def allowances(source: str) -> list[Allowance]:
    """The allowing comments of a file that parses, in order."""
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (match := _COMMENT.search(token.string)):
            line, column = token.start
            start, end = column + match.start(), column + len(match[0].rstrip()) + match.start()
            found.append(Allowance(line, start + 1, end + 1, match[1].strip()))
    return found
