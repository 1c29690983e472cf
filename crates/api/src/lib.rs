//! The wire: types of the REST API, its OpenAPI document, and the client that the command line uses.
//!
//! Conventions are Proxmox VE's: everything under `/api2/json`, answers in `{"data": …}`, errors with `message` and
//! `errors` by parameter, kebab-case keys. Fields may be added; names and meanings stay.
#![forbid(unsafe_code)]

pub mod alerts;
pub mod can;
pub mod client;
pub mod config;
pub mod discover;
pub mod disks;
pub mod explain;
pub mod guests;
pub mod guide;
pub mod history;
pub mod luns;
pub mod map;
pub mod mutes;
pub mod names;
pub mod nodes;
pub mod openapi;
pub mod paths;
pub mod rollout;
pub mod session;
pub mod socket;
pub mod status;
pub mod volumes;
pub mod windows;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The envelope of every good answer.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Envelope<T> {
    /// The answer.
    pub data: T,
}

/// The body of every error, Proxmox's form: `data` is null, `message` is for people, `errors` is by parameter.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, Default)]
pub struct ErrorBody {
    /// Always null.
    #[schema(value_type = Option<Object>)]
    pub data: (),
    /// What failed, why, and what to do.
    pub message: String,
    /// What is wrong with which parameter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
}

/// `GET /api2/json/version`.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// E.g. `0.1.0`.
    pub version: String,
    /// Major and minor number, e.g. `0.1`.
    pub release: String,
    /// Short source revision, empty where the build did not know it (Proxmox has this key).
    pub repoid: String,
}
