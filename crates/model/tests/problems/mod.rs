//! What is wrong with LUNs, nodes and settings: a table of cases for each code, stories of incidents, laws.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod can;
mod cells;
mod incidents;
mod lab;
mod law;
mod luns;
mod windows;
