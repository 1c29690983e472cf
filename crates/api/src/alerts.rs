//! `GET /api2/json/cluster/multipath/alerts`, `POST …/alerts/test`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What agents have told people outside, and how this node's ways there stand.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Alerts {
    /// What stands or waits, worst first; then what was resolved in the last 24 h.
    pub alerts: Vec<Alert>,
    /// The answering node's sinks; empty = it sends nothing, and tells only what others said.
    pub sinks: Vec<Sink>,
    /// Alerts that stand and are not sent, since too many are.
    pub held_back: u32,
}

/// One alert.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Alert {
    /// The finding's fingerprint: its code, a space, what it is about.
    pub fingerprint: String,
    /// Its code.
    pub code: String,
    /// `error` or `warning`, as it was told.
    pub severity: String,
    /// `waiting` (it stands, and has not stood for long enough), `sending`, `firing` or `resolved`.
    pub state: String,
    /// One line for a person.
    pub summary: String,
    /// Since when it stands, epoch seconds.
    pub since: i64,
    /// When it was told last, epoch seconds by the clock of who told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<i64>,
    /// Who told it, or answers for it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// In how many seconds the answering node tells it, if nobody else has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_in_s: Option<u64>,
    /// How many words were said of it, this one too; 0 = none.
    pub turn: u64,
    /// Who told it did not see the whole cluster.
    pub partial: bool,
    /// LUNs that it touched when it was told.
    pub luns: u32,
    /// Nodes that it touched, some of them.
    pub nodes: Vec<String>,
}

/// One way out.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Sink {
    /// Its name in the settings.
    pub name: String,
    /// `webhook` or `alertmanager`.
    pub kind: String,
    /// Where, without its path, which may be a secret.
    pub url: String,
    /// Messages that it has taken since the agent started.
    pub sent: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Messages that it will never get.
    pub dropped: u64,
    /// Messages that wait.
    pub waiting: u64,
    /// When it took one last, epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sent: Option<i64>,
    /// Since when every try fails, epoch seconds; absent = the last one did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<i64>,
    /// Why the last one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Asks for a test message.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TestBody {
    /// To this sink alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
}

/// What became of it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Tested {
    /// One for each sink.
    pub results: Vec<TestResult>,
}

/// What one sink said to it.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct TestResult {
    /// The sink.
    pub sink: String,
    /// Where, without its path.
    pub url: String,
    /// It was taken.
    pub taken: bool,
    /// In words.
    pub said: String,
    /// How long that took, milliseconds.
    pub took_ms: u64,
}
