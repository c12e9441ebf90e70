"""Everything a run writes: config, weights, resume state, summary, model card."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from tvae import checkpoint
from tvae.checkpoint import Checkpoint, Record
from tvae.config import config_hash, dump
from tvae.config.schema import Config
from tvae.errors import CheckpointError
from tvae.loading import load, locate
from tvae.metrics import METRIC_VERSION, Metrics, ceilings
from tvae.nn import TernaryVAE
from tvae.training.build import describe
from tvae.training.run import RunFolders
from tvae.training.state import TrainState


class RunSummary(Struct, kw_only=True):
    """`summary.json`: how a run ended and what came of it."""

    schema: int = 1
    status: Literal["finished", "interrupted", "stopped"]
    best: dict[str, Any] | None
    last: dict[str, Any] | None
    metrics: dict[str, float | None]
    ceilings: dict[str, float]
    seconds: float
    epochs: int
    steps: int = 0
    checkpoint: str | None
    name: str
    models_dir: str
    runs_dir: str


class RunWriter:
    """Writes the files of one run, each of them whole or not at all."""

    def __init__(
        self,
        config: Config,
        folders: RunFolders,
        *,
        preset: str = "default",
        config_path: str | None = None,
        command: str = "",
        base_checkpoint: str | None = None,
        base_sha256: str | None = None,
    ) -> None:
        self.config = config
        self.folders = folders
        base = base_checkpoint or config.init
        #: What a resumed run needs to know about its beginning.
        self.origin = {
            "preset": preset,
            "config_path": config_path,
            "command": command,
            "base_checkpoint": base,
            "base_sha256": base_sha256 or (checkpoint.sha256(locate(base)) if base is not None else None),
        }

    def write_config(self) -> None:
        """`config.yaml`, resolved: it starts the same run again."""
        checkpoint.write_text(self.folders.models / "config.yaml", dump(self.config))

    def record(
        self, state: TrainState, model: TernaryVAE, metrics: dict[str, Any], *, epoch: int, step: int
    ) -> Record:
        """Where the weights come from, what they are, how good they are."""
        return Record(
            command=self.origin["command"],
            training_script="tvae train",
            config_path=self.origin["config_path"],
            config=msgspec.to_builtins(self.config),
            config_hash=config_hash(self.config),
            base_checkpoint=self.origin["base_checkpoint"],
            base_sha256=self.origin["base_sha256"],
            git_revision=checkpoint.git_revision(),
            epoch=epoch,
            step=step,
            seed=self.config.seed,
            metric_version=METRIC_VERSION,
            metrics=metrics,
            architecture=describe(model),
            training_summary={
                "total_epochs": self.config.training.epochs,
                "final_loss": state.loss,
                "training_time_hours": state.seconds / 3600.0,
            },
            environment=checkpoint.record_environment(model.decoder.logits.weight.device),
        )

    def save_best(self, state: TrainState, measured: Metrics, *, model: TernaryVAE | None = None) -> None:
        """`best.safetensors` and the model card."""
        assert state.best is not None
        weights = model or state.model
        record = self.record(
            state, weights, measured.metrics, epoch=state.best["epoch"], step=state.best["step"]
        )
        checkpoint.save(self.folders.best, Checkpoint(record, weights.state_dict()))
        checkpoint.write_text(self.folders.models / "README.md", checkpoint.model_card(record))

    def load_best(self) -> TernaryVAE:
        """The model of `best.safetensors`."""
        return load(self.folders.best, device=self.config.training.device)

    def save_latest(self, state: TrainState) -> None:
        """`latest.safetensors`: weights and everything that resuming needs."""
        metrics = state.last["metrics"] if state.last else {}
        epoch = state.step // self.config.training.steps_per_epoch
        record = self.record(state, state.model, metrics, epoch=epoch, step=state.step)
        counters = {**state.counters(), "origin": self.origin}
        checkpoint.save(
            self.folders.latest, Checkpoint(record, state.model.state_dict(), counters, state.tensors())
        )

    def summary(
        self, state: TrainState, *, status: Literal["finished", "interrupted", "stopped"]
    ) -> RunSummary:
        """Write `summary.json` and return it."""
        shown = state.best or state.last
        file = self.folders.best if state.best else self.folders.latest
        summary = RunSummary(
            status=status,
            best=_without_key(state.best),
            last=state.last,
            metrics=shown["metrics"] if shown else {},
            ceilings=ceilings(state.model.space),
            seconds=round(state.seconds, 3),
            epochs=state.step // self.config.training.steps_per_epoch,
            steps=state.step,
            checkpoint=str(file) if file.is_file() else None,
            name=self.folders.name,
            models_dir=str(self.folders.models),
            runs_dir=str(self.folders.runs),
        )
        checkpoint.write_json(self.folders.models / "summary.json", msgspec.to_builtins(summary))
        return summary

    def finished_summary(self) -> RunSummary:
        """The summary of a run that is over.

        Raises:
            CheckpointError: if `summary.json` is gone or damaged.
        """
        path = self.folders.models / "summary.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=RunSummary)
        except (OSError, msgspec.DecodeError) as error:
            raise CheckpointError(
                f"the run is finished, but its summary cannot be read: {error}", path=str(path)
            ) from error


def _without_key(best: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if best is None else {k: v for k, v in best.items() if k != "key"}
