"""Trees with everything in them that is no checkpoint, or cannot be read: the scan goes on and says so."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from scan.hostile.opcodes import CHECKPOINT, EPOCH
from scan.hostile.zips import torch_file
from tvae import _core
from tvae.errors import TvaeError

GOOD = torch_file()
NAMES = [
    b"new\nline.pt",
    b"\x1b[31mred.pt",
    b"not-utf8-\xff.pt",
    "right-to-left-\u202etp.pt".encode(),
    b"n" * 252 + b".pt",
    b"=1+1.pt",
    b"+a.pt",
    b"@a.pt",
    b"|`<b>.pt",
]


class Found:
    """What a scan says, by the name below the root."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.scan = _core.scan([root], **options)
        self.files = {os.path.relpath(record["path"], root): record for record in self.scan.files()}
        self.skipped = {os.path.relpath(one["path"], root): one["code"] for one in self.scan.skipped()}
        self.dirs = {os.path.relpath(record["path"], root): record for record in self.scan.dirs()}
        json.dumps([*self.files.values(), *self.dirs.values()])

    def codes(self, name: str) -> set[str]:
        return {issue["code"] for issue in self.files[name]["issues"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with one good checkpoint, which must be found whatever stands beside it."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "good.pt").write_bytes(GOOD)
    return root


def good(found: Found) -> Found:
    assert (found.files["good.pt"]["status"], found.files["good.pt"]["epoch"]) == ("ok", EPOCH)
    return found


def test_what_is_no_regular_file_is_skipped(tree: Path) -> None:
    (tree / "best.pt").mkdir()
    os.mkfifo(tree / "pipe.pt")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tree)
        try:
            listener.bind("socket.pt")
        finally:
            os.chdir(here)
        (tree / "zero.pt").symlink_to("/dev/zero")
        found = good(Found(tree, follow=True))
    assert found.skipped == {"pipe.pt": "F001", "socket.pt": "F001", "zero.pt": "F001"}
    assert found.dirs["best.pt"]["status"] == "empty"


def test_links_are_told_and_not_followed(tree: Path) -> None:
    (tree / "dangling.pt").symlink_to("nowhere")
    (tree / "again.pt").symlink_to("good.pt")
    found = good(Found(tree))
    assert found.skipped == {"dangling.pt": "F002", "again.pt": "F003"}
    assert set(found.files) == {"good.pt"}


def test_loops_end(tree: Path) -> None:
    (tree / "a").mkdir()
    (tree / "a/up").symlink_to("..")
    (tree / "self").symlink_to("self")
    (tree / "b").symlink_to("a")
    for follow in (False, True):
        found = good(Found(tree, follow=follow))
        assert found.skipped["a/up"] == "F003"
        assert found.skipped["self"] == "F002"


def test_a_link_out_of_the_tree_is_told(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.pt").write_bytes(GOOD)
    (tree / "out.pt").symlink_to(tmp_path / "outside.pt")
    (tree / "in.pt").symlink_to(tree / "good.pt")
    found = good(Found(tree, follow=True))
    assert "F004" in found.codes("out.pt")
    assert "F004" not in found.codes("in.pt")


def test_hard_links_are_both_listed(tree: Path) -> None:
    os.link(tree / "good.pt", tree / "other.pt")
    found = good(Found(tree))
    assert found.files["other.pt"]["epoch"] == EPOCH
    identities = {record["identity"]["inode"] for record in found.files.values()}
    assert len(identities) == 1


CHILD = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[2])
from tvae import _core
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
scan = _core.scan([sys.argv[1]])
print(json.dumps([scan.files(), scan.skipped(), scan.dirs()]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user that may not read")
def test_what_may_not_be_read_is_unreadable(tree: Path) -> None:
    (tree / "locked.pt").write_bytes(GOOD)
    (tree / "closed").mkdir()
    (tree / "closed/in.pt").write_bytes(GOOD)
    for folder in [tree, *tree.parents]:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    (tree / "locked.pt").chmod(0)
    (tree / "closed").chmod(0)
    try:
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(tree), json.dumps(sys.path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=60,
        )
    finally:
        (tree / "closed").chmod(0o755)
    files, skipped, dirs = json.loads(child.stdout)
    records = {Path(record["path"]).name: record for record in files}
    assert records["good.pt"]["status"] == "ok"
    locked = records["locked.pt"]
    assert (locked["status"], locked["safety"]) == ("unreadable", "unparsed")
    assert [issue["code"] for issue in locked["issues"]] == ["F005"]
    assert [(Path(one["path"]).name, one["code"]) for one in skipped] == [("closed", "F009")]
    # It is not known to be empty, so it has no record.
    assert "closed" not in {Path(record["path"]).name for record in dirs}


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TvaeError):
        Found(tmp_path / "none")


def test_files_that_come_and_go(tree: Path) -> None:
    """Writers, truncations and removals at full speed; every record is of one of the states or says so."""
    half = GOOD[: len(GOOD) // 2]
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            for place in range(20):
                path = tree / f"{place}.pt"
                path.write_bytes(GOOD)
                os.truncate(path, len(half))
                path.unlink()

    writer = threading.Thread(target=busy)
    writer.start()
    try:
        for _ in range(40):
            found = good(Found(tree))
            for name, record in found.files.items():
                codes = found.codes(name)
                if record["status"] == "unreadable":
                    assert codes & {"F005", "F006"}
                elif record["size"] not in (0, len(GOOD), len(half)):
                    pytest.fail(f"a size that never was: {record['size']}")
                elif record["status"] == "ok":
                    assert record["epoch"] == EPOCH
                    assert record["safety"] == "known_types" or "F007" in codes
    finally:
        stop.set()
        writer.join()


def test_names_that_draw_are_escaped_or_told(tree: Path) -> None:
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(tree) + b"/" + name)).write_bytes(GOOD)
    records = _core.scan([tree]).files()
    assert len(records) == 1 + len(NAMES)
    assert {record["status"] for record in records} == {"ok"}
    told = {Path(one["path"]).name for one in records if any(i["code"] == "F008" for i in one["issues"])}
    assert len(told) == 4
    assert sum("path_b64" in record for record in records) == 1
    json.dumps(records, ensure_ascii=False).encode()


def test_many_files_and_deep_folders(tree: Path) -> None:
    for place in range(3000):
        (tree / f"note-{place}.txt").touch()
    # Deeper than a path may be long, so no path of it can be opened.
    here = os.open(tree, os.O_RDONLY)
    try:
        for _ in range(1200):
            os.mkdir("deep", dir_fd=here)
            below = os.open("deep", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        descriptor = os.open("x.pt", os.O_WRONLY | os.O_CREAT, dir_fd=here)
        os.write(descriptor, GOOD)
        os.close(descriptor)
    finally:
        os.close(here)
    try:
        found = good(Found(tree))
        assert len(found.files) == 1
        assert "F009" in found.skipped.values()
    finally:
        subprocess.run(["rm", "-rf", str(tree / "deep")], check=True)


def test_names_do_not_tell_what_a_file_is(tree: Path) -> None:
    for name in (
        "BEST.PT",
        "a.pth",
        "a.ckpt",
        "a.bin",
        "a.pth.tar",
        "nothing",
        "strange.xyz",
        "a.safetensors",
    ):
        (tree / name).write_bytes(GOOD)
    (tree / "text.txt").write_text("hello")
    found = good(Found(tree))
    assert {record["kind"] for record in found.files.values()} == {"torch_zip"}
    assert len(found.files) == 9
    assert "Z055" in found.codes("a.safetensors")


def test_size_on_disk_and_size_differ(tree: Path) -> None:
    header = b'{"w":{"dtype":"U8","shape":[5000000000],"data_offsets":[0,5000000000]}}'
    with (tree / "sparse.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 5_000_000_000)
    record = good(Found(tree)).files["sparse.safetensors"]
    assert (record["status"], record["size"]) == ("ok", 8 + len(header) + 5_000_000_000)
    assert record["allocated"] < 1 << 20


def test_folders_of_leftovers(tree: Path) -> None:
    for name, content in {
        "run/latest.pt": GOOD,
        "crashed/best.pt": GOOD[:300],
        "leftovers/best.pt.tmp": b"half",
        "leftovers/best.pt.part": b"half",
        "book/.ipynb_checkpoints/x.ipynb": b"{}",
        "windows/desktop.ini": b"[x]",
        "windows/best.pt": torch_file(CHECKPOINT),
    }.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tree / "nothing").mkdir()
    found = good(Found(tree))
    assert set(found.files) == {"good.pt", "run/latest.pt", "crashed/best.pt", "windows/best.pt"}
    assert found.files["crashed/best.pt"]["status"] == "salvaged"
    assert found.dirs["nothing"]["status"] == "empty"
