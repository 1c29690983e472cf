//! What changed: `.version`, the reply to FS_VERSION.
//!
//! `{"starttime": s, "clinfo": n, …, "kvstore": {"<node>": {"<name>": n, …}, …}}`. The counters of status values are the
//! reader's own: from 0, up by one with each update heard, a repeated one included, back at 0 after a removal. They say
//! "look"; no more. pmxcfs writes names into this text as they are, so that a name with a quote spoils it for everybody.

use std::collections::BTreeMap;
use std::fmt;

use pathkeeper_model::NodeName;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::store::Key;

/// How a status value of ours is named: the prefix that Proxmox's own tools expect, and a key.
pub const PREFIX: &str = "kv/";
/// Keys that begin so are ours; Proxmox keeps others there.
const OURS: &str = "multipath";
/// Values of ours that one node is believed to have.
const KEYS_MAX: usize = 512;
/// Nodes that a cluster is believed to have; corosync bears about 32.
const NODES_MAX: usize = 1_024;

/// The counter of each value of ours.
pub type Counters = BTreeMap<(NodeName, Key), u64>;

/// What we need of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Version {
    /// When this pmxcfs was started, seconds by the node's clock.
    pub starttime: u64,
    /// Moves when the members change. It does not move when only quorum is lost or won.
    pub clinfo: u64,
    /// The counter of each value of ours.
    pub values: Counters,
    /// What says that something of the guests is different.
    pub guests: Guests,
}

/// What moves when guests do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Guests {
    /// That of the pmxcfs that counts.
    pub starttime: u64,
    /// The list, and any configuration in it.
    pub vmlist: u64,
    /// What HA looks after.
    pub ha: u64,
}

/// Reads the reply. What is not ours is passed over, so one odd name more does no harm; text that is no JSON is an error.
pub fn parse(reply: &[u8]) -> Result<Version, String> {
    #[derive(Deserialize)]
    struct Wire {
        starttime: u64,
        #[serde(default)]
        clinfo: u64,
        #[serde(default)]
        vmlist: u64,
        #[serde(default, rename = "ha/resources.cfg")]
        ha: u64,
        #[serde(default)]
        kvstore: Kvstore,
    }
    let wire: Wire = serde_json::from_slice(reply).map_err(|e| {
        format!(
            "pmxcfs's own list of changes (.version) cannot be read: {e}. If Proxmox VE's daemons complain too, somebody \
             has set a status value whose name holds a quote; it goes when pve-cluster is restarted, first on the node \
             that set it, then on the others"
        )
    })?;
    let guests = Guests { starttime: wire.starttime, vmlist: wire.vmlist, ha: wire.ha };
    Ok(Version { starttime: wire.starttime, clinfo: wire.clinfo, values: wire.kvstore.0, guests })
}

/// Node → name → counter, flat. A node may stand there twice (its own table and what came back from the cluster); the
/// first, which is its own table, counts.
#[derive(Default)]
struct Kvstore(Counters);

impl<'de> Deserialize<'de> for Kvstore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nodes;
        impl<'de> Visitor<'de> for Nodes {
            type Value = Kvstore;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the status values of nodes")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kvstore, A::Error> {
                let mut out = Counters::new();
                let mut nodes = 0;
                while let Some(node) = map.next_key::<String>()? {
                    nodes += 1;
                    let Some(node) = NodeName::new(&node).filter(|_| nodes <= NODES_MAX) else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    for (key, counter) in map.next_value::<Keys>()?.0 {
                        out.entry((node.clone(), key)).or_insert(counter);
                    }
                }
                Ok(Kvstore(out))
            }
        }
        deserializer.deserialize_map(Nodes)
    }
}

struct Keys(Vec<(Key, u64)>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node's status values with their counters")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut out = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let key = name
                        .strip_prefix(PREFIX)
                        .filter(|key| key.starts_with(OURS) && out.len() < KEYS_MAX)
                        .and_then(|key| Key::new(key).ok());
                    match key {
                        Some(key) => out.push((key, map.next_value()?)),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Keys(out))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As a pmxcfs wrote it, shortened.
    const RECORDED: &str = "{\n\"starttime\": 1783082400,\n\"clinfo\": 6,\n\"vmlist\": 1,\n\"corosync.conf\": 1,\n\
        \"storage.cfg\": 2,\n\"kvstore\": {\n\"pve1\": {\n\"tasklist\": 4,\n\"kv/multipath\": 3,\n\"kv/version-info\": 0}\n,\n\
        \"pve2\": {\n\"kv/multipath\": 12,\n\"kv/multipath-node\": 0}\n}\n}\n";

    fn list(version: &Version) -> Vec<String> {
        version.values.iter().map(|((node, key), n)| format!("{node} {key} {n}")).collect()
    }

    #[test]
    fn pmxcfs_version_gives_our_values_and_passes_over_the_others() {
        let version = parse(RECORDED.as_bytes()).unwrap();
        assert_eq!((version.starttime, version.clinfo), (1_783_082_400, 6));
        assert_eq!(list(&version), ["pve1 multipath 3", "pve2 multipath 12", "pve2 multipath-node 0"]);
    }

    #[test]
    fn pmxcfs_version_with_a_node_twice_takes_the_first() {
        let text = r#"{"starttime":1,"kvstore":{"a":{"kv/multipath":5},"a":{"kv/multipath":9,"kv/multipath-node":1}}}"#;
        assert_eq!(list(&parse(text.as_bytes()).unwrap()), ["a multipath 5", "a multipath-node 1"]);
    }

    #[test]
    fn pmxcfs_version_that_a_quote_has_spoilt_says_so() {
        let text = RECORDED.replace("kv/version-info", "kv/a\"b");
        let e = parse(text.as_bytes()).unwrap_err();
        assert!(e.contains("holds a quote") && e.contains("line"), "{e}");
        for bad in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"starttime":-1}"#,
            r#"{"starttime":1,"kvstore":{"a":{"kv/multipath":"x"}}}"#,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn pmxcfs_version_has_bounds() {
        let keys: Vec<String> = (0..2_000).map(|i| format!("\"kv/multipath-{i}\":1")).collect();
        let text = format!(r#"{{"starttime":1,"kvstore":{{"a":{{{}}}}}}}"#, keys.join(","));
        assert_eq!(parse(text.as_bytes()).unwrap().values.len(), KEYS_MAX);
    }

    proptest! {
        #[test]
        fn pmxcfs_version_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..200usize) {
            let _ = parse(&bytes);
            let mut bent = RECORDED.as_bytes().to_vec();
            let at = at.min(bent.len());
            bent.splice(at..at, bytes.iter().take(3).copied());
            let _ = parse(&bent);
        }
    }
}
