//! `GET alerts`, `POST alerts/test`: what people outside were told, and whether the ways there work.

use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use pathkeeper_api::alerts::{Alert, Alerts, Sink as WireSink, TestResult, Tested};
use pathkeeper_api::paths;
use pathkeeper_engine::alerts::AlertRow;
use pathkeeper_io::notify::{PostError, Sink, SinkKind};
use pathkeeper_model::MonoMs;
use pathkeeper_model::alert::AlertState;

use super::edit::Body;
use super::errors::{self, ApiError};
use super::{Context, enveloped};
use crate::app::alerts::test_message;

/// A body that asks for a test is no longer.
const BODY_BYTES_MAX: usize = 4 << 10;

/// The routes about alerts.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::ALERTS, get(list)).route(paths::ALERTS_TEST, post(test))
}

async fn list(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let shown = context.board.alerts.shown();
    let now = context.clock.now().mono;
    Ok(enveloped(Alerts {
        alerts: shown.rows.iter().map(|row| alert(row, now)).collect(),
        sinks: context.board.alerts.sinks().iter().map(sink).collect(),
        held_back: shown.held_back,
    }))
}

fn alert(row: &AlertRow, now: MonoMs) -> Alert {
    let entry = &row.entry;
    let state = match (&row.by, entry.state, entry.delivered) {
        (None, ..) => "waiting",
        (_, _, false) => "sending",
        (_, AlertState::Firing, _) => "firing",
        (_, AlertState::Resolved, _) => "resolved",
    };
    let told = row.by.is_some();
    Alert {
        fingerprint: entry.key.to_string(),
        code: entry.key.code.clone(),
        severity: entry.severity.as_str().into(),
        state: state.into(),
        summary: entry.summary.clone(),
        since: entry.since.0,
        told: told.then_some(entry.at.0),
        by: row.by.as_ref().map(ToString::to_string),
        due_in_s: row.due.map(|due| due.since(now).div_ceil(1_000)),
        turn: if told { entry.turn } else { 0 },
        partial: entry.partial,
        luns: entry.luns,
        nodes: entry.nodes.clone(),
    }
}

/// The word for a kind of sink.
pub fn kind(kind: SinkKind) -> &'static str {
    match kind {
        SinkKind::Webhook => "webhook",
        SinkKind::Alertmanager { .. } => "alertmanager",
    }
}

fn sink(sink: &Sink) -> WireSink {
    let (config, state) = (sink.config(), sink.state());
    WireSink {
        name: config.name.clone(),
        kind: kind(config.kind).into(),
        url: config.url.shown(),
        sent: state.sent,
        failed: state.failed,
        dropped: state.dropped,
        waiting: state.waiting as u64,
        last_sent: state.last_sent.map(|at| at.0),
        failing_since: state.failing_since.map(|at| at.0),
        why: state.why,
    }
}

async fn test(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let mut body = Body::read(request, &["sink"], BODY_BYTES_MAX).await?;
    let asked: Option<String> = body.take("sink");
    body.check()?;
    let sinks = context.board.alerts.sinks();
    if sinks.is_empty() {
        let why = format!(
            "{} has no sinks: [[alerts.webhook]] or [[alerts.alertmanager]] sets one up",
            context.node
        );
        return Err(ApiError::nothing_of_that_name(&why));
    }
    let meant = |sink: &&Sink| asked.as_ref().is_none_or(|name| *name == sink.config().name);
    let chosen: Vec<&Sink> = sinks.iter().filter(meant).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = sinks.iter().map(|sink| sink.config().name.as_str()).collect();
        let why = format!("{} has no sink of that name, but {}", context.node, names.join(", "));
        return Err(ApiError::nothing_of_that_name(&why));
    }
    let message = test_message(&context.node, context.clock.now().wall);
    let mut results = Vec::new();
    for sink in chosen {
        let began = Instant::now();
        let said = sink.test(&message).await;
        results.push(TestResult {
            sink: sink.config().name.clone(),
            url: sink.config().url.shown(),
            taken: said.is_ok(),
            said: words(said),
            took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
    Ok(enveloped(Tested { results }))
}

fn words(said: Result<(), PostError>) -> String {
    let e = match said {
        Ok(()) => return "it took the test message".into(),
        Err(e) => e,
    };
    let next = match &e {
        PostError::Connect(_) => "is it running, and does a firewall let this node through?",
        PostError::Tls(_) => {
            "ca = names the authority that signed its certificate; the name in the address must be its own"
        }
        PostError::Timeout(_) => "it hangs, or a firewall drops what is sent",
        PostError::Refused { status: 401 | 403, .. } => "look at token-file and headers",
        PostError::Refused { status: 404, .. } => "look at the path of the address",
        _ => return e.to_string(),
    };
    format!("{e}; {next}")
}
