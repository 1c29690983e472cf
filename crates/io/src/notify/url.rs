//! Addresses of sinks.

use std::fmt;

/// An `http` or `https` URL, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct SinkUrl {
    /// By TLS.
    pub tls: bool,
    /// A name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query, from `/` on. It may be a secret.
    pub path: String,
}

impl SinkUrl {
    /// Reads `http[s]://HOST[:PORT][/PATH][?QUERY]`.
    ///
    /// # Errors
    /// In words, without the URL itself: it may be a secret.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (tls, rest) = match url.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err("it must begin with http:// or https://".into()),
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if authority.contains('@') {
            return Err("a user in it is not sent; use token-file or headers".into());
        }
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '#' || !c.is_ascii();
        if url.len() > 2048 || authority.contains(odd) || path.contains(odd) {
            return Err("it has characters that an address cannot have; write them as %XX".into());
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or("the port begins with ':'")?)),
            None => match authority.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => return Err("an IPv6 address stands in [ ]".into()),
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() {
            return Err("it names no host".into());
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| "the port is no number from 0 to 65535")?,
            None if tls => 443,
            None => 80,
        };
        Ok(Self { tls, host: host.to_owned(), port, path })
    }

    /// `HOST:PORT` as requests name it.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What may be shown and logged of it: not its path, which is the secret of many services.
    pub fn shown(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let rest = if self.path == "/" { "" } else { "/…" };
        format!("{scheme}://{}{rest}", self.authority())
    }
}

impl fmt::Debug for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_their_paths_are_not_shown() {
        for (url, expect) in [
            ("http://am1:9093", "http am1 9093 / | http://am1:9093"),
            (
                "https://hooks.example/T0/secret?x=1",
                "https hooks.example 443 /T0/secret?x=1 | https://hooks.example:443/…",
            ),
            ("http://[fd00::1]:8080/a", "http fd00::1 8080 /a | http://[fd00::1]:8080/…"),
            ("http://h?q=1", "http h 80 /?q=1 | http://h:80/…"),
        ] {
            let parsed = SinkUrl::parse(url).unwrap();
            let scheme = if parsed.tls { "https" } else { "http" };
            let text = format!("{scheme} {} {} {} | {:?}", parsed.host, parsed.port, parsed.path, parsed);
            assert_eq!(text, expect);
        }
        for bad in [
            "",
            "am1:9093",
            "ftp://x",
            "http://",
            "http://:80",
            "http://a:x",
            "http://a:99999",
            "http://u:p@h/",
            "http://a b/",
            "http://h/a b",
            "http://fd00::1:80/",
            "http://[fd00::1]80/",
            "http://h/\u{e9}",
            "http://h/#part",
        ] {
            let why = SinkUrl::parse(bad).unwrap_err();
            assert!(bad.is_empty() || !why.contains(bad), "{bad}: {why}");
        }
    }
}
