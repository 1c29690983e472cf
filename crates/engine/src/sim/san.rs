//! The simulated SAN: what stands there, and what state each part of it is in.

use super::multipathd::Retry;
use super::rng::Rng;
use pathkeeper_model::{NodeName, Wwid};
use std::fmt;

/// How large a SAN is asked for, and which one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SanConfig {
    /// Nodes, 1 to [`SanConfig::NODES_MAX`].
    pub nodes: usize,
    /// LUNs, 1 to [`SanConfig::LUNS_MAX`].
    pub luns: usize,
    /// Paths from each node to each LUN, 1 to [`SanConfig::PATHS_MAX`].
    pub paths: usize,
    /// Names, WWIDs and sizes depend on this number alone.
    pub seed: u64,
}

impl SanConfig {
    /// Most nodes: node numbers go into one byte of each WWPN, and each node is a whole agent in a demo.
    pub const NODES_MAX: usize = 64;
    /// Most LUNs. Hosts of today see some thousands at the very most.
    pub const LUNS_MAX: usize = 4000;
    /// Most paths to one LUN.
    pub const PATHS_MAX: usize = 32;
    /// Most path devices in all (nodes × LUNs × paths).
    pub const DEVICES_MAX: usize = 250_000;

    /// Whether such a SAN can be built.
    pub fn check(&self) -> Result<(), SanError> {
        let sized = [
            ("nodes", self.nodes, Self::NODES_MAX),
            ("LUNs", self.luns, Self::LUNS_MAX),
            ("paths", self.paths, Self::PATHS_MAX),
        ];
        for (what, n, max) in sized {
            if n == 0 || n > max {
                return Err(SanError::OutOfBounds { what, n, max });
            }
        }
        let devices = self.nodes * self.luns * self.paths;
        if devices > Self::DEVICES_MAX {
            return Err(SanError::OutOfBounds {
                what: "path devices (nodes times LUNs times paths)",
                n: devices,
                max: Self::DEVICES_MAX,
            });
        }
        Ok(())
    }
}

/// Why there is no such SAN, or why an operation does not fit it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SanError {
    /// A number outside its bounds.
    #[error("{n} {what} cannot be simulated: choose 1 to {max}")]
    OutOfBounds {
        /// Of what.
        what: &'static str,
        /// How many were asked for.
        n: usize,
        /// The most.
        max: usize,
    },
    /// An operation names something that this SAN has not.
    #[error("this SAN has no {what} number {index}")]
    NoSuch {
        /// What.
        what: &'static str,
        /// Counted from 0.
        index: usize,
    },
}

/// One LUN of the array.
#[derive(Clone, Debug)]
pub struct Lun {
    /// Its WWID: NetApp's form, the serial number in hexadecimal.
    pub wwid: Wwid,
    /// The alias that every node gives it.
    pub alias: String,
    /// Serial number, 12 characters.
    pub serial: String,
    /// What the array says now; maps keep their size until they are resized.
    pub size_bytes: u64,
    /// LUN number, the same on every node.
    pub number: usize,
    /// Which controller owns it, counted from 0: paths by the other one have the lower priority.
    pub owner: usize,
    /// What its maps do without a path.
    pub retry: Retry,
}

/// One port of the array. Port `t` of fabric `f` is target `t` of every node's adapter in that fabric.
#[derive(Clone, Debug)]
pub struct TargetPort {
    /// `ctl1-0e`.
    pub name: String,
    /// World wide port name.
    pub wwpn: u64,
    /// World wide node name of the array.
    pub wwnn: u64,
    /// 0 for A, 1 for B.
    pub fabric: usize,
    /// Controller, counted from 0.
    pub controller: usize,
    /// Whether it is up.
    pub up: bool,
}

/// What a node's multipathd does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DaemonMode {
    /// Works and answers at once.
    Running,
    /// Works, and answers late.
    Slow {
        /// By how much, milliseconds.
        delay_ms: u32,
    },
    /// Stuck in its configuration: says so, and all else times out.
    Reconfiguring,
    /// Takes connections and never answers.
    Hung,
    /// The process is there and its socket refuses.
    Refusing,
    /// Not running.
    Stopped,
}

impl DaemonMode {
    /// It checks paths and reinstates them.
    pub fn works(self) -> bool {
        matches!(self, DaemonMode::Running | DaemonMode::Slow { .. })
    }
    /// The process exists.
    pub fn is_alive(self) -> bool {
        self != DaemonMode::Stopped
    }
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name: `pve1`, …
    pub name: NodeName,
    /// Whether it runs at all.
    pub alive: bool,
    /// What its multipathd does.
    pub daemon: DaemonMode,
    /// Process id of that multipathd; another one after each start.
    pub pid: u32,
    /// Fibre Channel adapters, one per fabric.
    pub adapters: Vec<Adapter>,
    /// Its side of every LUN, in the order of [`San::luns`].
    pub luns: Vec<NodeLun>,
}

/// A host adapter.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// `host6`.
    pub name: String,
    /// SCSI host number.
    pub host: usize,
    /// World wide port name.
    pub wwpn: u64,
    /// World wide node name.
    pub wwnn: u64,
    /// PCI address.
    pub pci: String,
    /// World wide name of its fabric.
    pub fabric_name: u64,
    /// Link state.
    pub up: bool,
    /// Times that the link was lost.
    pub link_failures: u64,
}

/// One LUN as one node sees it.
#[derive(Clone, Debug)]
pub struct NodeLun {
    /// The array lets this node use it.
    pub mapped: bool,
    /// multipathd assembled a map of it.
    pub assembled: bool,
    /// The map is suspended.
    pub suspended: bool,
    /// The map's size: that of the LUN when the map was last loaded.
    pub map_size_bytes: u64,
    /// Milliseconds of retrying left; `None` while there are paths, 0 when used up.
    pub retry_left_ms: Option<u64>,
    /// Milliseconds spent retrying.
    pub queued_ms: u64,
    /// Which group is in use.
    pub active_group: Option<usize>,
    /// Counters as multipathd has them.
    pub counters: Counters,
    /// Kernel's sequence number of this map's events.
    pub dm_seqnum: u32,
    /// Last action on the map, in multipathd's word.
    pub action: &'static str,
    /// Paths in the order of adapter and target.
    pub paths: Vec<Path>,
}

/// A map's counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Path failures.
    pub path_faults: u32,
    /// Times without any path.
    pub failures: u32,
    /// Group switches.
    pub switch_grp: u32,
    /// Table loads.
    pub map_loads: u32,
    /// Entries into retrying.
    pub q_timeouts: u32,
}

/// One path device.
#[derive(Clone, Debug)]
pub struct Path {
    /// `sdX`.
    pub dev: String,
    /// Major and minor.
    pub dev_t: (usize, usize),
    /// Which adapter of the node.
    pub adapter: usize,
    /// SCSI target number on that adapter.
    pub target: usize,
    /// Which port of [`San::ports`].
    pub port: usize,
    /// Priority while it is up.
    pub priority: i32,
    /// What was done to this path alone.
    pub set: PathSet,
    /// device-mapper has failed it.
    pub kernel_failed: bool,
    /// Failures counted.
    pub failures: u32,
}

/// What can be done to one path.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PathSet {
    /// Nothing is wrong.
    Up,
    /// I/O on it fails; the device itself runs.
    Fail,
    /// The device is offline.
    Offline,
    /// Its port is a standby: usable after a failover.
    Ghost,
    /// It came back too often and is kept down.
    Shaky,
    /// The device is gone.
    Deleted,
}

/// What a path is, all causes together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Usable.
    Up,
    /// Usable after a failover.
    Ghost,
    /// Kept down by the checker.
    Shaky,
    /// Fails; the device runs.
    Failing,
    /// The device is offline.
    Offline,
    /// There is no device.
    Gone,
}

impl Condition {
    /// I/O can go this way.
    pub fn is_usable(self) -> bool {
        matches!(self, Condition::Up | Condition::Ghost)
    }
}

/// A SAN and its nodes.
#[derive(Clone, Debug)]
pub struct San {
    /// How it was asked for.
    pub config: SanConfig,
    /// The array's LUNs, ordered by number.
    pub luns: Vec<Lun>,
    /// The array's ports: those of fabric A, then those of B.
    pub ports: Vec<TargetPort>,
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// Vendor as SCSI says it.
pub const VENDOR: &str = "NETAPP";
/// Product as SCSI says it.
pub const PRODUCT: &str = "LUN C-Mode";
/// Revision as SCSI says it.
pub const REVISION: &str = "9141";
/// Major number of device-mapper on the simulated nodes.
pub const DM_MAJOR: usize = 252;
/// First SCSI host number of the Fibre Channel adapters; the lower ones are disks inside the machine.
const FIRST_HOST: usize = 6;

impl San {
    /// Builds a SAN with everything up and every map assembled.
    pub fn new(config: SanConfig) -> Result<Self, SanError> {
        config.check()?;
        let mut rng = Rng::new(config.seed);
        let fabrics = config.paths.min(2);
        let targets = config.paths.div_ceil(2);
        let array = 0x00a0_9800_0000 | (rng.next_u64() & 0x00ff_ffff);
        let mut ports = Vec::new();
        for fabric in 0..fabrics {
            for target in 0..targets {
                let controller = target % 2;
                let letter = if fabric == 0 { 'e' } else { 'f' };
                ports.push(TargetPort {
                    name: format!("ctl{}-{}{letter}", controller + 1, target / 2),
                    wwpn: (0x2001 + (fabric * targets + target) as u64) << 48 | array,
                    wwnn: 0x2000 << 48 | array,
                    fabric,
                    controller,
                    up: true,
                });
            }
        }
        let luns = luns(&config, &mut rng, targets.min(2));
        let nodes =
            (0..config.nodes).filter_map(|n| node(&config, n, &luns, &ports, fabrics, targets)).collect();
        let mut san = San { config, luns, ports, nodes };
        san.settle_all();
        Ok(san)
    }

    /// What a path is, all causes together. A path that does not exist is gone.
    pub fn condition(&self, node: &Node, lun: &NodeLun, path: &Path) -> Condition {
        let adapter_up = node.adapters.get(path.adapter).is_some_and(|a| a.up);
        let port_up = self.ports.get(path.port).is_some_and(|p| p.up);
        match path.set {
            PathSet::Deleted => Condition::Gone,
            _ if !adapter_up || !port_up => Condition::Offline,
            PathSet::Offline => Condition::Offline,
            _ if !lun.mapped => Condition::Failing,
            PathSet::Fail => Condition::Failing,
            PathSet::Shaky => Condition::Shaky,
            PathSet::Ghost => Condition::Ghost,
            PathSet::Up => Condition::Up,
        }
    }

    /// `A` or `B`.
    pub fn fabric_letter(fabric: usize) -> char {
        if fabric == 0 { 'A' } else { 'B' }
    }
}

impl Path {
    /// `8:16`.
    pub fn dev_t_text(&self) -> String {
        format!("{}:{}", self.dev_t.0, self.dev_t.1)
    }
    /// `host:channel:target:lun`.
    pub fn hctl(&self, node: &Node, lun: &Lun) -> String {
        let host = node.adapters.get(self.adapter).map_or(0, |a| a.host);
        format!("{host}:0:{}:{}", self.target, lun.number)
    }
}

fn luns(config: &SanConfig, rng: &mut Rng, controllers: usize) -> Vec<Lun> {
    const CHARS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz0123456789";
    const USES: [&str; 8] = ["vm-prod", "vm-test", "backup", "oracle", "k8s-pv", "mail", "files", "archive"];
    const SIZES_GIB: [u64; 6] = [100, 250, 500, 1024, 2048, 4096];
    let mut letters =
        |n: usize| -> String { (0..n).map(|_| char::from(*rng.pick(CHARS).unwrap_or(&b'A'))).collect() };
    // All LUNs of one array begin alike.
    let array = format!("80{}", letters(5));
    let mut taken = std::collections::BTreeSet::new();
    let mut luns = Vec::with_capacity(config.luns);
    let mut used = [0usize; USES.len()];
    for number in 0..config.luns {
        let serial = loop {
            let serial = format!("{array}{}", letters(5));
            if taken.insert(serial.clone()) {
                break serial;
            }
        };
        let wwid = format!("3600a0980{}", serial.bytes().map(|b| format!("{b:02x}")).collect::<String>());
        let Some(wwid) = Wwid::new(&wwid) else { continue };
        luns.push((wwid, serial, number));
    }
    luns.into_iter()
        .map(|(wwid, serial, number)| {
            // Half of all LUNs are the virtual machines that one buys a SAN for.
            let kind = if rng.below(2) == 0 { 0 } else { rng.below(USES.len()) };
            let count = used.get_mut(kind).map_or(0, |n| {
                *n += 1;
                *n
            });
            Lun {
                wwid,
                alias: format!("{}-{count:02}", USES.get(kind).unwrap_or(&"lun")),
                serial,
                size_bytes: rng.pick(&SIZES_GIB).copied().unwrap_or(100) << 30,
                number,
                owner: number % controllers.max(1),
                retry: Retry::Queue,
            }
        })
        .collect()
}

fn node(
    config: &SanConfig,
    n: usize,
    luns: &[Lun],
    ports: &[TargetPort],
    fabrics: usize,
    targets: usize,
) -> Option<Node> {
    let name = NodeName::new(&format!("pve{}", n + 1))?;
    let adapters = (0..fabrics).map(|fabric| {
        // QLogic's form: the node in the last byte but one, the port in the last.
        let id = 0x0024_ff4a_0000 | ((n as u64 + 0x11) << 8) | (fabric as u64 + 6);
        Adapter {
            name: format!("host{}", FIRST_HOST + fabric),
            host: FIRST_HOST + fabric,
            wwpn: 0x2100 << 48 | id,
            wwnn: 0x2000 << 48 | id,
            pci: format!("0000:3b:00.{fabric}"),
            fabric_name: 0x1000_c4f5_7c00_0000 | (0xa0 + fabric as u64 * 0x10),
            up: true,
            link_failures: 0,
        }
    });
    let lun_of = |(l, lun): (usize, &Lun)| {
        let mut paths = Vec::with_capacity(config.paths);
        for adapter in 0..fabrics {
            for target in 0..targets {
                if paths.len() == config.paths {
                    break; // An odd number of paths: the last target of fabric B is not zoned.
                }
                let port = adapter * targets + target;
                let optimised = ports.get(port).is_some_and(|p| p.controller == lun.owner);
                // The kernel names disks in the order of scanning: adapter, target, LUN. sda is inside the machine.
                let index = 1 + (adapter * targets + target) * luns.len() + l;
                paths.push(Path {
                    dev: disk_name(index),
                    dev_t: disk_numbers(index),
                    adapter,
                    target,
                    port,
                    priority: if optimised { 50 } else { 10 },
                    set: PathSet::Up,
                    kernel_failed: false,
                    failures: 0,
                });
            }
        }
        NodeLun {
            mapped: true,
            assembled: true,
            suspended: false,
            map_size_bytes: lun.size_bytes,
            retry_left_ms: None,
            queued_ms: 0,
            active_group: None,
            counters: Counters { map_loads: 1, ..Counters::default() },
            dm_seqnum: 0,
            action: "create",
            paths,
        }
    };
    Some(Node {
        name,
        alive: true,
        daemon: DaemonMode::Running,
        pid: 800 + n as u32,
        adapters: adapters.collect(),
        luns: luns.iter().enumerate().map(lun_of).collect(),
    })
}

/// `sda`, …, `sdz`, `sdaa`, … for 0, 1, …
pub fn disk_name(index: usize) -> String {
    let mut letters = Vec::new();
    let mut n = index + 1;
    while n > 0 {
        n -= 1;
        letters.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
    }
    format!("sd{}", letters.iter().rev().collect::<String>())
}

/// Major and minor of the disk with this number (the kernel's sd_major() and MKDEV in drivers/scsi/sd.c).
pub fn disk_numbers(index: usize) -> (usize, usize) {
    let major = match (index & 0xf0) >> 4 {
        0 => 8,
        n @ 1..=7 => 65 + n - 1,
        n => 128 + n - 8,
    };
    (major, ((index & 0xf) << 4) | (index & 0xfff00))
}

impl fmt::Display for DaemonMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonMode::Running => f.write_str("start"),
            DaemonMode::Slow { delay_ms } => write!(f, "slow {delay_ms}ms"),
            DaemonMode::Reconfiguring => f.write_str("reconfigure"),
            DaemonMode::Hung => f.write_str("hang"),
            DaemonMode::Refusing => f.write_str("refuse"),
            DaemonMode::Stopped => f.write_str("stop"),
        }
    }
}
