//! Writes of `multipath.cfg`: settings, the allow-list, the whole text, the tear-down. A write makes the document pending; nothing here
//! starts anything on any node.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use pathkeeper_api::config as wire;
use pathkeeper_model::Wwid;
use pathkeeper_model::config::edit::{Edit, Keys, Refused, edit as edited};
use pathkeeper_model::config::{Place, teardown::TornDown};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::section::DOCUMENT_BYTES_MAX;

use super::plan::config_problem;
use super::rollout::{self, Standing};
use super::{CONFIG_DOCUMENT, nodes, read};
use crate::http::Context;
use crate::http::audit;
use crate::http::edit::{self, Body, Done, Step};
use crate::http::errors::{self, ApiError};
use crate::http::luns::wwid_of;

/// A body that sets keys: all settings with the longest values.
const KEYS_BYTES_MAX: usize = 64 << 10;
/// A body that holds a document.
pub(super) const TEXT_BYTES_MAX: usize = DOCUMENT_BYTES_MAX;

pub(super) async fn set_defaults(
    State(context): State<Context>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let mut body = Body::read_any(request, KEYS_BYTES_MAX).await?;
    let digest = body.digest("digest");
    let keys = keys(&mut body, Place::Defaults);
    something(&mut body, &keys);
    body.check()?;
    change(&context, digest.as_deref(), &Edit::Defaults(keys), Vec::new()).await
}

pub(super) async fn allow(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let mut body = Body::read_any(request, KEYS_BYTES_MAX).await?;
    let digest = body.digest("digest");
    let wwid = body.needed::<String>("wwid").and_then(|text| {
        let wwid = wwid_of(&text).ok();
        if wwid.is_none() {
            body.wrong("wwid", Refused::NoWwid(text).to_string());
        }
        wwid
    });
    let keys = keys(&mut body, Place::Both);
    if !keys.delete.is_empty() {
        body.wrong("delete", errors::NOT_DEFINED);
    }
    body.check()?;
    let Some(wwid) = wwid else { return Err(ApiError::bad_body("it names no LUN")) };
    change(&context, digest.as_deref(), &Edit::Allow(wwid, keys), Vec::new()).await
}

pub(super) async fn set_lun(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let wwid = wwid_of(&wwid)?;
    let mut body = Body::read_any(request, KEYS_BYTES_MAX).await?;
    let digest = body.digest("digest");
    let keys = keys(&mut body, Place::Both);
    something(&mut body, &keys);
    body.check()?;
    change(&context, digest.as_deref(), &Edit::Lun(wwid, keys), Vec::new()).await
}

pub(super) async fn remove_lun(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let digest = query_digest(&request)?;
    let wwid = wwid_of(&wwid)?;
    let standing = read(&context, CONFIG_DOCUMENT).await?;
    edit::as_looked_at(digest.as_deref(), &standing.digest)?;
    // What is not on the list is told before who uses it.
    edited(Some(&standing.bytes), &[Edit::Remove(wwid.clone())]).map_err(|of| refused(&of, None))?;
    let cluster = nodes::look(&context).await?;
    cluster.free([&wwid])?;
    change(&context, digest.as_deref(), &Edit::Remove(wwid), cluster.doubts()).await
}

/// The whole document, from somebody who looked at what it replaces: the one way to mend it through this program.
pub(super) async fn replace(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let mut body = Body::read(request, &["text", "digest"], TEXT_BYTES_MAX).await?;
    let digest = body.digest("digest");
    if digest.is_none() && body.is_good("digest") {
        body.wrong("digest", edit::MISSING);
    }
    let text: String = body.needed("text").unwrap_or_default();
    let reading = Reading::parse(Some(text.as_bytes()));
    let new = match &reading {
        Reading::Good(cfg) if cfg.torn_down.is_some() => {
            body.wrong("text", "only pathkeeper config teardown (DELETE config) writes that");
            None
        }
        Reading::Good(cfg) => Some(cfg),
        _ if !body.is_good("text") => None,
        bad => {
            body.wrong("text", config_problem(bad).unwrap_or_default());
            None
        }
    };
    let Some(new) = new else { return Err(body.check().err().unwrap_or_else(ApiError::fault)) };
    body.check()?;
    let standing = read(&context, CONFIG_DOCUMENT).await?;
    edit::as_looked_at(digest.as_deref(), &standing.digest)?;
    let mut notes = Vec::new();
    if let Reading::Good(old) = standing.config() {
        let gone: Vec<&Wwid> = old.luns.keys().filter(|wwid| !new.luns.contains_key(*wwid)).collect();
        if !gone.is_empty() {
            let cluster = nodes::look(&context).await?;
            cluster.free(gone)?;
            notes = cluster.doubts();
        }
    }
    write(&context, digest.as_deref(), notes, |_| Ok(text.clone().into_bytes())).await
}

/// Tears the configuration down: the document says so, and nothing else. What nodes have stays until that is applied, as any change.
pub(super) async fn tear_down(
    State(context): State<Context>,
    request: Request,
) -> Result<Response, ApiError> {
    let digest = query_digest(&request)?;
    let by = edit::by(&request);
    let standing = read(&context, CONFIG_DOCUMENT).await?;
    edit::as_looked_at(digest.as_deref(), &standing.digest)?;
    let mut luns: Vec<Wwid> = Vec::new();
    match standing.config() {
        Reading::Good(cfg) if cfg.torn_down.is_some() => {
            let done = Done { told: false, before: standing.digest.clone(), after: standing.digest };
            return answer(&context, CONFIG_DOCUMENT, done, Vec::new()).await;
        }
        Reading::Good(cfg) => luns.extend(cfg.luns.into_keys()),
        // It says nothing that would be lost, and somebody who names its digest has looked at it.
        bad if digest.is_none() => {
            let why = config_problem(&bad).unwrap_or_default();
            return Err(ApiError::conflict(format!(
                "{CONFIG_DOCUMENT} is no instruction, and nothing was changed: {why}; whoever looked at it tears it down with its digest"
            )));
        }
        _ => {}
    }
    luns.extend(
        rollout::in_force(&context).await?.into_iter().flat_map(|cfg: MultipathCfg| cfg.luns.into_keys()),
    );
    let cluster = nodes::look(&context).await?;
    cluster.free(&luns)?;
    let text = TornDown::new(&by, &audit::time(context.clock.now().wall)).to_string();
    write(&context, digest.as_deref(), cluster.doubts(), |_| Ok(text.clone().into_bytes())).await
}

/// The one parameter of a DELETE.
fn query_digest(request: &Request) -> Result<Option<String>, ApiError> {
    let mut digest = None;
    let mut wrong = std::collections::BTreeMap::new();
    for (name, value) in errors::query_pairs(request.uri()) {
        match name.as_str() {
            "digest" if value.trim().is_empty() => drop(wrong.insert(name, edit::EMPTY_DIGEST.to_owned())),
            "digest" => digest = Some(value),
            _ => drop(wrong.insert(name, errors::NOT_DEFINED.to_owned())),
        }
    }
    if wrong.is_empty() { Ok(digest) } else { Err(ApiError::parameters(wrong)) }
}

/// Keys to set and to delete; what is wrong with one is noted.
fn keys(body: &mut Body, place: Place) -> Keys {
    let delete = body.list("delete").into_iter().collect();
    let set = body.rest().into_iter().map(|(key, value)| (key, Some(value))).collect();
    let keys = Keys { set, delete };
    for (key, why) in keys.wrong(place) {
        body.wrong(&key, why);
    }
    keys
}

fn something(body: &mut Body, keys: &Keys) {
    if keys.set.is_empty() && keys.delete.is_empty() && body.is_all_good() {
        body.wrong("delete", "nothing is to be changed: a setting, or delete");
    }
}

async fn change(
    context: &Context,
    digest: Option<&str>,
    change: &Edit,
    notes: Vec<String>,
) -> Result<Response, ApiError> {
    let keys = match change {
        Edit::Defaults(keys) | Edit::Allow(_, keys) | Edit::Lun(_, keys) => Some(keys),
        Edit::Remove(_) => None,
    };
    write(context, digest, notes, |standing| {
        edited(Some(standing), std::slice::from_ref(change)).map_err(|of| refused(&of, keys))
    })
    .await
}

fn refused(why: &Refused, keys: Option<&Keys>) -> ApiError {
    let by_key = keys.map(|keys| why.by_key(keys)).unwrap_or_default();
    if !by_key.is_empty() {
        return ApiError::parameters(by_key);
    }
    match why {
        Refused::NoWwid(_) => ApiError::parameters([("wwid".to_owned(), why.to_string())].into()),
        Refused::NotAllowed(_) => ApiError::nothing_of_that_name(&why.to_string()),
        _ => ApiError::conflict(why.to_string()),
    }
}

/// Writes what `make` makes of the document, if it is what was looked at.
async fn write(
    context: &Context,
    digest: Option<&str>,
    notes: Vec<String>,
    make: impl Fn(&[u8]) -> Result<Vec<u8>, ApiError>,
) -> Result<Response, ApiError> {
    let done = guarded(context, CONFIG_DOCUMENT, digest, make).await?;
    answer(context, CONFIG_DOCUMENT, done, notes).await
}

/// The same for any document: [`Done::told`] is whether its bytes are others.
pub(super) async fn guarded(
    context: &Context,
    document: &'static str,
    digest: Option<&str>,
    make: impl Fn(&[u8]) -> Result<Vec<u8>, ApiError>,
) -> Result<Done<bool>, ApiError> {
    let mut wanted: Option<Vec<u8>> = None;
    edit::edit(context, document, |standing| {
        // An earlier try that was taken after all.
        if standing.doubt && wanted.as_deref() == Some(&standing.bytes[..]) {
            return Ok(Step::Same(true));
        }
        edit::as_looked_at(digest, &standing.digest)?;
        let bytes = make(&standing.bytes)?;
        if bytes == standing.bytes {
            return Ok(Step::Same(false));
        }
        wanted = Some(bytes.clone());
        Ok(Step::Write(bytes, true))
    })
    .await
}

/// What a write made of a document.
pub(super) async fn answer(
    context: &Context,
    document: &'static str,
    done: Done<bool>,
    notes: Vec<String>,
) -> Result<Response, ApiError> {
    // The write stands, whatever can be read now.
    let standing = Standing::read(context).await.ok();
    let pending = standing.map(|standing| standing.is_pending(document, &done.after));
    let written =
        wire::Written { changed: done.told, before: done.before, after: done.after, pending, notes };
    Ok(edit::changed(document, &written.before, &written.after, &written))
}
