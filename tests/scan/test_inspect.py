"""`tvae.inspect` on files that torch writes and on files made to fool it; expected is what was saved."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tvae
from tvae import _core, scanning
from tvae.errors import CheckpointError, MissingError

CONFIG = {"lr": 1e-3, "name": "a\x1b[31mb", "steps": [1, 2, 3], "nested": {"deep": True, "none": None}}


class Evil:
    """Runs a command when it is unpickled by Python."""

    def __init__(self, command: str = "true") -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


def content() -> dict[str, Any]:
    """What a run of the predecessor saved, numpy scalars among it."""
    weights = OrderedDict(
        [
            ("encoder_A.encoder.4.weight", torch.arange(64 * 128, dtype=torch.float32).reshape(64, 128)),
            ("half", torch.ones(3, dtype=torch.float16)),
            ("transposed", torch.zeros(4, 5).t()),
            ("projection.proj_A.isp_c", torch.tensor(1.0, dtype=torch.float64)),
        ]
    )
    weights["tied"] = weights["half"]
    return {
        "epoch": np.int64(17),
        "model_state": weights,
        "optimizer": {
            "state": {0: {"step": torch.tensor(3.0)}},
            "param_groups": [{"lr": 0.1, "betas": (0.9, 0.99)}],
        },
        "metrics": {
            "coverage": 1.0,
            "radial_corr_B": np.float32(-0.83),
            "radial_corr_A": np.float64(-0.5),
            "distance_corr_A": 0.25,
            "hierarchy": float("nan"),
        },
        "config": CONFIG,
        "coverage_B_history": [10, 9841],
    }


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "best.pt"
    torch.save(content(), path)
    return path


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "old.pt"
    torch.save(content(), path, _use_new_zipfile_serialization=False)
    return path


def codes(record: tvae.FileRecord) -> set[str]:
    return {issue.code for issue in record.issues}


def archive(path: Path, *records: tuple[str, bytes], prefix: str = "a") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in [*records, ("version", b"3\n")]:
            file.writestr(f"{prefix}/{name}", data)
    return path


@pytest.mark.parametrize("kind", ["saved", "legacy"])
def test_what_torch_saved_is_read(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    record = tvae.inspect(path)
    expected = content()
    assert record.kind == {"saved": "torch_zip", "legacy": "torch_legacy"}[kind]
    assert (record.status, record.safety) == ("ok", "known_types")
    assert {issue.code for issue in record.issues if issue.severity != "info"} == {"M001"}
    assert record.size == path.stat().st_size
    assert record.mtime == pytest.approx(path.stat().st_mtime)
    assert record.epoch == 17
    assert record.top_keys == list(expected)
    assert record.config == CONFIG
    metrics = record.metrics
    assert metrics["coverage"].value == 1.0
    assert metrics["hierarchy_B"].value == float(np.float32(-0.83))
    assert (metrics["hierarchy_B"].raw_key, metrics["hierarchy_B"].dtype) == (
        "radial_corr_B",
        "numpy.float32",
    )
    assert metrics["hierarchy_A"].value == -0.5
    assert metrics["target_distance_corr_A"].value == 0.25
    assert metrics["coverage_B"].value == 9841 / 19683
    assert metrics["coverage_B"].source == "coverage_B_history[-1] / 19683"
    assert metrics["hierarchy"].value != metrics["hierarchy"].value
    dicts = {one.key: one for one in record.state_dicts}
    model = expected["model_state"]
    assert dicts["model_state"].n_tensors == len(model)
    assert dicts["model_state"].n_params == sum(t.numel() for name, t in model.items() if name != "tied")
    assert dicts["model_state"].dtypes == ["float16", "float32", "float64"]
    assert dicts["model_state"].layout == "v5.11 dual"
    assert dicts["optimizer"].n_tensors == 1


@pytest.mark.parametrize("kind", ["saved", "legacy"])
def test_tensors_are_where_it_says(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    data = path.read_bytes()
    found = {tensor.name: tensor for tensor in scanning.tensors(path)}
    for name, expected in content()["model_state"].items():
        tensor = found[f"model_state.{name}"]
        assert tensor.dtype == str(expected.dtype).removeprefix("torch.")
        assert tuple(tensor.shape) == tuple(expected.shape)
        assert tuple(tensor.stride) == tuple(expected.stride())
        assert tensor.file_offset is not None
        flat = torch.frombuffer(bytearray(data[tensor.file_offset :][: tensor.nbytes]), dtype=expected.dtype)
        assert torch.equal(flat.as_strided(expected.shape, expected.stride()), expected)


def test_values_by_key(saved: Path) -> None:
    assert scanning.find(saved, "config.nested.deep") == [True]
    assert scanning.find(saved, "config.steps.1") == [2]
    assert scanning.find(saved, "optimizer.param_groups.0.betas") == [[0.9, 0.99]]
    assert scanning.find(saved, "model_state.encoder_A.encoder.4.weight") == ["<tensor float32 [64, 128]>"]
    assert scanning.find(saved, "config.nothing") == []


def test_our_own_files(tmp_path: Path) -> None:
    from tvae.checkpoint import Checkpoint, save
    from tvae.record import Record

    own = Record(
        architecture={"depth": 9}, epoch=3, metrics={"coverage": 0.5}, config={"seed": 1}, config_hash="ab"
    )
    path = save(tmp_path / "x.safetensors", Checkpoint(own, {"w": torch.ones(2, 3), "b": torch.zeros(0)}))
    record = tvae.inspect(path)
    assert (record.kind, record.status, record.safety) == ("safetensors", "ok", "data_only")
    assert (record.epoch, record.config, record.config_hash) == (3, {"seed": 1}, "ab")
    assert record.metrics["coverage"].value == 0.5
    assert record.state_dicts[0].n_params == 6
    assert scanning.find(path, "tvae.architecture.depth") == [9]
    place = next(one for one in scanning.tensors(path) if one.name == "w").file_offset
    assert place is not None
    assert struct.unpack("<6f", path.read_bytes()[place:][:24]) == (1.0,) * 6


def test_torchscript_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as file:
        file.writestr("m/data.pkl", pickle.dumps({}, 2))
        file.writestr("m/code/__torch__.py", "def f(): pass")
        file.writestr("m/constants.pkl", pickle.dumps((), 2))
        file.writestr("m/version", "3\n")
    record = tvae.inspect(tmp_path / "m.pt")
    assert (record.kind, record.safety) == ("torchscript", "unknown_code")


def test_malice_is_dangerous_in_every_container(tmp_path: Path) -> None:
    torch.save({"epoch": 1, "x": Evil()}, tmp_path / "new.pt")
    torch.save({"epoch": 1, "x": Evil()}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Evil()))
    (tmp_path / "second.pt").write_bytes(pickle.dumps({"epoch": 1}) + pickle.dumps(Evil()))
    (tmp_path / "garbage.pt").write_bytes(pickle.dumps(Evil())[:-1] + b"\xff\xff")
    archive(tmp_path / "beside.pt", ("data.pkl", pickle.dumps({}, 2)), ("x.pkl", pickle.dumps(Evil(), 2)))
    archive(tmp_path / "unnamed.pt", ("data.pkl", pickle.dumps({}, 2)), ("notes", pickle.dumps(Evil(), 2)))
    archive(tmp_path / "other.zip", ("x.pkl", pickle.dumps(Evil(), 2)))
    with tarfile.open(tmp_path / "tar.pt", "w") as file:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            data = pickle.dumps(Evil() if name == "tensors" else {}, 2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    new = (tmp_path / "new.pt").read_bytes()
    (tmp_path / "behind.pt").write_bytes(pickle.dumps({"epoch": 1}) + new)
    (tmp_path / "behind-program.pt").write_bytes(b"MZ" + bytes(100) + new)
    (tmp_path / "behind-ours.pt").write_bytes(header({}, 0) + new)
    for path in sorted(tmp_path.iterdir()):
        record = tvae.inspect(path)
        assert record.safety == "dangerous", path.name
        assert any(one.name == "system" and one.class_ == "dangerous" for one in record.imports), path.name


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("evil_first", [True, False])
@pytest.mark.parametrize("second", ["data.pkl", "DATA.PKL"])
def test_duplicates_are_all_read_and_the_first_counts(tmp_path: Path, evil_first: bool, second: str) -> None:
    entries = [pickle.dumps({"epoch": 1, "x": Evil()}, 2), pickle.dumps({"epoch": 2}, 2)]
    one, two = entries if evil_first else entries[::-1]
    record = tvae.inspect(archive(tmp_path / "d.pt", ("data.pkl", one), (second, two)))
    assert record.safety == "dangerous"
    assert "Z030" in codes(record)
    assert record.epoch == (1 if evil_first else 2)


def test_lies_about_a_record_are_told(saved: Path, tmp_path: Path) -> None:
    data = bytearray(saved.read_bytes())
    central = data.rindex(b"best/data.pkl")
    crc = bytearray(data)
    crc[central - 46 + 16] ^= 1
    flags = bytearray(data)
    flags[6] |= 1
    name = bytearray(data)
    name[30:34] = b"ZZZZ"
    for code, changed in {"Z020": crc, "Z023": flags, "Z022": name}.items():
        (tmp_path / "x.pt").write_bytes(changed)
        record = tvae.inspect(tmp_path / "x.pt")
        assert code in codes(record)
        assert (record.status, record.epoch) == ("ok", 17)


def test_deflate_is_read_and_bombs_are_not(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/data.pkl", pickle.dumps({"epoch": 5}, 2))
        file.writestr("a/version", "3\n")
    assert tvae.inspect(tmp_path / "x.pt").epoch == 5
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/data.pkl", bytes(40_000_000))
    record = tvae.inspect(tmp_path / "bomb.pt")
    assert (record.status, record.safety) == ("corrupt", "unparsed")
    assert "Z027" in codes(record)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_cut_save_still_tells_its_values(saved: Path, tmp_path: Path, share: float) -> None:
    data = saved.read_bytes()
    (tmp_path / "cut.pt").write_bytes(data[: int(len(data) * share)])
    record = tvae.inspect(tmp_path / "cut.pt")
    assert (record.status, record.epoch) == ("salvaged", 17)
    assert record.metrics["coverage"].value == 1.0
    assert record.salvaged is not None
    assert record.salvaged.storages == 5
    assert record.salvaged.present == 5 if share > 0.99 else record.salvaged.present < 5


def test_a_cut_legacy_file_too(legacy: Path, tmp_path: Path) -> None:
    data = legacy.read_bytes()
    for size, safety in {1500: "unparsed", 20_000: "known_types"}.items():
        (tmp_path / "cut.pt").write_bytes(data[:size])
        record = tvae.inspect(tmp_path / "cut.pt")
        assert (record.status, record.safety, record.epoch) == ("salvaged", safety, 17)
        assert record.salvaged is not None
        assert record.salvaged.present < record.salvaged.storages == 5


def test_every_length_of_a_legacy_file_is_compared(tmp_path: Path) -> None:
    sizes = [1, 40, 300, 2100, 5000, 17_000] * 4
    whole, other = tmp_path / "whole.pt", tmp_path / "other.pt"
    tensors = {f"w.{at}": torch.ones(size) for at, size in enumerate(sizes)}
    torch.save(tensors, whole, _use_new_zipfile_serialization=False)
    assert tvae.inspect(whole).issues == []
    places = sorted((tensor.file_offset or 0) - 8 for tensor in scanning.tensors(whole))
    data = bytearray(whole.read_bytes())
    for present, place in enumerate(places):
        data[place] ^= 1
        other.write_bytes(data)
        data[place] ^= 1
        record = tvae.inspect(other)
        assert [(issue.code, issue.offset) for issue in record.issues] == [("T002", place)]
        other.write_bytes(data[: place + 7])
        cut = tvae.inspect(other)
        assert [(issue.code, issue.offset) for issue in cut.issues] == [("Z010", place)]
        for found in (record.salvaged, cut.salvaged):
            assert found is not None
            assert (found.present, found.storages) == (present, len(sizes))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_cut_file_is_followed_as_far_as_it_goes(tmp_path: Path) -> None:
    pickles = [("data.pkl", pickle.dumps(value, 2)) for value in ({"epoch": 1}, {"x": Evil()})]
    whole = archive(tmp_path / "x.pt", *pickles).read_bytes()
    (tmp_path / "x.pt").write_bytes(whole[:-30])
    record = tvae.inspect(tmp_path / "x.pt")
    assert (record.status, record.epoch, record.safety) == ("salvaged", 1, "dangerous")


@pytest.mark.parametrize(
    ("data", "status", "word"),
    [
        (b"", "corrupt", "empty"),
        (b"P", "corrupt", "short"),
        (bytes(5000), "corrupt", "zeros"),
        (b"version https://git-lfs.github.com/spec/v1\n", "unsupported", "LFS"),
        (b"<!DOCTYPE html><html>404</html>", "unsupported", "page"),
        (b"\x1f\x8b\x08\x00", "unsupported", "gzip"),
        (b"\x93NUMPY\x01\x00", "unsupported", "numpy"),
        (b"PK\x05\x06" + bytes(18), "corrupt", "without records"),
        (b"hello, world", "unsupported", ""),
        ((1 << 62).to_bytes(8, "little") + b"{}", "unsupported", ""),
        ((99).to_bytes(8, "little") + b"{}", "corrupt", "truncated"),
    ],
)
def test_what_is_no_checkpoint(tmp_path: Path, data: bytes, status: str, word: str) -> None:
    (tmp_path / "best.pt").write_bytes(data)
    record = tvae.inspect(tmp_path / "best.pt")
    assert (record.status, record.safety) == (status, "unparsed")
    assert word in record.issues[0].message
    with pytest.raises(CheckpointError):
        scanning.tensors(tmp_path / "best.pt")


def header(entries: dict[str, Any], data: int = 8) -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


@pytest.mark.parametrize(
    ("entry", "data", "code"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, 4, "T024"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}, 8, "T024"),
        ({"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}, 8, "T024"),
        ({"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 8]}, 8, "T024"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, 8, "T024"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, 9, "T026"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}, 16, "T027"),
    ],
)
def test_safetensors_that_do_not_add_up(tmp_path: Path, entry: dict[str, Any], data: int, code: str) -> None:
    (tmp_path / "x.safetensors").write_bytes(header({"w": entry}, data))
    record = tvae.inspect(tmp_path / "x.safetensors")
    assert record.status == "corrupt"
    assert code in codes(record)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        tvae.inspect(tmp_path / "none.pt")
    with pytest.raises(MissingError):
        tvae.inspect("a\0b")
    with pytest.raises(CheckpointError, match="folder"):
        tvae.inspect(tmp_path)
    os.mkfifo(tmp_path / "pipe.pt")
    with pytest.raises(CheckpointError, match="pipe"):
        tvae.inspect(tmp_path / "pipe.pt")


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.pt"
    Path(os.fsdecode(path)).write_bytes(b"")
    record = tvae.inspect(os.fsdecode(path))
    assert record.path_b64 is not None
    json.dumps(_core.inspect_file(os.fsdecode(path)))


@pytest.mark.parametrize("kind", ["saved", "legacy"])
def test_no_mutation_crashes(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Flips and cuts in pickles, headers and the directory; the verdict may change, the process lives."""
    path: Path = request.getfixturevalue(kind)
    data, chance = path.read_bytes(), random.Random(0)
    victim = tmp_path / "x.pt"
    seen = set()
    for _ in range(1500):
        changed = bytearray(data)
        places = [*range(3000), *range(len(data) - 2000, len(data))]
        for place in chance.sample(places, chance.choice([1, 1, 2, 8])):
            changed[place] = chance.randrange(256)
        victim.write_bytes(changed[: chance.choice([len(data), len(data), chance.randrange(len(data))])])
        record = tvae.inspect(victim)
        seen.add(record.status)
        if record.status in ("ok", "salvaged"):
            scanning.tensors(victim)
            scanning.find(victim, "config.lr")
    assert {"ok", "salvaged"} <= seen
