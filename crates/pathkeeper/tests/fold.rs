//! `pathkeeper fold` from outside: the vectors, bad lines, long lines, a reader that goes away.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pathkeeper::cli::fold::{Stop, fold_lines};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/fold").join(name)
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pathkeeper"));
    command.arg("fold");
    command
}

fn fold_stdin(input: &[u8]) -> Output {
    let mut child = program()
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads everything");
    output
}

#[test]
fn all_vectors_pass_through_the_command() {
    let output = program().arg(data("cases.jsonl")).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let expected = std::fs::read_to_string(data("expected.jsonl")).expect("the vectors are there");
    let rows = String::from_utf8(output.stdout).expect("text");
    assert_eq!(rows.lines().count(), expected.lines().count());
    for (n, (got, want)) in rows.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, want, "line {}", n + 1);
    }
}

#[test]
fn a_bad_line_is_named_and_the_others_are_answered() {
    let output = fold_stdin(b"{}\nnonsense\n{\"allow\":[\"w\"]}\r\n\n{\"online\":{\"n\":1}}\n\xff\n{}");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "[]\n[{\"cluster-state\":\"unknown\",\"nodes\":{},\"wwid\":\"w\"}]\n[]\n"
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "line 2: no JSON: a word is neither true, false nor null at byte 0\n\
         line 4: no JSON: the text ends too early at byte 0\n\
         line 5: no fold document: online: \"n\" is a number, not true or false\n\
         line 6: no text: byte 0 is no UTF-8\n"
    );
}

#[test]
fn no_input_no_output() {
    let output = fold_stdin(b"");
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
    let output = program().arg(data("no-such-file")).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-file cannot be read: "));
}

/// A document of some megabytes; `online` is false for every seventh node.
fn long_document(nodes: usize, luns: usize) -> String {
    let mut text = String::from("{\"allow\":[\"w0\",\"w5\",\"never\"],\"reports\":{");
    for n in 0..nodes {
        let comma = if n > 0 { "," } else { "" };
        write!(text, "{comma}\"n{n}\":{{").expect("memory");
        for w in 0..luns {
            if (n + w) % 11 == 0 {
                continue;
            }
            let comma = if text.ends_with('{') { "" } else { "," };
            let state = ["optimal", "optimal", "degraded", "failed"][(n * w) % 4];
            write!(
                text,
                "{comma}\"w{w}\":{{\"state\":\"{state}\",\"paths-active\":{},\"paths-total\":8,\"transport\":\"t{}\",\"size\":{n}}}",
                n % 9,
                w % 3
            )
            .expect("memory");
        }
        text.push('}');
    }
    text.push_str("},\"online\":{");
    for n in 0..nodes {
        let comma = if n > 0 { "," } else { "" };
        write!(text, "{comma}\"n{n}\":{}", n % 7 != 0).expect("memory");
    }
    text.push_str("}}");
    text
}

#[test]
fn a_long_line_gives_what_the_library_gives() {
    let long = long_document(160, 150);
    assert!(long.len() > 1 << 20);
    let mut want = Vec::new();
    for line in ["{}", &long, "{\"allow\":[]}"] {
        pathkeeper_model::fold_doc::fold_line(line.as_bytes(), &mut want).expect("a document");
    }
    let output =
        fold_stdin(format!("{{}}\n{long}\n{}\n{{\"allow\":[]}}", &long[..long.len() - 1]).as_bytes());
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout == want, "the rows differ");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("line 3: no JSON: the text ends too early"));
}

#[test]
fn a_reader_that_goes_away_is_success() {
    let long = long_document(160, 150);
    for lines in [vec![long.as_str()], vec!["{\"allow\":[\"w\"]}"; 20_000]] {
        let mut child = program()
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("piped");
        let input = lines.join("\n");
        // The program may end before it has read everything.
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).ok());
        let mut stdout = child.stdout.take().expect("piped");
        stdout.read_exact(&mut [0]).expect("output begins");
        drop(stdout);
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        writer.join().expect("no panic");
    }
}

/// Gives its text in pieces of a few bytes.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(to.len()).min(self.0.len());
        let (now, rest) = self.0.split_at(n);
        to[..n].copy_from_slice(now);
        self.0 = rest;
        Ok(n)
    }
}

#[test]
fn lines_may_come_in_any_pieces_and_are_answered_as_they_come() {
    let cases = std::fs::read_to_string(data("cases.jsonl")).expect("the vectors are there");
    let cases: String = cases.lines().take(40).map(|line| format!("{line}\n")).collect();
    let expected = std::fs::read_to_string(data("expected.jsonl")).expect("the vectors are there");
    let expected: String = expected.lines().take(40).map(|line| format!("{line}\n")).collect();
    for piece in [1, 7, 4096] {
        for hint in [0, 5, cases.len() as u64] {
            let mut out = Vec::new();
            let bad =
                fold_lines(Trickle(cases.as_bytes(), piece), hint, &mut out, &mut |words| panic!("{words}"));
            assert!(matches!(bad, Ok(0)));
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}

/// Fails after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::Error::other("full"));
        }
        let n = bytes.len().min(self.0);
        self.0 -= n;
        Ok(n)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_ends_it() {
    let long = long_document(160, 150);
    for room in [0, 1, 100_000, 1_000_000] {
        let done = fold_lines(long.as_bytes(), 0, &mut Full(room), &mut |words| panic!("{words}"));
        assert!(matches!(done, Err(Stop::Write(_))), "{room}: {done:?}");
    }
}
