//! `cluster/multipath/names`: words that people gave to ports.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All that is said of ports.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Names {
    /// By the port's name: a WWN as `50:0a:09:81:86:77:a5:00`, an IQN, or `address:port`.
    pub ports: BTreeMap<String, Named>,
    /// The digest of the store's document `pathkeeper/names`.
    pub digest: String,
    /// What of the document was not understood, sentences.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// What is said of one port.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// `netapp1 ctl1-0e`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its fabric: `A`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fabric: Option<String>,
    /// Of a target port, its controller: `netapp1 ctl1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
}

/// The body of `PUT names`. Ports that it does not name stay as they are.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NamesBody {
    /// What is said of ports from now on: what is absent stays, an empty text is said no more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, Named>,
    /// Ports of which nothing is said from now on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub delete: BTreeSet<String>,
    /// Only if the document still has this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What a change of names did.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct NamesChanged {
    /// Ports of which something else is said now.
    pub changed: BTreeSet<String>,
    /// The document's digest before.
    pub before: String,
    /// And after.
    pub after: String,
}
