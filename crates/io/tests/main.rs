//! The outside world, real or played: each module is a subject. One program, for linking each by itself takes longer than its tests.

mod beside;
mod dropins;
mod fake_multipathd;
mod history;
mod notify;
mod pmxcfs;
mod recorded;
