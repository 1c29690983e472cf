//! Guests: who runs where and on which storages, read little by little.

use std::fmt::Write as _;
use std::sync::Arc;

use pathkeeper_io::store::{GuestsSeen, Store, StoreError};
use pathkeeper_model::guests::Guests;

use super::server::hex;
use super::{Cluster, SOON, until};

/// Tells all servers this list: number, node, type, version.
fn list(cluster: &Cluster, counter: u64, guests: &[(u32, &str, &str, u64)]) {
    let ids: Vec<String> = guests
        .iter()
        .map(|(id, node, kind, version)| {
            format!("\"{id}\":{{\"node\":\"{node}\",\"type\":\"{kind}\",\"version\":{version}}}")
        })
        .collect();
    let text = format!("{{\"version\":{counter},\"ids\":{{{}}}}}", ids.join(","));
    raw(cluster, counter, &text);
}

fn raw(cluster: &Cluster, counter: u64, text: &str) {
    cluster.tell("pve1", &format!("vmlist {counter} {}", hex(text.as_bytes())));
    cluster.ask("pve1", "sync");
}

fn conf(cluster: &Cluster, path: &str, text: &str) {
    let whole = cluster.mount().join(path);
    std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
    cluster.file(path, text.as_bytes());
}

async fn look(store: &Arc<dyn Store>) -> GuestsSeen {
    store.guests().await.unwrap()
}

/// `vm:101 web on pve1: vms (ha)`, a line each.
fn text(guests: Option<&Guests>) -> String {
    let mut out = String::new();
    for guest in guests.iter().flat_map(|guests| guests.all.as_ref().unwrap().values()) {
        let storages: Vec<&str> = guest.storages.iter().map(String::as_str).collect();
        let ha = if guest.ha { " ha" } else { "" };
        let name = guest.name.as_deref().unwrap_or("-");
        writeln!(out, "{:?}:{} {name} on {}: {}{ha}", guest.kind, guest.id, guest.node, storages.join(" "))
            .unwrap();
    }
    out
}

/// Files that were asked for.
fn files_read(cluster: &Cluster) -> u64 {
    cluster.counts("pve1").get("6").copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libqb"]
async fn pmxcfs_guests_are_read_and_only_what_changed_again() {
    let mut cluster = Cluster::start(&["pve1", "pve2"]);
    let store = cluster.open("pve1");
    assert_eq!(text(look(&store).await.guests.as_deref()), "", "a cluster without guests has none");
    conf(&cluster, "nodes/pve1/qemu-server/101.conf", "name: web\nscsi0: vms:vm-101-disk-0,size=1G\n");
    conf(
        &cluster,
        "nodes/pve2/lxc/102.conf",
        "hostname: ct\nrootfs: cts:vm-102-disk-0\n[snap]\nmp0: gone:x\n",
    );
    conf(&cluster, "ha/resources.cfg", "vm: 101\n\tstate started\n");
    list(&cluster, 2, &[(101, "pve1", "qemu", 1), (102, "pve2", "lxc", 1)]);
    let seen = look(&store).await;
    assert!(seen.whole);
    let before = "Vm:101 web on pve1: vms ha\nCt:102 ct on pve2: cts\n";
    assert_eq!(text(seen.guests.as_deref()), before);

    let read = files_read(&cluster);
    let same = look(&store).await;
    assert!(Arc::ptr_eq(&same.guests.unwrap(), seen.guests.as_ref().unwrap()));
    assert_eq!(files_read(&cluster), read, "nothing is read while nothing changes");

    conf(&cluster, "nodes/pve1/qemu-server/101.conf", "name: web\nscsi0: other:vm-101-disk-0\n");
    list(&cluster, 3, &[(101, "pve1", "qemu", 2), (102, "pve2", "lxc", 1)]);
    assert_eq!(
        text(look(&store).await.guests.as_deref()),
        "Vm:101 web on pve1: other ha\nCt:102 ct on pve2: cts\n"
    );
    assert_eq!(files_read(&cluster), read + 2, "its configuration and what HA looks after");

    list(&cluster, 4, &[(102, "pve2", "lxc", 1)]);
    assert_eq!(text(look(&store).await.guests.as_deref()), "Ct:102 ct on pve2: cts\n");

    // A list that cannot be read is an error, and no empty cluster.
    raw(&cluster, 5, "{\"version\":5}");
    assert!(matches!(store.guests().await, Err(StoreError::Refused(_))));

    // Another pmxcfs counts anew: everything is read again.
    cluster.kill("pve1");
    assert!(store.guests().await.is_err());
    cluster.start_node("pve1");
    cluster.members(1);
    conf(&cluster, "nodes/pve2/lxc/102.conf", "hostname: new\nrootfs: cts:vm-102-disk-0\n");
    list(&cluster, 4, &[(102, "pve2", "lxc", 1)]);
    until("the new one is asked", SOON, async || {
        let seen = store.guests().await;
        seen.is_ok_and(|seen| text(seen.guests.as_deref()).contains("new"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libqb"]
async fn pmxcfs_guests_are_told_when_all_were_read() {
    let cluster = Cluster::start(&["pve1"]);
    let store = cluster.open("pve1");
    let many: Vec<(u32, &str, &str, u64)> = (100..550).map(|id| (id, "pve1", "qemu", 1)).collect();
    for (id, ..) in &many {
        conf(&cluster, &format!("nodes/pve1/qemu-server/{id}.conf"), "scsi0: vms:x\n");
    }
    list(&cluster, 2, &many);
    let mut rounds = 0;
    loop {
        let before = files_read(&cluster);
        let seen = look(&store).await;
        rounds += 1;
        assert!(files_read(&cluster) - before <= 201, "a round is bounded");
        if seen.whole {
            assert_eq!(seen.guests.unwrap().on_storage("vms").count(), 450);
            break;
        }
        assert_eq!(seen.guests, None, "a part is not told as if it were the whole");
    }
    assert_eq!(rounds, 3);

    // One that is listed and has no configuration does not keep the others from being told.
    list(&cluster, 3, &[(100, "pve1", "qemu", 1), (999, "pve1", "qemu", 1)]);
    assert!(!look(&store).await.whole);
    let seen = look(&store).await;
    assert!(seen.whole);
    assert_eq!(text(seen.guests.as_deref()), "Vm:100 - on pve1: vms\nVm:999 - on pve1: \n");
}
