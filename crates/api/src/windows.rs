//! `cluster/multipath/windows`: maintenance windows, in which something is expected to be away.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All windows.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Windows {
    /// In the order in which they were given.
    pub windows: Vec<Window>,
    /// The digest of the store's document `pathkeeper/windows`.
    pub digest: String,
    /// What of the document was not understood, sentences.
    pub problems: Vec<String>,
}

/// One window.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Window {
    /// Which one.
    pub id: String,
    /// On what is worked: `node`, `array`, `controller`, `port`, `fabric` or `lun`.
    pub on: String,
    /// On which: a name, a port, or a whole WWID.
    pub name: String,
    /// From when, epoch seconds.
    pub from: i64,
    /// Until when, epoch seconds.
    pub until: i64,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was given, epoch seconds.
    pub time: i64,
    /// `coming`, `open` or `over`.
    pub state: String,
    /// How many findings it explains now, as the answering node sees it.
    pub muting: u32,
}

/// The body of `POST windows`.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WindowBody {
    /// On what is worked: `node`, `array`, `controller`, `port`, `fabric` or `lun`.
    pub on: String,
    /// On which: a name, a port, or a whole WWID.
    pub name: String,
    /// From when, epoch seconds; absent = now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// Until when, epoch seconds; at most a week later.
    pub until: i64,
    /// Why.
    pub reason: String,
}

/// A window that was given, ended or taken away.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct WindowChanged {
    /// It.
    pub window: Window,
    /// The document's digest before.
    pub before: String,
    /// And after.
    pub after: String,
}
