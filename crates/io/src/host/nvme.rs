//! NVMe subsystems whose paths the kernel joins by itself.

use pathkeeper_model::local::{LIST_MAX, NvmeNative};

use crate::roots::Roots;
use crate::sysfs::file::{names, read_text};

/// Subsystems and controllers that are looked at.
const ENTRIES_MAX: usize = 1_024;
/// Controllers that are told.
const CONTROLLERS_MAX: usize = 16;

/// Those that are reached over a network, or by several controllers: a disk in the machine's own slot has one way.
pub(super) fn native(roots: &Roots) -> Vec<NvmeNative> {
    let switch = roots.sys.join("module/nvme_core/parameters/multipath");
    if read_text(&switch).as_deref() != Some("Y") {
        return Vec::new();
    }
    let class = roots.sys.join("class/nvme-subsystem");
    let mut out: Vec<NvmeNative> = Vec::new();
    for name in names(&class, ENTRIES_MAX) {
        let at = class.join(&name);
        let is_controller = |name: &String| {
            name.strip_prefix("nvme").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut controllers: Vec<String> =
            names(&at, ENTRIES_MAX).into_iter().filter(is_controller).collect();
        let over_network = controllers
            .iter()
            .filter_map(|name| read_text(&at.join(name).join("transport")))
            .any(|transport| transport != "pcie");
        if !over_network && controllers.len() < 2 {
            continue;
        }
        controllers.truncate(CONTROLLERS_MAX);
        if let Some(nqn) = read_text(&at.join("subsysnqn")) {
            out.push(NvmeNative { nqn, controllers });
        }
    }
    out.sort();
    out.truncate(LIST_MAX);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn subsystems_over_a_network_and_none_in_a_slot() {
        let tree = Tree::new();
        let roots = Roots::below(tree.root());
        let at = "sys/class/nvme-subsystem";
        tree.file(&format!("{at}/nvme-subsys0/subsysnqn"), "nqn.2014.local:ssd\n")
            .file(&format!("{at}/nvme-subsys0/nvme0/transport"), "pcie\n")
            .file(&format!("{at}/nvme-subsys0/nvme0n1/size"), "1\n")
            .file(&format!("{at}/nvme-subsys1/subsysnqn"), "nqn.2014.array:x\n")
            .file(&format!("{at}/nvme-subsys1/nvme1/transport"), "tcp\n")
            .file(&format!("{at}/nvme-subsys1/nvme2/transport"), "tcp\n");
        assert_eq!(native(&roots), []);
        tree.file("sys/module/nvme_core/parameters/multipath", "N\n");
        assert_eq!(native(&roots), []);
        tree.file("sys/module/nvme_core/parameters/multipath", "Y\n");
        let one =
            NvmeNative { nqn: "nqn.2014.array:x".into(), controllers: vec!["nvme1".into(), "nvme2".into()] };
        assert_eq!(native(&roots), [one]);
        // Two ports of one slot are two ways.
        tree.file(&format!("{at}/nvme-subsys0/nvme3/transport"), "pcie\n");
        assert_eq!(native(&roots).len(), 2);
    }
}
