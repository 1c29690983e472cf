//! The fold and its documents: the vectors, the contract word for word, and input of any shape.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use crate::reference::Inputs;
use pathkeeper_model::fold::{Input, Interner, NodeInput, fold};
use pathkeeper_model::fold_doc::{fold_line, guess_split, join, read, read_back, read_front};
use pathkeeper_model::json::{Scalar, Scanner, push_number, push_string};
use pathkeeper_model::{Entry, State, Transport};
use proptest::prelude::*;
use serde_json::Value;

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/fold").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn line(text: &str) -> Result<String, String> {
    let mut out = Vec::new();
    fold_line(text.as_bytes(), &mut out).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).expect("JSON is text"))
}

/// The document as serde_json reads it.
fn inputs(document: &Value) -> Inputs {
    let members = |value: &Value| -> Vec<(String, Value)> {
        value.as_object().map(|o| o.iter().map(|(k, v)| (k.clone(), v.clone())).collect()).unwrap_or_default()
    };
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let texts = |value: &Value| -> BTreeMap<String, String> {
        let short = |v: &Value| v.as_str().filter(|t| t.len() <= 255).map(str::to_owned);
        members(value).into_iter().filter_map(|(k, v)| Some((k, short(&v)?))).collect()
    };
    let report = |value: Value| members(&value).into_iter().map(|(w, e)| (w, entry(&e))).collect();
    Inputs {
        allow: list(&document["allow"]).into_iter().collect(),
        aliases: texts(&document["aliases"]),
        used_by: texts(&document["used-by"]),
        reports: members(&document["reports"]).into_iter().map(|(n, r)| (n, report(r))).collect(),
        online: members(&document["online"])
            .into_iter()
            .map(|(n, on)| (n, on == Value::Bool(true)))
            .collect(),
        expected: members(&document["expected"])
            .into_iter()
            .map(|(w, nodes)| (w, list(&nodes).into_iter().collect()))
            .collect(),
    }
}

fn entry(value: &Value) -> Entry {
    let count = |key: &str| value[key].as_u64().and_then(|n| u32::try_from(n).ok());
    Entry {
        state: value["state"].as_str().and_then(State::parse).unwrap_or(State::Unknown),
        paths_active: count("paths-active"),
        paths_total: count("paths-total"),
        paths_expected: count("paths-expected"),
        transport: value["transport"].as_str().and_then(Transport::parse),
        size_bytes: value["size"].as_u64().filter(|&n| i64::try_from(n).is_ok()),
    }
}

/// The fold over interned input that was not read from a document.
fn fold_inputs(inputs: &Inputs) -> String {
    let mut wwids = Interner::default();
    let mut transports = Interner::default();
    let mut nodes = Interner::default();
    let reports: Vec<(u32, Vec<_>)> = inputs
        .reports
        .iter()
        .map(|(node, report)| {
            let mut previous = None;
            let entries = report
                .iter()
                .map(|(w, e)| {
                    let id = wwids.id_after(previous, w);
                    previous = Some(id);
                    let transport = e.transport.as_ref().map(|t| transports.id(t.as_str()));
                    pathkeeper_model::fold::Spoken::new(
                        id,
                        e.state,
                        e.paths_active,
                        e.paths_total,
                        transport,
                        e.size_bytes,
                    )
                })
                .collect();
            (nodes.id(node), entries)
        })
        .collect();
    let allow = inputs.allow.iter().map(|w| wwids.id(w)).collect();
    let expected = inputs
        .expected
        .iter()
        .map(|(w, list)| (wwids.id(w), list.iter().map(|n| nodes.id(n)).collect()))
        .collect();
    let aliases = inputs.aliases.iter().map(|(w, t)| (wwids.id(w), t.as_str())).collect();
    let used_by = inputs.used_by.iter().map(|(w, t)| (wwids.id(w), t.as_str())).collect();
    let input = Input {
        nodes: nodes
            .names()
            .iter()
            .enumerate()
            .map(|(id, name)| NodeInput {
                name,
                online: inputs.online.get(*name).copied().unwrap_or(false),
                report: reports.iter().find(|(node, _)| *node as usize == id).map(|(_, r)| r.as_slice()),
            })
            .collect(),
        wwids: wwids.names().to_vec(),
        transports: transports.names().to_vec(),
        allow,
        expected,
        aliases,
        used_by,
    };
    String::from_utf8(fold(&input).to_json()).expect("JSON is text")
}

#[test]
fn all_vectors_pass() {
    let (cases, expected) = (data("cases.jsonl"), data("expected.jsonl"));
    assert_eq!(cases.lines().count(), 429);
    for (n, (case, rows)) in cases.lines().zip(expected.lines()).enumerate() {
        let got = line(case).unwrap_or_else(|e| panic!("line {}: {e}", n + 1));
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(value(&got), value(rows), "line {}", n + 1);
        let inputs = inputs(&value(case));
        assert_eq!(got.trim_end(), crate::reference::json(&inputs), "line {}", n + 1);
        assert_eq!(got.trim_end(), fold_inputs(&inputs), "line {}", n + 1);
    }
}

#[test]
fn what_is_no_fold_document_says_why() {
    let check = |text: &str, words: &str| assert_eq!(line(text), Err(words.to_owned()), "{text}");
    check("", "no JSON: the text ends too early at byte 0");
    check("[]", "no fold document: it is an array, not an object");
    check("{\"allow\":[]", "no JSON: the text ends too early at byte 11");
    check("{} {}", "no JSON: something follows the end of the value at byte 3");
    check("{\"allow\":{}}", "no fold document: allow is an object, not an array");
    check("{\"allow\":[3]}", "no fold document: allow is an array with a number among the names");
    check("{\"allow\":[\"\"]}", "no fold document: allow is an array with an empty name");
    check("{\"reports\":null}", "no fold document: reports is null, not an object");
    check("{\"reports\":{\"n1\":[]}}", "no fold document: reports: \"n1\" is an array, not an object");
    check("{\"reports\":{\"\":{}}}", "no fold document: reports: a name is empty");
    check(
        "{\"reports\":{\"n\":{\"\":{}}}}",
        "no fold document: reports: \"n\" is a report with an empty WWID",
    );
    check("{\"online\":{\"n1\":1}}", "no fold document: online: \"n1\" is a number, not true or false");
    check("{\"expected\":{\"w\":\"n\"}}", "no fold document: expected: \"w\" is a string, not an array");
    check("{\"aliases\":[]}", "no fold document: aliases is an array, not an object");
    let mut out = b"before".to_vec();
    assert!(fold_line(b"{\"allow\":[\"\xff\"]}", &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn absent_unknown_and_duplicate_keys() {
    let check = |text: &str, rows: &str| assert_eq!(line(text).as_deref(), Ok(rows), "{text}");
    check("{}", "[]\n");
    check(" {\"x\":[{\"\\ud800\":1e999}],\"allow\":[]}\t\r", "[]\n");
    let unknown = "[{\"cluster-state\":\"unknown\",\"nodes\":{},\"wwid\":\"b\"}]\n";
    check("{\"allow\":[\"a\"],\"allow\":[\"b\",\"b\"]}", unknown);
    check("{\"allow\":7,\"allow\":[\"b\"],\"reports\":{\"n\":{\"x\":{}}},\"reports\":{}}", unknown);
    check(
        r#"{"reports":{"n":[],"n":{"w":{"state":"failed"},"w":{"state":"optimal","size":1,"size":2}}},"online":{"n":0,"n":true}}"#,
        "[{\"cluster-state\":\"optimal\",\"nodes\":{\"n\":{\"paths-active\":null,\"paths-total\":null,\
         \"state\":\"optimal\"}},\"size\":2,\"wwid\":\"w\"}]\n",
    );
    check(
        "{\"allow\":[\"b\"],\"aliases\":{\"b\":\"x\",\"b\":7,\"c\":\"y\"},\"expected\":{\"b\":[\"n\"],\"b\":[]}}",
        unknown,
    );
}

#[test]
fn names_may_be_any_text() {
    let rows = line(
        r#"{"allow":["\u0000\"\\\u00e9\ud83d\ude00\u007f/"],"online":{"n\n":true},"expected":{"\u0000\"\\é😀\u007f/":["n\n"]}}"#,
    );
    let want = "[{\"cluster-state\":\"missing\",\"nodes\":{\"n\\n\":{\"state\":\"missing\"}},\"wwid\":\"\\u0000\\\"\\\\é😀\u{7f}/\"}]\n";
    assert_eq!(rows.as_deref(), Ok(want));
}

#[test]
fn many_names_and_few_cells_take_little() {
    // 20,000 LUNs times 20,000 nodes would be 400 million cells; the document has none.
    let luns: Vec<String> = (0..20_000).map(|i| format!("\"w{i}\"")).collect();
    let nodes: Vec<String> = (0..20_000).map(|i| format!("\"n{i}\":{{}}")).collect();
    let rows = line(&format!("{{\"allow\":[{}],\"reports\":{{{}}}}}", luns.join(","), nodes.join(",")));
    assert_eq!(rows.map(|r| r.matches("unknown").count()), Ok(20_000));
}

fn any_scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("4.0".to_owned()),
        Just("-1".to_owned()),
        Just("1e3".to_owned()),
        Just("4294967295".to_owned()),
        Just("4294967296".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("9223372036854775808".to_owned()),
        Just("\"fc\"".to_owned()),
        Just("\"\\u0066c\"".to_owned()),
        Just("\"optimal\"".to_owned()),
        Just("[{\"}}\":\"}},\\\"\"}]".to_owned()),
        (0u32..9).prop_map(|n| n.to_string()),
        ".{0,6}".prop_map(|t| serde_json::to_string(&t).expect("text")),
    ]
}

fn any_entry() -> impl Strategy<Value = String> {
    let state =
        prop::sample::select(vec!["optimal", "degraded", "failed", "missing", "unknown", "OPTIMAL", ""]);
    let key = prop::sample::select(vec!["state", "paths-active", "paths-total", "transport", "size", "x"]);
    prop_oneof![
        6 => (state, 0u32..9, 0u32..9, prop::option::of(0u64..4)).prop_map(|(s, a, t, size)| {
            let size = size.map_or(String::new(), |size| format!(",\"size\":{size}"));
            format!(r#"{{"state":"{s}","paths-active":{a}, "paths-total" : {t},"transport":"fc"{size}}}"#)
        }),
        3 => prop::collection::btree_map(key, any_scalar(), 0..6).prop_map(|map| {
            let members: Vec<String> = map.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
            format!("{{{}}}", members.join(","))
        }),
        1 => any_scalar(),
    ]
}

fn object<V: std::fmt::Display>(map: &BTreeMap<&str, V>) -> String {
    let members: Vec<String> =
        map.iter().map(|(k, v)| format!("{}:{v}", serde_json::to_string(k).expect("text"))).collect();
    format!("{{{}}}", members.join(","))
}

/// Documents as text, with all that may stand in one; duplicate keys of each kind are in the tests above.
fn any_document() -> impl Strategy<Value = String> {
    let n = || prop::sample::select(vec!["n1", "n10", "n2", "A", "é", "\"}},"]);
    let w = || prop::sample::select(vec!["w1", "w2", "3600a", "eui.1", "é", "}},\"x\":{", "36"]);
    let names = |of: Vec<&str>| serde_json::to_string(&of).expect("texts");
    let reports = prop::collection::btree_map(n(), prop::collection::btree_map(w(), any_entry(), 0..6), 0..6);
    let online = prop::collection::btree_map(n(), any::<bool>(), 0..6);
    let expected = prop::collection::btree_map(w(), prop::collection::vec(n(), 0..4).prop_map(names), 0..5);
    let texts = || prop::collection::btree_map(w(), any_scalar(), 0..3);
    let allow = prop::collection::vec(w(), 0..6).prop_map(names);
    (reports, online, expected, texts(), texts(), allow, any::<[prop::sample::Index; 6]>(), "[ \t]{0,2}")
        .prop_map(|(reports, online, expected, aliases, used_by, allow, order, space)| {
            let reports: BTreeMap<&str, String> =
                reports.iter().map(|(node, report)| (*node, object(report))).collect();
            let mut members = vec![
                format!("\"reports\":{}", object(&reports)),
                format!("\"online\":{}", object(&online)),
                format!("\"expected\":{}", object(&expected)),
                format!("\"aliases\":{}", object(&aliases)),
                format!("\"used-by\":{}", object(&used_by)),
                format!("\"allow\":{allow}"),
            ];
            let mut shuffled = Vec::new();
            for index in order {
                shuffled.push(members.remove(index.index(members.len())));
            }
            format!("{{{}}}", shuffled.join(&format!("{space},{space}")))
        })
}

fn rows_of_halves(text: &str, split: usize) -> Option<String> {
    let back = text.get(split..).map(|_| read_back(text, split));
    let front = read_front(text, split).ok()?;
    let document = match back {
        Some(back) => join(front, back).ok()?,
        None => return None,
    };
    let json = fold(&document.input()).to_json();
    Some(String::from_utf8(json).expect("JSON is text"))
}

fn rows_of(text: &str) -> Option<String> {
    read(text).ok().map(|d| String::from_utf8(fold(&d.input()).to_json()).expect("JSON is text"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn documents_fold_as_the_contract_says(text in any_document()) {
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let want = crate::reference::json(&inputs(&value));
        prop_assert_eq!(line(&text).expect("a document"), format!("{want}\n"));
        prop_assert_eq!(fold_inputs(&inputs(&value)), want);
    }

    #[test]
    fn two_readers_find_what_one_finds(text in any_document(), other in any_document(), anywhere: prop::sample::Index, byte: u8, mangle: bool) {
        // Two documents' members in one: duplicate keys of all kinds.
        let mut text = format!("{},{}", &text[..text.len() - 1], &other[1..]);
        if mangle {
            let mut bytes = text.clone().into_bytes();
            let at = anywhere.index(bytes.len());
            bytes[at] = byte;
            if let Ok(mangled) = String::from_utf8(bytes) {
                text = mangled;
            }
        }
        let whole = rows_of(&text);
        for split in [guess_split(&text), Some(anywhere.index(text.len()))].into_iter().flatten() {
            if text.is_char_boundary(split) {
                prop_assert_eq!(&rows_of_halves(&text, split), &whole, "split at {}", split);
            }
        }
        for (split, _) in text.match_indices("\"n") {
            prop_assert_eq!(&rows_of_halves(&text, split), &whole, "split at {}", split);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), split in 0usize..220) {
        let mut out = Vec::new();
        let _ = fold_line(&bytes, &mut out);
        let text = String::from_utf8_lossy(&bytes);
        let _ = guess_split(&text);
        let _ = rows_of_halves(&text, split);
    }

    #[test]
    fn the_scanner_takes_what_serde_json_takes(text in prop_oneof![any_document(), any_scalar(), "[-+0-9.eE \"\\\\u{}\\[\\]:,tfn]{0,12}"], at: prop::sample::Index, byte in 0u8..128, mangle: bool) {
        let mut bytes = text.into_bytes();
        if mangle && !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let mut scan = Scanner::new(&text);
        let mine = scan.skip().and_then(|()| scan.end()).is_ok();
        prop_assert_eq!(mine, serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
        let mut scan = Scanner::new(&text);
        let mine = scan.value().and_then(|v| scan.end().map(|()| v));
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::String(s)) => prop_assert_eq!(mine, Ok(Scalar::Text(s.into()))),
            Ok(Value::Number(n)) => match n.as_u64() {
                Some(n) => prop_assert_eq!(mine, Ok(Scalar::Unsigned(n))),
                None => prop_assert_eq!(mine, Ok(Scalar::Number)),
            },
            _ => {}
        }
    }

    #[test]
    fn strings_and_numbers_are_written_as_serde_json_writes_them(text in any::<String>(), ascii in "[\\x00-\\x7f]{0,20}", n: u64) {
        for text in [&text, &ascii] {
            let mut out = Vec::new();
            push_string(&mut out, text);
            prop_assert_eq!(&out, &serde_json::to_vec(text).expect("text"));
            let read = Scanner::new(std::str::from_utf8(&out).expect("text")).string();
            prop_assert_eq!(read.as_deref(), Ok(text.as_str()));
        }
        let mut out = Vec::new();
        push_number(&mut out, n);
        push_number(&mut out, n % 10);
        prop_assert_eq!(out, format!("{n}{}", n % 10).into_bytes());
    }
}
