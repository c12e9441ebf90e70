//! What a `PyTorch` checkpoint holds, read without executing anything in it.
//!
//! Containers are found by their content and read by torch's own rules, pickles are decoded by a machine that
//! never imports or calls, and only the bytes that are needed are read: no tensor's contents are among them.
//! Nothing here panics on any input; every length is checked against the file before it is believed.

#![forbid(unsafe_code)]

mod archive;
mod cache;
pub mod codes;
mod content;
mod convert;
mod detect;
mod error;
mod file;
mod find;
mod inspect;
mod inspector;
pub mod issue;
mod json;
pub mod judge;
mod legacy;
mod lineage;
pub mod metrics;
mod optimizer;
mod ours;
pub mod pickle;
pub mod record;
pub mod rules;
mod safetensors;
pub mod scan;
mod source;
mod stream;
mod streams;
pub mod table;
mod tar;
pub mod tensors;
mod top;
pub mod value;
mod walk;
mod words;

pub use error::Error;
pub use inspect::{inspect, inspect_reader, open, value};
pub use inspector::Inspector;
pub use source::{Facts, ReadAt};
