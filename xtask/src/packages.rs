//! Debian packages that the tests need beyond Rust and a C compiler, and why.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::cmd;

/// One package.
struct Package {
    /// Debian's name.
    name: &'static str,
    /// It is there when this program is on PATH, or, with a leading `/`, when this file exists, or, with `.so.` in it,
    /// when there is such a library.
    probe: &'static str,
    /// What is skipped without it.
    reason: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "strace",
        probe: "strace",
        reason: "the test that an observing agent writes nothing outside its own directories",
    },
    Package {
        name: "chromium",
        probe: "chromium",
        reason: "the test that the status page shows what the cluster says, in a real browser",
    },
    Package {
        name: "nodejs",
        probe: "node",
        reason: "the tests of the pages: their types, their modules, each view in a browser",
    },
    Package { name: "npm", probe: "npm", reason: "as nodejs: gets what those tests are written with" },
    // Its package starts a service on 127.0.0.1:2379 where systemd runs. No test meets it: theirs listen elsewhere.
    Package {
        name: "etcd-server",
        probe: "etcd",
        reason: "the tests of the etcd store and of several hosts",
    },
    Package { name: "etcd-client", probe: "etcdctl", reason: "as etcd-server: users, roles, who leads" },
    Package {
        name: "systemd",
        probe: "systemd-analyze",
        reason: "the test of what systemd makes of the unit and of a managed node's drop-in",
    },
    Package {
        name: "iproute2",
        probe: "ip",
        reason: "the tests of several hosts, which are network namespaces",
    },
    Package {
        name: "protobuf-compiler",
        probe: "protoc",
        reason: "building with etcd as a store; without it everything of the feature etcd is left out",
    },
    Package {
        name: "libprotobuf-dev",
        probe: "/usr/include/google/protobuf/any.proto",
        reason: "as protobuf-compiler: the files that etcd's definitions include",
    },
    // Its package starts services where systemd runs: Prometheus on port 9090 and, as a recommendation that is not installed,
    // a node_exporter. No test meets them: theirs listen elsewhere.
    Package {
        name: "prometheus",
        probe: "promtool",
        reason: "the tests of metrics, alert rules and the dashboard with a real Prometheus and promtool",
    },
    // Its package starts a service on port 9093 where systemd runs. No test meets it: theirs listen elsewhere.
    Package {
        name: "prometheus-alertmanager",
        probe: "prometheus-alertmanager",
        reason: "the test that a real Alertmanager passes on each alert of the agents once",
    },
    // Debian's base has perl-base alone, which has neither of the modules that the test uses.
    Package {
        name: "perl",
        probe: "prove",
        reason: "the tests of the storage plug-in for Proxmox VE, against stand-ins of its base classes",
    },
    Package {
        name: "libqb100",
        probe: "libqb.so.100",
        reason: "the tests of Proxmox VE's pmxcfs as a store, against a test server that speaks as it does",
    },
];

/// Installs what is absent, if this is root on a machine with apt; says what it did and never asks.
/// A package that cannot be had fails nothing here: the tests that need it are skipped by name.
pub fn install() -> Result<()> {
    let absent: Vec<&Package> = PACKAGES.iter().filter(|package| !package.is_there()).collect();
    if absent.is_empty() {
        println!("every package that the tests need is there");
        return Ok(());
    }
    for package in &absent {
        println!("absent: {} ({})", package.name, package.reason);
    }
    if !cmd::on_path("apt-get") {
        println!("this machine has no apt-get: not installed");
        return Ok(());
    }
    if !is_root() {
        let names: Vec<&str> = absent.iter().map(|package| package.name).collect();
        println!("not root, so not installed; as root: apt-get install {}", names.join(" "));
        return Ok(());
    }
    // One refresh of the lists, then one install: a new machine's lists are often too old to install from.
    if !cmd::passes(&mut apt(&["update", "-qq"]))? {
        println!("apt-get update failed; trying to install with the lists as they are");
    }
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(absent.iter().map(|package| package.name));
    if !cmd::passes(&mut apt(&args))? {
        println!("apt-get install failed: what needs these packages is skipped below");
    }
    Ok(())
}

impl Package {
    fn is_there(&self) -> bool {
        match self.probe {
            file if file.starts_with('/') => Path::new(file).exists(),
            library if library.contains(".so.") => cmd::library_is_there(library),
            program => cmd::on_path(program),
        }
    }
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        // Another apt on the machine (unattended upgrades) is waited for, not failed on.
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command
}

/// Effective user id 0, from /proc: xtask needs no crate for one number.
fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| effective_uid(&status) == Some(0))
}

fn effective_uid(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_uid_is_the_second_number() {
        assert_eq!(effective_uid("Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t5\t5\t5\t5\n"), Some(0));
        assert_eq!(effective_uid("Uid:\t0\t1000\t0\t0\n"), Some(1000));
        assert_eq!(effective_uid("Name:\tx\n"), None);
    }
}
