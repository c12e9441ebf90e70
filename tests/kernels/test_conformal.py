"""Norms, inner products and the conformal factor of the kernels, far past the digits of one float32."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.interpret
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["norm", "root", "long norm", "norm of the small", "norm of the large"])
def test_norms_are_right_whatever_their_size(
    interpreted: Callable[[str], dict[str, float]], name: str, dtype: str
) -> None:
    assert interpreted("parts")[f"{name} {dtype}"] <= 4


@pytest.mark.interpret
def test_alpha_keeps_its_digits_up_to_the_rim(interpreted: Callable[[str], dict[str, float]]) -> None:
    assert interpreted("parts")["alpha float32"] <= 3


@pytest.mark.interpret
@pytest.mark.parametrize("name", ["dot", "long root"])
def test_sums_in_two_parts(interpreted: Callable[[str], dict[str, float]], name: str) -> None:
    """Units are 2^-46 of the largest product, or of the root: one part alone would be off by 2^22."""
    assert interpreted("parts")[f"{name} float32"] <= 256
