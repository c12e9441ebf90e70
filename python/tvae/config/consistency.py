"""What settings of different sections must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tvae.config.schema import Config


def decoded_branches(config: Config) -> tuple[str, ...]:
    """The branches that a run decodes: none, the one whose code the decoder reads, or both.

    Example:
        >>> from tvae.config.schema import Config
        >>> decoded_branches(Config())
        ('B',)
    """
    branches = ("A", "B") if config.model.branches == 2 else ("B",)
    reconstruction = config.loss.reconstruction
    readers = (reconstruction, config.loss.kl, config.loss.entropy, config.loss.hyperbolic_reconstruction)
    if all(reader is None for reader in readers):
        return ()
    return branches if reconstruction and reconstruction.branches == "both" else branches[:1]


def check_together(config: Config) -> None:
    """Refuse settings that another section leaves without an effect.

    Raises:
        ValueError: naming both keys.
    """
    decoded = decoded_branches(config)
    for branch in config.training.temperature:
        if branch not in decoded:
            raise ValueError(
                f"training.temperature.{branch} has no effect: branch {branch} is not decoded "
                f"(decoded: {', '.join(decoded) or 'none'}; see model.branches and loss.reconstruction)"
            )
    for name in config.loss.schedules:
        if name in ("kl_A", "kl_B") and name[-1] not in decoded:
            raise ValueError(
                f"loss.schedules.{name} has no effect: branch {name[-1]} is not decoded "
                f"(decoded: {', '.join(decoded) or 'none'}; see model.branches and loss.reconstruction)"
            )
    if config.training.homeostasis is None:
        return
    if config.model.branches == 1:
        raise ValueError("training.homeostasis needs an encoder A and an encoder B; set model.branches to 2")
    if config.model.projection is None:
        raise ValueError("training.homeostasis watches the order of the ball; give the model a projection")
    for part, part_config in config.parts.items():
        if part in ("encoder_A", "encoder_B") and part_config.thaw_epoch is not None:
            raise ValueError(
                f"parts.{part}.thaw_epoch and training.homeostasis both decide about {part}; leave one out"
            )
