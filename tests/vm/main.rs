//! A real kernel, real device-mapper, a real udev and a real multipathd in a virtual machine; and our agent in it.
//!
//! `cargo xtask test` builds the image and runs these tests. By hand, after `cargo xtask vm-image`:
//!
//! ```text
//! cargo nextest run -p pathkeeper --test vm --run-ignored all --no-capture
//! ```
//!
//! A boot costs nine seconds, so one boot plays many scenarios in order. Every scenario says what the kernel
//! (`dmsetup status`), multipathd (`show maps json`) and `multipath -ll` must say first: then the lab is what it is
//! meant to be, and only then our own report is held against them.

#![allow(
    clippy::indexing_slicing,
    reason = "a test may; clippy.toml's leave reaches only the built-in harness"
)]

mod agent;
#[cfg(feature = "etcd")]
mod between;
mod config;
mod config_faults;
mod config_kept;
#[cfg(feature = "etcd")]
#[path = "../etcd_servers.rs"]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]
mod etcd_servers;
mod faults;
#[cfg(feature = "etcd")]
mod iscsi;
mod keywords;
mod lab;
mod machine;
mod many_luns;
mod missing;
mod probe;
mod qemu;
mod qmp;
mod remembered;
#[cfg(feature = "etcd")]
mod switch;
#[cfg(feature = "etcd")]
mod two_guests;
mod two_paths;
mod verdict;
mod views;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use libtest_mimic::{Arguments, Failed, Trial};

/// An image elsewhere than where `cargo xtask vm-image` puts it.
const IMAGE_ENV: &str = "PATHKEEPER_VM_IMAGE";

fn main() -> ExitCode {
    // This program is also the measuring instrument inside of the guest: there is no compiler there.
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some(probe::WORD) {
        return probe::main(&words.collect::<Vec<_>>());
    }
    let trials = vec![
        trial("real_kernel_two_paths", two_paths::run),
        trial("real_kernel_twenty_luns_by_four_paths", many_luns::run),
        trial("real_kernel_remembers_its_paths", remembered::run),
        trial("real_kernel_finds_faults", faults::run),
        trial("real_kernel_finds_more_faults", faults::run_more),
        trial("real_kernel_finds_what_is_missing", missing::run),
        trial("real_kernel_is_configured", config::run),
        trial("real_kernel_is_disturbed_while_configured", config_faults::run),
        #[cfg(feature = "etcd")]
        trial("real_kernel_two_guests_one_etcd", two_guests::run),
        #[cfg(feature = "etcd")]
        trial("real_kernel_iscsi_san_one_etcd", iscsi::run),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test that is left out (`--skip real_kernel`) where there can be no image; the runner counts it as skipped, loudly.
fn trial(name: &'static str, run: fn(&Path) -> Result<()>) -> Trial {
    let body = move || run(&image()?);
    Trial::test(name, move || body().map_err(|error| Failed::from(format!("{error:#}"))))
        .with_ignored_flag(true)
}

fn image() -> Result<PathBuf> {
    let made = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("../vm");
    let dir = std::env::var_os(IMAGE_ENV).map_or_else(made, PathBuf::from);
    ensure!(
        dir.join("rootfs.stamp").is_file(),
        "no image of the test machine in {}: build it with `cargo xtask vm-image` (docs/testing.md)",
        dir.display()
    );
    Ok(dir.canonicalize()?)
}
