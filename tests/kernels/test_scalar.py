"""The kernels' logarithm, exponential and what is built on them: a few units, in either precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tolerances as tol

LIMITS = {"log1p": 3, "expm1": 3, "exp": 3, "tanh ratio": 4, "sech squared": 80}


@pytest.mark.interpret
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scalars_in_the_interpreter(interpreted: Callable[[str], dict[str, float]], dtype: str) -> None:
    report = interpreted("parts")
    for name, limit in LIMITS.items():
        assert report[f"{name} {dtype}"] <= limit, name
    assert report[f"ends {dtype}"] == report[f"nan {dtype}"] == report[f"one {dtype}"] == 1


@pytest.mark.interpret
def test_the_difference_from_tanh(interpreted: Callable[[str], dict[str, float]]) -> None:
    report = interpreted("parts")
    assert report["minus tanh float32"] * 2**-24 <= tol.KERNEL_CURVATURE
    assert report["minus tanh float64"] * 2**-53 <= tol.FLOAT64_CURVATURE


@pytest.mark.interpret
def test_a_fused_product_keeps_what_rounding_drops(interpreted: Callable[[str], dict[str, float]]) -> None:
    assert interpreted("parts")["fma float32"] == 0
