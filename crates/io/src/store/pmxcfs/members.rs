//! Who is in the cluster: `.members`, the reply to CLUSTER_INFO, and what `corosync.conf` says beside it.
//!
//! `{"nodename", "version", "cluster"?: {"name", "version", "nodes", "quorate"}, "nodelist"?: {"<node>": {"id", "online"}}}`.
//! The online flags hold only while `quorate` is 1: when the local corosync dies they stay as they were. And a pmxcfs
//! that was started while corosync was down answers just like one that stands alone; only `corosync.conf` tells them
//! apart.

use std::collections::BTreeMap;

use pathkeeper_model::NodeName;
use serde::Deserialize;

/// What the reply says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterInfo {
    /// The name of this node, as pmxcfs knows it.
    pub nodename: String,
    /// The cluster as pmxcfs sees it; `None` where it sees none.
    pub cluster: Option<Cluster>,
}

/// A cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// This node is in the part that may decide.
    pub quorate: bool,
    /// Each node of corosync's list, and whether its pmxcfs is heard.
    pub nodes: BTreeMap<NodeName, bool>,
}

/// Reads the reply.
pub fn parse(reply: &[u8]) -> Result<ClusterInfo, String> {
    #[derive(Deserialize)]
    struct Wire {
        nodename: String,
        cluster: Option<WireCluster>,
        #[serde(default)]
        nodelist: BTreeMap<String, WireNode>,
    }
    #[derive(Deserialize)]
    struct WireCluster {
        #[serde(default)]
        quorate: i64,
    }
    #[derive(Deserialize)]
    struct WireNode {
        #[serde(default)]
        online: i64,
    }
    let wire: Wire = serde_json::from_slice(reply)
        .map_err(|e| format!("pmxcfs's own list of members (.members) cannot be read: {e}"))?;
    let nodes =
        wire.nodelist.iter().filter_map(|(name, node)| Some((NodeName::new(name)?, node.online == 1)));
    Ok(ClusterInfo {
        nodename: wire.nodename,
        cluster: wire
            .cluster
            .map(|cluster| Cluster { quorate: cluster.quorate == 1, nodes: nodes.collect() }),
    })
}

/// corosync's own default for `totem.token`, milliseconds (corosync.conf(5)).
const TOKEN_MS: u64 = 3_000;
/// The same for `totem.token_coefficient`: added to it for each node beyond two.
const COEFFICIENT_MS: u64 = 650;
/// Nodes that are assumed where the file cannot be read: about as many as corosync bears.
const NODES_ASSUMED: u64 = 32;
/// No file makes us wait longer than this for a node that has fallen silent.
const FAILOVER_MS_MAX: u64 = 600_000;

/// How long all values stand still, at worst, when a node dies: until corosync has missed the token and agreed on who is
/// left (consensus: 1.2 times the token unless set otherwise), milliseconds. `None` = the file is not known.
pub fn failover_worst_ms(corosync_conf: Option<&str>) -> u64 {
    let (mut token, mut coefficient, mut consensus, mut nodes) = (TOKEN_MS, COEFFICIENT_MS, None, 0u64);
    let mut inside: Vec<&str> = Vec::new();
    for line in corosync_conf.unwrap_or_default().lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_suffix('{') {
            inside.push(section.trim());
            nodes += u64::from(inside == ["nodelist", "node"]);
        } else if line == "}" {
            inside.pop();
        } else if inside == ["totem"]
            && let Some((name, value)) = line.split_once(':')
            && let Ok(number) = value.trim().parse::<u64>()
        {
            match name.trim() {
                "token" => token = number,
                "token_coefficient" => coefficient = number,
                "consensus" => consensus = Some(number),
                _ => {}
            }
        }
    }
    let nodes = if corosync_conf.is_none() { NODES_ASSUMED } else { nodes };
    let token = token.saturating_add(coefficient.saturating_mul(nodes.saturating_sub(2)));
    let consensus = consensus.unwrap_or(token.saturating_mul(6) / 5);
    token.saturating_add(consensus).min(FAILOVER_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pmxcfs_members_of_a_cluster_and_of_one_that_stands_alone() {
        let text = "{\n\"nodename\": \"pve1\",\n\"version\": 4,\n\"cluster\": { \"name\": \"lab\", \"version\": 3, \"nodes\": 2, \
                    \"quorate\": 1 },\n\"nodelist\": {\n  \"pve1\": { \"id\": 1, \"online\": 1, \"ip\": \"192.0.2.1\"},\n  \
                    \"pve2\": { \"id\": 2, \"online\": 0}\n  }\n}\n";
        let info = parse(text.as_bytes()).unwrap();
        let cluster = info.cluster.unwrap();
        assert_eq!((info.nodename.as_str(), cluster.quorate), ("pve1", true));
        let nodes: Vec<_> = cluster.nodes.iter().map(|(name, online)| (name.as_str(), *online)).collect();
        assert_eq!(nodes, [("pve1", true), ("pve2", false)]);

        let alone = parse(b"{\n\"nodename\": \"pve1\",\n\"version\": 0\n}\n").unwrap();
        assert_eq!(alone, ClusterInfo { nodename: "pve1".into(), cluster: None });
    }

    #[test]
    fn pmxcfs_members_believe_nothing_that_is_not_said() {
        let text = r#"{"nodename":"a","cluster":{},"nodelist":{"a":{},"b":{"online":2},"":{"online":1}}}"#;
        let cluster = parse(text.as_bytes()).unwrap().cluster.unwrap();
        assert!(!cluster.quorate);
        assert_eq!(cluster.nodes.values().copied().collect::<Vec<_>>(), [false, false]);
        for bad in ["", "{}", "[]", r#"{"nodename":1}"#, r#"{"nodename":"a","nodelist":[]}"#] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    fn conf(totem: &str, nodes: usize) -> String {
        let node = "  node {\n    name: pve\n    nodeid: 1\n    token: 99999\n  }\n".repeat(nodes);
        format!(
            "# of PVE\nlogging {{\n  debug: off\n}}\n\nnodelist {{\n{node}}}\n\ntotem {{\n  version: 2\n{totem}  interface {{\n    token: 1\n  }}\n}}\n"
        )
    }

    #[test]
    fn pmxcfs_failover_follows_from_corosyncs_file() {
        let check = |totem: &str, nodes: usize, expect: u64| {
            assert_eq!(failover_worst_ms(Some(&conf(totem, nodes))), expect, "{totem} {nodes}");
        };
        // Measured on three nodes: 8.15 s, and 6.90 s with Proxmox's coefficient.
        check("", 3, 8_030);
        check("  token_coefficient: 125\n", 3, 6_875);
        check("", 32, 49_500);
        check("  token_coefficient: 125\n", 32, 14_850);
        check("", 1, 6_600);
        check("  token: 10000\n", 2, 22_000);
        check("  token: 1000\n  consensus: 5000\n", 2, 6_000);
        check("  token: many\n", 2, 6_600);
        check(&format!("  token: {}\n", u64::MAX), 32, FAILOVER_MS_MAX);
        assert_eq!(failover_worst_ms(None), 49_500);
    }

    proptest! {
        #[test]
        fn pmxcfs_members_survive_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[a-z{}:#\n0-9 ]{0,200}") {
            let _ = parse(&bytes);
            let _ = failover_worst_ms(Some(&text));
        }
    }
}
