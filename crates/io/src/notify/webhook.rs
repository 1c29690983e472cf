//! The body of a webhook's message. Its schema is documented in docs/monitoring.md; keys are added, never renamed.

use pathkeeper_model::alert::{AlertAct, AlertMessage, Ending};
use serde::Serialize;

use super::Bearing;

/// It grows when a key changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Body<'a> {
    version: u32,
    event: &'a str,
    fingerprint: String,
    turn: u64,
    code: &'a str,
    severity: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity_before: Option<&'a str>,
    text: String,
    summary: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    evidence: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    advice: &'a [String],
    scope: Scope<'a>,
    luns: u32,
    nodes: &'a [String],
    since: i64,
    time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending_why: Option<&'a str>,
    partial: bool,
    cluster: &'a str,
    sender: &'a str,
    runbook_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_url: Option<&'a str>,
}

#[derive(Serialize)]
struct Scope<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wwid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
}

/// The message as JSON.
pub fn body(message: &AlertMessage, bearing: &Bearing) -> Vec<u8> {
    let key = &message.key;
    let ending = message.ending.as_ref();
    let body = Body {
        version: VERSION,
        event: message.act.as_str(),
        fingerprint: key.to_string(),
        turn: message.turn,
        code: &key.code,
        severity: message.severity.as_str(),
        severity_before: message.severity_before.map(|severity| severity.as_str()),
        text: line(message, bearing),
        summary: &message.summary,
        evidence: &message.evidence,
        advice: &message.advice,
        scope: Scope {
            node: key.node.as_deref(),
            wwid: key.wwid.as_deref(),
            path: key.path.as_deref(),
            object: key.object.as_deref(),
        },
        luns: message.luns,
        nodes: &message.nodes,
        since: message.since.0,
        time: message.at.0,
        ending: ending.map(|(ending, _)| ending.as_str()),
        ending_why: ending.map(|(_, why)| why.as_str()).filter(|why| !why.is_empty()),
        partial: message.partial,
        cluster: &bearing.cluster,
        sender: message.sender.as_str(),
        runbook_url: bearing.runbook(&key.code),
        page_url: bearing.page.as_deref(),
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

/// All of it on one line, for chats that show `text`.
pub(super) fn line(message: &AlertMessage, bearing: &Bearing) -> String {
    let head = match (message.act, &message.ending) {
        (AlertAct::Resolved, Some((Ending::Cleared, _)) | None) => "resolved".to_owned(),
        (AlertAct::Resolved, Some((ending, why))) if why.is_empty() => ending.as_str().to_owned(),
        (AlertAct::Resolved, Some((_, why))) => why.clone(),
        (AlertAct::Firing, _) => message.severity.as_str().to_owned(),
        (act, _) => format!("{} ({})", message.severity.as_str(), act.as_str()),
    };
    let partial = if message.partial { " (seen from a part of the cluster)" } else { "" };
    let cluster = if bearing.cluster.is_empty() { String::new() } else { format!("[{}] ", bearing.cluster) };
    format!("{cluster}{}: {head}: {}{partial}", message.key, message.summary)
}
