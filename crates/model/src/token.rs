//! API tokens: what they are called, what they may do, and the document in which a node keeps them.
//!
//! The names have the form of Proxmox VE's (`USER@REALM!NAME`), so that its `Authorization` header serves here too. The
//! document holds no secret: only the SHA-256 of each.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::EpochS;

/// A node keeps no more tokens than this.
pub const TOKENS_MAX: usize = 256;
/// No token's name is longer.
pub const ID_BYTES_MAX: usize = 128;
/// No token's comment is longer.
pub const COMMENT_BYTES_MAX: usize = 256;
/// The user and realm of a token that was given a bare name: whoever makes tokens here is root.
pub const DEFAULT_USER: &str = "root@pam";

/// What somebody may do; the greater one includes the lesser.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privilege {
    /// Look: Proxmox VE's `Sys.Audit`.
    Audit,
    /// Look and change: Proxmox VE's `Sys.Modify`.
    Modify,
}

impl Privilege {
    /// `audit` or `modify`.
    pub fn as_str(self) -> &'static str {
        match self {
            Privilege::Audit => "audit",
            Privilege::Modify => "modify",
        }
    }

    /// Proxmox VE's word.
    pub fn pve(self) -> &'static str {
        match self {
            Privilege::Audit => "Sys.Audit",
            Privilege::Modify => "Sys.Modify",
        }
    }
}

/// `USER@REALM!NAME`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TokenId(Arc<str>);

impl TokenId {
    /// A whole name, in Proxmox VE's grammar (pve-access-control, PVE::Auth::Plugin): the user has no blank, colon or
    /// slash; realm and name begin with a letter and go on with at least one of letters, digits, `.`, `-`, `_`.
    pub fn new(text: &str) -> Option<Self> {
        let (user, name) = text.rsplit_once('!')?;
        let (user, realm) = user.rsplit_once('@')?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !":/!=".contains(c);
        let good = text.len() <= ID_BYTES_MAX
            && !user.is_empty()
            && user.chars().all(plain)
            && is_word(realm)
            && is_word(name);
        good.then(|| Self(text.into()))
    }

    /// As a person names it: whole, or the bare name of a token of [`DEFAULT_USER`].
    pub fn of(text: &str) -> Option<Self> {
        if text.contains(['!', '@']) { Self::new(text) } else { Self::new(&format!("{DEFAULT_USER}!{text}")) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_word(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

/// One token, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// What it may do.
    pub privilege: Privilege,
    /// When it was made.
    pub made: EpochS,
    /// From then on it is worth nothing; `None` = no end.
    pub until: Option<EpochS>,
    /// What it is for.
    pub comment: Option<String>,
    /// SHA-256 of the secret's text.
    pub hash: [u8; 32],
}

impl Token {
    /// Whether its end has come.
    pub fn is_over(&self, now: EpochS) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}

/// All tokens of a node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tokens(BTreeMap<TokenId, Token>);

impl Tokens {
    /// The token of that name.
    pub fn get(&self, id: &TokenId) -> Option<&Token> {
        self.0.get(id)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TokenId, &Token)> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one.
    ///
    /// # Errors
    /// In words: the name is taken, there are too many, or the comment cannot be kept.
    pub fn add(&mut self, id: TokenId, token: Token) -> Result<(), String> {
        if self.0.contains_key(&id) {
            return Err(format!("there is a token {id} already"));
        }
        if self.0.len() >= TOKENS_MAX {
            return Err(format!("there are {TOKENS_MAX} tokens already, and no more are kept"));
        }
        if token.comment.as_ref().is_some_and(|c| c.len() > COMMENT_BYTES_MAX || c.contains(char::is_control))
        {
            return Err(format!("a comment is one line of at most {COMMENT_BYTES_MAX} bytes"));
        }
        self.0.insert(id, token);
        Ok(())
    }

    /// Takes one away; `None` where there is none of that name.
    pub fn revoke(&mut self, id: &TokenId) -> Option<Token> {
        self.0.remove(id)
    }

    /// Reads the document. Whatever is wrong in it is wrong with all of it: a limit that this version does not know,
    /// or a date that it cannot read, must not let somebody in.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let raw: Raw = serde_json::from_slice(bytes).map_err(|e| format!("it is no list of tokens: {e}"))?;
        if raw.v != 1 {
            return Err(format!("it is of version {}, and this program knows version 1", raw.v));
        }
        let mut tokens = Self::default();
        for token in raw.tokens {
            let bad = |what: &str| format!("token {:?}: {what}", token.id);
            let id =
                TokenId::new(&token.id).ok_or_else(|| bad("that is no name of the form USER@REALM!NAME"))?;
            let hash =
                from_hex(&token.sha256).ok_or_else(|| bad("its sha256 is not 64 hexadecimal digits"))?;
            let token = Token {
                privilege: token.privilege,
                made: EpochS(token.made),
                until: token.until.map(EpochS),
                comment: token.comment,
                hash,
            };
            tokens.add(id, token)?;
        }
        Ok(tokens)
    }

    /// Writes the document.
    pub fn encode(&self) -> Vec<u8> {
        let tokens = self.0.iter().map(|(id, token)| RawToken {
            id: id.to_string(),
            privilege: token.privilege,
            made: token.made.0,
            until: token.until.map(|until| until.0),
            comment: token.comment.clone(),
            sha256: to_hex(&token.hash),
        });
        let raw = Raw { v: 1, tokens: tokens.collect() };
        // Strings, numbers and lists: nothing in it can fail to be written.
        let mut bytes = serde_json::to_vec_pretty(&raw).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    v: u32,
    tokens: Vec<RawToken>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawToken {
    id: String,
    privilege: Privilege,
    made: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    sha256: String,
}

/// Lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (n, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(privilege: Privilege) -> Token {
        Token { privilege, made: EpochS(7), until: None, comment: None, hash: [0xa5; 32] }
    }

    #[test]
    fn names_are_whole_or_of_root() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(TokenId::of(text).as_ref().map(TokenId::as_str), expect, "{text}");
        };
        check("grafana", Some("root@pam!grafana"));
        check("alice@pve!ci-2", Some("alice@pve!ci-2"));
        check("a@b@pve!ci", Some("a@b@pve!ci"));
        for bad in
            ["", "x", "2x", "a b", "alice@pve", "alice!ci", "@pve!ci", "a:b@pve!ci", "a@pve!ci=x", "a@p!ci"]
        {
            check(bad, None);
        }
        check(&"x".repeat(ID_BYTES_MAX), None);
        check("root@pam!a\nb", None);
        check("ro\u{7}ot@pam!ab", None);
    }

    #[test]
    fn the_document_is_read_as_it_was_written() {
        let mut tokens = Tokens::default();
        tokens.add(TokenId::of("one").unwrap(), token(Privilege::Audit)).unwrap();
        let two = Token { until: Some(EpochS(99)), comment: Some("CI".into()), ..token(Privilege::Modify) };
        tokens.add(TokenId::of("a@pve!two").unwrap(), two).unwrap();
        assert_eq!(Tokens::decode(&tokens.encode()), Ok(tokens.clone()));
        assert!(
            tokens.add(TokenId::of("one").unwrap(), token(Privilege::Audit)).is_err(),
            "the name is taken"
        );
        assert!(tokens.revoke(&TokenId::of("one").unwrap()).is_some());
        assert!(tokens.revoke(&TokenId::of("one").unwrap()).is_none());
        assert_eq!(Tokens::decode(&Tokens::default().encode()), Ok(Tokens::default()));
    }

    #[test]
    fn an_end_is_the_first_moment_that_no_longer_counts() {
        let token = Token { until: Some(EpochS(100)), ..token(Privilege::Audit) };
        assert_eq!([99, 100, 101].map(|now| token.is_over(EpochS(now))), [false, true, true]);
    }

    #[test]
    fn what_is_wrong_anywhere_is_wrong_with_all_of_it() {
        let mut tokens = Tokens::default();
        let until = Token { until: Some(EpochS(99)), ..token(Privilege::Audit) };
        tokens.add(TokenId::of("one").unwrap(), until).unwrap();
        let good = String::from_utf8(tokens.encode()).unwrap();
        let check = |from: &str, to: &str, expect: &str| {
            assert!(good.contains(from), "{from}");
            let why = Tokens::decode(good.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(why.contains(expect), "{to}: {why}");
        };
        check("\"v\": 1", "\"v\": 2", "of version 2");
        check("\"v\": 1,", "", "missing field `v`");
        check("\"audit\"", "\"everything\"", "unknown variant");
        check("\"until\": 99", "\"until\": \"soon\"", "invalid type");
        check("\"until\"", "\"only-from\"", "unknown field `only-from`");
        check("root@pam!one", "root@pam", "no name of the form");
        check("a5a5", "a5", "64 hexadecimal digits");
        check("a5", "+5", "64 hexadecimal digits");
        check("]", ",", "it is no list of tokens");
        for bytes in [&b""[..], b"null", b"[]", b"{}", b"\xff", &good.as_bytes()[..good.len() / 2]] {
            assert!(Tokens::decode(bytes).is_err());
        }
        let entry = good.split_once('[').unwrap().1.split_once(']').unwrap().0;
        check(entry, &format!("{entry},{entry}"), "there is a token root@pam!one already");
        let many: Vec<_> =
            (0..=TOKENS_MAX).map(|n| entry.replace("root@pam!one", &format!("root@pam!n{n}"))).collect();
        check(entry, &many.join(","), "256 tokens already");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), text in ".{0,60}") {
            let _ = Tokens::decode(&bytes);
            let _ = TokenId::of(&text);
        }
    }
}
