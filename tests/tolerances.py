"""Every tolerance of the numerical tests, with the reason for its size. Loosening one is a change of its own.

Errors are relative: of a vector, the norm of the difference over the norm of the truth, worst row.
The unit of float32 is u = 2^-24 = 6e-8.
"""

from __future__ import annotations

# A distance or radius: differences, a root, two quotients and a logarithm, 8 u at worst.
BALL_VALUE = 5e-7
# The gradient of a distance is a sum of two vectors that do not cancel, of 4 roundings each.
BALL_GRADIENT = 5e-7
# A map scales a vector by a factor: 2 roundings a component, and the inverse map once more.
MAP_VALUE = 1e-6
# Its gradient is summed in float64 and rounded once; the factor's derivative is float64.
MAP_GRADIENT = 1e-6
# A sum over rows of both signs, each right to BALL_GRADIENT, in all-pairs form with a float32 series.
CURVATURE_GRADIENT = 1e-5
# Float64 throughout, 20 units of 2^-53: near pairs carry the rounding of three norms.
FLOAT64_VALUE = 5e-15
FLOAT64_GRADIENT = 1e-14
# In float64 the derivative in c leaves its series at 1e-2, where the direct form has lost four digits.
FLOAT64_CURVATURE = 1e-11
# torch.compile may contract and reorder float32 arithmetic, not the float64 row scalars.
COMPILED = 1e-6
# The kernels compute in float32 throughout: alpha, a quotient, a logarithm of 1.4 u, a quotient.
KERNEL_VALUE = 5e-7
KERNEL_GRADIENT = 5e-7
# Their curvature gradients leave the series at c |x|^2 = 0.04, where the direct form has lost two digits.
KERNEL_CURVATURE = 1e-5
# A sum over all pairs: terms right to BALL_VALUE, added in float32 over a tile and in float64 beyond.
ALL_PAIRS = 1e-6
# bfloat16 keeps 8 bits: one unit at the output, which Triton's interpreter truncates.
BFLOAT16 = 8e-3
# Central differences of step 1e-6 in float64, relative to the step's curvature.
GRADCHECK = {"eps": 1e-6, "atol": 1e-7, "rtol": 1e-5}
# The predecessor's formulas and ours round float32 in another order: tanh(atanh(rho)) for rho.
PREDECESSOR = {"rtol": 0.0, "atol": 1e-6}
