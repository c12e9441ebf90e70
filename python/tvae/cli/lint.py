"""`tvae lint-geometry`: Euclidean mistakes with points of the ball, found in Python source."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from tvae.cli.failure import one_line
from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import note, result, result_json

if TYPE_CHECKING:
    from tvae.lint import Finding

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


class Form(StrEnum):
    """How findings are written."""

    text = "text"
    json = "json"
    sarif = "sarif"


def lint_geometry(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Python files and folders.")],
    form: Annotated[Form, typer.Option("--format", help="How findings are written.")] = Form.text,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find Euclidean norms, distances, cosines and means of ball points, and hyperbolic ones of others.

    `# norm: euclidean-ok REASON` allows what is found on its line. Exits with 1 if there are findings.
    """
    from tvae.lint import check
    from tvae.lint.files import sources

    files = sources(paths)
    findings = []
    for path in files:
        with open(path, "rb") as stream:
            findings += check(stream.read(), path)
    if as_json or form is Form.json:
        result_json({"files": len(files), "findings": [plain(one) for one in findings]})
    elif form is Form.sarif:
        import json

        result(json.dumps(sarif(findings)))
    else:
        for one in findings:
            result(concise(one))
        if not quiet:
            many = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
            note(f"{many} in {len(files)} file{'' if len(files) == 1 else 's'}")
    if findings:
        raise typer.Exit(1)


def concise(finding: Finding) -> str:
    """A finding on one line: file:line:column, code, what is wrong, what to do."""
    where = f"{one_line(finding.path)}:{finding.line}:{finding.column}"
    return f"{where}: {finding.code} {one_line(finding.message)}; {finding.remedy}"


def plain(finding: Finding) -> dict[str, object]:
    """A finding as an object of JSON."""
    return {
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "code": finding.code,
        "message": finding.message,
        "hint": finding.remedy,
    }


def sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings as a log of SARIF 2.1.0."""
    from tvae.cli.info import version
    from tvae.lint import RULES

    order = list(RULES)
    rules = [
        {
            "id": rule.code,
            "name": rule.name,
            "shortDescription": {"text": rule.message},
            "help": {"text": rule.remedy},
            "defaultConfiguration": {"level": _level(rule.code)},
        }
        for rule in RULES.values()
    ]
    results = [
        {
            "ruleId": one.code,
            "ruleIndex": order.index(one.code),
            "level": _level(one.code),
            "message": {"text": one_line(f"{one.message}; {one.remedy}")},
            "locations": [{"physicalLocation": _place(one)}],
        }
        for one in findings
    ]
    driver = {"name": "tvae lint-geometry", "version": version(), "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}


def _place(finding: Finding) -> dict[str, Any]:
    path = finding.path.replace("\\", "/")
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    uri = f"file://{quote(path)}" if path.startswith("/") else quote(path)
    return {"artifactLocation": {"uri": uri}, "region": region}


def _level(code: str) -> str:
    return "error" if code == "G000" else "warning"
