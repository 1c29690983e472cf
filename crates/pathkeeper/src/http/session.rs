//! `GET`, `POST` and `DELETE session`: who asks, and the cookie by which a browser is known after it has shown a token.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::paths;
use pathkeeper_api::session::Session as WireSession;

use super::auth::{Identity, credentials, sessions};
use super::errors::{self, ApiError};
use super::server::Peer;
use super::{Context, enveloped};

/// The routes about sessions.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::SESSION, get(show).post(open).delete(close))
}

fn wire(request: &Request, session: Option<&sessions::Session>) -> WireSession {
    let identity = request.extensions().get::<Identity>();
    WireSession {
        name: identity.map_or_else(String::new, |identity| identity.name.to_string()),
        privilege: identity.map_or("", |identity| identity.privilege.pve()).into(),
        csrf: session.map(|session| session.csrf.clone()),
        until: session.map(|session| session.until.0),
    }
}

async fn show(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let session = match request.headers().contains_key(header::AUTHORIZATION) {
        true => None,
        false => sessions::shown(request.headers()).and_then(|value| context.access.session(value, &context)),
    };
    Ok(enveloped(wire(&request, session.as_ref())))
}

/// Whoever comes here by a token was let in by it already.
async fn open(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let shown = credentials::read(request.headers()).ok().flatten().ok_or_else(ApiError::no_ticket)?;
    let (value, session) = context.access.open_session(&shown, context.clock.now().wall)?;
    Ok(with_cookie(enveloped(wire(&request, Some(&session))), &request, &value))
}

async fn close(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    if let Some(value) = sessions::shown(request.headers()) {
        context.access.close_session(value);
    }
    Ok(with_cookie(enveloped(()), &request, ""))
}

fn with_cookie(mut response: Response, request: &Request, value: &str) -> Response {
    let encrypted = matches!(request.extensions().get(), Some(Peer::Tcp { encrypted: true, .. }));
    response.headers_mut().insert(header::SET_COOKIE, sessions::cookie(value, encrypted));
    response
}
