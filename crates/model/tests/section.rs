//! The section grammar: each trap of Proxmox's own reader, any bytes, bounds.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use pathkeeper_model::section::{DOCUMENT_BYTES_MAX, Document, Flaw, PROBLEMS_MAX, SECTIONS_MAX};
use proptest::prelude::*;

/// What was read, in one line: `KIND ID(key=value,bare)` for each section, then `LINE!flaw` for each flaw.
fn read(bytes: &[u8]) -> String {
    let document = Document::parse(bytes);
    assert_eq!(document.bytes(), bytes);
    let mut out = Vec::new();
    for section in &document.sections {
        let properties: Vec<String> = section
            .properties
            .iter()
            .map(|p| p.value.as_ref().map_or(p.key.clone(), |value| format!("{}={value}", p.key)))
            .collect();
        out.push(format!("{} {}({})", section.kind, section.id, properties.join(",")));
    }
    for found in &document.flaws {
        let flaw = match &found.flaw {
            Flaw::TooLong { .. } => "long",
            Flaw::TooMany => "many",
            Flaw::Outside(_) => "outside",
            Flaw::HeaderInside { after_blank: false, .. } => "inside",
            Flaw::HeaderInside { after_blank: true, .. } => "blank",
            Flaw::NotIndented(_) => "column",
            Flaw::NotText(_) => "text",
        };
        out.push(format!("{}!{flaw}", found.line));
    }
    out.join(" ")
}

fn check(text: &str, expect: &str) {
    assert_eq!(read(text.as_bytes()), expect, "{text:?}");
}

#[test]
fn nothing_is_an_empty_document() {
    check("", "");
    check("\n\n  \n\t\n# only words\n   # more\n", "");
}

#[test]
fn headers() {
    check("lvm: a", "lvm a()");
    check("lvm:a\n", "lvm a()");
    check("lvm:   a  \t\n", "lvm a()");
    check("lvm:\ta\n", "lvm a()");
    // Up to the last colon that leaves an id.
    check("lvm:a:b\n", "lvm:a b()");
    check("lvm: a:b\n", "lvm a:b()");
    check("lvm:: a\n", "lvm: a()");
    check("a:b:\n", "a b:()");
    check("a::\n", "a :()");
    check("a:b: c\n", "a:b c()");
    // None of these is one.
    for bad in
        ["lvm:", "lvm", "lvm a", ":", ":a", ": a", "lvm a:b", "lvm: a b", " lvm: a", "\tlvm:a", "lvm : a"]
    {
        check(&format!("{bad}\n"), "1!outside");
    }
}

#[test]
fn properties() {
    check("t: a\n key value\n", "t a(key=value)");
    check("t: a\n\tkey\tvalue  with spaces \n", "t a(key=value  with spaces)");
    check("t: a\n   bare\n\tbare2  \t\n", "t a(bare,bare2)");
    check("t: a\n k 1\n k 2\n", "t a(k=1,k=2)");
    check("t: a\nkey value\n k 1\n", "t a(k=1) 2!column");
    check(" key value\n\nt: a\n k 1", "t a(k=1) 1!outside");
    // Vertical tab and form feed are white space too.
    check("t: a\n\x0bkey\x0cvalue\x0b\n", "t a(key=value)");
    // An indented header is a property.
    check("t: a\n u: b\n", "t a(u:=b)");
}

#[test]
fn an_empty_line_or_a_zero_ends_a_section() {
    check("t: a\n k 1\n\nt: b\n k 2\n", "t a(k=1) t b(k=2)");
    check("t: a\n k 1\n0\nt: b\n k 2\n", "t a(k=1) t b(k=2)");
    check("t: a\n0\n k 1\n", "t a() 3!outside");
    check("0\n\n0\nt: b\n", "t b()");
    check("t: a\n00\n 0\n k 1\n", "t a(0,k=1) 2!column");
}

#[test]
fn comments_vanish_and_end_nothing() {
    check("# c\nt: a\n# c\n   # c\n k 1\n\t#k 2\n\n#t: b\n", "t a(k=1)");
    check("t: a\n k 1\n# not an empty line\nt: b\n k 2\n", "t a(k=1,k=2) 4!inside");
    check("t: a\n k 1 # no comment\n", "t a(k=1 # no comment)");
    check("t: a#b\n", "t a#b()");
}

#[test]
fn a_header_without_an_empty_line_before_it_is_none() {
    check("t: a\n k 1\nt: b\n k 2\n l 3\n", "t a(k=1,k=2,l=3) 3!inside");
    check("t: a\nt: b\n\nt: c\n", "t a() t c() 2!inside");
    check("t: a\n k 1\n \t\nt: b\n k 2\n", "t a(k=1,k=2) 4!blank");
}

#[test]
fn a_file_with_dos_line_ends_is_one_section() {
    check("t: a\r\n k 1\r\n\r\nt: b\r\n k 2\r\n", "t a(k=1,k=2) 4!blank");
    check("t: a\r\n k 1 \r\n bare\r\n", "t a(k=1,bare)");
}

#[test]
fn a_nul_is_a_character_and_other_bytes_are_told() {
    check("t: a\n nodes a\0b\n", "t a(nodes=a\0b)");
    check("t: a\0\n\0 k\n", "t a\0() 2!column");
    assert_eq!(read(b"t: a\n k \xff\xfe\n"), "t a(k=\u{fffd}\u{fffd}) 2!text");
    assert_eq!(read(b"t: \xe9\n"), "t \u{fffd}() 1!text");
    assert_eq!(read(b"# \xe9\n\xe9\n"), "2!outside");
    // A byte order mark belongs to the first word.
    assert_eq!(read("\u{feff}t: a\n".as_bytes()), "\u{feff}t a()");
}

#[test]
fn sizes_are_bounded() {
    let mut long = vec![b'#'; DOCUMENT_BYTES_MAX];
    assert_eq!(read(&long), "");
    long.push(b'#');
    assert_eq!(read(&long), "0!long");

    let many = "t: a\n\n".repeat(SECTIONS_MAX + 7);
    let document = Document::parse(many.as_bytes());
    assert_eq!(document.sections.len(), SECTIONS_MAX);
    assert_eq!(document.flaws.len(), 1);
    assert_eq!(document.flaws[0].flaw, Flaw::TooMany);

    let odd = "odd\n".repeat(PROBLEMS_MAX + 23);
    let document = Document::parse(odd.as_bytes());
    assert_eq!((document.flaws.len(), document.flaws_left_out), (PROBLEMS_MAX, 23));

    let endless = format!("{}\n", "é".repeat(10_000));
    let said = Document::parse(endless.as_bytes()).flaws[0].flaw.to_string();
    assert!(said.len() < 300, "{said}");
}

/// Bytes that are mostly a document: lines of all sorts in any order.
fn documents() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("t: a".to_owned()),
        "[a-c:]{0,4}:? ?[a-c:]{0,3} ?",
        "[ \t]{1,2}[k-m]{1,2}[ \t]{0,2}[0-9 ]{0,4}",
        "[ \t\r]{0,2}",
        " ?#.{0,3}",
        Just("0".to_owned()),
        "\\PC{0,6}",
    ];
    let bytes =
        prop::collection::vec(line.prop_map(String::into_bytes), 0..30).prop_map(|lines| lines.join(&b'\n'));
    prop_oneof![4 => bytes, 1 => prop::collection::vec(any::<u8>(), 0..100)]
}

/// Kind, id, and keys with their values.
type Plain = (String, String, Vec<(String, Option<String>)>);

/// Proxmox's rules once more and another way: line by line, with what its regular expressions say, on text.
fn by_hand(text: &str) -> Vec<Plain> {
    let space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\x0b' | '\x0c');
    let mut out: Vec<Plain> = Vec::new();
    let mut open = false;
    for line in text.split('\n').filter(|line| !line.trim_start_matches(space).starts_with('#')) {
        if matches!(line, "" | "0") {
            open = false;
            continue;
        }
        if open {
            let words = line.trim_matches(space);
            if line.starts_with(space) && !words.is_empty() {
                let (key, value) = words.split_once(space).map_or((words, None), |(k, v)| (k, Some(v)));
                let value = value.map(|v| v.trim_matches(space).to_owned());
                out.last_mut().expect("a section is open").2.push((key.to_owned(), value));
            }
            continue;
        }
        // The longest kind wins, so each colon is tried from the right.
        let colons: Vec<usize> = line.match_indices(':').map(|(at, _)| at).collect();
        for at in colons.into_iter().rev() {
            let (kind, id) = (&line[..at], line[at + 1..].trim_matches(space));
            if !kind.is_empty() && !kind.contains(space) && !id.is_empty() && !id.contains(space) {
                out.push((kind.to_owned(), id.to_owned(), Vec::new()));
                open = true;
                break;
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_kept(bytes in documents()) {
        let document = Document::parse(&bytes);
        prop_assert_eq!(document.bytes(), &bytes[..]);
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        for section in &document.sections {
            let line = String::from_utf8_lossy(lines[section.line as usize - 1]);
            prop_assert!(line.contains(&section.id) && line.starts_with(&section.kind));
            for property in &section.properties {
                let line = String::from_utf8_lossy(lines[property.line as usize - 1]);
                prop_assert!(line.contains(&property.key));
                prop_assert!(property.value.as_ref().is_none_or(|value| line.contains(value)));
            }
        }
        for found in &document.flaws {
            prop_assert!((1..=lines.len()).contains(&(found.line as usize)));
            prop_assert!(!found.flaw.to_string().contains('\n'));
        }
    }

    #[test]
    fn it_reads_what_the_rules_say(bytes in documents()) {
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(()) };
        let read: Vec<_> = Document::parse(&bytes)
            .sections
            .into_iter()
            .map(|s| (s.kind, s.id, s.properties.into_iter().map(|p| (p.key, p.value)).collect::<Vec<_>>()))
            .collect();
        prop_assert_eq!(read, by_hand(text));
    }
}
