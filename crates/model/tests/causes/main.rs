//! Causes: small cases with their answers, and laws over anything.

mod cases;
mod lab;
mod law;
