//! Host adapters: links, speeds, error counters.

use super::device::fc_or_fcoe;
use super::file::{names, read_number, read_text};
use pathkeeper_model::local::Adapter;
use std::path::Path;

/// Adapters read at most of one class.
const ADAPTERS_MAX: usize = 256;

/// Counters of a Fibre Channel host that tell about the link (scsi_transport_fc.h, `struct fc_host_statistics`).
const FC_COUNTERS: [&str; 8] = [
    "link_failure_count",
    "loss_of_sync_count",
    "loss_of_signal_count",
    "invalid_crc_count",
    "invalid_tx_word_count",
    "error_frames",
    "lip_count",
    "nos_count",
];

/// Whether the error counters are read too: some drivers ask their firmware for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counters {
    /// Read them.
    Read,
    /// Leave them out.
    Skip,
}

/// All host adapters of storage networks, by class and name.
pub fn read_adapters(sys: &Path, counters: Counters) -> Vec<Adapter> {
    let mut out = Vec::new();
    for (class, word) in
        [("fc_host", "fc"), ("iscsi_host", "iscsi"), ("sas_host", "sas"), ("srp_host", "srp")]
    {
        let class = sys.join("class").join(class);
        for name in names(&class, ADAPTERS_MAX) {
            let at = class.join(&name);
            let text = |file: &str| read_text(&at.join(file)).filter(|text| text != "(null)");
            out.push(match word {
                "fc" => fibre_channel(&at, name, counters),
                "iscsi" => Adapter {
                    port_name: text("ipaddress").or_else(|| text("initiatorname")),
                    link: text("port_state"),
                    speed: text("port_speed"),
                    ..plain(name, word)
                },
                _ => plain(name, word),
            });
        }
    }
    out
}

fn plain(name: String, transport: &str) -> Adapter {
    Adapter {
        name,
        transport: transport.to_owned(),
        port_name: None,
        fabric: None,
        link: None,
        speed: None,
        counters: Vec::new(),
    }
}

fn fibre_channel(at: &Path, name: String, counters: Counters) -> Adapter {
    let text = |file: &str| read_text(&at.join(file));
    let read = |file: &str| {
        // A driver that does not count something prints −1.
        let value = read_number(&at.join("statistics").join(file)).filter(|n| *n != u64::MAX)?;
        Some((file.to_owned(), value))
    };
    Adapter {
        port_name: text("port_name"),
        fabric: text("fabric_name"),
        link: text("port_state"),
        speed: text("speed"),
        counters: match counters {
            Counters::Read => FC_COUNTERS.into_iter().filter_map(read).collect(),
            Counters::Skip => Vec::new(),
        },
        ..plain(name, fc_or_fcoe(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn fc_and_iscsi_hosts() {
        let tree = Tree::new();
        tree.file("class/fc_host/host7/port_name", "0x21000024ff3dcb4e")
            .file("class/fc_host/host7/port_state", "Linkdown")
            .file("class/fc_host/host7/speed", "16 Gbit")
            .file("class/fc_host/host7/fabric_name", "0x100050eb1a0f5d1e")
            .file("class/fc_host/host7/statistics/link_failure_count", "0x5")
            .file("class/fc_host/host7/statistics/error_frames", "0xffffffffffffffff")
            .file("class/iscsi_host/host3/ipaddress", "10.9.0.2");
        let got = read_adapters(tree.root(), Counters::Read);
        assert_eq!(got.len(), 2);
        assert_eq!((got[0].name.as_str(), got[0].transport.as_str()), ("host7", "fc"));
        assert_eq!(got[0].link.as_deref(), Some("Linkdown"));
        assert_eq!(got[0].counters, [("link_failure_count".to_owned(), 5)]);
        assert_eq!(got[1].port_name.as_deref(), Some("10.9.0.2"));
        assert!(read_adapters(tree.root(), Counters::Skip)[0].counters.is_empty());
    }
}
