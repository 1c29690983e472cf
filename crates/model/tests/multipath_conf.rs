//! multipath's own configuration: lines and places, rules that exclude devices, settings that hurt.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use pathkeeper_model::local::{Daemon, HostFacts, Map, NodeRead, PathDevice, PathGroup, Setting};
use pathkeeper_model::multipath_conf::{Conf, Context, Device, Rules, in_force, lint};
use pathkeeper_model::reboot::RebootDoubts;
use pathkeeper_model::{EpochS, Wwid};
use proptest::prelude::*;

fn entries(text: &str) -> Vec<String> {
    let conf = Conf::parse([("f", text)]);
    conf.entries.iter().map(|of| format!("{} {}={} {}", of.section, of.key, of.value, of.at.line)).collect()
}

fn complaints(text: &str) -> Vec<String> {
    Conf::parse([("f", text)]).complaints.iter().map(|of| format!("{} {}", of.at, of.what)).collect()
}

#[test]
fn lines_are_read_as_multipathd_reads_them() {
    let check = |text: &str, expect: &[&str]| {
        assert_eq!(entries(text), expect, "{text}");
        assert_eq!(complaints(text), Vec::<String>::new(), "{text}");
    };
    check("", &[]);
    check("# a\n! b\n\n  defaults {\n\tno_path_retry 12 # c\n}\n", &["defaults no_path_retry=12 5"]);
    check("defaults {\nfeatures \"1 queue_if_no_path\"!x\n}", &["defaults features=1 queue_if_no_path 2"]);
    check("blacklist {\nwwid \"a\"\"b#{\"\n}", &["blacklist wwid=a\"b#{ 2"]);
    check("blacklist {\ndevnode \"!^sd\"\n}", &["blacklist devnode=!^sd 2"]);
    check(
        "devices {\n device {\n vendor X\n }\n}\nmultipaths {\nmultipath {\nwwid 3600a\nalias \"\"\n}\n}",
        &["devices.device vendor=X 3", "multipaths.multipath wwid=3600a 8", "multipaths.multipath alias= 9"],
    );
    check("overrides {\nprotocol {\ntype scsi:fcp\n}\n}\r\n", &["overrides.protocol type=scsi:fcp 3"]);
}

#[test]
fn what_is_passed_over_is_told_with_its_line() {
    let check = |text: &str, entry: &[&str], complaint: &[&str]| {
        assert_eq!((entries(text), complaints(text)), (own(entry), own(complaint)), "{text}");
    };
    fn own(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }
    // Each of these was given to a real multipathd (samples, 80-bad-config-reconfigure).
    check(
        "defaults {\nno_path_retry 3\n",
        &["defaults no_path_retry=3 2"],
        &["f:1 section defaults is not closed"],
    );
    check(
        "defaults\n{\nno_path_retry 3\n}",
        &[],
        &[
            "f:1 `{` is missing after defaults: the section is not opened",
            "f:2 `{` must stand on the line of its section: that section is not opened",
            "f:3 no_path_retry stands outside of any section and is ignored",
            "f:4 `}` closes nothing",
        ],
    );
    check(
        "defaults {\nprio \"alua\n}",
        &["defaults prio=alua 2"],
        &["f:2 the quote after prio is not closed"],
    );
    check("defaults {\nprio\n}", &[], &["f:2 prio has no value and is ignored"]);
    check(
        "defaults {\npath_selector round-robin 0\n}",
        &["defaults path_selector=round-robin 2"],
        &["f:2 path_selector takes one word or one text in quotes: the rest of the line is ignored"],
    );
    check(
        "default {\nprio alua\n}\nblacklist {\n}",
        &[],
        &["f:1 section default is not known here (at the top): all of it is ignored"],
    );
    let long = format!("defaults {{\nprio {}\n}}", "x".repeat(2_000));
    assert_eq!(complaints(&long).len(), 1);
}

#[test]
fn files_come_one_after_the_other_and_the_last_word_counts() {
    let conf = Conf::parse([
        ("a", "defaults {\nno_path_retry 3\n"),
        (
            "b",
            "defaults {\nno_path_retry queue\n}\ndevices {\ndevice {\nvendor X\n}\ndevice {\nvendor Y\n}\n}",
        ),
    ]);
    let last = conf.last("defaults", "no_path_retry").unwrap();
    assert_eq!((last.value.as_str(), last.at.to_string()), ("queue", "b:2".to_owned()));
    let blocks: Vec<u32> = conf.entries.iter().filter(|of| of.key == "vendor").map(|of| of.block).collect();
    assert!(matches!(blocks[..], [a, b] if a != b), "{blocks:?}");
}

const SHOWN: &str = include_str!("../../../tests/data/multipathd/0.9.4/show-config-local.txt");

#[test]
fn what_multipathd_prints_is_read_whole() {
    let conf = Conf::parse([("show config", SHOWN)]);
    assert_eq!(conf.complaints, []);
    let settings = in_force(&conf, |text| text.len().to_string());
    let host = HostFacts { settings, ..HostFacts::default() };
    assert_eq!(host.setting("find_multipaths"), Some("strict"));
    assert_eq!(host.setting("polling_interval"), Some("5"));
    assert_eq!(host.setting("blacklist"), None);
    assert!(host.settings.iter().any(|of| of.name == "blacklist"), "{:?}", host.settings);
    // What nobody wrote is nobody's fault.
    let lints = lint(&Conf::default(), Some(&conf), &Context { fencing: Some("it") });
    assert_eq!(lints, []);
    let unknown: Vec<_> =
        lint(&conf, None, &Context::default()).into_iter().filter(|of| of.name == "unreadable").collect();
    assert_eq!(unknown, []);
}

fn device<'a>(name: &'a str, wwid: &'a str) -> Device<'a> {
    Device {
        name,
        vendor: Some("NETAPP"),
        product: Some("LUN C-Mode"),
        protocol: "scsi:fcp",
        wwid: Some(wwid),
        properties: &["DEVNAME", "ID_SERIAL", "ID_WWN", "SCSI_IDENT_SERIAL"],
        uid_attribute: "ID_SERIAL",
    }
}

#[test]
fn the_rule_that_excludes_a_device_is_named_with_its_line() {
    let check = |text: &str, device: &Device<'_>, expect: Option<&str>| {
        let files = Conf::parse([("/etc/multipath.conf", text)]);
        assert_eq!(Rules::of(&files, None).excluding(device).as_deref(), expect, "{text}");
    };
    let sdk = device("sdk", "3600a");
    check("", &sdk, None);
    check("", &device("vda", "x"), Some("devnode \"!^(sd[a-z]|dasd[a-z]|nvme[0-9])\" (built in)"));
    check("blacklist {\nwwid \"^3600\"\n}", &sdk, Some("wwid \"^3600\" (/etc/multipath.conf:2)"));
    check("blacklist {\nwwid 600a\n}", &sdk, Some("wwid \"600a\" (/etc/multipath.conf:2)"));
    check("blacklist {\nwwid \"^600a\"\n}", &sdk, None);
    check("blacklist {\nwwid \"!^3600b\"\n}", &sdk, Some("wwid \"!^3600b\" (/etc/multipath.conf:2)"));
    check("blacklist {\nwwid \".*\"\n}\nblacklist_exceptions {\nwwid \"3600a\"\n}", &sdk, None);
    // An exception of another kind saves from nothing.
    check(
        "blacklist {\ndevnode \".*\"\n}\nblacklist_exceptions {\nwwid \"3600a\"\n}",
        &sdk,
        Some("devnode \".*\" (/etc/multipath.conf:2)"),
    );
    check(
        "blacklist {\ndevice {\nvendor NETAPP\nproduct \"LUN.*\"\n}\n}",
        &sdk,
        Some("device vendor \"NETAPP\" product \"LUN.*\" (/etc/multipath.conf:3)"),
    );
    check("blacklist {\ndevice {\nvendor NETAPP\nproduct X\n}\n}", &sdk, None);
    check(
        "blacklist {\nprotocol \"scsi:fcp\"\n}",
        &sdk,
        Some("protocol \"scsi:fcp\" (/etc/multipath.conf:2)"),
    );
    check("blacklist {\nproperty ID_SERIAL\n}", &sdk, Some("property \"ID_SERIAL\" (/etc/multipath.conf:2)"));
    let bare = Device { properties: &["DEVNAME", "ID_SERIAL"], ..sdk };
    check(
        "",
        &bare,
        Some(
            "no udev property is as blacklist_exceptions wants it: property \"(SCSI_IDENT_|ID_WWN)\" (built in)",
        ),
    );
    check("", &Device { properties: &["DEVNAME"], ..sdk }, None);
    // A rule that is no regular expression is none.
    check("blacklist {\nwwid \"(\"\nwwid \"*\"\n}", &sdk, None);
}

#[test]
fn what_is_in_force_counts_and_the_files_tell_where_it_stands() {
    let files = Conf::parse([("/etc/multipath.conf", "blacklist {\nwwid 3600a\n}")]);
    let shown =
        "blacklist {\n\tdevnode \"!^sd\"\n\twwid \"3600a\"\n\twwid \"3600b\"\n}\nblacklist_exceptions {\n}\n";
    let shown = Conf::parse([("show config", shown)]);
    let rules = Rules::of(&files, Some(&shown));
    let of = |name, wwid| rules.excluding(&device(name, wwid));
    assert_eq!(of("sdk", "3600a").as_deref(), Some("wwid \"3600a\" (/etc/multipath.conf:2)"));
    assert_eq!(of("sdk", "3600b").as_deref(), Some("wwid \"3600b\" (built in)"));
    assert_eq!(of("vda", "x").as_deref(), Some("devnode \"!^sd\" (built in)"));
    assert_eq!(of("sdk", "3600c"), None);
}

#[test]
fn settings_that_hurt() {
    let fenced = Context { fencing: Some("sbd's watchdog") };
    let check = |files: &[(&str, &str)], context: &Context, expect: &[&str]| {
        let conf = Conf::parse(files.iter().copied());
        let lints = lint(&conf, None, context);
        let said: Vec<String> = lints.iter().map(|of| format!("{} {}", of.name, of.at)).collect();
        assert_eq!(said, expect, "{files:?}");
        assert!(lints.iter().all(|of| !of.why.is_empty() && !of.advice.is_empty() && of.why.len() <= 255));
    };
    let one = |text: &'static str, context: &Context, expect: &[&str]| check(&[("f", text)], context, expect);
    let none = Context::default();
    one("defaults {\nno_path_retry 12\nfast_io_fail_tmo 5\ndev_loss_tmo 60\n}", &fenced, &[]);
    one("defaults {\nno_path_retry queue\n}", &fenced, &["no_path_retry f:2"]);
    one("defaults {\nno_path_retry queue\n}", &none, &[]);
    // What is written after it takes its place.
    one("defaults {\nno_path_retry queue\nno_path_retry 3\n}", &fenced, &[]);
    one("defaults {\nno_path_retry 30\n}", &fenced, &["no_path_retry f:2"]);
    one("defaults {\nno_path_retry 30\npolling_interval 2\n}", &fenced, &[]);
    one("devices {\ndevice {\nfeatures \"1 queue_if_no_path\"\n}\n}", &fenced, &["queue_if_no_path f:3"]);
    one("devices {\ndevice {\nfeatures \"1 queue_if_no_path\"\nno_path_retry 6\n}\n}", &fenced, &[]);
    one("defaults {\ndev_loss_tmo 5\n}", &none, &["dev_loss_tmo f:2"]);
    one("defaults {\nfast_io_fail_tmo 30\ndev_loss_tmo 30\n}", &none, &["dev_loss_tmo f:3"]);
    one("defaults {\nfast_io_fail_tmo off\ndev_loss_tmo 600\n}", &none, &["fast_io_fail_tmo f:2"]);
    one("defaults {\ndev_loss_tmo infinity\n}", &none, &[]);
    one("defaults {\nuser_friendly_names yes\n}", &none, &["user_friendly_names f:2"]);
    for value in ["yes", "on", "greedy", "no", "off", "smart"] {
        let text = format!("defaults {{\nfind_multipaths {value}\n}}");
        check(&[("f", &text)], &none, &["find_multipaths f:2"]);
    }
    one("defaults {\nfind_multipaths strict\n}", &none, &[]);
    one("defaults {\nconfig_dir /etc/mp\n}", &none, &["config_dir f:2"]);
    one("blacklist {\ndevnode \".*\"\n}", &none, &["blacklist f:2"]);
    one("blacklist {\nwwid \".*\"\n}\nblacklist_exceptions {\nwwid a\n}", &none, &[]);
    one("blacklist {\ndevnode \".*\"\n}\nblacklist_exceptions {\nwwid a\n}", &none, &["blacklist f:2"]);
    one("blacklist {\nwwid *\n}", &none, &["blacklist f:2"]);
    one("blacklist {\ndevnode \"^sda$\"\n}", &none, &["blacklist f:2"]);
    one("blacklist {\ndevnode \"^(ram|loop)[0-9]*\"\n}", &none, &[]);
    one("defaults {\nno_path_rety 3\n}", &none, &["unreadable f:2"]);
    one("defaults {\npolling_interval abc\n}", &none, &["unreadable f:2"]);
    check(
        &[("f", "defaults {\nno_path_retry 3\n}"), ("f2", "defaults {\nno_path_retry 6\n}")],
        &none,
        &["overridden f2:2"],
    );
    let lun = |alias: &str| format!("multipaths {{\nmultipath {{\nwwid a\nalias {alias}\n}}\n}}");
    check(&[("f", &lun("x")), ("f2", &lun("y"))], &none, &["overridden f2:4"]);
    check(&[("f", &lun("x")), ("f2", &lun("x"))], &none, &[]);
}

#[test]
fn doubts_about_a_reboot() {
    let map = |name: &str, paths: usize| {
        let path = || PathDevice::unknown("sda", "8:0");
        let group = PathGroup {
            selector: "".into(),
            priority: 1,
            status: "".into(),
            marginal: false,
            paths: (0..paths).map(|_| path()).collect(),
        };
        Map { groups: vec![group], ..Map::unknown(name, Wwid::new(name).unwrap()) }
    };
    let check = |find_multipaths: Option<&str>, daemon: Daemon, own: Option<&[&str]>, expect: &[&str]| {
        let setting = find_multipaths
            .map(|value| Setting { name: "defaults.find_multipaths".into(), value: value.into() });
        let host = HostFacts { settings: setting.into_iter().collect(), ..HostFacts::default() };
        let read = NodeRead {
            maps: vec![map("a", 2), map("b", 1), map("c", 2)],
            own_wwids: own.map(|own| own.iter().map(|text| Wwid::new(text).unwrap()).collect()),
            host: host.into(),
            ..NodeRead::empty(EpochS(0), daemon)
        };
        let doubts = RebootDoubts::of(&read);
        let names: Vec<&str> = doubts.not_in_wwids.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expect, "{find_multipaths:?} {own:?}");
        assert_eq!(doubts.is_empty(), expect.is_empty());
    };
    let answers = Daemon::Answering { pid: None };
    check(Some("strict"), answers.clone(), Some(&["a"]), &["b", "c"]);
    check(None, answers.clone(), Some(&["a"]), &["b", "c"]);
    // Two paths are enough to be found again.
    check(Some("yes"), answers.clone(), Some(&["a"]), &["b"]);
    check(Some("greedy"), answers.clone(), Some(&[]), &[]);
    check(Some("strict"), answers.clone(), None, &[]);
    check(Some("strict"), answers, Some(&["a", "b", "c"]), &[]);
    check(Some("strict"), Daemon::Stopped, Some(&[]), &[]);
}

proptest! {
    #[test]
    fn any_text_may_come(text in r#"([a-z_]{0,12}|[{}"!# \n\t\\*(\[é]|blacklist|defaults|device|wwid){0,60}"#) {
        let conf = Conf::parse([("f", text.as_str())]);
        let rules = Rules::of(&conf, Some(&conf));
        rules.excluding(&device("sdk", "3600a"));
        lint(&conf, Some(&conf), &Context { fencing: Some("x") });
        in_force(&conf, |text| text.len().to_string());
        let lines = text.lines().count();
        assert!(conf.entries.len() <= lines);
    }
}
