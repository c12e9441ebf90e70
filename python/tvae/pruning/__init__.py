"""Applying a reviewed plan of `tvae scan`: files are moved into an archive, and can be moved back.

Nothing is ever removed but what has a verified copy elsewhere. What a plan calls `delete` goes into the
folder `deleted` of the archive, which is for the user to remove.
"""

from __future__ import annotations

from tvae.pruning.apply import Prepared, apply, prepare
from tvae.pruning.plan import Item, Plan, make, read
from tvae.pruning.undo import Undone, undo

__all__ = ["Item", "Plan", "Prepared", "Undone", "apply", "make", "prepare", "read", "undo"]
