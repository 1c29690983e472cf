//! What let somebody in, asked again by an answer that goes on: a token may be revoked meanwhile, and a session ends.

use axum::http::HeaderMap;
use pathkeeper_model::token::TokenId;

use super::{credentials, sessions};
use crate::app::tokens;
use crate::http::Context;

/// What a request was let in by.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(By);

#[derive(Clone, PartialEq, Eq)]
enum By {
    /// Nothing was shown: the place is open to whoever is there, and stays so.
    Place,
    Token(TokenId, [u8; 32]),
    /// What the cookie holds.
    Session(String),
    /// It was never good.
    Nothing,
}

impl Ticket {
    /// Of a request that was let in.
    pub fn of(headers: &HeaderMap, context: &Context) -> Self {
        let now = context.clock.now().wall;
        Self(match credentials::read(headers) {
            Ok(Some(shown)) => match context.access.tokens.check(&shown, now) {
                Ok((id, _)) => By::Token(id, tokens::hash(&shown.secret)),
                Err(_) => By::Nothing,
            },
            Ok(None) => match sessions::shown(headers) {
                Some(value) => By::Session(value.to_owned()),
                None => By::Place,
            },
            Err(_) => By::Nothing,
        })
    }

    /// Whether it would let them in now.
    pub fn is_good(&self, context: &Context) -> bool {
        let now = context.clock.now().wall;
        let is_good =
            |id: &TokenId, hash: &[u8; 32]| context.access.tokens.check_again(id, hash, now).is_ok();
        match &self.0 {
            By::Place => true,
            By::Token(id, hash) => is_good(id, hash),
            By::Session(value) => {
                context.access.session(value, context).is_some_and(|of| is_good(&of.token, &of.hash))
            }
            By::Nothing => false,
        }
    }
}

impl std::fmt::Debug for Ticket {
    // What is in a cookie opens the door.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket")
    }
}
