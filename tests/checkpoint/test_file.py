"""Checkpoint files: bit-exact round trips, equal bytes for equal content, one line per damage."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tvae import checkpoint
from tvae.checkpoint import Checkpoint, Record
from tvae.errors import CheckpointError, DeviceError, MissingError, StorageError

ROOT = os.geteuid() == 0


def record(**changes: object) -> Record:
    values: dict[str, object] = {
        "created_at": "2030-01-01T00:00:00Z",
        "architecture": {"model_class": "TernaryVAE", "depth": 9},
        "metrics": {"coverage": 1.0, "ultrametric_B": 0.832, "hierarchy_A": None},
    }
    return Record(**{**values, **changes})  # type: ignore[arg-type]


def full() -> Checkpoint:
    generator = torch.Generator().manual_seed(3)
    return Checkpoint(
        record(),
        {
            "encoder.0.weight": torch.randn(5, 3, generator=generator),
            "half": torch.randn(7, generator=generator).to(torch.bfloat16),
            "double": torch.tensor([1e-320, -0.0, 0.1], dtype=torch.float64),
            "count": torch.tensor(2**60 + 1),
            "empty": torch.empty(0, 4),
            "mask": torch.tensor([True, False]),
            "transposed": torch.arange(6.0).reshape(2, 3).T,
        },
        {"step": 77, "best": None, "nested": {"lr": 0.1, "list": [1, "a"], "big": 2**127}},
        {"rng": torch.get_rng_state(), "0.exp_avg": torch.randn(2, 2, generator=generator)},
    )


def raw(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + body


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return checkpoint.save(tmp_path / "latest.safetensors", full())


class TestRoundTrip:
    def test_is_bit_exact(self, saved: Path) -> None:
        ours, back = full(), checkpoint.read(saved)
        assert back.record == ours.record
        assert back.state == ours.state
        for mine, theirs in ((ours.tensors, back.tensors), (ours.state_tensors, back.state_tensors)):
            assert mine.keys() == theirs.keys()
            for name, tensor in mine.items():
                assert theirs[name].dtype == tensor.dtype
                assert theirs[name].shape == tensor.shape
                assert bits(theirs[name]) == bits(tensor), name

    def test_same_content_gives_same_bytes(self, saved: Path, tmp_path: Path) -> None:
        reversed_order = Checkpoint(
            record(), dict(reversed(full().tensors.items())), full().state, full().state_tensors
        )
        for number in range(4):
            other = checkpoint.save(tmp_path / f"{number}.safetensors", reversed_order)
            assert other.read_bytes() == saved.read_bytes()

    def test_resume_state_is_a_weights_file(self, saved: Path) -> None:
        from safetensors.torch import load_file

        assert {"encoder.0.weight", "state/rng"} <= load_file(saved).keys()

    def test_weights_file_has_no_state(self, tmp_path: Path) -> None:
        path = checkpoint.save(tmp_path / "best.safetensors", Checkpoint(record(), full().tensors))
        back = checkpoint.read(path)
        assert back.state == {}
        assert back.state_tensors == {}
        assert b"tvae_state" not in path.read_bytes()

    def test_shared_memory_and_gradients(self, tmp_path: Path) -> None:
        weight = nn.Parameter(torch.ones(3))
        path = checkpoint.save(
            tmp_path / "a.safetensors", Checkpoint(record(), {"a": weight, "b": weight[:2]})
        )
        assert [t.tolist() for t in checkpoint.read(path).tensors.values()] == [[1, 1, 1], [1, 1]]

    def test_read_tensors_can_be_written(self, saved: Path) -> None:
        tensors = checkpoint.read(saved).tensors
        tensors["half"].zero_()
        assert not checkpoint.read(saved).tensors["half"].eq(0).any()

    def test_non_finite_numbers_become_null(self, tmp_path: Path) -> None:
        ours = record(metrics={"coverage": float("nan"), "Q": float("-inf"), "n": torch.tensor(2.0)})
        path = checkpoint.save(tmp_path / "a.safetensors", Checkpoint(ours, {}, {"best": float("inf")}))
        assert checkpoint.read_record(path).metrics == {"coverage": None, "Q": None, "n": 2.0}
        assert checkpoint.read(path).state == {"best": None}

    def test_what_cannot_be_read_back_is_not_written(self, tmp_path: Path) -> None:
        for bad in ({"levels": [1.0]}, {"x": object()}):
            with pytest.raises(TypeError):
                checkpoint.save(tmp_path / "a.safetensors", Checkpoint(record(metrics=bad), {}))
        assert list(tmp_path.iterdir()) == []

    def test_missing_device(self, saved: Path) -> None:
        with pytest.raises(DeviceError, match="device nowhere cannot be used"):
            checkpoint.read(saved, device="nowhere")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class TestRecord:
    @settings(max_examples=60, deadline=None)
    @given(
        config=st.dictionaries(st.text(), JSON, max_size=4),
        metrics=st.dictionaries(st.text(), st.none() | st.floats(allow_nan=False, allow_infinity=False)),
        words=st.lists(st.none() | st.text(), min_size=3, max_size=3),
        numbers=st.lists(st.none() | st.integers(0, 2**63 - 1), min_size=3, max_size=3),
    )
    def test_round_trip(
        self, tmp_path_factory: pytest.TempPathFactory, config, metrics, words, numbers
    ) -> None:  # type: ignore[no-untyped-def]
        ours = record(
            config=config,
            metrics=metrics,
            command=words[0],
            config_path=words[1],
            base_checkpoint=words[2],
            epoch=numbers[0],
            step=numbers[1],
            seed=numbers[2],
        )
        path = tmp_path_factory.getbasetemp() / "record.safetensors"
        checkpoint.save(path, Checkpoint(ours, {}))
        assert checkpoint.read_record(path) == ours

    def test_has_the_contract_s_fields(self) -> None:
        first = "schema version created_at command training_script config_path config config_hash"
        second = "base_checkpoint base_sha256 git_revision epoch step seed metric_version metrics"
        third = "architecture training_summary environment source"
        assert Record.__struct_fields__ == tuple(f"{first} {second} {third}".split())

    def test_unknown_fields_are_read_over(self, tmp_path: Path) -> None:
        path = tmp_path / "a.safetensors"
        inner = json.dumps({"schema": 1, "architecture": {"depth": 3}, "moon": "full"})
        path.write_bytes(raw(json.dumps({"__metadata__": {"tvae": inner, "other": "x"}}).encode()))
        assert checkpoint.read_record(path).architecture == {"depth": 3}

    def test_reading_does_not_import_torch(self, saved: Path) -> None:
        code = (
            "import sys\nfrom tvae import checkpoint\n"
            f"assert checkpoint.read_record({os.fspath(saved)!r}).architecture['depth'] == 9\n"
            "assert not {'torch', 'safetensors'} & sys.modules.keys()"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_environment_and_revision(self, tmp_path: Path) -> None:
        assert checkpoint.record_environment(torch.device("cpu"))["device"] == "cpu"
        assert checkpoint.git_revision(tmp_path / "nowhere") is None
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", os.fspath(tmp_path)]
        subprocess.run([*git, "init", "-q"], check=True)
        assert checkpoint.git_revision(tmp_path) is None
        subprocess.run([*git, "commit", "-q", "--allow-empty", "--no-verify", "-m", "first"], check=True)
        revision = checkpoint.git_revision(tmp_path)
        assert revision is not None
        assert len(revision) == 40

    def test_sha256(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"abc")
        assert checkpoint.sha256(tmp_path / "a").startswith("ba7816bf")


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
RECORD = {"tvae": json.dumps({"schema": 1, "architecture": {}})}


def header(metadata: object = RECORD, **tensors: object) -> bytes:
    return json.dumps({"__metadata__": metadata, **tensors}).encode()


class TestDamage:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            pytest.param(b"", "an empty file", id="empty"),
            pytest.param(b"\x00" * 4, "no checkpoint: only zeros", id="four bytes"),
            pytest.param(b"hello, this is a text", "no checkpoint: neither a safetensors file", id="text"),
            pytest.param(
                b"PK\x03\x04" + b"\x00" * 40, r"torch \.pt pickle \(zip\), which is not loaded", id="zip"
            ),
            pytest.param(b"\x80\x02}q\x00." + b"\x00" * 40, "a pickle, which is not loaded", id="pickle"),
            pytest.param(b"(dp0\n.", "a pickle of an old protocol", id="old pickle"),
            pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", id="lfs"),
            pytest.param(raw(b"{}", length=2**63), "the header claims", id="absurd length"),
            pytest.param(raw(b"{}", length=90_000_000), "truncated: the header claims", id="long header"),
            pytest.param(raw(b"{nonsense"), "damaged: the header is not that", id="not JSON"),
            pytest.param(raw(b'{"a": [1]}'), "damaged: the header is not that", id="other JSON"),
            pytest.param(raw(b'{"a":' + b"[" * 100_000), "damaged: the header is not that", id="deep JSON"),
            pytest.param(
                raw(b'{"\xff": 1}'), "of a safetensors file: no UTF-8; copy it again", id="not UTF-8"
            ),
            pytest.param(raw(header(a=TENSOR), b"\x00" * 7), "truncated: its tensors need 8 bytes", id="cut"),
            pytest.param(raw(header(a=TENSOR), b"\x00" * 9), "damaged: 1 bytes behind", id="tail"),
            pytest.param(raw(header(a={"dtype": "F32"})), "damaged: data_offsets", id="no offsets"),
            pytest.param(raw(b"{}"), "without a tvae record", id="no metadata"),
            pytest.param(raw(header({"format": "pt"})), "without a tvae record", id="no record"),
            pytest.param(raw(header({"tvae": "{"})), "tvae record cannot be read", id="broken record"),
            pytest.param(raw(header({"tvae": '{"schema": 1}'})), "missing required field", id="poor record"),
            pytest.param(raw(header({"tvae": '{"schema": 2}'})), "schema 2 .expected at most 1", id="newer"),
        ],
    )
    def test_is_one_clear_line(self, tmp_path: Path, content: bytes, message: str) -> None:
        path = tmp_path / "a.safetensors"
        path.write_bytes(content)
        for reader in (checkpoint.read_record, checkpoint.read):
            with pytest.raises(CheckpointError, match=message) as caught:
                reader(path)
            assert caught.value.code == 3
            assert str(caught.value).startswith(f"{path}: ")
            assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "entry",
        [
            {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
            {"dtype": "F33", "shape": [2], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
            {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        ],
    )
    def test_lying_tensor(self, tmp_path: Path, entry: dict[str, object]) -> None:
        path = tmp_path / "a.safetensors"
        path.write_bytes(raw(header(a=entry), b"\x00" * 8))
        with pytest.raises(CheckpointError):
            checkpoint.read(path)

    def test_every_truncation(self, saved: Path) -> None:
        content = saved.read_bytes()
        for size in range(0, len(content), 37):
            saved.write_bytes(content[:size])
            with pytest.raises(CheckpointError):
                checkpoint.read(saved)

    @settings(max_examples=150, deadline=None)
    @given(place=st.integers(0, 2000), byte=st.integers(0, 255))
    def test_any_flipped_byte(self, tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
        path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
        content = bytearray(checkpoint.save(path, full()).read_bytes())
        content[place] = byte
        path.write_bytes(content)
        with contextlib.suppress(CheckpointError):
            checkpoint.read(path)

    def test_header_length_that_looks_like_a_pickle(self, tmp_path: Path) -> None:
        path = tmp_path / "a.safetensors"
        path.write_bytes(raw(header().ljust(0x280)))
        assert path.read_bytes()[:2] == b"\x80\x02"
        assert checkpoint.read_record(path).schema == 1

    def test_a_real_pt_file(self, tmp_path: Path) -> None:
        torch.save({"a": torch.ones(1)}, tmp_path / "best.pt")
        with pytest.raises(CheckpointError, match="tvae checkpoint convert OLD NEW"):
            checkpoint.read(tmp_path / "best.pt")

    @pytest.mark.parametrize("reader", [checkpoint.read, checkpoint.read_record, checkpoint.sha256])
    def test_missing_folder_and_special(self, tmp_path: Path, reader) -> None:  # type: ignore[no-untyped-def]
        (tmp_path / "file").touch()
        for name in ("nothing", "file/below", "null\0byte"):
            with pytest.raises(MissingError, match="no such file"):
                reader(tmp_path / name)
        with pytest.raises(CheckpointError, match="is a folder"):
            reader(tmp_path)
        with socket.socket(socket.AF_UNIX) as unix:
            folder = os.getcwd()
            os.chdir(tmp_path)
            try:
                unix.bind("socket")
            finally:
                os.chdir(folder)
            with pytest.raises(CheckpointError, match="is not a regular file"):
                reader(tmp_path / "socket")

    @pytest.mark.skipif(ROOT, reason="root may read everything")
    def test_permission(self, saved: Path) -> None:
        saved.chmod(0)
        with pytest.raises(StorageError, match="Permission denied") as caught:
            checkpoint.read_record(saved)
        assert caught.value.code == 4
