//! Secrets out of texts that leave the machine: passwords, tokens, keys, credentials in URLs.
//!
//! What is taken out is said to be taken out. In doubt more goes: a word too few costs a question, a secret too many costs more.

/// What stands in a secret's place.
pub const TAKEN_OUT: &str = "(taken out)";
/// A setting or a key with one of these in its name holds a secret.
const SECRET_NAMES: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "authorization",
    "api-key",
    "apikey",
    "api_key",
    "cookie",
];
/// Words behind which a secret stands in a text.
const SECRET_WORDS: [&str; 3] = ["pveapitoken=", "bearer ", "basic "];

/// Whether what goes by this name is a secret. Names of files that hold one, and how often something was refused, are none.
fn is_secret(name: &str) -> bool {
    let name = name.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let plain = name.ends_with("-file") || name.ends_with("_file") || name.ends_with("needs-token");
    !plain && (SECRET_NAMES.iter().any(|word| name.contains(word)) || name == "key" || name.ends_with("_key"))
}

/// Any text of several lines: TOML, Proxmox VE's sections, JSON, logs.
pub fn text(text: &str) -> String {
    if let Ok(mut json) = serde_json::from_str::<serde_json::Value>(text)
        && (json.is_object() || json.is_array())
    {
        value(&mut json);
        return json.to_string();
    }
    let mut out = String::with_capacity(text.len());
    // A secret of several lines, and what stands in its last one.
    let mut secret_until: Option<&str> = None;
    for whole in text.split_inclusive('\n') {
        let (line, end) = whole.strip_suffix('\n').map_or((whole, ""), |line| (line, "\n"));
        match secret_until {
            Some(close) => {
                out.push_str(TAKEN_OUT);
                secret_until = Some(close).filter(|close| !line.contains(close));
            }
            None if line.contains("-----BEGIN") && line.contains("PRIVATE KEY") => {
                out.push_str(TAKEN_OUT);
                secret_until = Some("-----END").filter(|close| !line.contains(close));
            }
            None => {
                out.push_str(&self::line(line));
                secret_until = opens(line);
            }
        }
        out.push_str(end);
    }
    out
}

/// What ends the secret that this line begins and does not end: TOML's long strings, lists and tables.
fn opens(line: &str) -> Option<&'static str> {
    let (_, rest) = line.split_once('=').filter(|(name, _)| is_secret(name))?;
    let pairs = [("\"\"\"", "\"\"\""), ("'''", "'''"), ("[", "]"), ("{", "}")];
    let open = |(open, close): &(&str, &'static str)| {
        let inner = rest.trim().strip_prefix(open)?;
        (!inner.contains(close)).then_some(*close)
    };
    pairs.iter().find_map(open)
}

/// One line.
pub fn line(line: &str) -> String {
    for (at, sign) in line.char_indices().filter(|(_, c)| matches!(c, '=' | ':')) {
        let name = line.get(..at).unwrap_or_default();
        // Behind `key =` of a table within a line: only the last word names it.
        let name = name
            .rsplit([',', '{', ' ', '\t', '&', '?', ';'])
            .find(|word| !word.is_empty())
            .unwrap_or_default();
        if is_secret(name) {
            let lead = line.get(..at + sign.len_utf8()).unwrap_or_default();
            return format!("{} {TAKEN_OUT}", words(lead));
        }
    }
    // `password value`, as sections have it.
    let mut parts = line.trim_start().splitn(2, [' ', '\t']);
    if let (Some(name), Some(_)) = (parts.next(), parts.next())
        && is_secret(name)
    {
        let indent = line.len() - line.trim_start().len();
        return format!("{}{name} {TAKEN_OUT}", line.get(..indent).unwrap_or_default());
    }
    words(line)
}

/// URLs and authorizations within a text.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let lower = rest.to_ascii_lowercase();
        let url = lower.find("://").map(|at| (at, None));
        let word = SECRET_WORDS.iter().filter_map(|word| Some((lower.find(word)?, Some(word.len())))).min();
        let Some((at, length)) = [url, word].into_iter().flatten().min_by_key(|(at, _)| *at) else { break };
        let begin = at + length.unwrap_or(3);
        out.push_str(rest.get(..begin).unwrap_or_default());
        rest = rest.get(begin..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || "\"'`<>)],".contains(c)).unwrap_or(rest.len());
        let (inner, after) = rest.split_at(end);
        if length.is_some() {
            out.push_str(TAKEN_OUT);
        } else {
            out.push_str(&url_rest(inner));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What follows `://`: the host stays, and a path only where nothing in it can be a secret: many a webhook's token is its path.
fn url_rest(rest: &str) -> String {
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let user = if host.len() < authority.len() { format!("{TAKEN_OUT}@") } else { String::new() };
    let plain = ["/api2/", "/api/v2/alerts", "/docs/"].iter().any(|known| path.starts_with(known));
    let path = match path {
        "" | "/" => path.to_owned(),
        path if plain && !path.contains(['?', '#']) => path.to_owned(),
        _ => format!("/{TAKEN_OUT}"),
    };
    format!("{user}{host}{path}")
}

/// JSON, whatever its shape.
pub fn value(json: &mut serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::String(text) => {
            let clean = words(text);
            if clean != *text {
                *text = clean;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(value),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::Null | Value::Bool(_) => {}
                    member if is_secret(name) => *member = Value::from(TAKEN_OUT),
                    member => value(member),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (before, after) in [
            ("poll-interval-s = 5", "poll-interval-s = 5"),
            ("password-file = \"/etc/x\"", "password-file = \"/etc/x\""),
            ("loopback-needs-token = true", "loopback-needs-token = true"),
            ("password = \"HUSH\"", "password = (taken out)"),
            ("user = { name = \"a\", password = \"HUSH\" }", "user = { name = \"a\", password = (taken out)"),
            ("\tpassword HUSH", "\tpassword (taken out)"),
            (
                "webhook = \"https://hooks.example.org/services/HUSH/HUSH\"",
                "webhook = \"https://hooks.example.org/(taken out)\"",
            ),
            (
                "url = \"https://u:HUSH@am.example.org/api/v2/alerts\"",
                "url = \"https://(taken out)@am.example.org/api/v2/alerts\"",
            ),
            ("see https://example.org?x=HUSH, or", "see https://example.org/(taken out), or"),
            ("Authorization: PVEAPIToken=root@pam!x=HUSH", "Authorization: (taken out)"),
            ("sent Bearer HUSH to it", "sent Bearer (taken out) to it"),
            ("wwid: 3600a1", "wwid: 3600a1"),
            ("multipath_key HUSH", "multipath_key (taken out)"),
            (
                "[\"https://a:2379\", \"https://u:HUSH@b:2379\"]",
                "[\"https://a:2379\",\"https://(taken out)@b:2379\"]",
            ),
            ("{\"a\":{\"token\":\"HUSH\",\"n\":1}}", "{\"a\":{\"n\":1,\"token\":\"(taken out)\"}}"),
            (
                "a\npassword = \"\"\"\nHUSH\nHUSH\"\"\"\nb = 1",
                "a\npassword = (taken out)\n(taken out)\n(taken out)\nb = 1",
            ),
            ("tokens = [\n  \"HUSH\",\n]\nb = 1", "tokens = (taken out)\n(taken out)\n(taken out)\nb = 1"),
            (
                "-----BEGIN EC PRIVATE KEY-----\nHUSH\n-----END EC PRIVATE KEY-----\nx",
                "(taken out)\n(taken out)\n(taken out)\nx",
            ),
        ] {
            assert_eq!(text(before), after, "{before}");
            assert!(!text(before).contains("HUSH"));
        }
    }
}
