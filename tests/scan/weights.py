"""The predecessor's models and optimizers, by name and shape: what a state dict of each layout holds.

`narrow` divides the widths of the hidden layers, so that a whole tree of them is small; names, depths and the
latent space stay.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import torch

Shapes = dict[str, tuple[int, ...]]
LATENT, TRITS, LOGITS = 16, 9, 27


def linear(name: str, rows: int, columns: int) -> Shapes:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def encoder(layers: str, mu: str, logvar: str, narrow: Fraction | int) -> Shapes:
    wide, middle, last = 256 // narrow, 128 // narrow, 64 // narrow
    return (
        linear(f"{layers}.0", wide, TRITS)
        | linear(f"{layers}.2", middle, wide)
        | linear(f"{layers}.4", last, middle)
        | linear(mu, LATENT, last)
        | linear(logvar, LATENT, last)
    )


def decoder(layers: str, narrow: Fraction | int) -> Shapes:
    first, last = 32 // narrow, 64 // narrow
    return (
        linear(f"{layers}.0", first, LATENT)
        | linear(f"{layers}.2", last, first)
        | linear(f"{layers}.4", LOGITS, last)
    )


def plain(narrow: Fraction | int) -> dict[str, Shapes]:
    """The v5.5 layers by the group that an optimizer takes or leaves."""
    groups = {
        f"encoder_{branch}": encoder(
            f"encoder_{branch}.encoder", f"encoder_{branch}.fc_mu", f"encoder_{branch}.fc_logvar", narrow
        )
        for branch in "AB"
    }
    return groups | {"decoder_A": decoder("decoder_A.decoder", narrow)}


def flat(narrow: Fraction | int) -> dict[str, Shapes]:
    """The v5.5 layers as the homeostatic launcher spelled them."""
    groups = {
        f"encoder_{branch}": encoder(f"encoder_{branch}", f"fc_mu_{branch}", f"fc_logvar_{branch}", narrow)
        for branch in "AB"
    }
    return groups | {"decoder_A": decoder("decoder_A", narrow)}


def v5_5(state_width: int, narrow: Fraction | int) -> dict[str, Shapes]:
    """Two whole VAEs and the state net; the predecessor's later loaders ignore the last two groups."""
    width = max(8, state_width // narrow)
    second = (
        linear("decoder_B.decoder.0", 256 // narrow, LATENT)
        | linear("decoder_B.decoder.2", 128 // narrow, 256 // narrow)
        | linear("decoder_B.decoder.4", LOGITS, 128 // narrow)
    )
    state = (
        linear("state_net.0", width, 14)
        | linear("state_net.2", width, width)
        | linear("state_net.4", 12, width)
    )
    return plain(narrow) | {"decoder_B": second, "state_net": state}


def projection(
    name: str, hidden: int, layers: int, dropout: bool, ball: bool, narrow: Fraction | int
) -> Shapes:
    """A projection to the ball; with dropout the numbers of the layers shift (table 2.3.1)."""
    width, radius, step = hidden // narrow, max(32, hidden // 2) // narrow, 3 + dropout
    shapes = linear(f"{name}.direction_net.0", width, LATENT) | norm(f"{name}.direction_net.1", width)
    for layer in range(1, layers):
        shapes |= linear(f"{name}.direction_net.{layer * step}", width, width)
        shapes |= norm(f"{name}.direction_net.{layer * step + 1}", width)
    shapes |= linear(f"{name}.direction_net.{layers * step}", LATENT, width)
    step = 2 + dropout
    shapes |= linear(f"{name}.radius_net.0", radius, LATENT)
    for layer in range(1, layers):
        shapes |= linear(f"{name}.radius_net.{layer * step}", radius, radius)
    shapes |= linear(f"{name}.radius_net.{layers * step}", 1, radius)
    return shapes | ({f"{name}.manifold.isp_c": ()} if ball else {})


def controller(narrow: Fraction | int) -> Shapes:
    width = 32 // narrow
    return (
        linear("controller.net.0", width, 8)
        | norm("controller.net.1", width)
        | linear("controller.net.3", width, width)
        | linear("controller.net.5", 6, width)
    )


@dataclass(frozen=True)
class Variant:
    """A v5.11 or v5.12 model: `trained` are the groups that its optimizer has state for."""

    dual: bool = True
    hidden: int = 64
    layers: int = 1
    dropout: bool = False
    ball: bool = True
    steered: bool = False
    trained: tuple[str, ...] = ()

    def groups(self, narrow: Fraction | int = 1) -> dict[str, Shapes]:
        options = (self.hidden, self.layers, self.dropout, self.ball, narrow)
        found = plain(narrow)
        if self.dual:
            found |= {f"proj_{branch}": projection(f"projection.proj_{branch}", *options) for branch in "AB"}
        else:
            found["proj_A"] = projection("projection", *options)
        return found | ({"controller": controller(narrow)} if self.steered else {})

    def bytes(self) -> int:
        """About how large a file of it is; the constants were measured on files that torch wrote."""
        groups = self.groups()
        shapes = [shape for shapes in groups.values() for shape in shapes.values()]
        trained = [s for name in self.trained if name in groups for s in groups[name].values()]
        elements = sum(map(size, shapes)) + 2 * sum(map(size, trained))
        return 4 * elements + 390 * (len(shapes) + 2 * len(trained)) + 330 * len(trained) + 3500


TRAINED = [
    (),
    ("proj_A",),
    ("proj_A", "proj_B"),
    ("encoder_B",),
    ("encoder_B", "proj_A", "proj_B"),
    ("encoder_A", "encoder_B"),
    ("encoder_A", "encoder_B", "proj_A", "proj_B"),
    ("encoder_A", "encoder_B", "decoder_A", "proj_A", "proj_B"),
]


def nearest(target: int) -> Variant:
    """The v5.11 variant whose file is nearest to `target` bytes."""
    variants = [
        Variant(
            dual, hidden, layers, dropout, ball, steered, (*trained, *(("controller",) if steered else ()))
        )
        for dual, (hidden, layers), ball, steered, trained in product(
            (True, False), ((64, 1), (64, 2), (128, 1), (128, 2)), (True, False), (False, True), TRAINED
        )
        for dropout in (True,)
    ]
    return min(variants, key=lambda variant: abs(variant.bytes() - target))


def by_parameters(parameters: int, target: int) -> Variant:
    """The variant with exactly so many parameters whose file is nearest to `target` bytes.

    v5.12 trained two layers with dropout; the sweeps had one and none.
    """
    variants = [
        Variant(True, 64, layers, layers == 2, True, steered, trained)
        for layers, steered, trained in product((1, 2), (False, True), TRAINED)
    ]
    exact = [one for one in variants if elements_of(one.groups()) == parameters]
    return min(exact, key=lambda variant: abs(variant.bytes() - target))


def state_width(target: int) -> int:
    """The width of the state net with which a v5.5 file and its optimizer reach `target` bytes."""
    return min(range(16, 512), key=lambda w: abs(12 * elements_of(v5_5(w, 1)) + 52_000 - target))


def elements_of(groups: dict[str, Shapes]) -> int:
    return sum(size(shape) for shapes in groups.values() for shape in shapes.values())


def size(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def state_dict(groups: dict[str, Shapes], seed: str) -> OrderedDict[str, torch.Tensor]:
    """Tensors as `Module.state_dict` returns them, the same ones for the same seed."""
    generator = torch.Generator().manual_seed(zlib.crc32(seed.encode()))
    shapes = {name: shape for group in groups.values() for name, shape in group.items()}
    weights = OrderedDict(
        (name, torch.randn(shape, generator=generator) * 0.1 if shape else torch.tensor(1.0))
        for name, shape in shapes.items()
    )
    weights._metadata = OrderedDict((name, {"version": 1}) for name in ["", *modules(shapes)])
    return weights


def modules(names: Shapes) -> Iterator[str]:
    seen = set()
    for name in names:
        parts = name.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            module = ".".join(parts[:depth])
            if module not in seen:
                seen.add(module)
                yield module


def adam(
    groups: dict[str, Shapes], trained: tuple[str, ...], lr: float, steps: int, seed: str
) -> dict[str, Any]:
    """What Adam's `state_dict` returns for the trained groups."""
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} adam".encode()))
    shapes = [shape for name in trained if name in groups for shape in groups[name].values()]
    options = {
        "betas": (0.9, 0.999),
        "eps": 1e-08,
        "weight_decay": 1e-4,
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "fused": None,
        "decoupled_weight_decay": True,
    }
    state = {
        number: {
            "step": torch.tensor(float(steps)),
            "exp_avg": torch.randn(shape, generator=generator) * 1e-3,
            "exp_avg_sq": torch.rand(shape, generator=generator) * 1e-5,
        }
        for number, shape in enumerate(shapes)
    }
    return {"state": state, "param_groups": [{"lr": lr, **options, "params": list(range(len(shapes)))}]}
