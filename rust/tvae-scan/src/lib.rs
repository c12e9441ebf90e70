//! What a `PyTorch` checkpoint holds, read without executing anything in it.
//!
//! Containers are found by their content and read by torch's own rules, pickles are decoded by a machine that
//! never imports or calls, and only the bytes that are needed are read: no tensor's contents are among them.
//! Nothing here panics on any input; every length is checked against the file before it is believed.

#![forbid(unsafe_code)]

mod archive;
mod beside;
mod cache;
mod census;
pub mod codes;
mod content;
mod contents;
mod convert;
mod detect;
mod directory;
mod error;
mod file;
mod find;
mod header;
mod inspect;
mod inspector;
pub mod issue;
mod json;
pub mod judge;
mod layout;
mod legacy;
mod lineage;
mod members;
pub mod metrics;
mod names;
mod optimizer;
mod ours;
mod outlines;
mod patterns;
pub mod pickle;
mod places;
pub mod record;
mod references;
pub mod rules;
mod safetensors;
mod salvage;
pub mod scan;
mod search;
mod source;
mod storages;
mod stream;
mod streams;
pub mod table;
mod tar;
pub mod tensors;
mod top;
pub mod value;
mod verify;
mod walk;
mod words;
mod zip;

pub use error::Error;
pub use inspect::{inspect, inspect_reader, open, value};
pub use inspector::Inspector;
pub use source::{Facts, ReadAt};
