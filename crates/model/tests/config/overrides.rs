//! `multipath-overrides.conf`: what may stand in it, and which LUNs its rules exclude.

use expect_test::expect;
use pathkeeper_model::config::overrides::{Overrides, Reading, Seen, SeenPath};
use proptest::prelude::*;

use super::lab::wwid;

fn read(text: &str) -> Result<Overrides, String> {
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(overrides) => Ok(overrides),
        Reading::Absent => Err("absent".into()),
        Reading::Invalid(problems) => {
            Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
    }
}

#[test]
fn what_hardware_needs_may_stand_there() {
    for good in [
        "# nothing\n",
        "\n",
        "devices {\n device {\n  vendor \"NETAPP\"\n  product \"LUN.*\"\n  hardware_handler \"1 alua\"\n  no_path_retry 0\n }\n}\n",
        "overrides {\n fast_io_fail_tmo 5\n protocol {\n  type \"scsi:fcp\"\n  dev_loss_tmo 60\n }\n}\n",
        "blacklist {\n wwid \"^3500\"\n device {\n  vendor DELL\n }\n}\nblacklist_exceptions {\n wwid 35001\n}\n",
        "# größer\noverrides {\r\n\tfailback immediate\r\n}\r\n",
    ] {
        let read = read(good).unwrap_or_else(|problems| panic!("{good}{problems}"));
        assert_eq!(read.text(), good);
    }
    assert!(matches!(Reading::parse(None), Reading::Absent));
    assert!(matches!(Reading::parse(Some(b"")), Reading::Absent));
}

#[test]
fn what_could_beat_the_managed_values_or_is_not_read_as_it_looks_is_refused() {
    let said: Vec<String> = [
        "defaults {\n polling_interval abc\n}\n",
        "defaults {\n}\n",
        "multipaths {\n multipath {\n  wwid 3600a\n  alias x\n }\n}\n",
        "devnode_blacklist {\n devnode sda\n}\n",
        "overrides {\n no_path_retry never\n user_friendly_names yes\n}\n",
        "devices {\n device\n {\n  vendor X\n }\n}\n",
        "overrides {\n failback immediate\n",
        "no_path_retry 5\n",
        "overrides {\n prio \"alua\n}\n",
        "overrides {\n failback immediate # \0\n}\n",
        "overrides {\n prio_args ä\n}\n",
        "blacklist {\n wwid \"(\"\n}\n",
        "zebra {\n x y\n}\n",
    ]
    .iter()
    .map(|text| read(text).map(|_| "good".to_owned()).unwrap_or_else(|problems| problems))
    .collect();
    expect![[r#"
        line 1: section defaults cannot stand here: it would quietly beat what multipath.cfg sets; pathkeeper config set, or overrides
        line 1: section defaults cannot stand here: it would quietly beat what multipath.cfg sets; pathkeeper config set, or overrides
        line 1: section multipaths cannot stand here: it would quietly beat what multipath.cfg sets; pathkeeper lun set
        line 1: section devnode_blacklist cannot stand here: it is an old word for blacklist
        line 2: no_path_retry: "never" is not allowed: a number from 1, or fail, queue
        line 3: user_friendly_names is always no: a LUN's alias names it
        line 2: `{` is missing after device: the section is not opened
        line 3: `{` must stand on the line of its section: that section is not opened
        line 6: `}` closes nothing
        line 1: section overrides is not closed
        line 1: no_path_retry stands outside of any section and is ignored
        line 2: the quote after prio is not closed
        line 2: '\0' cannot stand in it
        line 2: 'ä' can stand in lines of comment alone: multipathd passes over it
        line 2: prio_args has no value and is ignored
        line 2: "(" is no regular expression that can be read
        line 1: section zebra is not known here (at the top): all of it is ignored"#]].assert_eq(&said.join("\n"));
    let long = format!("overrides {{\n prio_args \"{}\"\n}}\n", "a".repeat(1_100));
    assert!(read(&long).unwrap_err().starts_with("line 2: "), "{long}");
    assert!(read(&"#\n".repeat(1 << 20)).unwrap_err().contains("bytes"));
    assert!(matches!(Reading::parse(Some(b"# a\n\xff\n")), Reading::Invalid(p) if p[0].line == 2));
}

#[test]
fn a_rule_that_excludes_a_lun_is_named() {
    let lun = wwid("3600a0980");
    let excluding =
        |text: &str, path| read(text).unwrap().excluding(&Seen { wwid: &lun, path }).unwrap_or_default();
    let path = |properties| {
        Some(SeenPath {
            name: "sdk",
            vendor: Some("NETAPP  "),
            product: Some("LUN C-Mode"),
            protocol: "scsi:fcp",
            properties,
        })
    };
    for (text, unseen, seen) in [
        ("# none\n", "", ""),
        (
            "blacklist {\n wwid ^3600\n}\n",
            "wwid \"^3600\" (multipath-overrides.conf:2)",
            "wwid \"^3600\" (multipath-overrides.conf:2)",
        ),
        ("blacklist {\n wwid ^3600\n}\nblacklist_exceptions {\n wwid 3600a0980\n}\n", "", ""),
        ("blacklist {\n wwid ^3500\n}\n", "", ""),
        (
            "blacklist {\n device {\n  vendor NETAPP\n  product LUN\n }\n}\n",
            "",
            "device vendor \"NETAPP\" product \"LUN\" (multipath-overrides.conf:2)",
        ),
        ("blacklist {\n protocol scsi:fcp\n}\n", "", "protocol \"scsi:fcp\" (multipath-overrides.conf:2)"),
        ("blacklist {\n devnode ^sdk\n}\n", "", "devnode \"^sdk\" (multipath-overrides.conf:2)"),
    ] {
        let of = |said: &str| said.replace(":3)", ":2)");
        assert_eq!(
            (of(&excluding(text, None)), of(&excluding(text, path(&[])))),
            (unseen.into(), seen.into()),
            "{text}"
        );
    }
    let by_property = "blacklist {\n property ID_X\n}\n";
    assert_eq!(excluding(by_property, path(&[])), "");
    assert_eq!(
        excluding(by_property, path(&["ID_SERIAL", "ID_X", "SCSI_IDENT_SERIAL"])),
        "property \"ID_X\" (multipath-overrides.conf:2)"
    );
    // Built-in rules are nobody's doing here.
    assert_eq!(excluding("# none\n", path(&["ID_SERIAL"])), "");
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Reading::parse(Some(&bytes));
    }
}
