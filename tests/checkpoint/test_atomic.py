"""Files are written whole or not at all, whatever happens to the writer."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tvae import checkpoint
from tvae.checkpoint import Checkpoint, Record
from tvae.errors import StorageError

ROOT = os.geteuid() == 0


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    words = [
        sys.executable,
        "-c",
        code,
        *(os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments),
    ]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_after_a_line(process: subprocess.Popen[str], seconds: float) -> None:
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


class TestWriting:
    def test_file_size_limit(self, tmp_path: Path) -> None:
        path = checkpoint.write_text(tmp_path / "a", "old")
        process = run(
            "import resource, sys\nfrom tvae.checkpoint import write_text\n"
            "from tvae.errors import StorageError\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "try: write_text(sys.argv[1], 'x' * 100_000)\n"
            "except StorageError as error: print(error, error.code, error.errno)",
            path,
        )
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.startswith(f"cannot write {path}: File too large; raise the file size limit")
        assert path.read_text() == "old"
        assert [p.name for p in tmp_path.iterdir()] == ["a"]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("file/below/a", "choose another folder"),
            (".", "the path is a folder"),
            ("x" * 300, "shorter name"),
        ],
    )
    def test_impossible_places(self, tmp_path: Path, name: str, message: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StorageError, match=message) as caught:
            checkpoint.write_text(tmp_path / name, "text")
        assert caught.value.code == 4
        assert "\n" not in str(caught.value)
        assert [p.name for p in tmp_path.iterdir()] == ["file"]

    @pytest.mark.skipif(ROOT, reason="root may write everywhere")
    def test_permission(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(StorageError, match="Permission denied"):
            checkpoint.write_text(tmp_path / "a", "text")

    def test_full_disk_and_interrupt(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = checkpoint.write_text(tmp_path / "a", "old")
        for error, shown in (
            (OSError(errno.ENOSPC, ""), StorageError),
            (PermissionError(errno.EACCES, ""), StorageError),
            (KeyboardInterrupt(), KeyboardInterrupt),
        ):
            monkeypatch.setattr(os, "fsync", lambda _, error=error: (_ for _ in ()).throw(error))
            with pytest.raises(shown):
                checkpoint.write_text(path, "new")
            assert path.read_text() == "old"
            assert list(tmp_path.iterdir()) == [path]

    def test_dead_temporaries_go_and_live_ones_stay(self, tmp_path: Path) -> None:
        dead = tmp_path / ".a.tmp-dead"
        other = tmp_path / ".b.tmp-dead"
        dead.touch()
        other.touch()
        process = run(
            "import fcntl, sys, time\nfile = open(sys.argv[1], 'w')\nfcntl.flock(file, fcntl.LOCK_EX)\n"
            "print('locked', flush=True)\ntime.sleep(60)",
            live := tmp_path / ".a.tmp-live",
        )
        assert process.stdout is not None
        process.stdout.readline()
        checkpoint.write_text(tmp_path / "a", "text")
        assert (dead.exists(), other.exists(), live.exists()) == (False, True, True)
        process.kill()
        process.communicate()
        checkpoint.write_text(tmp_path / "a", "text")
        assert not live.exists()

    def test_killed_while_writing(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        for attempt in range(10):
            process = run(
                "import sys\nfrom tvae.checkpoint import write_text\n"
                "for step in range(10**9):\n"
                "    write_text(sys.argv[1], str(step % 10) * 400_000)\n"
                "    print(flush=True)",
                path,
            )
            kill_after_a_line(process, 0.002 * attempt)
            text = path.read_text()
            assert len(text) == 400_000
            assert len(set(text)) == 1
        checkpoint.write_text(path, "text")
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.slow
    def test_killed_while_saving(self, tmp_path: Path) -> None:
        path = tmp_path / "latest.safetensors"
        for attempt in range(6):
            process = run(
                "import sys\nimport torch\nfrom tvae.checkpoint import Checkpoint, Record, save\n"
                "for step in range(10**9):\n"
                "    tensors = {'w': torch.full((200_000,), step)}\n"
                "    save(sys.argv[1], Checkpoint(Record(architecture={}, step=step), tensors))\n"
                "    print(step, flush=True)",
                path,
            )
            kill_after_a_line(process, 0.003 * attempt)
            back = checkpoint.read(path)
            assert back.tensors["w"].eq(back.record.step or 0).all()
        checkpoint.save(path, Checkpoint(Record(architecture={}), {}))
        assert list(tmp_path.iterdir()) == [path]

    def test_concurrent_writers(self, tmp_path: Path) -> None:
        code = (
            "import sys\nfrom tvae.checkpoint import write_text\n"
            "for _ in range(40): write_text(sys.argv[1], sys.argv[2] * 5000)"
        )
        processes = [run(code, tmp_path / "a", letter) for letter in "xyz"]
        for process in processes:
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
        assert (tmp_path / "a").read_text() in {letter * 5000 for letter in "xyz"}
        assert [p.name for p in tmp_path.iterdir()] == ["a"]

    def test_respects_the_umask(self, tmp_path: Path) -> None:
        old = os.umask(0o027)
        try:
            path = checkpoint.write_text(tmp_path / "a", "text")
        finally:
            os.umask(old)
        assert path.stat().st_mode & 0o777 == 0o640

    def test_json(self, tmp_path: Path) -> None:
        value = {"b": float("inf"), "a": torch.tensor(1.5), "p": tmp_path, "r": Record(architecture={})}
        back = json.loads(checkpoint.write_json(tmp_path / "s.json", value).read_text())
        assert list(back) == ["b", "a", "p", "r"]
        assert back["b"] is None
        assert back["a"] == 1.5
        assert back["r"]["schema"] == 1
