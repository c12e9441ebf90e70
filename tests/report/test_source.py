"""What a source means, what is read from it, and where the picture goes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tvae.checkpoint import Checkpoint, Record, save
from tvae.errors import CheckpointError, ConfigError, DependencyError, MissingError, StorageError
from tvae.nn import ModelSpec, TernaryVAE
from tvae.nn.spec import architecture
from tvae.report import plot
from tvae.report.curves import read_log
from tvae.report.source import find, operations, pairs_at, read_picture
from tvae.space import TernarySpace

PLAIN = ModelSpec(projection=None, decode="latent")


def write_model(path: Path, spec: ModelSpec | None = None, depth: int = 3) -> Path:
    torch.manual_seed(0)
    model = TernaryVAE(spec or ModelSpec(latent_dim=4), depth=depth)
    record = Record(architecture=architecture(model.spec, depth), metrics={"coverage": 0.25}, step=30)
    return save(path, Checkpoint(record, model.state_dict()))


def write_log(path: Path, *, tail: str = "") -> Path:
    lines: list[dict[str, object]] = [
        {"step": 0, "scope": "event", "values": {"event": "start", "ceilings": {"coverage": 1.0}}},
        {"step": 10, "scope": "step", "values": {"loss": 3.0, "lr": 0.1}},
        {"step": 20, "scope": "step", "values": {"loss": None}},
        {"step": 20, "scope": "eval", "values": {"coverage": 0.5, "hierarchy_A": None, "final": True}},
        {"step": 15, "scope": "step", "values": {"loss": 2.0}},
        {"step": 20, "scope": "eval", "values": {"coverage": 0.75, "hierarchy_B": -0.5}},
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with one whole run in it, called `first`."""
    out = tmp_path / "outputs"
    write_model(out / "models/first/best.safetensors")
    write_model(out / "models/first/latest.safetensors")
    (out / "models/first/summary.json").write_text("{}")
    write_log(out / "runs/first/metrics.jsonl")
    return out


class TestFind:
    def test_a_folder_without_a_run_is_that_of_a_checkpoint(self, tmp_path: Path) -> None:
        with pytest.raises(MissingError, match="no checkpoint in this folder"):
            find(str(tmp_path), out=tmp_path / "outputs")
        path = write_model(tmp_path / "best.safetensors")
        assert find(str(tmp_path), out=tmp_path / "outputs").checkpoint == str(path)

    def test_a_folder_is_no_picture(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("folder", "folder.png", "default.png"):
            (tmp_path / name).mkdir()
            with pytest.raises(ConfigError, match=f"{name} is a folder; name a file"):
                plot("default", None if name == "default.png" else Path(name), out=tmp_path)

    def test_every_name_of_a_run(self, run: Path) -> None:
        for source in ("first", str(run / "models/first"), str(run / "runs/first")):
            found = find(source, out=run)
            assert found.name == "first"
            assert found.checkpoint == str(run / "models/first/best.safetensors")
            assert found.log == run / "runs/first/metrics.jsonl"
            assert found.default_output == run / "models/first/first.png"

    def test_a_checkpoint_of_a_run(self, run: Path) -> None:
        found = find(str(run / "models/first/latest.safetensors"), out=Path("elsewhere"))
        assert found.name == "first (latest)"
        assert found.log == run / "runs/first/metrics.jsonl"
        assert found.default_output == run / "models/first/latest.png"

    def test_a_checkpoint_alone(self, tmp_path: Path) -> None:
        path = write_model(tmp_path / "mine.safetensors")
        found = find(str(path), out=tmp_path)
        assert (found.name, found.log, found.default_output) == ("mine", None, Path("mine.png"))

    def test_the_latest_where_there_is_no_best(self, run: Path) -> None:
        (run / "models/first/best.safetensors").unlink()
        assert find("first", out=run).checkpoint == str(run / "models/first/latest.safetensors")

    @pytest.mark.parametrize("source", ["second", "models", ""])
    def test_nothing_there(self, run: Path, source: str) -> None:
        with pytest.raises(MissingError, match="no such run or checkpoint"):
            find(source, out=run)


class TestLog:
    def test_reads_curves(self, tmp_path: Path) -> None:
        log = read_log(write_log(tmp_path / "metrics.jsonl"))
        assert log.loss is not None
        assert log.loss.steps.tolist() == [10, 15]
        assert log.loss.values.tolist() == [3.0, 2.0]
        assert log.evaluations["coverage"].values.tolist() == [0.75]
        assert "hierarchy_A" not in log.evaluations
        assert "final" not in log.evaluations
        assert log.ceilings == {"coverage": 1.0}
        assert log.last_step == 20

    @pytest.mark.parametrize(
        "tail", ['{"step": 30, "scope": "ev', "\x00\x00", "[1]\n", '{"step": "x"}\n', "[" * 20000]
    )
    def test_a_torn_line_breaks_nothing(self, tmp_path: Path, tail: str) -> None:
        assert read_log(write_log(tmp_path / "metrics.jsonl", tail=tail)).last_step == 20

    def test_an_unreadable_log(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="cannot read"):
            read_log(tmp_path)


class TestPicture:
    def test_of_a_whole_run(self, run: Path) -> None:
        picture = read_picture(find("first", out=run))
        assert picture.ball is not None
        assert picture.ball.points.shape == (27, 4)
        assert picture.ball.counts == [18, 6, 2, 1]
        assert [len(values) for values in picture.ball.distances] == [4000] * 3
        assert np.all(picture.ball.radii <= (picture.ball.r_max or 0) + 1e-6)
        assert picture.ceilings["coverage"] == 1.0
        assert picture.facts == ["27 operations of 3 trits", "ball of 4 dimensions, c = 1", "30 steps"]

    def test_of_a_model_without_a_ball(self, tmp_path: Path) -> None:
        path = write_model(tmp_path / "base.safetensors", PLAIN)
        picture = read_picture(find(str(path), out=tmp_path))
        assert picture.ball is None
        assert picture.metrics == {"coverage": 0.25}

    def test_of_a_log_alone(self, run: Path) -> None:
        for path in (run / "models/first").iterdir():
            path.unlink()
        picture = read_picture(find("first", out=run))
        assert picture.ball is None
        assert picture.metrics == {"coverage": 0.75, "hierarchy_B": -0.5}

    def test_of_an_empty_log(self, tmp_path: Path) -> None:
        log = tmp_path / "runs/first/metrics.jsonl"
        log.parent.mkdir(parents=True)
        log.touch()
        with pytest.raises(MissingError, match="neither weights nor evaluations"):
            read_picture(find("first", out=tmp_path))

    def test_of_a_damaged_checkpoint(self, tmp_path: Path) -> None:
        path = tmp_path / "a.safetensors"
        path.write_bytes(b"damaged")
        with pytest.raises(CheckpointError):
            plot(str(path), tmp_path / "a.png", out=tmp_path)


class TestSamples:
    @pytest.mark.parametrize("depth", [1, 5, 12])
    def test_operations_of_every_level(self, depth: int) -> None:
        ids = operations(depth)
        assert len(np.unique(ids)) == len(ids)
        assert ids.min() >= 0
        assert ids.max() < 3**depth
        assert np.unique(TernarySpace(depth).valuation(ids)).tolist() == list(range(depth + 1))

    @pytest.mark.parametrize("depth", [1, 4, 19])
    def test_pairs_of_every_level(self, depth: int) -> None:
        for level in range(depth):
            i, j = pairs_at(depth, level, 500)
            assert min(i.min(), j.min()) >= 0
            assert max(i.max(), j.max()) < 3**depth
            assert set(TernarySpace(depth).valuation(np.abs(i - j)).tolist()) == {level}


class TestPlot:
    def test_writes_where_it_says(self, run: Path, tmp_path: Path) -> None:
        assert plot("first", None, out=run) == run / "models/first/first.png"
        assert (run / "models/first/first.png").read_bytes().startswith(b"\x89PNG")
        page = plot("first", tmp_path / "new/first.html", out=run)
        assert page.read_text().startswith("<!DOCTYPE html>")
        assert [path.name for path in page.parent.iterdir()] == ["first.html"]

    def test_beside_nothing_it_writes_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write_model(tmp_path / "models/mine.safetensors", PLAIN)
        monkeypatch.chdir(tmp_path)
        assert plot(str(path), None, out=tmp_path) == Path("mine.png")
        assert (tmp_path / "mine.png").is_file()

    @pytest.mark.parametrize("name", ["a.pdf", "a", "a.PNG"])
    def test_other_suffixes_are_refused(self, run: Path, tmp_path: Path, name: str) -> None:
        with pytest.raises(ConfigError, match=r"expected \.png or \.html"):
            plot("first", tmp_path / name, out=run)

    def test_without_matplotlib(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(DependencyError, match="pip install 'tvae\\[plot\\]'") as caught:
            plot("first", None, out=run)
        assert caught.value.code == 4
        assert not (run / "models/first/first.png").exists()
