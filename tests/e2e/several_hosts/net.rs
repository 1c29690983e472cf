//! Hosts that share one network and nothing else of it with this machine: a namespace for each, and one with the switch.
//!
//! Addresses and links exist inside the namespaces alone, so any number of such networks stand beside each other.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The names of namespaces and folders begin so; the id of the test's process follows.
const PREFIX: &str = "pathkeeper-e2e-";

/// Loads a random number; from a tenth of 2^32 on the next classifier decides (-1: there is none), below it the packet is
/// dropped (2, TC_ACT_SHOT). 4294963256 is SKF_AD_OFF + SKF_AD_RANDOM of linux/filter.h.
const LOSE_A_TENTH: &str = "4,32 0 0 4294963256,53 1 0 429496729,6 0 0 2,6 0 0 4294967295";

/// A network of hosts, counted from 0. Removed when dropped.
#[derive(Debug)]
pub struct Network {
    /// Which network of this process it is.
    number: u32,
    hosts: usize,
}

impl Network {
    /// Builds the namespaces, a bridge, and a cable from each host to it. Removes what tests left that were killed.
    pub fn new(hosts: usize) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        remove_leftovers();
        let network = Self { number: NUMBER.fetch_add(1, Ordering::Relaxed), hosts };
        let switch = network.switch();
        ip(&["netns", "add", &switch]);
        for bridge in ["whole", "apart"] {
            ip(&["-n", &switch, "link", "add", "name", bridge, "type", "bridge"]);
            ip(&["-n", &switch, "link", "set", bridge, "up"]);
        }
        for host in 0..hosts {
            let (name, port) = (network.namespace(host), port(host));
            ip(&["netns", "add", &name]);
            ip(&["-n", &name, "link", "set", "lo", "up"]);
            ip(&[
                "-n", &switch, "link", "add", "name", &port, "type", "veth", "peer", "name", "eth0", "netns",
                &name,
            ]);
            ip(&["-n", &switch, "link", "set", &port, "master", "whole", "up"]);
            let address = format!("{}/24", network.address(host));
            ip(&["-n", &name, "address", "add", &address, "dev", "eth0"]);
            ip(&["-n", &name, "link", "set", "eth0", "up"]);
        }
        network
    }

    /// The host's address on the network.
    pub fn address(&self, host: usize) -> IpAddr {
        Ipv4Addr::new(10, 77, 0, u8::try_from(host + 1).unwrap()).into()
    }

    /// Words before a program that is to run on the host; they end in exec.
    pub fn on(&self, host: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.namespace(host)].map(str::to_owned).into()
    }

    /// Pulls the host's cable.
    pub fn unplug(&self, host: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(host), "down"]);
    }

    /// Puts the cable in again.
    pub fn plug(&self, host: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(host), "up"]);
    }

    /// Parts the switch: the host is alone behind it. No link goes down, so nobody is told.
    pub fn part(&self, host: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(host), "master", "apart"]);
    }

    /// One switch again.
    pub fn join(&self, host: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(host), "master", "whole"]);
    }

    /// Makes all cables bad, and says how. Where the kernel has no netem they are slow lines instead, on which what
    /// queues waits, and a classic BPF program throws the dice for each packet.
    pub fn spoil(&self) -> &'static str {
        let netem =
            |host| self.tc("qdisc", "replace", host, &["root", "netem", "delay", "100ms", "loss", "10%"]);
        if (0..self.hosts).all(|host| netem(host).is_ok()) {
            return "100 ms late, 10 % lost";
        }
        for host in 0..self.hosts {
            let slow = ["root", "tbf", "rate", "256kbit", "burst", "3000", "latency", "500ms"];
            self.tc("qdisc", "replace", host, &slow).unwrap();
            self.tc("qdisc", "add", host, &["clsact"]).unwrap();
            self.tc("filter", "add", host, &["egress", "bpf", "da", "bytecode", LOSE_A_TENTH]).unwrap();
        }
        "256 kbit/s, up to 500 ms late, 10 % lost"
    }

    /// Good cables again.
    pub fn mend(&self) {
        for host in 0..self.hosts {
            self.tc("qdisc", "del", host, &["root"]).unwrap();
            // Only there where netem was not.
            let _ = self.tc("qdisc", "del", host, &["clsact"]);
        }
    }

    fn tc(&self, object: &str, verb: &str, host: usize, words: &[&str]) -> Result<String, String> {
        let (switch, port) = (self.switch(), port(host));
        ran("tc", &[&["-n", &switch, object, verb, "dev", &port], words].concat())
    }

    /// Packets that all cables together dropped since they were made bad.
    pub fn dropped(&self) -> u64 {
        let told = ran("tc", &["-n", &self.switch(), "-s", "qdisc", "show"]).unwrap();
        let after = told.split("(dropped ").skip(1);
        after.filter_map(|rest| rest.split(',').next()?.trim().parse::<u64>().ok()).sum()
    }

    fn namespace(&self, host: usize) -> String {
        name(&format!("{}-{host}", self.number))
    }

    fn switch(&self) -> String {
        name(&format!("{}-switch", self.number))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in (0..self.hosts).map(|host| self.namespace(host)).chain([self.switch()]) {
            let _ = ran("ip", &["netns", "delete", &name]);
        }
    }
}

/// The switch's end of a host's cable.
fn port(host: usize) -> String {
    format!("port{host}")
}

/// A name that tells whose it is, for what must go even if the test is killed.
pub fn name(what: &str) -> String {
    format!("{PREFIX}{}-{what}", std::process::id())
}

/// Whether the test process that gave this name is gone.
fn is_left_over(name: &str) -> bool {
    let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
    owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

/// Removes the namespaces of test processes that are gone, with what still runs in them, and their folders. Two tests
/// may do this at once, so what fails is passed over.
fn remove_leftovers() {
    for line in ran("ip", &["netns", "list"]).unwrap_or_default().lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if !is_left_over(name) {
            continue;
        }
        for pid in ran("ip", &["netns", "pids", name]).unwrap_or_default().split_whitespace() {
            if let Some(pid) = pid.parse().ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        let _ = ran("ip", &["netns", "delete", name]);
    }
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        if is_left_over(&entry.file_name().to_string_lossy()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn ip(words: &[&str]) {
    ran("ip", words).unwrap_or_else(|e| panic!("ip {}: {e}", words.join(" ")));
}

/// Runs a program; what it printed, or what it said of its failure.
fn ran(program: &str, words: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(words).stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
