//! Where alerts go outside the cluster: webhooks and Alertmanagers, each on a task of its own.
//!
//! A sink that fails or hangs slows nothing and is seen: its queue is bounded, what it is sent is tried again with longer and
//! longer pauses, each try has a deadline, and [`SinkState`] says how it stands.

mod alertmanager;
mod post;
mod sink;
mod url;
mod webhook;

use std::path::PathBuf;

pub use alertmanager::alerts as alertmanager_body;
pub use post::PostError;
pub use sink::{Done, SINK_QUEUE_MAX, Sink, SinkState};
pub use url::SinkUrl;
pub use webhook::body as webhook_body;

/// What kind of receiver it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SinkKind {
    /// One JSON object a message, by POST.
    Webhook,
    /// `POST /api/v2/alerts`; what stands is told again and again.
    Alertmanager {
        /// Milliseconds after which what stands is told again.
        resend_ms: u64,
        /// For how long after it was last told an alert stands by itself, seconds.
        expires_s: i64,
    },
}

/// One sink, as it was set up.
#[derive(Clone, PartialEq, Eq)]
pub struct SinkConfig {
    /// How people call it.
    pub name: String,
    /// What kind.
    pub kind: SinkKind,
    /// Where. Its path may be a secret.
    pub url: SinkUrl,
    /// A file whose first line is a bearer token; it is read at each try, so it can be changed.
    pub token_file: Option<PathBuf>,
    /// Headers that are sent besides. Their values may be secrets.
    pub headers: Vec<(String, String)>,
    /// The authorities that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Bound of one try, milliseconds.
    pub timeout_ms: u64,
}

/// Nothing of it that may be secret.
impl std::fmt::Debug for SinkConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.url.shown())
    }
}

/// What messages bear besides what they say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bearing {
    /// The cluster's name.
    pub cluster: String,
    /// Where docs/findings.md is for people; a code's chapter is added as `#code`.
    pub runbooks: String,
    /// Where the status page is, if people said so.
    pub page: Option<String>,
}

impl Bearing {
    /// Where a code's chapter is.
    pub fn runbook(&self, code: &str) -> String {
        format!("{}#{}", self.runbooks, code.to_ascii_lowercase())
    }
}
