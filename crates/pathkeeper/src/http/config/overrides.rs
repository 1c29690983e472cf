//! `GET` and `PUT overrides`: the administrator's own text in multipath's grammar, as a whole.

use std::collections::BTreeSet;

use axum::extract::{Request, State};
use axum::response::Response;
use pathkeeper_model::Wwid;
use pathkeeper_model::config::node::LiveMap;
use pathkeeper_model::config::overrides::{FILE, Overrides, Reading, Seen, SeenPath};
use pathkeeper_model::multipath_cfg;

use super::nodes::{self, Cluster};
use super::plan::overrides_problem;
use super::rollout::Standing;
use super::{CONFIG_DOCUMENT, PROBLEMS_TOLD_MAX, Read, read, write};
use crate::http::edit::{self, Body};
use crate::http::errors::{self, ApiError};
use crate::http::{Context, enveloped};

pub(super) async fn show(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let document = read(&context, FILE).await?;
    let standing = Standing::read(&context).await?;
    let pending = standing.is_pending(FILE, &document.digest);
    Ok(enveloped(document.overrides_wire(pending)))
}

pub(super) async fn set(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let mut body = Body::read(request, &["text", "digest"], write::TEXT_BYTES_MAX).await?;
    let digest = body.digest("digest");
    let text: String = body.needed("text").unwrap_or_default();
    let reading = Reading::parse(Some(text.as_bytes()));
    let Reading::Good(new) = &reading else {
        if body.is_good("text") {
            let why = match &reading {
                Reading::Absent => {
                    "it is empty, and that is no instruction: a line of comment overrides nothing".into()
                }
                bad => overrides_problem(bad).unwrap_or_default(),
            };
            body.wrong("text", why);
        }
        return Err(body.check().err().unwrap_or_else(ApiError::fault));
    };
    body.check()?;
    let config = read(&context, CONFIG_DOCUMENT).await?;
    let cluster = nodes::look(&context).await?;
    let excluded = excluded(new, &config, &cluster);
    if !excluded.is_empty() {
        let mut words: Vec<String> = excluded.iter().take(PROBLEMS_TOLD_MAX).cloned().collect();
        if excluded.len() > words.len() {
            words.push(format!("and {} more", excluded.len() - words.len()));
        }
        return Err(ApiError::parameters([("text".to_owned(), words.join("; "))].into()));
    }
    let done = write::guarded(&context, FILE, digest.as_deref(), |standing| {
        // Who names no digest did not look at what cannot be understood.
        match (Reading::parse(Some(standing)), &digest) {
            (bad @ Reading::Invalid(_), None) => {
                Err(edit::not_understood(FILE, &overrides_problem(&bad).unwrap_or_default()))
            }
            _ => Ok(text.clone().into_bytes()),
        }
    });
    let done = done.await?;
    write::answer(&context, FILE, done, Vec::new()).await
}

/// Allowed LUNs, and maps of any node, that a rule of the text would exclude.
fn excluded(overrides: &Overrides, config: &Read, cluster: &Cluster) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let states = || cluster.others.iter().map(|other| &other.state).chain([&cluster.own.state]);
    let mut mapped: BTreeSet<&Wwid> = BTreeSet::new();
    for state in states() {
        for map in &state.maps {
            mapped.insert(&map.wwid);
            let rule =
                paths(map).into_iter().find_map(|path| overrides.excluding(&Seen { wwid: &map.wwid, path }));
            out.extend(rule.map(|rule| {
                format!("map {} ({}) on {} would be excluded by {rule}", map.name, map.wwid, state.node)
            }));
        }
    }
    if let multipath_cfg::Reading::Good(cfg) = config.config() {
        for wwid in cfg.luns.keys().filter(|wwid| !mapped.contains(wwid)) {
            let rule = overrides.excluding(&Seen { wwid, path: None });
            out.extend(rule.map(|rule| format!("the LUN {wwid} would be excluded by {rule}")));
        }
    }
    out
}

/// A map's paths as rules see them; one that nobody sees where it has none.
fn paths(map: &LiveMap) -> Vec<Option<SeenPath<'_>>> {
    let seen = map.paths.iter().map(|path| {
        Some(SeenPath {
            name: &path.name,
            vendor: map.vendor.as_deref(),
            product: map.product.as_deref(),
            protocol: &path.protocol,
            properties: &[],
        })
    });
    let seen: Vec<_> = seen.collect();
    if seen.is_empty() { vec![None] } else { seen }
}
