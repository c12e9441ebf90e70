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
use crate::ladder::{levels_i64, levels_u16, levels_u32, levels_u64};
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

dispatch!(valuations_u16(indices: &[u16], out: &mut [u8], space: Depth) -> bool = levels_u16);
dispatch!(valuations_u32(indices: &[u32], out: &mut [u8], space: Depth) -> bool = levels_u32);
dispatch!(valuations_u64(indices: &[u64], out: &mut [u8], space: Depth) -> bool = levels_u64);
dispatch!(valuations_i64(indices: &[i64], out: &mut [u8], space: Depth) -> bool = levels_i64);
dispatch!(triplets_narrow(s: &Stratum, first: u32, out: [&mut [i32]; 3]) -> () = fill_triplets::<false>);
dispatch!(triplets_wide(s: &Stratum, first: u32, out: [&mut [i32]; 3]) -> () = fill_triplets::<true>);
dispatch!(pairs_narrow(s: &Stratum, first: u32, out: [&mut [i32]; 2]) -> () = fill_pairs::<false>);
dispatch!(pairs_wide(s: &Stratum, first: u32, out: [&mut [i32]; 2]) -> () = fill_pairs::<true>);
dispatch!(measure(points: [&[f32]; 2], dim: usize, c: f64, out: &mut [f32], slopes: Option<&mut [f32]>) -> () = measure_rows);
dispatch!(weigh(points: [&[f32]; 2], dim: usize, slopes: &[f32], g: &[f32], out: [&mut [f32]; 2]) -> f64 = weigh_rows);
dispatch!(pull(cloud: &Cloud, job: &Job, rule: &Rule, sums: &mut Sums) -> () = pull_job);
dispatch!(sweep(cloud: &Cloud, job: &Job, bins: &Bins, counters: &mut Counters) -> () = count_job);
