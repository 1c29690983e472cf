//! The program from inside: each module is a subject. One program, for linking each by itself takes longer than its tests.

mod api;
mod apply;
mod bad_peers;
mod cli;
mod config;
mod documents;
mod doors;
mod fold;
mod history;
mod luns;
mod people;
mod pmxcfs;
mod volumes;
