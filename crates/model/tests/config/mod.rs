//! The cluster's multipath configuration: schema, documents, rendering, plans, turns of a rollout.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may panic"
)]

mod adopt;
mod edit;
mod findings;
mod lab;
mod overrides;
mod plan;
mod render;
mod rollout;
mod schema;
mod steer;
