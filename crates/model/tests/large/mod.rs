//! A large node's read, as a real one looks: two adapters, four target ports, random serials.
#![allow(clippy::expect_used, reason = "a test may panic")]

use pathkeeper_model::local::*;
use pathkeeper_model::{EpochS, Wwid};

pub fn adapter(n: usize) -> Adapter {
    Adapter {
        name: format!("host{n}"),
        transport: "fc".into(),
        port_name: None,
        fabric: None,
        link: None,
        speed: None,
        counters: vec![("link_failure_count".into(), n as u64)],
    }
}

pub fn node(maps: usize, paths: usize) -> NodeRead {
    let mut disk = 0;
    let mut device = |map: usize, n: usize, wwid: &Wwid| {
        disk += 1;
        PathDevice {
            dm: DmState::Active,
            check: CheckState::Ready,
            device: DevState::Running,
            words: ["active", "ready", "running"].map(Into::into),
            wwid: Some(wwid.clone()),
            priority: if n.is_multiple_of(2) { 50 } else { 10 },
            hctl: Some(format!("{}:0:{}:{map}", 6 + n / 4, n % 4).into()),
            adapter: Some(format!("host{}", 6 + n / 4).into()),
            adapter_port: Some(format!("21:00:00:24:ff:4a:11:{:02x}", n / 4).into()),
            target_port: Some(format!("50:0a:09:81:86:77:a5:{:02x}", n % 4).into()),
            target_node: Some("50:0a:09:80:86:77:a5:00".into()),
            transport: Some("fc".into()),
            size_bytes: Some(1 << 40),
            serial: Some(format!("80D8x?{:08x}", map as u32 ^ 0x5bd1_e995).into()),
            failures: Some(0),
            ..PathDevice::unknown(&format!("sd{disk}"), &format!("{}:{}", 65 + disk / 16, disk % 16 * 16))
        }
    };
    let map = |n: usize| {
        let id = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let wwid = Wwid::new(&format!("3600a098038304479{id:016x}")).expect("not empty");
        let all: Vec<PathDevice> = (0..paths).map(|p| device(n, p, &wwid)).collect();
        let group = |even: bool, priority| PathGroup {
            selector: "service-time 0".into(),
            priority,
            status: if even { "active" } else { "enabled" }.into(),
            marginal: false,
            paths: all.iter().filter(|p| (p.priority == 50) == even).cloned().collect(),
        };
        Map {
            dm: Some(format!("dm-{n}")),
            size_bytes: Some(1 << 40),
            open_count: Some(1),
            holders: vec![format!("dm-{}", 1000 + n)],
            queueing: Queueing::Checks(18),
            features: "1 queue_if_no_path".into(),
            hwhandler: "1 alua".into(),
            write_prot: "rw".into(),
            failback: "immediate".into(),
            vendor: "NETAPP".into(),
            product: "LUN C-Mode".into(),
            revision: "9131".into(),
            serial: all.first().and_then(|p| p.serial.clone()),
            groups: vec![group(true, 50), group(false, 10)],
            ..Map::unknown(&format!("lun{n:04}"), wwid)
        }
    };
    NodeRead {
        maps: (0..maps).map(map).collect::<Vec<_>>(),
        tools_version: Some("0.9.4".into()),
        ..NodeRead::empty(EpochS(1_783_082_400), Daemon::Answering { pid: Some(612) })
    }
}
