"""A plan: which files can go, with what is needed to notice that one of them changed meanwhile."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from msgspec import Struct

from tvae.errors import MissingError, PlanError, StorageError

SCHEMA = 1
ACTIONS = ("archive", "delete")


class Item(Struct, frozen=True):
    """A file, or an empty folder, that a plan moves.

    Attributes:
        path: absolute, as the system has it.
        action: `archive` or `delete`.
        reason: why.
        size, mtime_ns: bytes, and the last change of the content.
        fingerprint: device, inode, size and both times, and what torch wrote into the file.
        folder: whether it is an empty folder.
    """

    path: str
    action: str
    reason: str
    size: int
    mtime_ns: int
    fingerprint: str
    folder: bool = False


class Plan(Struct, frozen=True):
    """What to do below `root`."""

    root: str
    items: list[Item]


def make(
    dirs: Sequence[Mapping[str, Any]], files: Sequence[Mapping[str, Any]], *, roots: Sequence[str]
) -> dict[str, Any]:
    """The plan for what a scan recommends to archive or to delete, as JSON has it.

    An item for each file of such a directory, and one for a folder that is empty. Links, and files that could
    not be looked at, are left alone, and so is everything that is no checkpoint.
    """
    members: dict[str, list[Mapping[str, Any]]] = {}
    for file in files:
        members.setdefault(os.path.dirname(_system_path(file)), []).append(file)
    items: dict[str, dict[str, Any]] = {}
    for one in dirs:
        action, folder = one.get("recommendation"), _system_path(one)
        if action not in ACTIONS:
            continue
        held = members.get(folder, [])
        for file in held:
            if item := _file_item(file, str(action), str(one.get("reason") or "")):
                items.setdefault(item["path"], item)
        if not held and action == "delete" and (item := _folder_item(one)):
            items.setdefault(item["path"], item)
    return {"schema": SCHEMA, "root": _root(roots), "cwd": os.getcwd(), "items": list(items.values())}


def read(path: str | os.PathLike[str]) -> Plan:
    """A plan from its file.

    Raises:
        MissingError: if there is none.
        PlanError: if it is malformed; nothing of it is used then.
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read())
    except FileNotFoundError as error:
        raise MissingError(
            f"{name}: no such plan", path=name, hint="`tvae scan PATH --plan FILE` writes one"
        ) from error
    except IsADirectoryError as error:
        raise PlanError(
            f"{name} is a folder, and no plan",
            path=name,
            hint=f"`tvae scan {quote(name)} --plan FILE` writes one",
        ) from error
    except OSError as error:
        raise StorageError(f"{name}: {error.strerror or error}", path=name) from error
    except (ValueError, RecursionError) as error:
        raise PlanError(
            f"{name} is no plan: it is no JSON", path=name, hint="`tvae scan PATH --plan FILE` writes one"
        ) from error
    try:
        return _plan(found)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise PlanError(
            f"{name} is no plan: {reason}", path=name, hint="write it anew with tvae scan"
        ) from error


def fingerprint(facts: os.stat_result) -> str:
    """The part of a fingerprint that a look at the file tells.

    Example:
        >>> len(fingerprint(os.stat(".")).split(":"))
        5
    """
    return f"{facts.st_dev}:{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"


def _plan(found: Any) -> Plan:
    if not isinstance(found, dict):
        raise TypeError("it is no JSON object")
    if found.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {found.get('schema')!r}, not {SCHEMA}")
    root, base = found["root"], found.get("cwd", os.getcwd())
    for name, value in (("root", root), ("cwd", base)):
        if not isinstance(value, str) or "\0" in value:
            raise TypeError(f"{name} is no path")
    root = os.path.normpath(os.path.join(base, root))
    if not isinstance(found["items"], list):
        raise TypeError("items is no list")
    items = []
    for place, item in enumerate(found["items"]):
        if not isinstance(item, dict):
            raise TypeError(f"items[{place}] is no object")
        items.append(_item(item, base, place))
    return Plan(root, items)


def _item(item: dict[str, Any], base: str, place: int) -> Item:
    for name, kind in (("path", str), ("action", str), ("reason", str), ("fingerprint", str)):
        if not isinstance(item[name], kind):
            raise TypeError(f"items[{place}].{name} is no text")
    for name in ("size", "mtime_ns"):
        if not isinstance(item[name], int) or isinstance(item[name], bool):
            raise TypeError(f"items[{place}].{name} is no whole number")
    if item["action"] not in ACTIONS:
        raise ValueError(f"items[{place}].action is {item['action']!r}, not archive or delete")
    path = _system_path(item)
    if "\0" in path or os.pardir in path.split(os.sep) or not os.path.basename(path):
        raise ValueError(f"items[{place}].path is no path to a file")
    return Item(
        path=os.path.normpath(os.path.join(base, path)),
        action=item["action"],
        reason=item["reason"],
        size=item["size"],
        mtime_ns=item["mtime_ns"],
        fingerprint=item["fingerprint"],
        folder=item.get("folder") is True,
    )


def _file_item(file: Mapping[str, Any], action: str, reason: str) -> dict[str, Any] | None:
    identity = file.get("identity")
    if not identity or not identity.get("inode"):
        return None
    try:
        if not stat.S_ISREG(os.lstat(_system_path(file)).st_mode):
            return None
    except OSError:
        return None
    names = ("device", "inode", "size", "mtime_ns", "ctime_ns")
    print_ = ":".join(str(identity[name]) for name in names)
    if file.get("serialization_id"):
        print_ += f":{file['serialization_id']}"
    return {
        **_named(file),
        "action": action,
        "reason": reason,
        "size": identity["size"],
        "mtime_ns": identity["mtime_ns"],
        "fingerprint": print_,
    }


def _folder_item(one: Mapping[str, Any]) -> dict[str, Any] | None:
    """The item for a folder in which there is nothing at all."""
    path = _system_path(one)
    try:
        facts = os.lstat(path)
        if not stat.S_ISDIR(facts.st_mode) or os.listdir(path):
            return None
    except OSError:
        return None
    return {
        **_named(one),
        "action": "delete",
        "reason": str(one.get("reason") or ""),
        "size": 0,
        "mtime_ns": facts.st_mtime_ns,
        "fingerprint": fingerprint(facts),
        "folder": True,
    }


def _named(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("path", "path_b64") if name in record}


def _system_path(record: Mapping[str, Any]) -> str:
    raw = record.get("path_b64")
    if raw is None:
        return str(record["path"])
    return os.fsdecode(base64.b64decode(raw, validate=True))


def _root(roots: Sequence[str]) -> str:
    folders = [root if os.path.isdir(root) else os.path.dirname(root) for root in map(os.path.abspath, roots)]
    return os.path.commonpath(folders)
