//! `GET` and `POST mutes`, `DELETE mutes/{id}`: what people do not want to be told again for now.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{delete, get};
use pathkeeper_api::mutes::{Mute as WireMute, MuteChanged, Mutes as WireMutes};
use pathkeeper_api::paths;
use pathkeeper_api::status::Finding;
use pathkeeper_model::finding::{Code, Scope, Severity};
use pathkeeper_model::mutes::{MUTES_DOCUMENT, Mute, Mutes, MutesDocument, REASON_BYTES_MAX};
use pathkeeper_model::report::TEXT_BYTES_MAX;
use pathkeeper_model::{EpochS, NodeName, Wwid};

use super::edit::{self, Body, Step};
use super::errors::{self, ApiError};
use super::luns::wwid_of;
use super::{Context, enveloped};
use crate::app::board::Snapshot;
use crate::app::random_instance;

/// A body that mutes is no longer.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The routes about mutes.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::MUTES, get(list).post(add)).route(paths::MUTE, delete(remove))
}

async fn list(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let standing = edit::read(&context, MUTES_DOCUMENT).await;
    let standing = standing.map_err(|e| ApiError::unread(MUTES_DOCUMENT, &e.to_string()))?;
    let (mutes, problems) = match standing.bytes.is_empty() {
        true => (Mutes::default(), Vec::new()),
        false => Mutes::decode(&standing.bytes),
    };
    let (snapshot, now) = (context.board.snapshot(), context.clock.now().wall);
    let mutes = mutes.entries.iter().map(|mute| wire(mute, now, snapshot.as_deref())).collect();
    Ok(enveloped(WireMutes { mutes, digest: standing.digest, problems }))
}

/// How many findings bear the mark of this mute, or window.
pub(super) fn muting(snapshot: Option<&Snapshot>, id: &str) -> u32 {
    let findings = snapshot.iter().flat_map(|snapshot| &snapshot.beside.findings);
    let by_it = findings.filter(|finding| finding.muted.as_ref().is_some_and(|muted| muted.id == id));
    u32::try_from(by_it.count()).unwrap_or(u32::MAX)
}

fn wire(mute: &Mute, now: EpochS, snapshot: Option<&Snapshot>) -> WireMute {
    WireMute {
        id: mute.id.clone(),
        code: mute.code.as_str().into(),
        node: mute.node.as_ref().map(ToString::to_string),
        wwid: mute.wwid.as_ref().map(ToString::to_string),
        object: mute.object.clone(),
        by: mute.by.clone(),
        reason: mute.reason.clone(),
        time: mute.time.0,
        until: mute.until.map(|until| until.0),
        severity: mute.severity.as_str().into(),
        usable: mute.usable.iter().map(|(node, n)| (node.to_string(), *n)).collect(),
        over: mute.is_over(now),
        muting: muting(snapshot, &mute.id),
    }
}

async fn add(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let by = edit::by(&request);
    let snapshot = context.board.snapshot();
    let snapshot =
        snapshot.ok_or_else(|| ApiError::not_ready("the store has not given its first whole list yet"))?;
    let known = ["code", "node", "wwid", "object", "until", "severity", "reason"];
    let mut body = Body::read(request, &known, BODY_BYTES_MAX).await?;
    let now = context.clock.now().wall;
    let id = random_instance().map_err(|e| ApiError::busy(&e.to_string()))?.to_string();
    let mute = asked(&mut body, &snapshot, &context, id, by, now);
    body.check()?;
    let Some(mute) = mute else { return Err(ApiError::bad_body("a mute needs a code")) };
    let done = edit::edit(&context, MUTES_DOCUMENT, |standing| {
        let mut document =
            MutesDocument::open(&standing.bytes).map_err(|why| edit::not_understood(MUTES_DOCUMENT, &why))?;
        if document.mutes().entries.iter().any(|known| known.id == mute.id) {
            return Ok(Step::Same(()));
        }
        document.add(&mute, now).map_err(ApiError::conflict)?;
        Ok(Step::Write(document.encode(), ()))
    });
    let done = done.await?;
    tracing::info!("{} muted by {}: {}", mute.code.as_str(), mute.by, mute.reason);
    let changed = MuteChanged { mute: wire(&mute, now, None), before: done.before, after: done.after };
    Ok(edit::changed(MUTES_DOCUMENT, &changed.before, &changed.after, &changed))
}

async fn remove(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let now = context.clock.now().wall;
    // What an earlier try took away, if its answer was lost.
    let mut taken: Option<Mute> = None;
    let done = edit::edit(&context, MUTES_DOCUMENT, |standing| {
        let mut document =
            MutesDocument::open(&standing.bytes).map_err(|why| edit::not_understood(MUTES_DOCUMENT, &why))?;
        match (document.remove(&id, now), &taken) {
            (Some(mute), _) => {
                taken = Some(mute.clone());
                Ok(Step::Write(document.encode(), mute))
            }
            (None, Some(mute)) if standing.doubt => Ok(Step::Same(mute.clone())),
            (None, _) => Err(ApiError::no_such("mute", &id)),
        }
    });
    let done = done.await?;
    let changed = MuteChanged { mute: wire(&done.told, now, None), before: done.before, after: done.after };
    Ok(edit::changed(MUTES_DOCUMENT, &changed.before, &changed.after, &changed))
}

/// The mute that is asked for; what is wrong with it is noted.
fn asked(
    body: &mut Body,
    snapshot: &Snapshot,
    context: &Context,
    id: String,
    by: String,
    now: EpochS,
) -> Option<Mute> {
    let code = body.needed::<String>("code");
    let code = code.and_then(|word| {
        let code = Code::parse(&word);
        if code.is_none() {
            body.wrong("code", format!("no finding has the code {word:?}; docs/findings.md lists them"));
        }
        code
    });
    let node = body.take::<String>("node").and_then(|node| {
        let known = context.board.nodes().nodes.iter().any(|(view, _)| view.name.as_str() == node);
        if !known {
            body.wrong("node", format!("no such node: {node}"));
        }
        NodeName::new(&node).filter(|_| known)
    });
    let wwid = body.take::<String>("wwid").and_then(|wwid| {
        let wwid = wwid_of(&wwid);
        if wwid.is_err() {
            body.wrong("wwid", "value does not look like a WWID");
        }
        wwid.ok()
    });
    let object = body.take::<String>("object").filter(|object| {
        let good = (1..=TEXT_BYTES_MAX).contains(&object.len()) && !object.chars().any(char::is_control);
        if !good {
            body.wrong("object", format!("value must be 1 to {TEXT_BYTES_MAX} visible characters"));
        }
        good
    });
    let until = body.number("until").map(EpochS);
    if until.is_some_and(|until| until <= now) {
        body.wrong("until", "value must lie in the future");
    }
    let severity = body.take::<String>("severity").and_then(|word| {
        let severity = Severity::parse(&word);
        if severity.is_none() {
            body.wrong("severity", "value must be info, warning or error");
        }
        severity
    });
    let reason = edit::reason(body, REASON_BYTES_MAX);
    let code = code?;
    let mut mute = Mute {
        id,
        code,
        node,
        wwid,
        object,
        by,
        reason,
        time: now,
        until,
        severity: severity.unwrap_or(Severity::Info),
        usable: BTreeMap::new(),
    };
    let stand = snapshot.beside.findings.iter().filter(|finding| is_for(&mute, finding));
    let worst = stand.filter_map(|finding| Severity::parse(&finding.severity)).max();
    match (worst, severity) {
        (_, Some(_)) if worst.is_some() || until.is_some() => {}
        (Some(worst), None) => mute.severity = worst,
        (None, _) if until.is_none() => body.wrong(
            "until",
            format!("no {} stands there now that could clear: say until when", code.as_str()),
        ),
        _ => body.wrong(
            "severity",
            format!(
                "no {} stands there now: to mute one beforehand, say up to which severity",
                code.as_str()
            ),
        ),
    }
    if let Some(wwid) = &mute.wwid {
        let of_node = |node: &str| mute.node.as_ref().is_none_or(|only| only.as_str() == node);
        mute.usable = snapshot.usable(wwid.as_str(), of_node);
    }
    Some(mute)
}

fn is_for(mute: &Mute, finding: &Finding) -> bool {
    let scope = Scope {
        wwid: finding.scope.wwid.as_deref().and_then(Wwid::new),
        node: finding.scope.node.as_deref().and_then(NodeName::new),
        path: finding.scope.path.clone(),
        object: finding.scope.object.clone(),
    };
    Code::parse(&finding.code).is_some_and(|code| mute.is_for(code, &scope))
}
