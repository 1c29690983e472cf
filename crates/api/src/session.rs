//! `GET`, `POST` and `DELETE /api2/json/session`: who asks, and a browser's session.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who asks, and what they may do.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Session {
    /// `USER@REALM!NAME` of a token, `USER@pam` of a local user, `anonymous` on the loopback.
    pub name: String,
    /// `Sys.Audit` or `Sys.Modify`.
    pub privilege: String,
    /// Of a session: what each request that changes something bears as `CSRFPreventionToken`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// When the session ends, epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}
