//! Volumes of multipath storages: what is listed, who uses it, and what is not handed out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use pathkeeper_model::detail::{Facts, OnMap};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::guests::users::{Users, users};
use pathkeeper_model::guests::{Guest, GuestKind, Guests};
use pathkeeper_model::local::Pv;
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::orders::{Order, OrderKind, Orders};
use pathkeeper_model::storage_cfg::StorageCfg;
use pathkeeper_model::volumes::{NodeMaps, OnNode, Volume, offer, stable_path, volumes};
use pathkeeper_model::{Entry, EpochS, NodeName, State, Wwid};

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

#[derive(Default)]
struct World {
    storages: &'static str,
    /// `None`: it has not been read.
    config: Option<&'static str>,
    retired: &'static [&'static str],
    /// `vms pv1=wwid`: a volume group that pve1 sees on a LUN.
    group: Option<(&'static str, &'static str)>,
    /// `101 web san:w1`.
    guests: &'static [&'static str],
    /// Sizes that other nodes report.
    sizes: &'static [(&'static str, u64)],
    doubt: Option<&'static str>,
    /// `w1 NAME state 2/4`, `?/4` where it is not known, `suspended` behind.
    maps: &'static [&'static str],
}

impl World {
    fn known(&self) -> (Expectations, Matrix, Guests) {
        let mut expectations = Expectations::new();
        expectations.set_members(&BTreeSet::from([name("pve1"), name("pve2")]));
        expectations.set_storages(Some(&StorageCfg::parse(self.storages.as_bytes())));
        match self.config.map(|text| Reading::parse(Some(text.as_bytes()))) {
            None => {}
            Some(Reading::Good(cfg)) => expectations.set_config(&cfg),
            Some(Reading::Absent) => expectations.set_config(&MultipathCfg::default()),
            Some(Reading::Invalid(why)) => panic!("{why:?}"),
        }
        let order = |lun: &&str| Order {
            id: (*lun).to_owned(),
            kind: OrderKind::Retire,
            wwid: wwid(lun),
            node: None,
            by: "kb".into(),
            time: EpochS(1),
        };
        expectations.set_orders(&Orders { entries: self.retired.iter().map(order).collect() });
        if let Some((group, lun)) = self.group {
            let pv = Pv { vg_name: Some(group.into()), ..Pv::default() };
            let on = OnMap { pvs: vec![pv], targets: BTreeSet::new() };
            let facts = Facts { maps: BTreeMap::from([(wwid(lun), on)]), ..Facts::default() };
            expectations.set_node(&name("pve1"), Some(&facts));
        }
        expectations.take_changes();
        let mut matrix = Matrix::new();
        let entry = |(lun, size): &(&str, u64)| {
            (wwid(lun), Entry { size_bytes: Some(*size), ..Entry::of(State::Optimal) })
        };
        let told: Vec<_> = self.sizes.iter().map(entry).collect();
        matrix.set_report(&name("pve2"), Some(&told));
        matrix.set_online(&name("pve2"), true);
        matrix.set_watched(told.iter().map(|(wwid, _)| wwid.clone()));
        let guest = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let guest = Guest {
                id: words[0].parse().unwrap(),
                kind: GuestKind::Vm,
                name: Some(words[1]).filter(|name| *name != "-").map(str::to_owned),
                node: name("pve2"),
                storages: words[2..]
                    .iter()
                    .map(|volume| volume.split(':').next().unwrap().to_owned())
                    .collect(),
                volumes: words[2..].iter().map(ToString::to_string).collect(),
                ha: false,
            };
            (guest.id, guest)
        };
        let guests = Guests { all: Some(self.guests.iter().map(guest).collect()) };
        (expectations, matrix, guests)
    }

    fn users(&self) -> Users {
        let (expectations, matrix, guests) = self.known();
        users(&expectations, &matrix, &guests)
    }

    fn volumes(&self, storage: &str) -> Result<Vec<Volume>, String> {
        let (expectations, matrix, guests) = self.known();
        let offer = offer(storage, &name("pve1"), &expectations, &matrix, &guests);
        let maps = self.maps.iter().map(|line| map(line)).collect();
        let node = NodeMaps { doubt: self.doubt.map(str::to_owned), maps };
        offer.map(|offer| volumes(offer, &node)).map_err(|why| why.to_string())
    }

    fn check(&self, storage: &str, expect: Expect) {
        let line = |v: &Volume| {
            let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
            format!(
                "{} alias={} map={} {}B {} {}/{} vmid={} used-by={:?}\n  {}\n",
                v.volid,
                or(v.alias.clone()),
                or(v.map.clone()),
                or(v.size_bytes.map(|n| n.to_string())),
                v.state.as_str(),
                or(v.paths_active.map(|n| n.to_string())),
                or(v.paths_total.map(|n| n.to_string())),
                or(v.vmid.map(|n| n.to_string())),
                v.used_by,
                v.unusable.as_ref().map_or_else(|| or(v.path.clone()), |why| format!("NOT: {why}")),
            )
        };
        expect.assert_eq(&match self.volumes(storage) {
            Ok(volumes) => volumes.iter().map(line).collect::<String>(),
            Err(why) => why + "\n",
        });
    }
}

fn map(line: &str) -> OnNode {
    let words: Vec<&str> = line.split(' ').collect();
    let (active, total) = words[3].split_once('/').unwrap();
    OnNode {
        wwid: wwid(words[0]),
        name: words[1].to_owned(),
        size_bytes: Some(10),
        state: State::parse(words[2]).unwrap(),
        paths_active: active.parse().ok(),
        paths_total: total.parse().ok(),
        suspended: words.contains(&"suspended"),
        vgs: words.iter().filter_map(|word| word.strip_prefix("vg=")).map(str::to_owned).collect(),
    }
}

#[test]
fn a_storage_lists_what_it_names_or_what_is_allowed() {
    let world = World {
        storages: "multipath: some\n\twwids w1,w2\n\nmultipath: every\n",
        config: Some("wwid: w1\n\talias oracle\n\nwwid: w3\n\tused-by backup server\n"),
        guests: &["101 web vms:vm-1 some:w1", "102 - every:w3", "103 db every:w3", "104 x lvm:w1"],
        sizes: &[("w3", 30)],
        maps: &["w1 oracle optimal 4/4", "w2 mpatha optimal 4/4"],
        ..World::default()
    };
    world.check(
        "some",
        expect![[r#"
            some:w1 alias=oracle map=oracle 10B optimal 4/4 vmid=101 used-by=["VM 101 web"]
              /dev/disk/by-id/dm-uuid-mpath-w1
            some:w2 alias=- map=mpatha 10B optimal 4/4 vmid=- used-by=[]
              NOT: it is not allowed: multipath.cfg has no section "wwid: w2"
        "#]],
    );
    world.check(
        "every",
        expect![[r#"
            every:w1 alias=oracle map=oracle 10B optimal 4/4 vmid=101 used-by=["VM 101 web"]
              /dev/disk/by-id/dm-uuid-mpath-w1
            every:w3 alias=- map=- 30B missing -/- vmid=- used-by=["VM 102", "VM 103 db", "backup server"]
              NOT: pve1 has no map of it
        "#]],
    );
}

#[test]
fn what_a_node_cannot_use_is_not_handed_out() {
    let check = |map: &'static str, expect: Expect| {
        let maps: &'static [&'static str] = Vec::leak(vec![map]);
        let world = World {
            storages: "multipath: san\n\twwids w1\n",
            config: Some("wwid: w1\n"),
            maps,
            ..World::default()
        };
        expect.assert_eq(world.volumes("san").unwrap()[0].unusable.as_deref().unwrap_or("usable"));
    };
    check("w1 a optimal 4/4", expect!["usable"]);
    check("w1 a degraded 1/4", expect!["usable"]);
    // Nobody checks its paths, and the kernel has some that it would use.
    check("w1 a unknown 2/2", expect!["usable"]);
    check("w1 a failed 0/4", expect!["pve1 can use none of its 4 paths"]);
    check("w1 a failed 1/4", expect!["pve1 can use none of its 4 paths"]);
    check("w1 a degraded 0/4", expect!["pve1 can use none of its 4 paths"]);
    check("w1 a unknown 0/?", expect!["pve1 can use none"]);
    check("w1 a unknown ?/4", expect!["whether pve1 can use any path of it is not known"]);
    check("w1 a optimal 4/4 suspended", expect!["its map a is suspended on pve1: I/O would wait"]);
    check("w2 a optimal 4/4", expect!["pve1 has no map of it"]);
}

#[test]
fn what_people_decided_and_what_is_not_known_comes_first() {
    let base = || World {
        storages: "multipath: san\n\twwids w1\n\nlvm: vms\n\tvgname vg0\n\tshared 1\n\nlvmthin: own\n\tvgname vg1\n\tthinpool tp\n",
        config: Some("wwid: w1\n"),
        maps: &["w1 a optimal 4/4 vg=vg0"],
        ..World::default()
    };
    let check = |world: World, expect: Expect| world.check("san", expect);
    check(
        World { config: None, ..base() },
        expect![[r#"
            san:w1 alias=- map=a 10B optimal 4/4 vmid=- used-by=["VG vg0"]
              NOT: whether it is allowed is not known: multipath.cfg has not been read yet
        "#]],
    );
    check(
        World { config: Some(""), ..base() },
        expect![[r#"
            san:w1 alias=- map=a 10B optimal 4/4 vmid=- used-by=["VG vg0"]
              NOT: it is not allowed: multipath.cfg has no section "wwid: w1"
        "#]],
    );
    check(
        World { retired: &["w1"], ..base() },
        expect![[r#"
            san:w1 alias=- map=a 10B optimal 4/4 vmid=- used-by=["VG vg0"]
              NOT: it was retired on pve1
        "#]],
    );
    check(
        World { group: Some(("vg0", "w1")), ..base() },
        expect![[r#"
            san:w1 alias=- map=a 10B optimal 4/4 vmid=- used-by=["vms"]
              NOT: the storage vms has its data on it
        "#]],
    );
    // A node's own group of the same name may be a guest's, inside its disk.
    check(
        World { group: Some(("vg1", "w1")), guests: &["101 web san:w1"], ..base() },
        expect![[r#"
            san:w1 alias=- map=a 10B optimal 4/4 vmid=101 used-by=["own", "VM 101 web"]
              /dev/disk/by-id/dm-uuid-mpath-w1
        "#]],
    );
    check(
        World { doubt: Some("pve1 said nothing for 190 s"), ..base() },
        expect![[r#"
            san:w1 alias=- map=a 10B optimal 4/4 vmid=- used-by=["VG vg0"]
              NOT: pve1 said nothing for 190 s
        "#]],
    );
    check(
        World { doubt: Some("nobody told"), maps: &[], ..base() },
        expect![[r#"
            san:w1 alias=- map=- -B unknown -/- vmid=- used-by=[]
              NOT: nobody told
        "#]],
    );
}

#[test]
fn a_disabled_lvm_storage_still_has_its_data() {
    World {
        storages: "multipath: san\n\nlvm: old\n\tvgname vg0\n\tbase iscsi:0.0.1.scsi-w1\n\tdisable\n\nmultipath: other\n\twwids w1\n",
        config: Some("wwid: w1\n"),
        maps: &["w1 a optimal 4/4"],
        ..World::default()
    }
    .check(
        "san",
        expect![[r#"
            san:w1 alias=- map=a 10B optimal 4/4 vmid=- used-by=["old"]
              NOT: the storage old has its data on it
        "#]],
    );
}

#[test]
fn a_storage_that_offers_nothing_says_why() {
    let world = World {
        storages: "multipath: off\n\tdisable\n\nmultipath: there\n\tnodes pve2,pve3\n\nnfs: files\n\nlvm: vms\n\tvgname v0\n",
        config: Some(""),
        ..World::default()
    };
    let check = |storage: &str, expect: Expect| world.check(storage, expect);
    check(
        "san",
        expect![[r#"
        there is no storage san in storage.cfg, as far as this agent has read it
    "#]],
    );
    check(
        "vms",
        expect![[r#"
            the storage vms is of type lvm; LUNs are the volumes of storages of type multipath alone
        "#]],
    );
    check(
        "files",
        expect![[r#"
        the storage files is of type nfs; LUNs are the volumes of storages of type multipath alone
    "#]],
    );
    check(
        "off",
        expect![[r#"
        the storage off is disabled in storage.cfg
    "#]],
    );
    check(
        "there",
        expect![[r#"
        the storage there is not for pve1: its nodes in storage.cfg are pve2, pve3
    "#]],
    );
}

#[test]
fn a_path_is_one_that_udev_makes_to_the_letter() {
    let check = |text: &str, expect: Option<&str>| {
        assert_eq!(stable_path(&wwid(text)).as_deref(), expect, "{text}");
    };
    check(
        "3600a098038304479363f4c4870455a71",
        Some("/dev/disk/by-id/dm-uuid-mpath-3600a098038304479363f4c4870455a71"),
    );
    check("eui.0025388b910012ab", Some("/dev/disk/by-id/dm-uuid-mpath-eui.0025388b910012ab"));
    check("nvme.1234-5678+a:b", Some("/dev/disk/by-id/dm-uuid-mpath-nvme.1234-5678+a:b"));
    for bad in ["a/b", "a,b", "a=b", "a#b", "a b", "a\u{e9}", "a\\x20"] {
        check(bad, None);
    }
    let odd = World {
        storages: "multipath: san\n",
        config: Some("wwid: a=b\n"),
        maps: &["a=b m optimal 4/4"],
        ..World::default()
    };
    odd.check(
        "san",
        expect![[r#"
        san:a=b alias=- map=m 10B optimal 4/4 vmid=- used-by=[]
          NOT: its WWID has characters that cannot stand in a volume's name
    "#]],
    );
}

#[test]
fn who_needs_a_lun_has_a_disk_on_its_storage_or_the_lun_itself() {
    let world = World {
        storages: "multipath: san\n\nlvm: vms\n\tvgname vg1\n\tshared 1\n\ndir: files\n\tpath /srv\n",
        group: Some(("vg1", "w1")),
        guests: &[
            "101 web vms:vm-101-disk-0 files:iso",
            "102 - san:w2 san:w2",
            "103 db",
            "104 x san:",
            "105 y nothing:w1",
        ],
        sizes: &[("w1", 1), ("w2", 1)],
        ..World::default()
    };
    let users = world.users();
    assert!(users.told);
    assert_eq!(users.luns, BTreeMap::from([(wwid("w1"), BTreeSet::from(["vms".to_owned()]))]));
    let seen: Vec<_> =
        users.guests.iter().map(|user| (user.guest.id, user.storages.join(","), user.luns.clone())).collect();
    let none = Vec::new;
    assert_eq!(
        seen,
        [
            (101, "files,vms".to_owned(), none()),
            // All of its LUNs are no disk of it, the one is.
            (102, String::new(), vec![wwid("w2")]),
            (105, "nothing".to_owned(), none()),
        ]
    );
    let (expectations, matrix, _) = world.known();
    let nobody = pathkeeper_model::guests::users::users(&expectations, &matrix, &Guests::default());
    assert!(!nobody.told && nobody.guests.is_empty() && !nobody.luns.is_empty());
}
