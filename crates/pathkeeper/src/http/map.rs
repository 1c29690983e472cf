//! `GET cluster/multipath/map`: the whole matrix as bytes, and what its rows and columns are called.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use pathkeeper_api::paths;

use super::errors::{ApiError, NOT_DEFINED, no_parameters, query_pairs};
use super::status::{accepts_gzip, if_none_match, seen, tagged};
use super::{Context, off_thread};
use crate::app::board::{Snapshot, gzip, gzip_map};
use crate::app::map;

/// Both zip by themselves: what was zipped for one reader is there for the next one.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::MAP, get(bytes)).route(paths::MAP_NAMES, get(names))
}

/// The fingerprint of the cause whose cells are marked.
fn cause(request: &Request) -> Result<Option<String>, ApiError> {
    let mut cause = None;
    let mut errors = BTreeMap::new();
    for (name, value) in query_pairs(request.uri()) {
        match name.as_str() {
            "cause" if value.is_empty() => drop(errors.insert(name, "must not be empty".to_owned())),
            "cause" => cause = Some(value),
            _ => drop(errors.insert(name, NOT_DEFINED.to_owned())),
        }
    }
    if errors.is_empty() { Ok(cause) } else { Err(ApiError::parameters(errors)) }
}

async fn bytes(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let cause = cause(&request)?;
    let snapshot = shown(&context)?;
    let (zip, etag) = match seen(&context, &snapshot, &request) {
        Ok(new) => new,
        Err(unchanged) => return Ok(*unchanged),
    };
    let instance = context.board.instance;
    let body = off_thread(move || {
        if zip && cause.is_none() {
            return snapshot.zipped_map(instance);
        }
        let plain = map::body(instance, &snapshot, cause.as_deref());
        if zip { gzip_map(&plain) } else { Bytes::from(plain) }
    });
    Ok(tagged(body.await?, "application/octet-stream", &etag, zip))
}

async fn names(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    no_parameters(&request)?;
    let snapshot = shown(&context)?;
    let zip = accepts_gzip(request.headers());
    // Names stay while states change, and are the same on every node that has the same ones.
    let etag = format!("\"{:016x}{}\"", snapshot.axes.names, if zip { "-z" } else { "" });
    if if_none_match(request.headers(), &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let body = off_thread(move || {
        let plain = map::names(&snapshot);
        if zip { gzip(&plain) } else { Bytes::from(plain) }
    });
    Ok(tagged(body.await?, "application/json", &etag, zip))
}

fn shown(context: &Context) -> Result<Arc<Snapshot>, ApiError> {
    let waited_for = "the store has not given its first whole list yet";
    context.board.snapshot().ok_or_else(|| ApiError::not_ready(waited_for))
}
