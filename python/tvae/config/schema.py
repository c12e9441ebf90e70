"""The config: one frozen tree, every default once.

Each field's `description` is its one-line meaning; `tvae config reference` prints them. A preset
or a file names only what differs from these defaults.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tvae.losses.spec import LossSpec
from tvae.metric_names import METRICS
from tvae.nn.spec import ModelSpec

Part = Literal["encoder_A", "encoder_B", "projection_A", "projection_B", "decoder", "curvature"]
PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0.0)]


class SpaceConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operations that are embedded."""

    depth: Annotated[
        int, Meta(ge=1, le=19, description="trits per operation; the space has 3^depth operations")
    ] = 9


class OptimConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The optimizer and its schedule."""

    name: Annotated[
        Literal["muon", "adamw"],
        Meta(description="muon: orthogonalised momentum on large matrices, Adam on the rest; or AdamW alone"),
    ] = "muon"
    lr: Annotated[float, Meta(gt=0.0, description="peak learning rate of Adam")] = 0.01
    muon_lr: Annotated[float, Meta(gt=0.0, description="peak learning rate of Muon")] = 0.04
    muon_min_side: Annotated[
        int, Meta(ge=2, description="matrices with both sides at least this go to Muon")
    ] = 32
    weight_decay: Annotated[float, Meta(ge=0.0, description="decoupled weight decay")] = 0.0
    schedule: Annotated[
        Literal["constant", "linear", "one_cycle", "cosine", "restarts"],
        Meta(
            description="learning rate after warm-up: constant, linearly to zero, one cycle, cosine to zero, "
            "or cosine with warm restarts"
        ),
    ] = "linear"
    warmup_steps: Annotated[int, Meta(ge=0, description="steps of linear warm-up")] = 10
    restart_epochs: Annotated[
        PositiveInt, Meta(description="first period of the restarts; it doubles each time")
    ] = 4
    clip_norm: Annotated[
        Annotated[float, Meta(gt=0.0)] | None,
        Meta(description="largest norm of the whole gradient; null: none"),
    ] = None


class PartConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one part of the model is trained."""

    freeze: Annotated[bool, Meta(description="keep its tensors as they are, bit for bit")] = False
    lr_scale: Annotated[float, Meta(gt=0.0, description="factor on the learning rate")] = 1.0


class BestConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which evaluation is the best one."""

    metric: Annotated[str, Meta(description="the metric that decides, once coverage is full")] = (
        "ultrametric_B"
    )
    mode: Annotated[Literal["max", "min"], Meta(description="whether more or less of it is better")] = "max"
    coverage: Annotated[
        float, Meta(ge=0.0, le=1.0, description="below this coverage, more coverage is always better")
    ] = 0.9999

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ValueError(f"unknown metric {self.metric!r}; the metrics are {', '.join(METRICS)}")


class EarlyStopConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Stop when the best evaluation is long past."""

    patience: Annotated[PositiveInt, Meta(description="evaluations without a new best")] = 10
    min_epochs: Annotated[int, Meta(ge=0, description="never stop before this epoch")] = 0


class GuardConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is watched while training."""

    min_coverage: Annotated[
        float, Meta(ge=0.0, lt=1.0, description="alert below this coverage once a tenth of the run is over")
    ] = 0.05
    max_drop: Annotated[
        float, Meta(gt=0.0, le=1.0, description="alert when coverage falls this far below its best")
    ] = 0.05
    allow_cold_start: Annotated[
        bool, Meta(description="train on loaded or frozen parts although they decode less than min_coverage")
    ] = False


class TrainingConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The loop: how long, in which batches, on what, saving when."""

    epochs: Annotated[PositiveInt, Meta(description="an epoch is steps_per_epoch steps")] = 13
    steps_per_epoch: Annotated[PositiveInt, Meta(description="77: a pass over depth 9 in batches of 256")] = (
        77
    )
    max_steps: Annotated[
        PositiveInt | None, Meta(description="end after this many steps; null: by epochs alone")
    ] = None
    batch_size: Annotated[
        int,
        Meta(ge=4, le=8192, multiple_of=2, description="operations per step: anchors and one partner each"),
    ] = 256
    high_v: Annotated[
        float,
        Meta(ge=0.0, le=1.0, description="share of the anchors drawn as multiples of a random power of 3"),
    ] = 0.25
    eval_every: Annotated[PositiveInt, Meta(description="epochs between evaluations")] = 2
    eval_pairs: Annotated[PositiveInt, Meta(description="pairs per level in those evaluations")] = 20000
    final_pairs: Annotated[
        Literal["exact"] | PositiveInt,
        Meta(description="pairs of the last evaluation: exact, or a number per level"),
    ] = "exact"
    save_every: Annotated[PositiveInt, Meta(description="epochs between saves of the resume state")] = 4
    device: Annotated[
        str, Meta(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    ] = "auto"
    threads: Annotated[
        PositiveInt, Meta(description="torch threads; one is quickest for models of this size")
    ] = 1
    autocast: Annotated[bool, Meta(description="bfloat16 matrix products in encoders and decoder")] = False
    compile: Annotated[
        bool, Meta(description="torch.compile the step: 10 to 20 s at the start, then quicker")
    ] = False
    tensorboard: Annotated[bool, Meta(description="write TensorBoard events too (extra: tensorboard)")] = (
        False
    )
    best: BestConfig = BestConfig()
    early_stop: EarlyStopConfig | None = None
    guards: GuardConfig = GuardConfig()


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a run depends on.

    Example:
        >>> Config().space.depth
        9
    """

    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="seed of weights, batches and noise")] = 0
    init: Annotated[
        str | None, Meta(description="checkpoint whose weights the run starts from; null: random weights")
    ] = None
    space: SpaceConfig = SpaceConfig()
    model: ModelSpec = ModelSpec()
    loss: LossSpec = LossSpec()
    optim: OptimConfig = OptimConfig()
    training: TrainingConfig = TrainingConfig()
    parts: Annotated[
        dict[Part, PartConfig],
        Meta(description="freeze flags and learning-rate scales, by part of the model"),
    ] = {}

    def __post_init__(self) -> None:
        self.model.radius_limit(self.space.depth)
