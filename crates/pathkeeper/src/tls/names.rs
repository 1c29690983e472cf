//! Under which names a node's own certificate is to be found good.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use pathkeeper_model::NodeName;
use rustls::pki_types::ServerName;

/// A machine with more addresses is a router.
const ADDRESSES_MAX: usize = 64;

/// Under which names a node is reached.
#[derive(Debug, Clone)]
pub struct Names {
    /// The node's name.
    pub node: NodeName,
    /// The machine's, with or without a domain.
    pub host: String,
    /// Where it listens; an unspecified address stands for all that the machine has.
    pub listen: IpAddr,
    /// What the settings add.
    pub more: Vec<String>,
    /// Where the kernel tells its addresses: `/proc`.
    pub proc: PathBuf,
}

impl Names {
    /// All of them, now: names first, then addresses. What no certificate can name is left out.
    pub fn now(&self) -> Vec<ServerName<'static>> {
        let short = self.host.split('.').next().unwrap_or_default();
        let mut texts = vec![self.node.to_string(), self.host.clone(), short.to_owned(), "localhost".into()];
        texts.extend(self.more.iter().cloned());
        let mut addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
        if self.listen.is_unspecified() {
            let read =
                |name: &str| std::fs::read_to_string(self.proc.join("net").join(name)).unwrap_or_default();
            let of_machine = of_machine(&read("fib_trie"), &read("if_inet6"));
            addresses.extend(of_machine.into_iter().filter(|a| a.is_ipv4() || self.listen.is_ipv6()));
        } else {
            addresses.push(self.listen);
        }
        let mut names = Vec::new();
        let texts = texts.into_iter().filter_map(|text| ServerName::try_from(text).ok());
        for name in texts.chain(addresses.into_iter().map(|a| ServerName::IpAddress(a.into()))) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The machine's addresses as the kernel lists them: IPv4 as leaves of its routing table that are its own
/// (`/proc/net/fib_trie`), IPv6 as 32 hexadecimal digits a line (`/proc/net/if_inet6`).
fn of_machine(fib_trie: &str, if_inet6: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut leaf = None;
    for line in fib_trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(leaf.map(IpAddr::from));
        }
    }
    for line in if_inet6.lines() {
        let digits = line.split_whitespace().next().filter(|digits| digits.len() == 32);
        found.extend(
            digits
                .and_then(|d| u128::from_str_radix(d, 16).ok())
                .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        );
    }
    let mut addresses: Vec<IpAddr> = found
        .into_iter()
        // A link-local address means something on one link only, and no client can name it in a URL.
        .filter(|address| !address.is_loopback() && !address.is_multicast() && !is_link_local(address))
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_addresses_are_the_kernels() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    Local:\n     +-- 10.0.0.0/24 2 0 1\n        |-- 10.0.0.5\n           /32 host LOCAL\n\
                    \x20       |-- 10.0.0.255\n           /32 link BROADCAST\n\
                    \x20    |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 169.254.1.1\n        /32 host LOCAL\n\
                    \x20    |-- no address\n        /32 host LOCAL\n     |-- 10.0.0.5\n        /32 host LOCAL\n";
        let inet6 = "00000000000000000000000000000001 01 80 10 80       lo\n\
                     fe80000000000000021122fffe334455 02 40 20 80     eth0\n\
                     20010db8000000000000000000000007 02 40 00 80     eth0\nrubbish\n";
        let texts: Vec<String> = of_machine(trie, inet6).iter().map(IpAddr::to_string).collect();
        assert_eq!(texts, ["10.0.0.5", "2001:db8::7"]);
        assert_eq!(of_machine("", ""), Vec::<IpAddr>::new());
    }

    #[test]
    fn a_certificate_names_what_a_node_is_called() {
        let names = |listen: &str| -> Vec<String> {
            let names = Names {
                node: NodeName::new("pve1").unwrap(),
                host: "pve1.example.org".into(),
                listen: listen.parse().unwrap(),
                more: vec!["san.example.org".into(), "no name".into(), "10.9.9.9".into()],
                proc: "/nonexistent".into(),
            };
            names.now().iter().map(|name| name.to_str().into_owned()).collect()
        };
        let always =
            ["pve1", "pve1.example.org", "localhost", "san.example.org", "10.9.9.9", "127.0.0.1", "::1"];
        assert_eq!(names("0.0.0.0"), always);
        assert_eq!(names("10.0.0.1")[..7], always);
        assert_eq!(names("10.0.0.1")[7..], ["10.0.0.1"]);
    }
}
