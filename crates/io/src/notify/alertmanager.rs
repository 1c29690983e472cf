//! The body of `POST /api/v2/alerts`. Labels tell one alert from the next, so they never change while it stands; only its
//! severity may, and then the one of the old severity ends.

use std::collections::BTreeMap;

use pathkeeper_model::EpochS;
use pathkeeper_model::alert::{AlertAct, AlertMessage};
use pathkeeper_model::finding::Severity;
use pathkeeper_model::problems::utc;
use serde::Serialize;

use super::Bearing;
use super::webhook::line;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<&'a str>,
}

/// These messages as alerts; what stands ends by itself `expires_s` after `now`.
pub fn alerts(messages: &[AlertMessage], bearing: &Bearing, expires_s: i64, now: EpochS) -> Vec<u8> {
    let mut alerts = Vec::new();
    for message in messages {
        if let Some(before) = message.severity_before.filter(|before| *before != message.severity) {
            alerts.push(one(message, before, bearing, now));
        }
        let ends =
            if message.act == AlertAct::Resolved { now } else { EpochS(now.0.saturating_add(expires_s)) };
        alerts.push(one(message, message.severity, bearing, ends));
    }
    serde_json::to_vec(&alerts).unwrap_or_default()
}

fn one<'a>(message: &AlertMessage, severity: Severity, bearing: &'a Bearing, ends: EpochS) -> Alert<'a> {
    let key = &message.key;
    let mut labels = BTreeMap::from([
        ("alertname", key.code.clone()),
        ("severity", if severity == Severity::Error { "critical" } else { severity.as_str() }.to_owned()),
        ("cluster", bearing.cluster.clone()),
        ("fingerprint", key.to_string()),
        ("source", "pathkeeper".to_owned()),
    ]);
    let parts = [("node", &key.node), ("wwid", &key.wwid), ("path", &key.path), ("object", &key.object)];
    labels.extend(parts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    labels.retain(|_, value| !value.is_empty());
    let lines = |lines: &[String]| lines.join("\n");
    let mut annotations = BTreeMap::from([
        ("summary", message.summary.clone()),
        ("description", lines(&message.evidence)),
        ("advice", lines(&message.advice)),
        ("runbook_url", bearing.runbook(&key.code)),
        ("sender", message.sender.as_str().to_owned()),
    ]);
    if message.partial {
        annotations.insert("partial", "the sender does not see the whole cluster".to_owned());
    }
    if message.act == AlertAct::Resolved {
        annotations.insert("resolution", line(message, bearing));
    }
    annotations.retain(|_, value| !value.is_empty());
    // What begins after it ends is refused; a clock may have been set meanwhile.
    let starts = EpochS(message.since.0.clamp(0, ends.0.max(0)));
    Alert {
        labels,
        annotations,
        starts_at: rfc3339(starts),
        ends_at: rfc3339(ends),
        generator_url: bearing.page.as_deref(),
    }
}

fn rfc3339(at: EpochS) -> String {
    utc(at).replacen(' ', "T", 1).replace(" UTC", "Z")
}
