//! Who tries to get in, or to keep others out: malformed and oversize requests, smuggled ones, slow clients, a thousand
//! connections, TLS in all the wrong ways. Limits are small here, so that no test waits for a real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod certificates;
mod crowds;
mod lab;
mod requests;
mod slow;
mod trust;
