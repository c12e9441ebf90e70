"""Every model name of the predecessor: what it was, what replaces it, whether its weights can be read."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Status = Literal["production", "active", "research", "deprecated"]
#: weights: a checkpoint loads whole. parts: encoders and decoder do. no: nothing here reads it.
Loads = Literal["weights", "parts", "no"]


class ModelName(Struct, frozen=True, kw_only=True):
    """One name.

    Attributes:
        name: as it stands in old configs, checkpoints and code.
        status: what the predecessor made of it.
        replaced_by: the preset, the settings or the command that has its place; None if nothing has.
        loads: what of its checkpoints can be read.
        note: what to know about it, in a line.
    """

    name: str
    status: Status
    replaced_by: str | None
    loads: Loads
    note: str


_DOMAIN = "a model of sequences, not of ternary operations"
_ALIAS = "another name of the partly frozen class"
_PLAIN = "the layers of v5.5, in every stored checkpoint"
_NORM = "a sigmoid bounds the Euclidean norm; no exponential map"

#: Name, status, what replaces it, what loads, what to know; one line each.
_ROWS: tuple[tuple[str, Status, str | None, Loads, str], ...] = (
    ("TernaryVAEV5_11_PartialFreeze", "production", "preset v5_12", "weights", "encoder A frozen, B trained"),
    ("TernaryVAEV5_11", "production", "preset v5_11", "weights", "encoders and decoder frozen"),
    ("FrozenEncoder", "production", "model.encoder", "weights", _PLAIN),
    ("FrozenDecoder", "production", "model.decoder", "weights", _PLAIN),
    ("HyperbolicProjection", "production", "model.projection", "weights", _NORM),
    ("DualHyperbolicProjection", "production", "model.projection", "weights", _NORM),
    ("HomeostasisController", "production", "training.homeostasis", "no", "no weights: it froze and thawed"),
    ("DifferentiableController", "production", None, "no", "never asked, so it never learnt; read over"),
    ("TernaryVAEV5_11_OptionC", "deprecated", "preset v5_12", "weights", _ALIAS),
    ("TernaryVAEOptionC", "deprecated", "preset v5_12", "weights", _ALIAS),
    ("TernaryVAEV5_12", "deprecated", "preset v5_12", "weights", "in documents only: no such class existed"),
    ("DualNeuralVAEV5", "deprecated", "presets base, dual", "parts", "v5.5 to v5.10: encoders and decoder A"),
    ("DualNeuralVAE", "deprecated", "presets base, dual", "parts", "the same class, as its trainer calls it"),
    ("StateNet", "deprecated", "loss.schedules", "no", "steered rates and weights; was removed"),
    ("SimpleVAE", "research", "preset base", "no", "one branch without a ball; another layout"),
    ("SimpleVAEWithHyperbolic", "research", "preset default", "no", "one branch in the ball; another layout"),
    ("OptimalVAE", "research", "preset default", "no", "distances of points outside the ball"),
    ("TropicalHyperbolicVAE", "research", None, "no", "its tropical latent was never used"),
    ("HierarchicalVAE", "research", None, "no", "a ladder of three levels"),
    ("StructureAwareVAE", "research", None, "no", _DOMAIN),
    ("Epsilon-VAE", "research", "tvae scan", "no", "a model of checkpoints, not of operations"),
    ("MAMLVAE", "research", None, "no", "its outer gradient never reached the weights"),
    ("ProtoMAML", "research", None, "no", "MAMLVAE with another head"),
    ("MultiTaskVAE", "research", None, "no", _DOMAIN),
    ("EnsembleVAE", "research", None, "no", "a router by drug class"),
    ("DrugClassEnsemble", "research", None, "no", "another name of EnsembleVAE"),
    ("StableTransformer", "research", None, "no", _DOMAIN),
    ("UniversalDrugResistanceVAE", "research", None, "no", _DOMAIN),
    ("CrossPathogenTransfer", "research", None, "no", _DOMAIN),
    ("SpectralGraphEncoder", "research", None, "no", "eigenvectors of a graph"),
    ("LatticeProjection", "research", "model.projection", "no", "radii by resistance level"),
    ("LatticeAwareVAE", "research", None, "no", "its decoder read an attribute that is not there"),
    ("EpistasisModule", "research", None, "no", _DOMAIN),
    ("PAdicNetworks", "research", None, "no", "a prototype"),
    ("PAdicDynamics", "research", None, "no", "does not run at its defaults"),
    ("BYOL", "research", None, "no", _DOMAIN),
    ("SimCLR", "research", None, "no", _DOMAIN),
    ("CrossResistanceVAE", "active", None, "no", _DOMAIN),
    ("CrossResistanceNNRTI", "active", None, "no", _DOMAIN),
    ("CrossResistancePI", "active", None, "no", _DOMAIN),
    ("GeneSpecificVAE", "active", None, "no", _DOMAIN),
    ("ResistanceTransformer", "active", None, "no", _DOMAIN),
    ("MultiHeadResistanceTransformer", "active", None, "no", _DOMAIN),
    ("SubtypeSpecificVAE", "active", None, "no", _DOMAIN),
    ("SubtypeTransferLearning", "active", None, "no", _DOMAIN),
    ("MultiSubtypeVAE", "active", None, "no", _DOMAIN),
    ("ProteinLMIntegration", "active", None, "no", _DOMAIN),
    ("ProteinLMVAE", "active", None, "no", _DOMAIN),
    ("DDGVAE", "active", None, "no", "a regressor of folding energies"),
    ("MultimodalDDGVAE", "active", None, "no", "DDGVAEs side by side"),
    ("DDGTransformer", "active", None, "no", _DOMAIN),
    ("DDGEnsemble", "active", None, "no", _DOMAIN),
    ("TrainableCodonEncoder", "active", None, "no", _DOMAIN),
    ("UnifiedVAE", "active", None, "no", "codon_vae_*.pt and aa_vae_*.pt"),
)

MODELS = tuple(
    ModelName(name=name, status=status, replaced_by=by, loads=loads, note=note)
    for name, status, by, loads, note in _ROWS
)


def find(name: str) -> ModelName | None:
    """What is known of a name.

    Example:
        >>> find("TernaryVAEOptionC").replaced_by
        'preset v5_12'
    """
    return next((model for model in MODELS if model.name == name), None)


def warning(name: str) -> str | None:
    """What to say where a deprecated name is met; None for any other name."""
    model = find(name)
    if model is None or model.status != "deprecated":
        return None
    return f"{name} is a deprecated name; {model.replaced_by} has its place ({model.note})"
