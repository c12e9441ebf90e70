//! Runtime choice between the baseline and AVX2 builds of the hot loops: all the `unsafe` there is.
//!
//! A loop is written once, as an ordinary safe function that is always inlined. Here it is compiled
//! twice, the second time inside a function that may use AVX2. Both builds do the same operations in
//! the same order (no fused multiply-add), so results do not depend on the processor.

#![allow(unsafe_code)] // calling a function that needs AVX2, after asking the processor for AVX2

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Depth;
use crate::bins::Bins;
use crate::cloud::Cloud;
use crate::distance::{measure_rows, weigh_rows};
use crate::hinge::{Hinge, hinge_rows};
use crate::ladder::{levels_i64, levels_u16, levels_u32, levels_u64};
use crate::maps::{Map, image_rows, pull_rows};
use crate::mining::{Stratum, fill_pairs, fill_triplets};
use crate::structure::{Rule, Sums, pull_job};
use crate::sweep::{Counters, Job, count_job};

static BASELINE_ONLY: AtomicBool = AtomicBool::new(false);

/// Restricts the hot loops to the baseline build, or lifts the restriction. For tests and benchmarks.
pub fn restrict(to_baseline: bool) {
    BASELINE_ONLY.store(to_baseline, Ordering::Relaxed);
}

/// Whether the AVX2 build runs.
#[must_use]
pub fn avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && !BASELINE_ONLY.load(Ordering::Relaxed)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

macro_rules! dispatch {
    ($name:ident($($arg:ident: $kind:ty),+) -> $result:ty = $body:expr) => {
        pub(crate) fn $name($($arg: $kind),+) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $kind),+) -> $result {
                    $body($($arg),+)
                }
                if avx2() {
                    // SAFETY: the processor has just said that it has AVX2.
                    return unsafe { wide($($arg),+) };
                }
            }
            $body($($arg),+)
        }
    };
}

/// Four float64 side by side. Both builds add lanes in the same order, so that sums do not depend on the processor.
pub(crate) trait Four: Copy {
    const ZERO: Self;
    fn load(values: &[f32; 4]) -> Self;
    fn splat(value: f64) -> Self;
    fn store(self, values: &mut [f32; 4]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `(l0 + l1) + (l2 + l3)`.
    fn total(self) -> f64;
    /// The totals of four.
    fn totals(rows: [Self; 4]) -> [f64; 4];
}

impl Four for [f64; 4] {
    const ZERO: Self = [0.0; 4];

    #[inline(always)]
    fn load(values: &[f32; 4]) -> Self {
        values.map(f64::from)
    }

    #[inline(always)]
    fn splat(value: f64) -> Self {
        [value; 4]
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // rounding is the purpose
    fn store(self, values: &mut [f32; 4]) {
        *values = self.map(|x| x as f32);
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] - other[i])
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] * other[i])
    }

    #[inline(always)]
    fn total(self) -> f64 {
        (self[0] + self[1]) + (self[2] + self[3])
    }

    #[inline(always)]
    fn totals(rows: [Self; 4]) -> [f64; 4] {
        rows.map(Self::total)
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256d, _mm_loadu_ps, _mm_storeu_ps, _mm256_add_pd, _mm256_cvtpd_ps, _mm256_cvtps_pd,
        _mm256_hadd_pd, _mm256_mul_pd, _mm256_permute2f128_pd, _mm256_set1_pd, _mm256_storeu_pd,
        _mm256_sub_pd,
    };

    /// A register of AVX2. Only loops of [`dispatch_four`] that have asked the processor name it.
    #[derive(Clone, Copy)]
    pub(super) struct Register(__m256d);

    // SAFETY of all blocks: the processor has AVX2, see above; loads and stores are within the arrays.
    impl super::Four for Register {
        const ZERO: Self = Self(unsafe { std::mem::transmute::<[f64; 4], __m256d>([0.0; 4]) });

        #[inline(always)]
        fn load(values: &[f32; 4]) -> Self {
            Self(unsafe { _mm256_cvtps_pd(_mm_loadu_ps(values.as_ptr())) })
        }

        #[inline(always)]
        fn splat(value: f64) -> Self {
            Self(unsafe { _mm256_set1_pd(value) })
        }

        #[inline(always)]
        fn store(self, values: &mut [f32; 4]) {
            unsafe { _mm_storeu_ps(values.as_mut_ptr(), _mm256_cvtpd_ps(self.0)) }
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(unsafe { _mm256_add_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(unsafe { _mm256_sub_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(unsafe { _mm256_mul_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn total(self) -> f64 {
            Self::totals([self; 4])[0]
        }

        #[inline(always)]
        fn totals([a, b, c, d]: [Self; 4]) -> [f64; 4] {
            let mut totals = [0.0; 4];
            unsafe {
                let (ab, cd) = (_mm256_hadd_pd(a.0, b.0), _mm256_hadd_pd(c.0, d.0));
                let low = _mm256_permute2f128_pd::<0x20>(ab, cd);
                let high = _mm256_permute2f128_pd::<0x31>(ab, cd);
                _mm256_storeu_pd(totals.as_mut_ptr(), _mm256_add_pd(low, high));
            }
            totals
        }
    }
}

/// As `dispatch`, for a body that takes its [`Four`].
macro_rules! dispatch_four {
    ($name:ident($($arg:ident: $kind:ty),+) -> $result:ty = $body:ident) => {
        pub(crate) fn $name($($arg: $kind),+) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $kind),+) -> $result {
                    $body::<wide::Register>($($arg),+)
                }
                if avx2() {
                    // SAFETY: the processor has just said that it has AVX2.
                    return unsafe { wide($($arg),+) };
                }
            }
            $body::<[f64; 4]>($($arg),+)
        }
    };
}

dispatch!(valuations_u16(indices: &[u16], out: &mut [u8], space: Depth) -> bool = levels_u16);
dispatch!(valuations_u32(indices: &[u32], out: &mut [u8], space: Depth) -> bool = levels_u32);
dispatch!(valuations_u64(indices: &[u64], out: &mut [u8], space: Depth) -> bool = levels_u64);
dispatch!(valuations_i64(indices: &[i64], out: &mut [u8], space: Depth) -> bool = levels_i64);
dispatch!(triplets_narrow(s: &Stratum, first: u32, out: [&mut [i32]; 3]) -> () = fill_triplets::<false>);
dispatch!(triplets_wide(s: &Stratum, first: u32, out: [&mut [i32]; 3]) -> () = fill_triplets::<true>);
dispatch!(pairs_narrow(s: &Stratum, first: u32, out: [&mut [i32]; 2]) -> () = fill_pairs::<false>);
dispatch!(pairs_wide(s: &Stratum, first: u32, out: [&mut [i32]; 2]) -> () = fill_pairs::<true>);
dispatch_four!(measure(points: [&[f32]; 2], dim: usize, c: f64, out: &mut [f32], slopes: Option<&mut [f32]>) -> () = measure_rows);
dispatch!(weigh(points: [&[f32]; 2], dim: usize, slopes: &[f32], g: &[f32], out: [&mut [f32]; 2]) -> f64 = weigh_rows);
dispatch_four!(hinges(kind: Hinge<'_>, x: &[f32], dim: usize, c: f64, lists: &[&[u32]], gradient: &mut [f32]) -> [f64; 2] = hinge_rows);
dispatch_four!(image(map: Map, x: &[f32], dim: usize, c: f64, out: &mut [f32], slopes: Option<&mut [f32]>) -> () = image_rows);
dispatch_four!(pull_back(map: Map, x: &[f32], dim: usize, c: f64, slopes: &[f32], g: &[f32], out: &mut [f32]) -> f64 = pull_rows);
dispatch!(pull(cloud: &Cloud, job: &Job, rule: &Rule, sums: &mut Sums) -> () = pull_job);
dispatch!(sweep(cloud: &Cloud, job: &Job, bins: &Bins, counters: &mut Counters) -> () = count_job);
