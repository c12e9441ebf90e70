"""The training loop: build, restore, loop, finish.

After every evaluation the order is evaluate, decide, save: policies see what was measured before
anything about it is written, and what is written is what they decided on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import torch

from tvae.checkpoint import read
from tvae.config.cold_start import refuse_cold_start
from tvae.config.horizon import beyond, ended_by
from tvae.config.schema import Config
from tvae.errors import CheckpointError, GuardStop
from tvae.metrics import Metrics, ceilings, evaluate
from tvae.nn.device import device_of
from tvae.training.batches import draw_batch
from tvae.training.best import rank
from tvae.training.build import build_state
from tvae.training.guards import check_start
from tvae.training.interrupt import Interrupt
from tvae.training.policy import Alert, Decision, Evaluation, Freeze, ScaleRate, Stop
from tvae.training.randomness import randomness
from tvae.training.resident import Outcome, Planned, ResidentStep
from tvae.training.run import RunFolders, check_name, default_name, find_run
from tvae.training.schedule import lr_factor, total_steps
from tvae.training.sinks import Fanout, JsonLines, LogFile, Sink, TensorBoard
from tvae.training.state import TrainState
from tvae.training.step import Step
from tvae.training.writer import RunSummary, RunWriter

#: Seconds between two step events.
STEP_EVENTS = 0.1
#: Steps of a CUDA graph between two looks at what they gave.
WINDOW = 77


def train(
    config: Config,
    *,
    preset: str = "default",
    config_path: str | None = None,
    command: str = "tvae.train",
    out: Path | str = "outputs",
    name: str | None = None,
    overwrite: bool = False,
    losses: Mapping[str, object] = MappingProxyType({}),
    sinks: Sequence[Sink] = (),
) -> RunSummary:
    """Train a model from scratch, or from the weights of `config.init`.

    Args:
        config: everything the run depends on.
        preset: the name the run is called after.
        config_path: the file the config came from, for the record.
        command: what started the run, for the record.
        out: the folder that holds `models/`, `runs/` and `logs/`.
        name: the run's name; default `{preset}-s{seed}-{UTC time}`.
        overwrite: replace a run of this name.
        losses: configs of losses of your own, by the names that `tvae.losses.register` gave them.
        sinks: who else hears of the run's events.

    Returns:
        The summary that is also written to `summary.json`.

    Raises:
        ConfigError: if the config contradicts itself or the run exists.
        CheckpointError: if `config.init` does not fit.
        StorageError: if the disk cannot be written.
        DeviceError: if the device is not there.
        GuardStop: if a guard ended the run.

    Example:
        >>> import tempfile
        >>> from tvae.config import load
        >>> config = load("smoke", env={}).config
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     train(config, preset="smoke", out=folder).status
        'finished'
    """
    refuse_cold_start(config)
    device = device_of(config.training.device)
    folders = RunFolders(Path(out), check_name(name or default_name(preset, config.seed)))
    with randomness(config, device):
        state, step = build_state(config, device, losses)
        _check_start(config, state)
        folders.create(overwrite=overwrite)
        writer = RunWriter(config, folders, preset=preset, config_path=config_path, command=command)
        writer.write_config()
        return _run(config, state, step, writer, sinks, command=command)


def resume(
    source: str,
    *,
    out: Path | str = "outputs",
    command: str = "tvae.resume",
    device: str | None = None,
    threads: int | None = None,
    losses: Mapping[str, object] = MappingProxyType({}),
    sinks: Sequence[Sink] = (),
) -> RunSummary:
    """Continue a run where its last save left it, bit for bit on CPU.

    Args:
        source: a run's name below `out`, its models or runs folder, or its `latest.safetensors`.
        out: the folder that holds `models/`, when `source` is a name.
        command: what resumed the run, for its events.
        device: another device to continue on.
        threads: another number of torch threads.
        losses: as given to `train`.
        sinks: who else hears of the run's events.

    Raises:
        MissingError: if there is no such run.
        CheckpointError: if its resume state is damaged.
    """
    folders = find_run(source, out=Path(out))
    checkpoint = read(folders.latest)
    try:
        config = msgspec.convert(checkpoint.record.config, Config)
    except msgspec.ValidationError as error:
        raise CheckpointError(
            f"holds a config that this version does not read: {error}", path=str(folders.latest)
        ) from error
    moved = {key: value for key, value in (("device", device), ("threads", threads)) if value is not None}
    config = msgspec.structs.replace(config, training=msgspec.structs.replace(config.training, **moved))
    target = device_of(config.training.device)
    origin = checkpoint.state.get("origin")
    writer = RunWriter(config, folders, **(origin if isinstance(origin, dict) else {}))
    with randomness(config, target):
        # The weights come from the resume state: the checkpoint that the run began with may be gone.
        state, step = build_state(msgspec.structs.replace(config, init=None), target, losses)
        state.restore(checkpoint, source=str(folders.latest))
        if state.finished:
            return writer.finished_summary()
        return _run(config, state, step, writer, sinks, command=command)


def preflight(config: Config) -> dict[str, Any]:
    """Build everything a run needs and measure what it would start from, without training.

    Returns:
        `coverage` before the first step, the numbers of `parameters` and `trainable` ones, `steps`.

    Raises:
        ConfigError, CheckpointError, MissingError, DeviceError: as `train` would before its first step.
    """
    refuse_cold_start(config)
    device = device_of(config.training.device)
    with randomness(config, device):
        state, _ = build_state(config, device)
        coverage = _start_coverage(state)
    sizes = [(p.numel(), p.requires_grad) for p in state.model.parameters()]
    return {
        "coverage": coverage,
        "parameters": sum(n for n, _ in sizes),
        "trainable": sum(n for n, trained in sizes if trained),
        "steps": total_steps(config),
        "device": str(device),
        **({"beyond_the_end": plans} if (plans := beyond(config)) else {}),
    }


def _run(
    config: Config, state: TrainState, step: Step, writer: RunWriter, sinks: Sequence[Sink], *, command: str
) -> RunSummary:
    training, total, folders = config.training, total_steps(config), writer.folders
    every_sink: list[Sink] = [JsonLines(folders.runs / "metrics.jsonl"), LogFile(folders.log), *sinks]
    if training.tensorboard:
        every_sink.append(TensorBoard(folders.runs / "tensorboard"))
    with Fanout(every_sink) as events, Interrupt() as interrupt:
        started = time.perf_counter() - state.seconds
        events.emit(
            epoch=state.step // training.steps_per_epoch,
            step=state.step,
            scope="event",
            event="start",
            name=folders.name,
            steps=total,
            epochs=-(-total // training.steps_per_epoch),
            ceilings=ceilings(state.model.space),
            models_dir=str(folders.models),
            resumed=state.step > 0,
            device=str(step.device),
            command=command,
        )
        for plan in beyond(config) if state.step == 0 else ():
            events.emit(
                epoch=0, step=0, scope="alert", alert="beyond_the_end", message=plan,
                hint=f"raise {ended_by(config)}, or leave the plan out",
            )  # fmt: skip
        try:
            stop = _loop(config, state, step, writer, events, interrupt, started)
        except GuardStop as error:
            summary = writer.summary(state, status="stopped")
            events.emit(
                epoch=state.step // training.steps_per_epoch, step=state.step, scope="alert",
                alert="stopped", message=error.message, hint=error.hint,
            )  # fmt: skip
            _close(events, state, training.steps_per_epoch, summary)
            raise
        if interrupt.asked:
            writer.save_latest(state)
            summary = writer.summary(state, status="interrupted")
        else:
            _finish(config, state, writer, events)
            summary = writer.summary(state, status="stopped" if stop else "finished")
        _close(events, state, training.steps_per_epoch, summary)
    return summary


def _loop(
    config: Config,
    state: TrainState,
    step: Step,
    writer: RunWriter,
    events: Fanout,
    interrupt: Interrupt,
    started: float,
) -> Stop | None:
    """Steps until the end, a policy's stop or an interrupt."""
    training, total = config.training, total_steps(config)
    shown, shown_at = state.step, time.perf_counter()
    losses: list[float] = []
    graph = step.device.type == "cuda" and training.cuda_graph
    resident = ResidentStep(step, window=WINDOW, graph=True) if graph else None
    while state.step < total:
        to_epoch_end = training.steps_per_epoch - state.step % training.steps_per_epoch
        count = min(resident.window, total - state.step, to_epoch_end) if resident else 1
        numbers = range(state.step, state.step + count)
        host = torch.device("cpu") if resident else step.device
        planned = [_plan(config, state, events, number, host) for number in numbers]
        if resident:
            outcomes = resident(planned)
        else:
            plan = planned[0]
            given = step(plan.batch, lr_factor=plan.factor, progress=plan.progress, step=plan.step)
            outcomes = [Outcome(*given)]
        factor, (loss, logs) = planned[-1].factor, outcomes[-1]
        state.step, state.loss = state.step + count, loss
        now = time.perf_counter()
        state.seconds = now - started
        epoch = -(-state.step // training.steps_per_epoch)
        if now - shown_at >= STEP_EVENTS or state.step == total:
            rate = (state.step - shown) / (now - shown_at)
            shown, shown_at = state.step, now
            values = {key: float(value) for key, value in logs.items()}
            events.emit(
                epoch=epoch, step=state.step, scope="step",
                loss=loss, lr=factor * config.optim.lr, steps_per_second=rate, **values,
            )  # fmt: skip
        losses += [outcome.loss for outcome in outcomes]
        stop: Stop | None = None
        if state.step % training.steps_per_epoch == 0 or state.step == total:
            mean = sum(losses) / len(losses)
            losses.clear()
            events.emit(epoch=epoch, step=state.step, scope="epoch", loss=mean, seconds=state.seconds)
            if epoch % training.eval_every == 0 or state.step == total:
                stop = _evaluate_and_decide(config, state, writer, events, epoch)
                state.seconds = time.perf_counter() - started
            if stop or epoch % training.save_every == 0 or state.step == total:
                writer.save_latest(state)
        # Only now: a run that is interrupted at the end of an epoch has evaluated it like any other.
        if stop or interrupt.asked:
            return stop
    return None


def _plan(config: Config, state: TrainState, events: Fanout, number: int, device: torch.device) -> Planned:
    """What step `number` needs; parts that are due are thawed on the way."""
    training, total = config.training, total_steps(config)
    for part in state.optimizer.advance(number, steps_per_epoch=training.steps_per_epoch):
        events.emit(
            epoch=number // training.steps_per_epoch, step=number, scope="event",
            event="thawed", part=part, message="its thaw_epoch is over",
        )  # fmt: skip
    factor = state.rate * lr_factor(
        number, total=total, config=config.optim, steps_per_epoch=training.steps_per_epoch
    )
    batch = draw_batch(
        state.model.space,
        training.batch_size,
        seed=config.seed,
        step=number,
        high_v=training.high_v,
        device=device,
    )
    return Planned(number, batch, factor, state.optimizer.rates(factor), number / total)


def _evaluate_and_decide(
    config: Config, state: TrainState, writer: RunWriter, events: Fanout, epoch: int
) -> Stop | None:
    """Evaluate, let the policies decide, save a new best."""
    measured = evaluate(state.model, pairs=config.training.eval_pairs, seed=0)
    key = rank(measured.metrics, config.training.best, min_coverage=config.training.guards.min_coverage)
    before = tuple(state.best["key"]) if state.best else None
    is_best = key is not None and (before is None or key >= before)
    state.last = {"epoch": epoch, "step": state.step, "metrics": measured.metrics}
    evaluation = Evaluation(
        epoch=epoch,
        step=state.step,
        progress=state.step / total_steps(config),
        metrics=measured.metrics,
        improved=key is not None and (before is None or key > before),
    )
    decisions = [decision for policy in state.policies for decision in policy.on_eval(evaluation)]
    events.emit(epoch=epoch, step=state.step, scope="eval", **measured.metrics)
    for decision in decisions:
        _carry_out(decision, state, events, epoch)
    if is_best:
        state.best = {"epoch": epoch, "step": state.step, "key": key, "metrics": measured.metrics}
        writer.save_best(state, measured)
    return next((decision for decision in decisions if isinstance(decision, Stop)), None)


def _carry_out(decision: Decision, state: TrainState, events: Fanout, epoch: int) -> None:
    """Do what a policy decided, and say so; stopping is the loop's."""
    values: dict[str, object]
    if isinstance(decision, Freeze):
        state.optimizer.freeze(decision.part, decision.frozen)
        values = {"event": "frozen" if decision.frozen else "thawed", "part": decision.part}
    elif isinstance(decision, ScaleRate):
        state.rate *= decision.factor
        values = {"event": "rate", "rate": state.rate}
    else:
        hint = decision.hint if isinstance(decision, Alert) else ""
        events.emit(
            epoch=epoch,
            step=state.step,
            scope="alert",
            alert=decision.name,
            message=decision.message,
            hint=hint,
        )
        return
    events.emit(
        epoch=epoch, step=state.step, scope="event", policy=decision.name, message=decision.message, **values
    )


def _finish(config: Config, state: TrainState, writer: RunWriter, events: Fanout) -> None:
    """Measure the best weights as exactly as asked for, and mark the run finished."""
    if state.best is not None:
        best_is_last = state.best["step"] == state.step
        model = state.model if best_is_last else writer.load_best()
        measured = evaluate(model, pairs=config.training.final_pairs, seed=0)
        state.best |= {"metrics": measured.metrics, "levels": measured.levels}
        if best_is_last:
            state.last = {"epoch": state.best["epoch"], "step": state.step, "metrics": measured.metrics}
        writer.save_best(state, measured, model=model)
        events.emit(
            epoch=state.best["epoch"], step=state.best["step"], scope="eval", final=True, **measured.metrics
        )
    state.finished = True
    writer.save_latest(state)


def _close(events: Fanout, state: TrainState, steps_per_epoch: int, summary: RunSummary) -> None:
    events.emit(
        epoch=-(-state.step // steps_per_epoch),
        step=state.step,
        scope="event",
        event=summary.status,
        seconds=summary.seconds,
        checkpoint=summary.checkpoint,
    )


def _start_coverage(state: TrainState) -> float:
    metrics: Metrics = evaluate(state.model, pairs=1, seed=0)
    coverage = metrics.metrics["coverage"]
    assert coverage is not None
    return coverage


def _check_start(config: Config, state: TrainState) -> None:
    """Loaded parts must decode before anything is trained on them."""
    if config.init is not None:
        why = f"with the weights of {config.init}"
        check_start(_start_coverage(state), config.training.guards, why=why)
