"""What the logs in an archive tell of earlier prunes."""

from __future__ import annotations

import os

from tvae.errors import PlanError, TvaeError
from tvae.pruning import log as logs
from tvae.pruning.plan import Plan


def newest(archive: str) -> str | None:
    """The newest log in an archive; their names sort by time."""
    try:
        names = [
            name for name in os.listdir(archive) if name.startswith("prune-") and name.endswith(".jsonl")
        ]
    except OSError:
        return None
    return os.path.join(archive, max(names)) if names else None


def refuse_applied(plan: Plan, archive: str) -> None:
    """Raises `PlanError` if the newest log says that this plan was carried out, be it undone since or not."""
    path = newest(archive)
    if path is None:
        return
    try:
        steps = [step for step in logs.read(path).steps if step.do == "move"]
    except TvaeError:
        return
    files = {item.path for item in plan.items if not item.folder}
    if not files or files != {step.source for step in steps}:
        return
    if all(os.path.lexists(step.target) and not os.path.lexists(step.source) for step in steps):
        raise PlanError(
            "the plan was applied already", path=path, hint=f"`tvae prune --undo {path}` takes it back"
        )
    if all(os.path.lexists(step.source) and not os.path.lexists(step.target) for step in steps):
        raise PlanError("the plan was applied and undone", path=path, hint="scan again and write a new plan")
