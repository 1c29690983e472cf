//! Settings: types, bounds, versions, and what hostile values come to.

use std::collections::BTreeSet;

use pathkeeper_model::config::keywords::{ALL, refusal};
use pathkeeper_model::config::value::{Form, Kind, VALUE_BYTES_MAX};
use pathkeeper_model::config::{Keyword, Place, Version};
use proptest::prelude::*;

use super::lab::right;

fn accept(key: &str, value: Option<&str>) -> Result<String, String> {
    Keyword::of(key).unwrap_or_else(|| panic!("{key} is a setting")).kind.accept(value)
}

#[test]
fn each_keyword_is_found_under_its_key() {
    let sorted: Vec<&str> = ALL.iter().map(|keyword| keyword.key).collect();
    let unique: BTreeSet<&str> = sorted.iter().copied().collect();
    assert_eq!(sorted, unique.iter().copied().collect::<Vec<_>>(), "in byte order, each once");
    for keyword in ALL {
        assert_eq!(Keyword::of(keyword.key), Some(keyword));
        assert_eq!(refusal(keyword.key), None, "{} is settable or refused", keyword.key);
        assert!(!keyword.key.contains('_') && !keyword.name().contains('-'), "{}", keyword.key);
    }
    assert_eq!(Keyword::of("no_path_retry"), None, "the document's keys are kebab-case");
    for own in ["user-friendly-names", "find-multipaths", "bindings-file", "wwid"] {
        assert!(refusal(own).is_some() && Keyword::of(own).is_none(), "{own}");
    }
    assert_eq!(refusal("no-path-retry"), None);
}

#[test]
fn values_are_typed_and_bounded() {
    for (key, value, expect) in [
        ("no-path-retry", "12", Ok("12")),
        ("no-path-retry", "queue", Ok("queue")),
        ("no-path-retry", "fail", Ok("fail")),
        ("no-path-retry", "0", Err("\"0\" is not allowed: a number from 1, or fail, queue")),
        ("no-path-retry", "-1", Err("\"-1\" is not allowed: a number from 1, or fail, queue")),
        ("no-path-retry", "forever", Err("\"forever\" is not allowed: a number from 1, or fail, queue")),
        // What makes a real multipathd spin for ever.
        ("polling-interval", "abc", Err("\"abc\" is not allowed: a number from 1 to 3600")),
        ("polling-interval", "0", Err("\"0\" is not allowed: a number from 1 to 3600")),
        (
            "polling-interval",
            "99999999999999",
            Err("\"99999999999999\" is not allowed: a number from 1 to 3600"),
        ),
        // multipathd would read it as octal, or stop at the blank.
        ("polling-interval", "010", Err("\"010\" is not allowed: a number from 1 to 3600")),
        ("polling-interval", "5 ", Err("\"5 \" is not allowed: a number from 1 to 3600")),
        ("polling-interval", "5", Ok("5")),
        ("path-selector", "service-time 0", Ok("service-time 0")),
        (
            "path-selector",
            "service-time",
            Err(
                "\"service-time\" is not allowed: \"service-time 0\", \"queue-length 0\", \"round-robin 0\" or \"historical-service-time 0\"",
            ),
        ),
        ("features", "0", Ok("0")),
        ("features", "1 queue_if_no_path", Ok("1 queue_if_no_path")),
        ("features", "2 pg_init_retries 50", Ok("2 pg_init_retries 50")),
        (
            "features",
            "3 pg_init_retries 50",
            Err(
                "\"3 pg_init_retries 50\" is not allowed: how many words follow and those, as in \"2 pg_init_retries 50\"",
            ),
        ),
        ("skip-kpartx", "1", Ok("yes")),
        ("skip-kpartx", "no", Ok("no")),
        ("skip-kpartx", "true", Err("\"true\" is not allowed: 1 or 0")),
        ("failback", "immediate", Ok("immediate")),
        ("failback", "10", Ok("10")),
        ("mode", "0660", Ok("0660")),
        ("mode", "0999", Err("\"0999\" is not allowed: permissions in octal up to 0777")),
        ("mode", "1777", Err("\"1777\" is not allowed: permissions in octal up to 0777")),
        ("uid", "qemu", Ok("qemu")),
        ("uid", "64055", Ok("64055")),
        ("uid", "Q emu", Err("\"Q emu\" is not allowed: a number or a name")),
        ("reservation-key", "0x123abc:aptpl", Ok("0x123abc:aptpl")),
        ("reservation-key", "file", Ok("file")),
        (
            "reservation-key",
            "0x",
            Err(
                "\"0x\" is not allowed: up to 16 hexadecimal digits as in 0x123abc, with :aptpl behind them or without; or file",
            ),
        ),
        ("max-retries", "6", Err("\"6\" is not allowed: a number from 0 to 5")),
        ("uid-attrs", "sd:ID_SERIAL nvme:ID_WWN", Ok("sd:ID_SERIAL nvme:ID_WWN")),
        ("find-multipaths-timeout", "-10", Ok("-10")),
        ("dev-loss-tmo", "infinity", Ok("infinity")),
    ] {
        let said = accept(key, Some(value));
        assert_eq!(said.as_deref().map_err(String::as_str), expect, "{key} {value}");
    }
    assert_eq!(accept("skip-kpartx", None), Ok("yes".into()), "a bare key is 1");
    assert_eq!(accept("no-path-retry", None), Err("it has no value: a number from 1, or fail, queue".into()));
}

#[test]
fn every_keyword_takes_a_right_value_and_no_hostile_one() {
    let long = "a".repeat(VALUE_BYTES_MAX + 1);
    let four_kib = "7".repeat(4_096);
    for keyword in ALL {
        for n in 0..20 {
            let value = right(keyword.kind, n);
            assert!(keyword.kind.accept(Some(&value)).is_ok(), "{} {value}", keyword.key);
        }
        let value = right(keyword.kind, 0);
        assert!(keyword.kind.accept(Some(&value)).is_ok(), "{} {value}", keyword.key);
        for hostile in [
            "",
            "x\ny",
            "5\n}\nblacklist {",
            "a\tb",
            "a\0b",
            "ä",
            "\u{7f}",
            "\u{202e}5",
            "  ",
            &long,
            &four_kib,
        ] {
            assert!(keyword.kind.accept(Some(hostile)).is_err(), "{} {hostile:?}", keyword.key);
        }
        // These may be text for a prioritizer, and no value of anything else.
        let free = matches!(keyword.kind, Kind::Form(Form::PrioArgs | Form::Pattern));
        for odd in ["\"", "{", "}", "%", "5\" }", "!", "#x"] {
            assert_eq!(keyword.kind.accept(Some(odd)).is_ok(), free, "{} {odd:?}", keyword.key);
        }
    }
}

#[test]
fn keywords_are_held_against_versions() {
    let known =
        |key: &str, version: &str| Keyword::of(key).unwrap().is_known_to(Version::parse(version).unwrap());
    for (key, version, expect) in [
        ("no-path-retry", "0.7.4", true),
        ("eh-deadline", "0.8.5", false),
        ("eh-deadline", "0.8.6", true),
        ("auto-resize", "0.9.4", false),
        ("auto-resize", "0.11.1", true),
        ("purge-disconnected", "0.12.2", false),
        ("purge-disconnected", "0.14.3", true),
    ] {
        assert_eq!(known(key, version), expect, "{key} {version}");
    }
    let lacking = |key: &str, value: &str, version: &str| {
        Keyword::of(key).unwrap().lacking(value, Version::parse(version).unwrap()).unwrap_or_default()
    };
    for (key, value, version, expect) in [
        ("no-path-retry", "queue", "0.7.4", ""),
        ("eh-deadline", "5", "0.8.5", "multipath-tools knows eh_deadline since 0.8.6"),
        (
            "flush-on-last-del",
            "unused",
            "0.9.4",
            "multipath-tools knows unused as a value of flush_on_last_del since 0.9.9",
        ),
        ("flush-on-last-del", "yes", "0.9.4", ""),
        ("flush-on-last-del", "unused", "0.11.1", ""),
        (
            "reservation-key",
            "0x1:aptpl",
            "0.7.7",
            "multipath-tools knows aptpl as a value of reservation_key since 0.7.8",
        ),
        ("reservation-key", "0x1", "0.7.7", ""),
        (
            "path-grouping-policy",
            "group_by_tpg",
            "0.9.5",
            "multipath-tools knows group_by_tpg as a value of path_grouping_policy since 0.9.6",
        ),
    ] {
        assert_eq!(lacking(key, value, version), expect, "{key} {value} {version}");
    }
    let both = ALL.iter().filter(|keyword| keyword.place == Place::Both).count();
    assert_eq!((ALL.len(), both), (65, 29), "as many as multipath.conf(5) of 0.14.3 has that can be set");
}

proptest! {
    #[test]
    fn nothing_that_is_accepted_can_end_a_line_or_leave_its_quotes(value in ".{0,300}", at in 0..ALL.len()) {
        if let Ok(said) = ALL[at].kind.accept(Some(&value)) {
            prop_assert!(said.bytes().all(|b| (b' '..0x7f).contains(&b)));
            prop_assert!(said.len() <= VALUE_BYTES_MAX);
            // Accepted once is accepted again: what is in force can be written down.
            let again = ALL[at].kind.accept(Some(&said));
            prop_assert_eq!(again, Ok(said));
        }
    }
}
