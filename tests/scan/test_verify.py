"""`verify_crc`: the one scan that reads tensors, and tells a flipped bit in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import tvae
from tvae import scanning


@pytest.mark.parametrize("verify", [False, True])
def test_a_flipped_bit_of_a_tensor_is_told_only_when_asked(tmp_path: Path, verify: bool) -> None:
    path = tmp_path / "best.pt"
    torch.save({"w": torch.arange(1000.0)}, path)

    def told() -> tuple[str, list[str]]:
        record = tvae.scan([path], verify_crc=verify).to_dicts("file")[0]
        return record["status"], [issue["code"] for issue in record["issues"]]

    assert told() == ("ok", [])
    place = scanning.tensors(path)[0].file_offset
    assert place is not None
    data = bytearray(path.read_bytes())
    data[place + 40] ^= 1
    path.write_bytes(data)
    assert told() == (("corrupt", ["Z020"]) if verify else ("ok", []))


def test_files_without_checksums_are_neither_corrupt_nor_the_same(tmp_path: Path) -> None:
    options = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            torch.save(
                {"w": torch.full((1000,), float(len(name) + (name == "two")))}, tmp_path / name / "best.pt"
            )
    finally:
        torch.serialization.set_crc32_options(options)
    for verify in (False, True):
        found = tvae.scan([tmp_path], verify_crc=verify)
        files, dirs = found.to_dicts("file"), found.to_dicts("dir")
        assert [(one["status"], one["issues"]) for one in files] == [("ok", [])] * 2
        assert [one["duplicates_of"] for one in (*files, *dirs)] == [None] * 4
        assert [one["state_dicts"][0]["fingerprint"] for one in files] == [None, None]
