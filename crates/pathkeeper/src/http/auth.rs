//! Who asks, and whether they may: in front of every route.
//!
//! | from where | without a token | with one |
//! | --- | --- | --- |
//! | the Unix socket, root or the agent's own user | looks and changes | as the token says |
//! | the Unix socket, its group | looks | as the token says |
//! | the loopback, unless `loopback-needs-token` | looks | as the token says |
//! | anywhere else | `/healthz` alone | as the token says |
//!
//! A browser shows a token once and then a cookie ([`sessions`]); with it, what changes something also needs a header that
//! only our own pages know.
//!
//! A request needs `Sys.Audit` if it is a GET or HEAD, else `Sys.Modify`: by its method alone, so that no spelling of a
//! path asks for less than another. What is shown and worth nothing is never overlooked, not even where nothing need be shown.

pub mod credentials;
pub mod limiter;
pub mod sessions;
pub mod ticket;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pathkeeper_api::paths;
use pathkeeper_model::EpochS;
use pathkeeper_model::token::Privilege;
use tokio::sync::Semaphore;

use super::Context;
use super::audit::{self, AuditLog};
use super::errors::ApiError;
use super::server::Peer;
use super::ui;
use crate::app::tokens::{self, Credentials, TokenStore};
use limiter::{Limiter, Source, Verdict};
use sessions::{Session, Sessions};

/// Refusals that are held back at the same time; beyond that they are told to come back.
const WAITING_MAX: usize = 64;
/// What a proxy on this machine adds: then the loopback's address says nothing of who asks.
const PROXIES: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Who asks. Handlers find it in the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `USER@REALM!NAME` of a token, `USER@pam` of a local user, `anonymous` on the loopback. Whoever writes has a name.
    pub name: Arc<str>,
    /// What they may do.
    pub privilege: Privilege,
}

/// What decides.
#[derive(Debug)]
pub struct Access {
    tokens: TokenStore,
    loopback_needs_token: bool,
    audit: AuditLog,
    limiter: Mutex<Limiter>,
    sessions: Mutex<Sessions>,
    waiting: Arc<Semaphore>,
    /// No refusal is held back longer.
    delay_ms_max: u64,
}

impl Access {
    /// With these tokens. `state_dir` is where the record of writes goes.
    pub fn new(tokens: TokenStore, loopback_needs_token: bool, state_dir: Option<&Path>) -> Self {
        Self {
            tokens,
            loopback_needs_token,
            audit: AuditLog::new(state_dir),
            limiter: Mutex::default(),
            sessions: Mutex::default(),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            delay_ms_max: u64::MAX,
        }
    }

    /// Opens a session for whoever showed a token that is right.
    ///
    /// # Errors
    /// What answers where it is not, or where the kernel gives no randomness.
    pub fn open_session(&self, shown: &Credentials, now: EpochS) -> Result<(String, Session), ApiError> {
        let (id, _) = self.tokens.check(shown, now).map_err(|_| ApiError::authentication_failed())?;
        let opened = self.sessions().open(id, tokens::hash(&shown.secret), now);
        opened.map_err(|e| {
            tracing::error!("a session cannot be opened: {e:#}");
            ApiError::fault()
        })
    }

    /// The session of a cookie, if it has not ended.
    pub fn session(&self, value: &str, context: &Context) -> Option<Session> {
        self.sessions().find(value, context.clock.now().wall).cloned()
    }

    /// Ends the session of a cookie.
    pub fn close_session(&self, value: &str) {
        self.sessions().close(value);
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        // Each change of it is whole.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limiter(&self) -> std::sync::MutexGuard<'_, Limiter> {
        // It holds numbers alone, each whole at any moment.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The middleware.
pub async fn admit(State(context): State<Context>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    // A plan is asked for with a body, and writes nothing.
    let asks = *request.method() == Method::POST && request.uri().path() == paths::PLAN;
    // A session is opened and ended by whoever may look, and no document is written by it.
    let is_session = request.uri().path() == paths::SESSION;
    let changes = !audit::is_read(request.method()) && !asks;
    let reads = !changes || is_session;
    // As it came, to the byte: no other spelling of it is open.
    let path = request.uri().path();
    if reads && (path == paths::HEALTHZ || ui::is_static(path)) {
        return next.run(request).await;
    }
    let needed = if reads { Privilege::Audit } else { Privilege::Modify };
    let identity = match identify(&context, peer, request.headers(), needed, changes).await {
        Ok(identity) => identity,
        Err(refusal) => return refusal,
    };
    let tell = |why: &str| {
        let told = context.access.limiter().may_tell(context.clock.now().mono);
        if let Some(more) = told {
            let (method, path) = (request.method(), request.uri().path());
            tracing::warn!(
                "refused: {why}; rhost={} user={} {method} {path:?}{}",
                place(peer),
                identity.name,
                unsaid(more)
            );
        }
    };
    if identity.privilege < needed {
        tell("it may look and not change");
        return ApiError::no_permission(needed).into_response();
    }
    if changes && !matches!(peer, Some(Peer::Unix { .. })) && is_foreign(request.headers()) {
        tell("a page of another origin sent it");
        return ApiError::foreign_page().into_response();
    }
    let by = identity.name.to_string();
    request.extensions_mut().insert(identity);
    if reads {
        return next.run(request).await;
    }
    match audit::begin(request, by, place(peer)).await {
        Err(refused) => refused.into_response(),
        Ok((line, request)) => {
            let clock = context.clock.clone();
            audit::run(context.access.audit.clone(), line, move || clock.now().wall, next.run(request)).await
        }
    }
}

/// Who asks, or the answer to somebody who did not say it or said it wrongly.
async fn identify(
    context: &Context,
    peer: Option<Peer>,
    headers: &HeaderMap,
    needed: Privilege,
    changes: bool,
) -> Result<Identity, Response> {
    let access = &context.access;
    let rejected = match credentials::read(headers) {
        Ok(None) => {
            if let Some(value) = sessions::shown(headers) {
                return by_session(context, peer, headers, value, changes).map_err(|refusal| *refusal);
            }
            return by_place(peer, headers, access.loopback_needs_token, needed)
                .ok_or_else(|| ApiError::no_ticket().into_response());
        }
        Ok(Some(shown)) => match access.tokens.check(&shown, context.clock.now().wall) {
            Ok((id, privilege)) => return Ok(Identity { name: id.as_str().into(), privilege }),
            Err(why) => (why.to_string(), shown.id.map(|id| id.to_string()).unwrap_or_default()),
        },
        Err(why) => (why.to_owned(), String::new()),
    };
    Err(refuse(context, peer, &rejected.0, &rejected.1).await)
}

/// Who asks by a session. One that is over is no stranger's try to get in: its cookie is taken back, and nothing is held
/// against the address.
fn by_session(
    context: &Context,
    peer: Option<Peer>,
    headers: &HeaderMap,
    value: &str,
    changes: bool,
) -> Result<Identity, Box<Response>> {
    let access = &context.access;
    let checked = access.session(value, context).and_then(|session| {
        let may = access.tokens.check_again(&session.token, &session.hash, context.clock.now().wall);
        Some((may.ok()?, session))
    });
    let Some((privilege, session)) = checked else {
        access.close_session(value);
        let encrypted = matches!(peer, Some(Peer::Tcp { encrypted: true, .. }));
        let mut response = ApiError::session_over().into_response();
        response.headers_mut().insert(header::SET_COOKIE, sessions::cookie("", encrypted));
        return Err(Box::new(response));
    };
    if changes && !session.is_said_by(headers) {
        return Err(Box::new(ApiError::no_csrf_token().into_response()));
    }
    Ok(Identity { name: session.token.as_str().into(), privilege })
}

/// Who asks where no token is shown: by where they ask from.
fn by_place(
    peer: Option<Peer>,
    headers: &HeaderMap,
    loopback_needs_token: bool,
    needed: Privilege,
) -> Option<Identity> {
    match peer? {
        Peer::Unix { uid, .. } => {
            // The listener let nobody else in than these two and its group.
            let own = [0, rustix::process::geteuid().as_raw()].contains(&uid);
            let privilege = if own { Privilege::Modify } else { Privilege::Audit };
            Some(Identity { name: user(uid).into(), privilege })
        }
        // Who would write is not told that they may only look: they have not said who they are.
        Peer::Tcp { address, .. } => {
            let open = address.ip().to_canonical().is_loopback()
                && !loopback_needs_token
                && needed == Privilege::Audit
                && !PROXIES.iter().any(|name| headers.contains_key(*name));
            open.then(|| Identity { name: "anonymous".into(), privilege: Privilege::Audit })
        }
    }
}

/// The answer to credentials that are worth nothing: late, so that trying is slow, and from one place not often. A
/// token that is right is let in all the same, else one local user could lock out all others on the loopback.
async fn refuse(context: &Context, peer: Option<Peer>, why: &str, id: &str) -> Response {
    let access = &context.access;
    let source = match peer {
        Some(Peer::Unix { uid, .. }) => Source::User(uid),
        Some(Peer::Tcp { address, .. }) => Source::of(address.ip()),
        None => Source::Nobody,
    };
    let now = context.clock.now().mono;
    let (verdict, told) = {
        let mut limiter = access.limiter();
        let verdict = limiter.fail(source, now);
        let first = !matches!(verdict, Verdict::Limited { first: false, .. });
        (verdict, if first { limiter.may_tell(now) } else { None })
    };
    let place = place(peer);
    if let Some(more) = told {
        // Proxmox VE's words and form, which log watchers know.
        tracing::warn!("authentication failure; rhost={place} user={id} msg={why}{}", unsaid(more));
    }
    match verdict {
        Verdict::Limited { retry_after_s, first } => {
            if first {
                tracing::warn!(
                    "too many authentication failures; rhost={place}: answered with 429 for a while"
                );
            }
            ApiError::too_many_failures(retry_after_s).into_response()
        }
        Verdict::Delay { ms } => match access.waiting.clone().try_acquire_owned() {
            Ok(_room) => {
                tokio::time::sleep(Duration::from_millis(ms.min(access.delay_ms_max))).await;
                ApiError::authentication_failed().into_response()
            }
            Err(_) => ApiError::too_many_failures(1).into_response(),
        },
    }
}

/// From where, for the log.
fn place(peer: Option<Peer>) -> String {
    match peer {
        Some(Peer::Tcp { address, .. }) => address.ip().to_canonical().to_string(),
        Some(Peer::Unix { pid: Some(pid), .. }) => format!("unix:{pid}"),
        Some(Peer::Unix { uid, .. }) => format!("unix:user-{uid}"),
        None => "nowhere".into(),
    }
}

fn unsaid(more: u64) -> String {
    if more == 0 { String::new() } else { format!(" ({more} more refusals were not told)") }
}

/// Whether a browser says that a page of another origin sent this. Programs that are no browsers say neither.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get_all("sec-fetch-site").iter();
    let other_site = site.into_iter().any(|site| site != "same-origin" && site != "none");
    let host = headers.get(header::HOST).map(|host| host.as_bytes());
    let other_origin = headers.get_all(header::ORIGIN).iter().any(|origin| {
        let origin = origin.as_bytes();
        let name = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
        // `null` and everything else that is no origin of ours.
        name.is_none() || name != host
    });
    other_site || other_origin
}

/// A local user by name, as Proxmox VE writes it.
pub(crate) fn user(uid: u32) -> String {
    if uid == 0 {
        return "root@pam".into();
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| format!("{name}@pam"))
    });
    name.unwrap_or_else(|| format!("uid {uid}@pam"))
}

#[cfg(test)]
mod tests;
