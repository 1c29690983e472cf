//! What stands in `Authorization`: Proxmox VE's token, `Bearer`, or `Basic` for programs that know nothing else.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pathkeeper_model::token::TokenId;

use crate::app::tokens::Credentials;

/// A token's name and secret are 200 bytes, escaped or in base64 600.
const BYTES_MAX: usize = 1_024;

/// The credentials of a request; `None` where none are shown.
///
/// # Errors
/// What is wrong with what is shown.
pub fn read(headers: &HeaderMap) -> Result<Option<Credentials>, &'static str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = shown.next() else { return Ok(None) };
    if shown.next().is_some() {
        // Which one counts would be a guess, and a proxy before us may have guessed otherwise.
        return Err("more than one Authorization header");
    }
    if value.len() > BYTES_MAX {
        return Err("the Authorization header is too long");
    }
    let value = value.to_str().map_err(|_| "the Authorization header is no text")?;
    // Proxmox VE takes both PVEAPIToken=… and PVEAPIToken …, and unescapes what follows.
    if let Some(token) = value.strip_prefix("PVEAPIToken").and_then(|rest| rest.strip_prefix(['=', ' '])) {
        let token = percent_encoding::percent_decode_str(token).decode_utf8();
        return whole(&token.map_err(|_| "the token is no text")?).map(Some);
    }
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        if rest.contains('!') { whole(rest).map(Some) } else { secret(None, rest).map(Some) }
    } else if scheme.eq_ignore_ascii_case("basic") {
        let bytes = STANDARD.decode(rest).map_err(|_| "no base64 stands after Basic")?;
        let text = String::from_utf8(bytes).map_err(|_| "what stands after Basic is no text")?;
        let (id, password) = text.split_once(':').ok_or("no colon stands in what Basic holds")?;
        secret(Some(id), password).map(Some)
    } else {
        Err("the Authorization header is of no known kind (PVEAPIToken, Bearer, Basic)")
    }
}

/// `USER@REALM!NAME=SECRET`.
fn whole(text: &str) -> Result<Credentials, &'static str> {
    let (id, value) = text.rsplit_once('=').ok_or("no tokenid specified")?;
    secret(Some(id), value)
}

fn secret(id: Option<&str>, value: &str) -> Result<Credentials, &'static str> {
    let id = match id {
        Some(id) => Some(TokenId::of(id).ok_or("the token's name has not the form USER@REALM!NAME")?),
        None => None,
    };
    if value.is_empty() {
        return Err("there is no secret");
    }
    Ok(Credentials { id, secret: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(values: &[&[u8]]) -> Result<Option<(String, String)>, &'static str> {
        let values = values.iter().map(|v| (header::AUTHORIZATION, HeaderValue::from_bytes(v).unwrap()));
        let mut headers = HeaderMap::new();
        values.for_each(|(name, value)| {
            headers.append(name, value);
        });
        let shown = read(&headers)?;
        Ok(shown.map(|shown| (shown.id.map(|id| id.to_string()).unwrap_or_default(), shown.secret)))
    }

    #[test]
    fn every_kind_names_a_token_and_a_secret() {
        let check = |value: &str, id: &str| {
            assert_eq!(of(&[value.as_bytes()]), Ok(Some((id.into(), "5ec7e7".into()))), "{value}");
        };
        check("PVEAPIToken=root@pam!ci=5ec7e7", "root@pam!ci");
        check("PVEAPIToken root@pam!ci=5ec7e7", "root@pam!ci");
        check("PVEAPIToken=root%40pam%21ci=5ec7e7", "root@pam!ci");
        check("Bearer root@pam!ci=5ec7e7", "root@pam!ci");
        check("bearer 5ec7e7", "");
        let basic = |text: &str| format!("BASIC {}", STANDARD.encode(text));
        check(&basic("a@pve!ci:5ec7e7"), "a@pve!ci");
        check(&basic("ci:5ec7e7"), "root@pam!ci");
        assert_eq!(of(&[]), Ok(None));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_overlooked() {
        let check = |values: &[&[u8]], expect: &str| {
            let why = of(values).unwrap_err();
            assert!(why.contains(expect), "{why}");
        };
        let good = &b"PVEAPIToken=root@pam!ci=5ec7e7"[..];
        check(&[good, good], "more than one");
        check(&[b""], "no known kind");
        check(&[b"PVEAPIToken"], "no known kind");
        check(&[b"PVEAPITokens=root@pam!ci=5ec7e7"], "no known kind");
        check(&[b"Digest username=\"a\""], "no known kind");
        check(&[b"PVEAuthCookie=PVE:root@pam:1"], "no known kind");
        check(&[b"PVEAPIToken=root@pam!ci"], "no tokenid");
        check(&[b"PVEAPIToken=root@pam!ci="], "no secret");
        check(&[b"PVEAPIToken=root@pam=5ec7e7"], "has not the form");
        check(&[b"PVEAPIToken=%ff=5ec7e7"], "no text");
        check(&[b"Bearer"], "no secret");
        check(&[b"Bearer "], "no secret");
        check(&[b"Bearer \xff\xfe"], "no text");
        check(&[b"Basic !!!"], "no base64");
        check(&[b"Basic /w=="], "no text");
        check(&[b"Basic YQ=="], "no colon");
        check(&[[b"Bearer ".as_slice(), &[b'a'; BYTES_MAX]].concat().as_slice()], "too long");
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(value in "(PVEAPIToken=|Bearer |Basic )?[ -~]{0,80}") {
            let _ = of(&[value.as_bytes()]);
        }
    }
}
