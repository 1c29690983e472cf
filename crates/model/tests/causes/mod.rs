//! Causes: small cases with their answers, and laws over anything.

mod cases;
pub(crate) mod lab;
mod law;
