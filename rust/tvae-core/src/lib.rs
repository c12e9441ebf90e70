//! The arithmetic engine of `tvae`, free of Python and of input and output.
//!
//! The space has `N = 3^depth` operations. Operation `i` has digits `d_k = (i / 3^k) mod 3`, least
//! significant first, and trits `d_k - 1`. Everything here follows from two facts: the valuation
//! `v(i)` is the number of leading zero digits, and `v(i - j)` is the number of equal low digits.

#![allow(clippy::inline_always)] // a hot loop is built twice, and must be inlined to be built for AVX2
#![deny(unsafe_code)] // simd.rs alone lifts it, to call what the processor was asked about

pub mod batches;
mod bins;
mod cloud;
pub mod distance;
mod draw;
mod error;
pub mod hinge;
pub mod in_batch;
mod ladder;
pub mod maps;
pub mod mining;
pub mod padic;
pub mod pairs;
mod pairset;
pub mod radial;
mod ranking;
mod rng;
mod rows;
mod scalar;
pub mod simd;
pub mod strata;
pub mod structure;
mod sweep;

/// Threads of one call at most, whatever is asked for; no result depends on their number.
const MOST_THREADS: usize = 256;

pub use error::Error;
pub use padic::Depth;
