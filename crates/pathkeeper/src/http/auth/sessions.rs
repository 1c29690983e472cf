//! Sessions of browsers: a token is shown once, and from then on a cookie that no script can read.
//!
//! They are in memory alone: a restart of the agent ends them. A session is worth what its token is worth at each
//! request, so that a token that is revoked ends its sessions within a second.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderValue, header};
use pathkeeper_model::EpochS;
use pathkeeper_model::token::TokenId;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::tokens;

/// The cookie's name.
pub const COOKIE: &str = "pathkeeper-session";
/// The header that a page sends with what changes something; Proxmox VE's name.
pub const CSRF_HEADER: &str = "csrfpreventiontoken";
/// A working day; then the token is asked for again.
pub const LIFE_S: i64 = 12 * 3600;
/// Sessions that are open at the same time; the oldest makes room.
const SESSIONS_MAX: usize = 1_024;

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose token was shown.
    pub token: TokenId,
    /// The hash of its secret: another secret under the same name is another token.
    pub hash: [u8; 32],
    /// What the page's own requests bear.
    pub csrf: String,
    /// When it ends.
    pub until: EpochS,
}

/// All sessions, by the hash of what their cookies hold.
#[derive(Debug, Default)]
pub struct Sessions(HashMap<[u8; 32], Session>);

impl Sessions {
    /// Opens one and gives what its cookie holds.
    ///
    /// # Errors
    /// If the kernel has no randomness to give.
    pub fn open(&mut self, token: TokenId, hash: [u8; 32], now: EpochS) -> anyhow::Result<(String, Session)> {
        let (value, key) = tokens::new_secret()?;
        let (csrf, _) = tokens::new_secret()?;
        let session = Session { token, hash, csrf, until: EpochS(now.0.saturating_add(LIFE_S)) };
        self.0.retain(|_, session| session.until > now);
        if self.0.len() >= SESSIONS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.until).map(|(key, _)| *key);
            oldest.and_then(|key| self.0.remove(&key));
        }
        self.0.insert(key, session.clone());
        Ok((value, session))
    }

    /// The session of a cookie, if it has not ended.
    pub fn find(&self, value: &str, now: EpochS) -> Option<&Session> {
        self.0.get(&key(value)).filter(|session| session.until > now)
    }

    /// Ends one.
    pub fn close(&mut self, value: &str) {
        self.0.remove(&key(value));
    }
}

impl Session {
    /// Whether a request says what only a page of ours knows.
    pub fn is_said_by(&self, headers: &HeaderMap) -> bool {
        let mut said = headers.get_all(CSRF_HEADER).iter();
        let value = said.next().map_or(&b""[..], HeaderValue::as_bytes);
        said.next().is_none() && value.ct_eq(self.csrf.as_bytes()).into()
    }
}

/// Looked up by its hash, so that how long it takes tells nothing of what is there.
fn key(value: &str) -> [u8; 32] {
    Sha256::digest(value.as_bytes()).into()
}

/// What the session cookie of a request holds; of several the first.
pub fn shown(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// `Set-Cookie` for a session; with an empty value, for none any more.
pub fn cookie(value: &str, encrypted: bool) -> HeaderValue {
    let life = if value.is_empty() { 0 } else { LIFE_S };
    let secure = if encrypted { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_its_cookie_until_it_ends() {
        let mut sessions = Sessions::default();
        let token = TokenId::of("look").unwrap();
        let (value, session) = sessions.open(token.clone(), [7; 32], EpochS(1_000)).unwrap();
        assert_eq!(sessions.find(&value, EpochS(1_001)), Some(&session));
        assert_eq!(sessions.find(&value, session.until), None);
        assert_eq!(sessions.find("", EpochS(1_001)), None);
        assert_ne!(value, session.csrf);
        // Room is bounded, and the oldest goes.
        for n in 0..SESSIONS_MAX {
            sessions.open(token.clone(), [7; 32], EpochS(1_001 + n as i64)).unwrap();
        }
        assert_eq!(sessions.find(&value, EpochS(1_002)), None);
        assert_eq!(sessions.0.len(), SESSIONS_MAX);
        let (value, _) = sessions.open(token, [7; 32], EpochS(5_000)).unwrap();
        sessions.close(&value);
        assert_eq!(sessions.find(&value, EpochS(5_000)), None);
    }

    #[test]
    fn cookies_are_read_among_others_and_written_for_ourselves_alone() {
        let check = |cookies: &[&str], expect: Option<&str>| {
            let pairs = cookies.iter().map(|c| (header::COOKIE, HeaderValue::from_str(c).unwrap()));
            let mut headers = HeaderMap::new();
            pairs.for_each(|(name, value)| {
                headers.append(name, value);
            });
            assert_eq!(shown(&headers), expect, "{cookies:?}");
        };
        check(&["a=b; pathkeeper-session=x; c"], Some("x"));
        check(&["a=b", "pathkeeper-session=x"], Some("x"));
        check(&["xpathkeeper-session=x", "PVEAuthCookie=y"], None);
        check(&[], None);
        let text = cookie("abc", true);
        assert_eq!(text, "pathkeeper-session=abc; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(cookie("", false), "pathkeeper-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }
}
