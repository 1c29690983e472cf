//! Rust source as far as the house rules need it: code without comments and literals, the literals, the paths.
//!
//! This is a lexer, not a parser: clippy (crates/model/clippy.toml, crates/engine/clippy.toml) resolves names for
//! real. This one also sees what clippy cannot name (a dependency, a keyword, a text) and what hides behind `cfg`.

/// One file, taken apart. Line numbers in it start at 1.
pub struct RustText {
    /// The code: comments, string and character literals and `#[cfg(test)]` items are blanks, newlines stay.
    pub code: String,
    /// Every string literal outside `#[cfg(test)]` items, as written between its quotes, with its line.
    pub literals: Vec<(usize, String)>,
}

/// Takes a file apart. Total: what is no Rust gives some result and no failure.
pub fn read(source: &str) -> RustText {
    let (code, literals) = lex(source);
    let tests = test_items(&code);
    let hidden = |at: usize| tests.iter().any(|&(from, to)| (from..to).contains(&at));
    let code_bytes: Vec<u8> =
        code.bytes().enumerate().map(|(at, b)| if b != b'\n' && hidden(at) { b' ' } else { b }).collect();
    let literals = literals
        .into_iter()
        .filter(|(at, _)| !hidden(*at))
        .map(|(at, text)| (line_of(source, at), text))
        .collect();
    RustText { code: String::from_utf8_lossy(&code_bytes).into_owned(), literals }
}

impl RustText {
    /// Every path of the code with its line: `std::fs::read` as written, and each leaf of a `use` tree in full.
    pub fn paths(&self) -> Vec<(usize, String)> {
        let tokens = tokens(&self.code);
        let mut found = Vec::new();
        let mut at = 0;
        while let Some((line, token)) = tokens.get(at) {
            if *token == "use" {
                at = use_tree(&tokens, at + 1, "", &mut found);
            } else if is_word(token) {
                let mut path = (*token).to_owned();
                at += 1;
                while tokens.get(at).is_some_and(|t| t.1 == "::") {
                    let Some((_, next)) = tokens.get(at + 1).filter(|t| is_word(t.1)) else { break };
                    path.push_str("::");
                    path.push_str(next);
                    at += 2;
                }
                found.push((*line, path));
            } else {
                at += 1;
            }
        }
        found
    }
}

/// Whether `path` holds `part` as whole neighbouring segments: `std::fs::read` holds `std::fs` and not `std::f`.
pub fn holds(path: &str, part: &str) -> bool {
    let path: Vec<&str> = path.split("::").collect();
    let part: Vec<&str> = part.split("::").collect();
    path.windows(part.len()).any(|window| window == part.as_slice())
}

/// Reads one `use` tree that starts at `at`; gives where it ends.
fn use_tree(
    tokens: &[(usize, &str)],
    mut at: usize,
    prefix: &str,
    found: &mut Vec<(usize, String)>,
) -> usize {
    let mut path = prefix.to_owned();
    let mut line = 0;
    while let Some((token_line, token)) = tokens.get(at) {
        match *token {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t.1 != "}" && t.1 != ";") {
                    at = use_tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|t| t.1 == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => at += 2,
            word if is_word(word) || word == "*" => {
                line = *token_line;
                if !path.is_empty() {
                    path.push_str("::");
                }
                path.push_str(word);
                at += 1;
            }
            // `,`, `}` and `;` end the leaf; anything else is no use tree and must not hold us up.
            "," | "}" | ";" => break,
            _ => {
                at += 1;
                break;
            }
        }
    }
    if line != 0 {
        found.push((line, path));
    }
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single other characters, with their lines.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let length = if c.is_alphanumeric() || c == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        if c == '\n' {
            line += 1;
        } else if !c.is_whitespace() {
            found.push((line, token));
        }
        rest = after;
    }
    found
}

fn line_of(source: &str, at: usize) -> usize {
    1 + source.bytes().take(at).filter(|b| *b == b'\n').count()
}

/// Blanks comments and literals byte for byte; gives the string literals with the offset of their quote.
fn lex(source: &str) -> (String, Vec<(usize, String)>) {
    let mut code = String::with_capacity(source.len());
    let mut literals = Vec::new();
    let mut at = 0;
    let mut previous_is_word = false;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, literal) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (block_comment(rest), None)
        } else if let Some((length, text)) = string(rest, previous_is_word) {
            (length, Some(text))
        } else if let Some(length) = character(rest) {
            (length, None)
        } else {
            let c = rest.chars().next().unwrap_or(' ');
            code.push(c);
            previous_is_word = c.is_alphanumeric() || c == '_';
            at += c.len_utf8();
            continue;
        };
        if let Some(text) = literal {
            literals.push((at, text));
        }
        for b in rest.bytes().take(length) {
            code.push(if b == b'\n' { '\n' } else { ' ' });
        }
        previous_is_word = false;
        at += length;
    }
    (code, literals)
}

/// Length of the block comment at the start, nested ones included.
fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0usize, 0usize);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => {
                depth += 1;
                at += 2;
            }
            Some(b"*/") => {
                depth = depth.saturating_sub(1);
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Length and text of the string literal at the start (`"…"`, `b"…"`, `c"…"`, `r#"…"#`), if there is one.
fn string(rest: &str, previous_is_word: bool) -> Option<(usize, String)> {
    let prefix = rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len();
    if prefix > 2 || (prefix > 0 && previous_is_word) {
        return None;
    }
    let raw = rest.get(..prefix)?.contains('r');
    let after = rest.get(prefix..)?;
    let hashes = if raw { after.len() - after.trim_start_matches('#').len() } else { 0 };
    let body = after.get(hashes..)?.strip_prefix('"')?;
    let start = prefix + hashes + 1;
    let length = if raw {
        body.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(body.len())
    } else {
        let mut escaped = false;
        body.char_indices()
            .find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            })
            .map_or(body.len(), |(at, _)| at)
    };
    let end = (start + length + 1 + hashes).min(rest.len());
    Some((end, body.get(..length)?.to_owned()))
}

/// Length of the character literal at the start, if it is one and no lifetime.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let mut chars = body.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        // The escaped character itself may be a quote; the literal ends at the next one.
        let (after, _) = chars.nth(1)?;
        return body.get(after..)?.find('\'').map(|end| 1 + after + end + 1);
    }
    let (after, second) = chars.next()?;
    (second == '\'').then_some(1 + after + 1)
}

/// Byte ranges of the items that bear `#[cfg(test)]`.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    const MARK: &str = "#[cfg(test)]";
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = code.get(from..).and_then(|rest| rest.find(MARK)).map(|at| from + at) {
        let end = item_end(code, start + MARK.len());
        found.push((start, end));
        from = end;
    }
    found
}

/// Where the item after `from` ends: at its `;`, or at the brace that closes its block.
fn item_end(code: &str, from: usize) -> usize {
    let (mut braces, mut others) = (0usize, 0usize);
    for (at, b) in code.bytes().enumerate().skip(from) {
        match b {
            b'(' | b'[' => others += 1,
            b')' | b']' => others = others.saturating_sub(1),
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return at + 1;
                }
            }
            b';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text =
            read("let a = \"std::fs\"; // std::net\n/* x /* y */ z */ let b = r#\"q\"q\"#; let c = '\"'; d");
        assert!(!text.code.contains("std"), "{}", text.code);
        assert!(!text.code.contains('z') && !text.code.contains('q'), "{}", text.code);
        assert!(text.code.ends_with('d'));
        assert_eq!(text.literals, [(1, "std::fs".to_owned()), (2, "q\"q".to_owned())]);
    }

    #[test]
    fn lifetimes_and_escapes_do_not_swallow_code() {
        let text = read("fn f<'a>(x: &'a str) -> char { '\\'' } fn g() { \"\\\"\" ; unsafe_here() }");
        assert!(text.code.contains("unsafe_here"), "{}", text.code);
        assert!(text.code.contains("&'a str"), "{}", text.code);
    }

    #[test]
    fn test_items_are_hidden_and_the_rest_is_not() {
        let text = read(
            "#[cfg(test)]\nmod tests { fn f() { hidden(\"h\") } }\nfn shown() {}\n#[cfg(test)] mod more;\nlast",
        );
        assert!(!text.code.contains("hidden") && !text.code.contains("more"), "{}", text.code);
        assert!(text.code.contains("shown") && text.code.contains("last"));
        assert!(text.literals.is_empty());
        assert_eq!(text.code.lines().count(), 5);
    }

    #[test]
    fn paths_are_whole_and_use_trees_are_spelled_out() {
        let paths =
            read("use std::{fs, io::{self, Read as R}, net::*};\nfn f() { std :: time::Instant::now() }")
                .paths();
        let has = |line: usize, path: &str| paths.contains(&(line, path.to_owned()));
        assert!(
            has(1, "std::fs") && has(1, "std::io::self") && has(1, "std::io::Read") && has(1, "std::net::*")
        );
        assert!(has(2, "std::time::Instant::now"), "{paths:?}");
    }

    #[test]
    fn segments_are_compared_whole() {
        assert!(holds("std::fs::read", "std::fs"));
        assert!(holds("a::std::fs", "std::fs"));
        assert!(!holds("std::fsx::read", "std::fs"));
        assert!(!holds("fs", "std::fs"));
    }

    #[test]
    fn no_text_makes_it_fail() {
        for source in
            ["\"", "'", "'\\", "/*", "r#\"", "use {", "use ;", "#[cfg(test)]", "b", "é'é'", "use a::{b::{c"]
        {
            read(source).paths();
        }
    }
}
