//! Elementary functions that a loop can compute in the lanes of a register.

/// `log(1 + u)` for `u >= 0`, to 2 units of 2^-24; a NaN or infinity gives neither reliably.
#[inline(always)]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap)] // the exponent, a multiple of 2^23
#[allow(clippy::many_single_char_names)] // those of the formulas
pub(crate) fn log1p(u: f32) -> f32 {
    let y = 1.0 + u;
    let e = (y.to_bits() as i32).wrapping_sub(0x3f40_0000) & -0x0080_0000;
    let scaled = f32::from_bits((u.to_bits() as i32).wrapping_sub(e).cast_unsigned());
    let scaled = if u == 0.0 { 0.0 } else { scaled };
    let m = scaled + (0.25 * f32::from_bits((0x4080_0000 - e).cast_unsigned()) - 1.0);
    let mut p = -0.045_074_813;
    p = p * m + 0.104_630_8;
    p = p * m - 0.131_612_54;
    p = p * m + 0.144_784_06;
    p = p * m - 0.166_473_06;
    p = p * m + 0.199_908_6;
    p = p * m - 0.250_000_95;
    p = p * m + 0.333_334_5;
    let square = m * m;
    let tail = square * m * p - 0.5 * square;
    e as f32 * (1.192_092_9e-7 * std::f32::consts::LN_2) + (m + tail)
}

/// `r` in `[-0.35, 0.35]` and a power of two with `exp(-a) = exp(r) 2^-k`, for float64 `a >= 0`; from 87 on those
/// of 87, NaN for NaN.
///
/// The multiple of log 2 is taken off in float64: rounded to float32, `a` alone would cost `a` units.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // |k| < 127, and the remainder has lost nothing
pub(crate) fn exp_split(a: f64) -> (f32, f32) {
    let a = if a > 87.0 { 87.0 } else { a };
    // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
    let shifted = 1.5 * 4_503_599_627_370_496.0 - a * std::f64::consts::LOG2_E;
    let k = shifted - 1.5 * 4_503_599_627_370_496.0;
    let r = (-a - k * std::f64::consts::LN_2) as f32;
    (r, f32::from_bits(((shifted.to_bits() as u32) << 23).wrapping_add(0x3f80_0000)))
}

/// `exp(r)` for `r` in `[-0.35, 0.35]`, to 2 units of 2^-24.
#[inline(always)]
pub(crate) fn exp_near(r: f32) -> f32 {
    let p = 1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0));
    1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * p))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::cast_possible_truncation)] // rounding is the purpose
    fn the_logarithm_keeps_its_digits() {
        for exponent in -30..30 {
            for mantissa in 0..50 {
                let u = (1.0 + f64::from(mantissa) / 50.0) * f64::from(exponent).exp2();
                let u = u as f32;
                let truth = f64::from(u).ln_1p();
                assert!((f64::from(log1p(u)) / truth - 1.0).abs() < 2.5 * f64::from(f32::EPSILON));
            }
        }
    }

    #[test]
    fn the_exponential_keeps_its_digits() {
        let exp = |a: f64| {
            let (r, power) = exp_split(a);
            exp_near(r) * power
        };
        for i in 0..8600 {
            let a = f64::from(i) / 100.0;
            assert!((f64::from(exp(a)) / (-a).exp() - 1.0).abs() < 2.5 * f64::from(f32::EPSILON), "{a}");
        }
        assert!(
            exp(0.0).to_bits() == 1.0_f32.to_bits() && exp(f64::INFINITY) < 1e-37 && exp(f64::NAN).is_nan()
        );
    }
}
