"""The config: one frozen tree, every default once.

Each field's `description` is its one-line meaning; `tvae config reference` prints them. A preset
or a file names only what differs from these defaults.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tvae.config.consistency import check_together
from tvae.losses.spec import LossSpec
from tvae.metric_names import METRICS
from tvae.nn.spec import ModelSpec

Part = Literal["encoder_A", "encoder_B", "projection_A", "projection_B", "decoder", "curvature"]
PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0.0)]
NonNegativeFloat = Annotated[float, Meta(ge=0.0)]
Unit = Annotated[float, Meta(ge=0.0, le=1.0)]


class SpaceConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operations that are embedded."""

    depth: Annotated[
        int, Meta(ge=1, le=19, description="trits per operation; the space has 3^depth operations")
    ] = 9


class RatePoint(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From an epoch on, a factor on the peak learning rates."""

    epoch: Annotated[int, Meta(ge=0)]
    factor: Annotated[float, Meta(ge=0.0)]


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
        Literal["constant", "linear", "one_cycle", "cosine", "restarts", "piecewise"],
        Meta(
            description="learning rate after warm-up: constant, linearly to zero, one cycle, cosine to the "
            "floor, cosine with warm restarts, or piecewise constant"
        ),
    ] = "linear"
    warmup_steps: Annotated[int, Meta(ge=0, description="steps of linear warm-up")] = 10
    restart_epochs: Annotated[
        PositiveInt, Meta(description="first period of the restarts; each is restart_mult times the last")
    ] = 4
    restart_mult: Annotated[PositiveInt, Meta(description="length of a period over the one before it")] = 2
    cosine_epochs: Annotated[
        PositiveInt | None,
        Meta(
            description="epochs in which the cosine falls to the floor, and stays there; null: the whole run"
        ),
    ] = None
    floor: Annotated[
        float,
        Meta(ge=0.0, lt=1.0, description="what cosine and restarts fall to, as a share of the peak rate"),
    ] = 0.0
    points: Annotated[
        tuple[RatePoint, ...],
        Meta(description="the piecewise schedule: from each epoch on, a factor on the peak rates; 1 before"),
    ] = ()
    clip_norm: Annotated[
        Annotated[float, Meta(gt=0.0)] | None,
        Meta(description="largest norm of the whole gradient; null: none"),
    ] = None

    def __post_init__(self) -> None:
        epochs = [point.epoch for point in self.points]
        if (self.schedule == "piecewise") != bool(epochs):
            raise ValueError("schedule: piecewise and points need each other; give both or neither")
        if epochs != sorted(set(epochs)):
            raise ValueError(f"the epochs of points must rise: {', '.join(map(str, epochs))}")
        needed = (
            ("cosine_epochs", self.cosine_epochs is not None, ("cosine",)),
            ("floor", self.floor != 0.0, ("cosine", "restarts")),
            ("restart_mult", self.restart_mult != 2, ("restarts",)),
        )
        for name, given, schedules in needed:
            if given and self.schedule not in schedules:
                theirs = " and ".join(schedules)
                raise ValueError(f"{name} has no effect with schedule: {self.schedule}; it is for {theirs}")


class PartConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one part of the model is trained."""

    freeze: Annotated[bool, Meta(description="keep its tensors as they are, bit for bit")] = False
    lr_scale: Annotated[float, Meta(gt=0.0, description="factor on the learning rate")] = 1.0
    thaw_epoch: Annotated[
        PositiveInt | None, Meta(description="epochs after which a frozen part is thawed; null: never")
    ] = None
    thaw_warmup_epochs: Annotated[
        int, Meta(ge=0, description="epochs in which a thawed part's rate rises linearly from zero")
    ] = 0

    def __post_init__(self) -> None:
        if self.thaw_epoch is not None and not self.freeze:
            raise ValueError("thaw_epoch has no effect on a part that is not frozen; set freeze: true")
        if self.thaw_warmup_epochs and self.thaw_epoch is None:
            raise ValueError("thaw_warmup_epochs has no effect without thaw_epoch")


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


class HomeostasisConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Freezes and thaws the two encoders by what evaluations measure.

    Encoder A is frozen while coverage is in danger and thawed when the order has stalled; encoder B is
    frozen when its order has reached a plateau and thawed when the order gets worse.
    """

    coverage_freeze: Annotated[
        float, Meta(gt=0.0, le=1.0, description="encoder A is frozen below this coverage")
    ] = 0.995
    coverage_thaw: Annotated[
        float, Meta(gt=0.0, le=1.0, description="encoder A may be thawed from this coverage on")
    ] = 1.0
    coverage_floor: Annotated[
        float, Meta(ge=0.0, le=1.0, description="coverage_freeze is never relaxed below this")
    ] = 0.95
    warmup_epochs: Annotated[int, Meta(ge=0, description="epochs before anything is decided")] = 5
    hysteresis_epochs: Annotated[
        int, Meta(ge=0, description="least number of epochs between two changes of one encoder")
    ] = 3
    window: Annotated[
        int, Meta(ge=2, le=100, description="evaluations over which progress of the order is judged")
    ] = 5
    plateau: Annotated[
        float, Meta(ge=0.0, description="an improvement of hierarchy below this is a stall")
    ] = 0.001
    stall_patience: Annotated[
        PositiveInt, Meta(description="stalls in a row of branch A that encoder A is thawed after")
    ] = 5
    plateau_patience: Annotated[
        PositiveInt, Meta(description="stalls in a row of branch B that encoder B is frozen after")
    ] = 5
    patience_ceiling: Annotated[
        PositiveInt, Meta(description="plateau_patience is never relaxed beyond this")
    ] = 15
    setback: Annotated[
        float, Meta(gt=0.0, description="encoder B is thawed when hierarchy_B got worse by this much")
    ] = 0.01
    annealing: Annotated[
        bool,
        Meta(description="relax the thresholds after a cycle that paid, tighten them after one that cost"),
    ] = True
    annealing_step: Annotated[
        float, Meta(gt=0.0, lt=1.0, description="how far the coverage thresholds move in one go")
    ] = 0.005

    def __post_init__(self) -> None:
        if not self.coverage_floor <= self.coverage_freeze <= self.coverage_thaw:
            raise ValueError(
                "coverage_floor, coverage_freeze and coverage_thaw must not fall: "
                f"{self.coverage_floor:g}, {self.coverage_freeze:g}, {self.coverage_thaw:g}"
            )
        if self.plateau_patience > self.patience_ceiling:
            raise ValueError("plateau_patience must not be above patience_ceiling")


class PlateauConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lower the learning rate when a metric has stopped to improve."""

    metric: Annotated[str, Meta(description="the metric that is watched")] = "ultrametric_B"
    mode: Annotated[Literal["max", "min"], Meta(description="whether more or less of it is better")] = "max"
    patience: Annotated[PositiveInt, Meta(description="evaluations without an improvement")] = 5
    threshold: Annotated[
        float, Meta(ge=0.0, description="a smaller difference is no improvement; in the metric's own unit")
    ] = 0.0001
    factor: Annotated[float, Meta(gt=0.0, lt=1.0, description="factor on the learning rate each time")] = 0.5
    floor: Annotated[float, Meta(ge=0.0, lt=1.0, description="least factor on the learning rate in all")] = (
        0.01
    )
    cooldown: Annotated[int, Meta(ge=0, description="evaluations after each time that do not count")] = 0
    warmup_epochs: Annotated[int, Meta(ge=0, description="epochs before evaluations count")] = 0

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ValueError(f"unknown metric {self.metric!r}; the metrics are {', '.join(METRICS)}")


class TemperatureConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A factor on the standard deviation of a branch's posterior samples in training, over the epochs.

    From `start` linearly to `end` in `ramp_epochs`, and `end` from there on; times 1 + amplitude
    sin(2 pi t / period_epochs), t the epochs that are over. The KL is of the posterior as it is.
    """

    start: Annotated[float, Meta(ge=0.0, description="factor at the start")] = 1.0
    end: Annotated[float, Meta(ge=0.0, description="factor from the end of the ramp on")] = 1.0
    ramp_epochs: Annotated[
        PositiveInt | None, Meta(description="epochs of the linear ramp; null: the whole run")
    ] = None
    amplitude: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share by which the factor swings around its course")
    ] = 0.0
    period_epochs: Annotated[
        PositiveInt | None, Meta(description="epochs of one swing; null: it does not swing")
    ] = None
    late_epoch: Annotated[
        PositiveInt | None, Meta(description="epochs after which late_factor and late_amplitude hold")
    ] = None
    late_factor: Annotated[
        NonNegativeFloat | None, Meta(description="factor from late_epoch on; null: unchanged")
    ] = None
    late_amplitude: Annotated[
        Unit | None, Meta(description="amplitude from late_epoch on; null: unchanged")
    ] = None

    def __post_init__(self) -> None:
        swings = self.amplitude != 0.0 or self.late_amplitude not in (None, 0.0)
        if swings != (self.period_epochs is not None):
            raise ValueError("an amplitude and period_epochs need each other; give both or neither")
        late = self.late_factor is not None or self.late_amplitude is not None
        if late != (self.late_epoch is not None):
            raise ValueError("late_epoch needs late_factor or late_amplitude, and they need it")


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
    plateau: PlateauConfig | None = None
    homeostasis: HomeostasisConfig | None = None
    temperature: Annotated[
        dict[Literal["A", "B"], TemperatureConfig],
        Meta(description="posterior noise in training, by branch"),
    ] = {}


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
        check_together(self)
