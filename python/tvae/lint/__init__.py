"""Euclidean mistakes with points of the Poincare ball, found in Python source by following values.

Nothing is imported or executed, and torch is not needed.
"""

from __future__ import annotations

import ast
import warnings

from tvae.lint.comments import allowances
from tvae.lint.flow import Flow
from tvae.lint.rules import RULES, Finding, Rule
from tvae.lint.values import Site

__all__ = ["RULES", "Finding", "Rule", "check"]


def check(source: str | bytes, path: str = "<source>") -> list[Finding]:
    """The findings in the source of one file, by line and column.

    Args:
        source: the text; bytes are decoded as Python would.
        path: the name that the findings carry.

    Example:
        >>> found = check("def f(z_hyp):\\n    return z_hyp.norm(dim=-1)\\n")
        >>> [(one.line, one.column, one.code) for one in found]
        [(2, 12, 'G001')]
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes: another linter's business
            tree = ast.parse(source)
        text = source if isinstance(source, str) else _decoded(source)
        sites = [site for site in Flow(text).run(tree) if site.wrong]
        comments = allowances(text)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte
        line, column = getattr(error, "lineno", None) or 1, max(getattr(error, "offset", None) or 1, 1)
        return [Finding(path, line, column, line, column, "G000", getattr(error, "msg", "") or str(error))]
    except (RecursionError, MemoryError):  # the parser of 3.11 runs out of its own stack
        return [Finding(path, 1, 1, 1, 1, "G000", "nested too deeply")]
    lines, begins = text.splitlines(), _begins(tree) if comments else {}
    found = []
    for site in sites:
        last = site.node.end_lineno or site.node.lineno
        allowed = [
            one
            for one in comments
            if one.reason
            and (site.node.lineno <= one.line <= last or begins.get(one.line, one.line) <= last <= one.line)
        ]
        for one in allowed:
            one.used = True
        if not allowed:
            found.append(_finding(site, path, lines))
    for one in comments:
        if not one.reason or not one.used:
            code = "G009" if one.reason else "G008"
            found.append(Finding(path, one.line, one.column, one.line, one.end_column, code))
    return sorted(set(found))


def _decoded(source: bytes) -> str:
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return io.TextIOWrapper(io.BytesIO(source), encoding).read()


def _begins(tree: ast.Module) -> dict[int, int]:
    """The lines on which expressions end, each with the first line of those: what a comment covers."""
    begins: dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and node.end_lineno is not None:
            begins[node.end_lineno] = min(node.lineno, begins.get(node.end_lineno, node.lineno))
    return begins


def _finding(site: Site, path: str, lines: list[str]) -> Finding:
    node = site.node
    end = node.end_lineno or node.lineno
    column, end_column = (
        len(lines[line - 1].encode()[:offset].decode(errors="replace")) + 1
        if line <= len(lines)
        else offset + 1
        for line, offset in ((node.lineno, node.col_offset), (end, node.end_col_offset or 0))
    )
    return Finding(path, node.lineno, column, end, end_column, site.code, site.detail)
