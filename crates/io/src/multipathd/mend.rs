//! Mends JSON that multipathd printed with a quote, a backslash or a control character in a text.
//!
//! Its printer puts each field on a line of its own, `"key" : "text",`, and escapes nothing. So on such a line the text
//! is what stands between the first quote after the colon and the last quote of the line.

use std::fmt::Write as _;

/// The same text with the inside of each one-line text field escaped. Other lines pass as they are.
pub fn escape_texts(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 64);
    for line in json.split_inclusive('\n') {
        match split(line) {
            Some((head, text, tail)) if text.contains(|c: char| c == '"' || c == '\\' || c.is_control()) => {
                out.push_str(head);
                for c in text.chars() {
                    match c {
                        '"' | '\\' => out.extend(['\\', c]),
                        // Writing into a String cannot fail.
                        c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
                        c => out.push(c),
                    }
                }
                out.push_str(tail);
            }
            _ => out.push_str(line),
        }
    }
    out
}

/// `      "name" : "` · the text · `",\n`; `None` for any other line.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let start = line.find("\" : \"")? + 5;
    let inside = line.get(start..)?;
    let end = inside.rfind('"')?;
    let after = inside.get(end + 1..)?.trim();
    (after.is_empty() || after == ",").then_some((line.get(..start)?, inside.get(..end)?, inside.get(end..)?))
}
