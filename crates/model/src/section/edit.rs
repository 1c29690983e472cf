//! Changes of a document that keep all else of it as it is: order, white space, comments, what nobody knows.
//!
//! A change gives the new bytes. Comments stay, also those in a section that is taken out.

use super::{Document, Section, is_space, trim_start, word};

/// How properties are indented where none is there to follow.
const INDENT: &[u8] = b"    ";

impl Document {
    /// The bytes with a property set: on its own line where it stands already, else behind the last one of the section.
    /// `section` is an index into [`Document::sections`]; where there is none, nothing changes.
    pub fn with(&self, section: usize, key: &str, value: Option<&str>) -> Vec<u8> {
        let Some(of) = self.sections.get(section) else { return self.text.clone() };
        let (old, behind) = match of.properties.iter().find(|property| property.key == key) {
            Some(property) => (true, property.line),
            None => (false, of.properties.last().map_or(of.line, |property| property.line)),
        };
        let indent = self.indent_of(of);
        let mut out = Vec::with_capacity(self.text.len() + key.len() + value.map_or(0, str::len) + 8);
        for (line, at) in self.lines() {
            if at != behind {
                out.extend_from_slice(line);
                continue;
            }
            if !old {
                push_ended(&mut out, line);
            }
            let indent = if old { indentation(line) } else { &indent };
            out.extend_from_slice(indent);
            push_property(&mut out, key, value);
        }
        out
    }

    /// The bytes without a property of a section, however often it stands there.
    pub fn without(&self, section: usize, key: &str) -> Vec<u8> {
        let lines: Vec<u32> = self
            .sections
            .get(section)
            .into_iter()
            .flat_map(|of| &of.properties)
            .filter(|property| property.key == key)
            .map(|property| property.line)
            .collect();
        self.lines().filter(|(_, at)| !lines.contains(at)).flat_map(|(line, _)| line).copied().collect()
    }

    /// The bytes with a section behind all others.
    pub fn with_section<'a>(
        &self,
        kind: &str,
        id: &str,
        properties: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + 128);
        push_ended(&mut out, &self.text);
        if !(out.is_empty() || out == b"\n" || out.ends_with(b"\n\n")) {
            out.push(b'\n');
        }
        out.extend_from_slice(format!("{kind}: {id}\n").as_bytes());
        for (key, value) in properties {
            out.extend_from_slice(INDENT);
            push_property(&mut out, key, value);
        }
        out
    }

    /// The bytes without a section. Its comments stay.
    pub fn without_section(&self, section: usize) -> Vec<u8> {
        let Some(of) = self.sections.get(section) else { return self.text.clone() };
        let mut out = Vec::with_capacity(self.text.len());
        let (mut within, mut comments) = (false, false);
        for (line, at) in self.lines() {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            if at == of.line {
                within = true;
            } else if within && (text.is_empty() || text == b"0") {
                within = false;
                // The line that ended it is needed no more where one stands before it already.
                if comments || !(out.is_empty() || out.ends_with(b"\n\n") || out == b"\n") {
                    out.extend_from_slice(line);
                }
            } else if !within {
                out.extend_from_slice(line);
            } else if trim_start(text).first() == Some(&b'#') {
                comments = true;
                out.extend_from_slice(line);
            }
        }
        // The line that stood before the last section of all ends nothing any more.
        if within && !comments && out.ends_with(b"\n\n") {
            out.pop();
        }
        out
    }

    /// Lines with their ends, and their numbers from 1.
    fn lines(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.text.split_inclusive(|b| *b == b'\n').zip(1_u32..)
    }

    /// White space before the last property of a section.
    fn indent_of(&self, section: &Section) -> Vec<u8> {
        let last = section.properties.last().map(|property| property.line);
        let line = self.lines().find(|(_, at)| Some(*at) == last).map(|(line, _)| line);
        line.map_or(INDENT, indentation).to_vec()
    }
}

fn indentation(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|b| !is_space(*b)).unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

fn push_property(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    out.extend_from_slice(key.as_bytes());
    if let Some(value) = value {
        out.push(b' ');
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'\n');
}

fn push_ended(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    if !(text.is_empty() || text.ends_with(b"\n")) {
        out.push(b'\n');
    }
}

/// Whether a value, written behind its key, is read back as it is.
pub fn is_one_line(value: &str) -> bool {
    let bytes = value.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    !value.is_empty() && !bytes.contains(&b'\n') && !ends.into_iter().flatten().any(|b| is_space(*b))
}

/// Whether a text can be the key of a property or the id of a section: one word that begins no comment.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('#') && word(text.as_bytes()).1.is_empty()
}
