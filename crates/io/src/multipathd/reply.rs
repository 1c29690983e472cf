//! What kind of answer a reply is. There is no status code: a reply is text, and its shape is all there is.
//!
//! Up to 0.9.7 an error is one line (`fail`, `timeout`, `permission deny: need to be root`) or the help text; from 0.9.8
//! `fail` comes first and the reason after it. An empty result is `ok`. JSON begins with `{`.

/// A reply, sorted by its shape.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply<'a> {
    /// Begins with `{`.
    Json(&'a [u8]),
    /// `ok`: done, or nothing to show.
    Ok,
    /// multipathd did not get its own lock in time (4 s by default).
    Timeout,
    /// Not root, or not allowed.
    Denied(String),
    /// It failed; the reason is empty up to 0.9.7.
    Fail(String),
    /// Any other text.
    Text(&'a str),
    /// Bytes that are no text.
    Garbage,
}

/// Sorts a reply (without its closing NUL).
pub fn classify(bytes: &[u8]) -> Reply<'_> {
    let trimmed = bytes.trim_ascii();
    if trimmed.first() == Some(&b'{') {
        return Reply::Json(trimmed);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Reply::Garbage };
    let (first, rest) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
    let (failed, reason) = match first.trim() {
        "ok" if rest.trim().is_empty() => return Reply::Ok,
        "fail" => (true, rest.lines().next().unwrap_or("").trim()),
        other => (false, other),
    };
    if reason == "timeout" {
        Reply::Timeout
    } else if reason.starts_with("permission den") {
        Reply::Denied(clip(reason))
    } else if failed {
        Reply::Fail(clip(reason))
    } else {
        Reply::Text(text)
    }
}

/// The phase in `pid 167 idle` or `pid 167 configure (pending reconfigure)`: process id and multipathd's own words.
pub fn parse_daemon(text: &str) -> Option<(u32, String)> {
    let (pid, phase) = text.trim().strip_prefix("pid ")?.split_once(' ')?;
    let phase = phase.lines().next().unwrap_or("").trim();
    (!phase.is_empty()).then_some((pid.parse().ok()?, clip(phase)))
}

/// Whether this phase gives no maps for now by its own word (`init`, `startup`, `configure`, `shutdown`).
pub fn is_busy(phase: &str) -> bool {
    matches!(phase.split_whitespace().next(), Some("init" | "startup" | "configure" | "shutdown"))
}

/// multipath-tools' version out of the help text that every unknown command gives: `multipath-tools v0.9.4 (12/19, 2022)`.
pub fn parse_version(text: &str) -> Option<String> {
    let rest = text.split("multipath-tools v").nth(1)?;
    let version: String =
        rest.chars().take(32).take_while(|c| c.is_ascii_alphanumeric() || ".-+~".contains(*c)).collect();
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

/// At most 200 bytes of somebody else's text, for our own sentences.
pub(crate) fn clip(text: &str) -> String {
    let mut end = text.len().min(200);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shapes() {
        let fail = |why: &str| Reply::Fail(why.into());
        let denied = || Reply::Denied("permission deny: need to be root".into());
        for (bytes, want) in [
            (&b"ok\n"[..], Reply::Ok),
            (b"fail\n", fail("")),
            (b"fail\ntimeout\n", Reply::Timeout),
            (b"timeout\n", Reply::Timeout),
            (b"fail\nmap or partition in use\n", fail("map or partition in use")),
            (b"permission deny: need to be root\n", denied()),
            (b"fail\npermission deny: need to be root\n", denied()),
            (b"{\n \"maps\": []\n}\n", Reply::Json(b"{\n \"maps\": []\n}")),
            (b"pid 1 idle\n", Reply::Text("pid 1 idle\n")),
            (b"\xff\xfe", Reply::Garbage),
            (b"", Reply::Text("")),
        ] {
            assert_eq!(classify(bytes), want);
        }
    }

    #[test]
    fn phases() {
        for (text, want, busy) in [
            ("pid 167 idle\n", Some((167, "idle")), false),
            ("pid 162 configure\n", Some((162, "configure")), true),
            ("pid 1 configure (pending reconfigure)\n", Some((1, "configure (pending reconfigure)")), true),
            ("pid 1 running", Some((1, "running")), false),
            ("pid x running", None, false),
            ("fail\ntimeout", None, false),
            ("pid 1 ", None, false),
        ] {
            let got = parse_daemon(text);
            assert_eq!(got, want.map(|(pid, word)| (pid, word.to_owned())), "{text}");
            assert_eq!(got.is_some_and(|(_, phase)| is_busy(&phase)), busy);
        }
    }

    #[test]
    fn recorded_replies() {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/multipathd");
        for (folder, version) in [("0.9.4", "0.9.4"), ("0.11.1", "0.11.1"), ("0.14.3", "0.14.3")] {
            let read = |name: &str| std::fs::read(format!("{data}/{folder}/{name}")).unwrap();
            let help = read("reply-show-alone.txt");
            let text = std::str::from_utf8(&help).unwrap();
            assert_eq!(parse_version(text).as_deref(), Some(version));
            assert!(matches!(classify(&read("reply-show-map-nosuch.txt")), Reply::Fail(_)));
            assert_eq!(classify(&read("reply-suspend.txt")), Reply::Ok);
            let daemon = String::from_utf8(read("01-all-paths-up.daemon.txt")).unwrap();
            assert_eq!(parse_daemon(&daemon).unwrap().1, "idle");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = classify(&bytes);
            let text = String::from_utf8_lossy(&bytes);
            let _ = (parse_daemon(&text), parse_version(&text), clip(&text));
        }
    }
}
