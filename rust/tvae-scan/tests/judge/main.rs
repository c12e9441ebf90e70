//! Rules against facts that are made up, or taken from a real inventory.

mod documented;
mod legacy;
mod ranking;
mod recommendations;
mod rules;
mod stability;
mod statements;
mod trees;
