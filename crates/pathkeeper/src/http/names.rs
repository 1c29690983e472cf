//! `GET` and `PUT names`: words that people gave to ports.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::names::{Named as WireNamed, Names as WireNames, NamesChanged};
use pathkeeper_api::paths;
use pathkeeper_model::names::{
    Change, NAMES_DOCUMENT, Named, Names, NamesDocument, TEXT_BYTES_MAX, is_word, port_of,
};

use super::edit::{self, Body, Step};
use super::errors::{self, ApiError};
use super::{Context, enveloped};

/// A body that names ports is no longer: what a document may hold.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The route of names.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::NAMES, get(list).put(set))
}

async fn list(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let standing = edit::read(&context, NAMES_DOCUMENT).await;
    let standing = standing.map_err(|e| ApiError::unread(NAMES_DOCUMENT, &e.to_string()))?;
    let (names, problems) = match standing.bytes.is_empty() {
        true => (Names::default(), Vec::new()),
        false => Names::decode(&standing.bytes),
    };
    let wire =
        |named: Named| WireNamed { name: named.name, fabric: named.fabric, controller: named.controller };
    let ports = names.ports.into_iter().map(|(port, named)| (port, wire(named))).collect();
    Ok(enveloped(WireNames { ports, digest: standing.digest, problems }))
}

async fn set(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let by = edit::by(&request);
    let mut body = Body::read(request, &["ports", "delete", "digest"], BODY_BYTES_MAX).await?;
    let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    body.from_text("ports", json);
    body.from_text("delete", |text| text.split(',').filter(|port| !port.is_empty()).collect());
    let changes = asked(&mut body);
    let digest: Option<String> = body.take("digest");
    body.check()?;
    let done = edit::edit(&context, NAMES_DOCUMENT, |standing| {
        let mut document =
            NamesDocument::open(&standing.bytes).map_err(|why| edit::not_understood(NAMES_DOCUMENT, &why))?;
        let changed = document.apply(&changes).map_err(ApiError::conflict)?;
        if changed.is_empty() {
            return Ok(Step::Same(changed));
        }
        edit::as_looked_at(digest.as_deref(), &standing.digest)?;
        Ok(Step::Write(document.encode(), changed))
    });
    let done = done.await?;
    tracing::info!("{} ports named anew by {by}", done.told.len());
    let changed = NamesChanged { changed: done.told, before: done.before, after: done.after };
    Ok(edit::changed(NAMES_DOCUMENT, &changed.before, &changed.after, &changed))
}

/// What is to be said of which port; `None` = nothing more. What is wrong with it is noted.
fn asked(body: &mut Body) -> BTreeMap<String, Option<Change>> {
    let ports: BTreeMap<String, WireNamed> = body.take("ports").unwrap_or_default();
    let delete: BTreeSet<String> = body.take("delete").unwrap_or_default();
    let mut changes = BTreeMap::new();
    let known = |body: &mut Body, member: &str, port: &str| {
        let known = port_of(port);
        if known.is_none() {
            body.wrong(member, format!("{port:?} is no port: 1 to {TEXT_BYTES_MAX} visible characters"));
        }
        known
    };
    for port in &delete {
        changes.extend(known(body, "delete", port).map(|port| (port, None)));
    }
    for (port, said) in ports {
        let Some(key) = known(body, "ports", &port) else { continue };
        let mut word = |word: Option<String>| match word {
            None => None,
            Some(word) if word.trim().is_empty() => Some(None),
            Some(word) => {
                if !is_word(&word) {
                    body.wrong(
                        "ports",
                        format!("{port}: {word:?} is no word of 1 to {TEXT_BYTES_MAX} bytes"),
                    );
                }
                Some(Some(word.trim().to_owned()))
            }
        };
        let change =
            Change { name: word(said.name), fabric: word(said.fabric), controller: word(said.controller) };
        if changes.insert(key, Some(change)).is_some() {
            body.wrong("ports", format!("{port} is named twice, or to be deleted too"));
        }
    }
    changes
}
