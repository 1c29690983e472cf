//! `POST rollout`: a generation begins. What stands against it is told before anything is written; each node makes its own plan
//! anew all the same, and refuses what nobody agreed to.

use std::collections::BTreeSet;

use axum::extract::{Request, State};
use axum::response::Response;
use pathkeeper_model::config::edit::Change as Documents;
use pathkeeper_model::config::overrides::{self, Overrides};
use pathkeeper_model::config::plan::{Confirmed, Desired, Refusal, plan};
use pathkeeper_model::config::rollout::Rollout;
use pathkeeper_model::config::steer::{self, Adopt, Start, Word};
use pathkeeper_model::config::texts::{TEXTS_BYTES_MAX, TEXTS_DOCUMENT, Texts};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::{NodeName, Wwid};

use super::nodes::Cluster;
use super::plan::{config_problem, overrides_problem, published};
use super::rollout::{self, Standing};
use super::{CONFIG_DOCUMENT, OVERRIDES_DOCUMENT, PROBLEMS_TOLD_MAX, Read, nodes, read};
use crate::http::audit::Change;
use crate::http::edit::{self, Body, Step};
use crate::http::errors::{self, ApiError};
use crate::http::luns::wwid_of;
use crate::http::{Context, off_thread};

/// A body with some thousand WWIDs.
const BODY_BYTES_MAX: usize = 512 << 10;
/// The word for every LUN.
const ALL: &str = "all";

/// What was asked for.
struct Asked {
    digest: String,
    overrides_digest: Option<String>,
    allow_removal: Option<usize>,
    rename_in_use: bool,
    adopt: Adopt,
    canary: Option<NodeName>,
    only: Option<NodeName>,
}

pub(super) async fn start(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let by = edit::by(&request);
    let known = ["digest", "overrides-digest", "allow-removal", "rename-in-use", "adopt", "canary", "node"];
    let body = Body::read(request, &known, BODY_BYTES_MAX).await?;
    let asked = Asked::read(&context, body)?;
    let (config, cfg) = config(&context, &asked.digest).await?;
    let (overrides, followed) = overrides(&context).await?;
    let standing = Standing::read(&context).await?;
    let old = standing.understood()?.cloned();
    match &asked.overrides_digest {
        Some(digest) => as_planned(OVERRIDES_DOCUMENT, digest, &overrides.digest)?,
        // Nobody rolls out by the way what they did not look at.
        None if followed.is_some() && standing.is_pending(OVERRIDES_DOCUMENT, &overrides.digest) => {
            return Err(ApiError::conflict(format!(
                "{OVERRIDES_DOCUMENT} is pending too, and would be applied with it: look at the plan, then --overrides-digest {}",
                overrides.digest
            )));
        }
        None => {}
    }
    let texts = rollout::texts(&context).await?;
    let mut notes = Vec::new();
    let before = in_force(old.as_ref(), &texts, (&config.digest, &cfg), &mut notes);
    let change = Documents::between(&before, &cfg);
    if let Some(held) = change.held(asked.allow_removal) {
        return Err(ApiError::conflict(format!("nothing was started: {held}")));
    }
    let cluster = nodes::look(&context).await?;
    cluster.free(&change.removed)?;
    let confirmed = steer::consent(&cfg, &change, &asked.adopt, asked.rename_in_use);
    let judged = {
        let (cfg, digest, agreed) = (cfg, config.digest.clone(), confirmed.clone());
        let overrides = followed.map(|of| (of, overrides.digest.clone()));
        let only = asked.only.clone();
        off_thread(move || judge(&cluster, (&cfg, &digest), overrides.as_ref(), &agreed, only.as_ref()))
    };
    let judged = judged.await?;
    if !judged.against.is_empty() {
        return Err(ApiError::conflict(format!("nothing was started: {}", some(&judged.against))));
    }
    notes.extend(judged.notes);
    let wanted = Start {
        config: config.digest.clone(),
        overrides: overrides.digest.clone(),
        canary: asked.canary,
        only: asked.only,
        confirmed,
    };
    let new = steer::start(old.as_ref(), wanted, Word { by: &by, time: context.clock.now().wall });
    let new_texts =
        [(config.digest.as_str(), text(&config)?), (overrides.digest.as_str(), text(&overrides)?)];
    let changes = begin(&context, &standing.digest, &new, &texts, &new_texts).await?;
    tracing::info!("generation {} of {} started by {by}", new.generation, new.config);
    rollout::answer(&context, &new, changes, notes).await
}

impl Asked {
    fn read(context: &Context, mut body: Body) -> Result<Self, ApiError> {
        let digest = body.digest("digest");
        if digest.is_none() && body.is_good("digest") {
            body.wrong("digest", edit::MISSING);
        }
        let overrides_digest = body.digest("overrides-digest");
        let allow_removal = body.number("allow-removal");
        let allow_removal = allow_removal.and_then(|n| {
            let n = usize::try_from(n).ok();
            if n.is_none() {
                body.wrong("allow-removal", "value must be the number of LUNs that go");
            }
            n
        });
        let rename_in_use = body.flag("rename-in-use");
        let adopt = adopt(&mut body);
        let [canary, only] = ["canary", "node"].map(|name| {
            let word: String = body.take(name)?;
            let node = rollout::known_node(context, &word);
            if node.is_none() {
                body.wrong(name, format!("no such node: {word}"));
            }
            node
        });
        body.check()?;
        let digest = digest.unwrap_or_default();
        Ok(Self { digest, overrides_digest, allow_removal, rename_in_use, adopt, canary, only })
    }
}

/// Which LUNs that were set up by hand are taken over.
pub(super) fn adopt(body: &mut Body) -> Adopt {
    let words = body.list("adopt");
    if words.len() == 1 && words.contains(ALL) {
        return Adopt::All;
    }
    let mut named = BTreeSet::new();
    for word in words {
        match wwid_of(&word) {
            Ok(wwid) if word != ALL => drop(named.insert(wwid)),
            _ => body.wrong("adopt", format!("{word:?} is no WWID; all stands alone")),
        }
    }
    if named.is_empty() { Adopt::Nothing } else { Adopt::Named(named) }
}

/// The document that was looked at, if it is an instruction.
async fn config(context: &Context, digest: &str) -> Result<(Read, MultipathCfg), ApiError> {
    let config = read(context, CONFIG_DOCUMENT).await?;
    match config.config() {
        Reading::Good(cfg) => {
            as_planned(CONFIG_DOCUMENT, digest, &config.digest)?;
            Ok((config, cfg))
        }
        bad => Err(ApiError::conflict(format!(
            "{CONFIG_DOCUMENT} is no instruction, and nothing was started: {}",
            config_problem(&bad).unwrap_or_default()
        ))),
    }
}

/// The overrides; absent ones are no bytes, and what stands on nodes stays.
async fn overrides(context: &Context) -> Result<(Read, Option<Overrides>), ApiError> {
    let overrides = read(context, OVERRIDES_DOCUMENT).await?;
    match overrides.overrides() {
        overrides::Reading::Good(good) => Ok((overrides, Some(good))),
        overrides::Reading::Absent => Ok((overrides, None)),
        bad => Err(ApiError::conflict(format!(
            "{OVERRIDES_DOCUMENT} is no instruction, and nothing was started: {}; mend it: pathkeeper overrides edit",
            overrides_problem(&bad).unwrap_or_default()
        ))),
    }
}

fn as_planned(document: &str, planned: &str, standing: &str) -> Result<(), ApiError> {
    if planned == standing {
        return Ok(());
    }
    Err(ApiError::conflict(format!(
        "{document} was changed since it was looked at, and nothing was started: its digest is {standing}; look at the plan again"
    )))
}

/// What is in force: nothing before the first rollout. Where its text is lost no LUN is taken for going, so none is agreed to go.
pub(super) fn in_force(
    old: Option<&Rollout>,
    texts: &Texts,
    (digest, cfg): (&str, &MultipathCfg),
    notes: &mut Vec<String>,
) -> MultipathCfg {
    let Some(old) = old else { return MultipathCfg::default() };
    if old.config == digest {
        return cfg.clone();
    }
    rollout::kept(texts, &old.config).unwrap_or_else(|why| {
        notes.push(format!(
            "which LUNs go was not counted, for what generation {} brought is not known any more ({why}): each node refuses to take away \
             maps that live",
            old.generation
        ));
        MultipathCfg::default()
    })
}

/// What nodes would say.
struct Judged {
    /// Refusals, with their nodes.
    against: Vec<String>,
    notes: Vec<String>,
}

/// Plans of the nodes that are meant, as far as they are known here.
fn judge(
    cluster: &Cluster,
    (config, config_digest): (&MultipathCfg, &str),
    overrides: Option<&(Overrides, String)>,
    confirmed: &Confirmed,
    only: Option<&NodeName>,
) -> Judged {
    let mut out = Judged { against: Vec::new(), notes: Vec::new() };
    let is_meant = |node: &NodeName| only.is_none_or(|only| only == node);
    let own = &cluster.own;
    let node = &own.state.node;
    if is_meant(node) && !own.without_tools {
        let not_known = own.not_known();
        if not_known.is_empty() {
            let overrides = overrides.map(|(of, digest)| (of, digest.as_str()));
            let desired = Desired { config, config_digest, overrides };
            let plan = plan(&own.state, &desired, &cluster.uses, confirmed);
            out.against.extend(plan.refusals.iter().map(|refusal| format!("{node}: {refusal}")));
        } else {
            out.against.push(format!(
                "{node}: no plan can be made: {}; ask another node (--server)",
                not_known.join("; ")
            ));
        }
    }
    for other in cluster.others.iter().filter(|other| is_meant(&other.state.node)) {
        let node = &other.state.node;
        let plan = published(other, config);
        out.against.extend(plan.refusals.iter().map(|refusal| format!("{node}: {refusal}")));
        for map in &plan.renamed {
            let Some(wwid) = Wwid::new(&map.wwid) else { continue };
            let (uses, from, to) = (cluster.uses.of_lun(&wwid), map.from.clone(), map.to.clone());
            let refusal = match (confirmed.rename.contains(&wwid), uses.is_empty()) {
                (true, used) if used || confirmed.rename_in_use => continue,
                (_, true) => Refusal::Renames { wwid, from, to },
                (_, false) => Refusal::RenamesUsed { wwid, from, to, uses },
            };
            out.against.push(format!("{node}: {refusal}"));
        }
        if !other.known {
            out.notes.push(format!(
                "{node}: nothing of it is known here; it makes its own plan before it applies"
            ));
        }
    }
    out
}

fn some(all: &[String]) -> String {
    let told = all.get(..PROBLEMS_TOLD_MAX).unwrap_or(all).join("; ");
    let more = all.len().saturating_sub(PROBLEMS_TOLD_MAX);
    if more > 0 { format!("{told}; and {more} more") } else { told }
}

/// A document's text; it was parsed, so it is UTF-8.
fn text(document: &Read) -> Result<&str, ApiError> {
    std::str::from_utf8(&document.bytes).map_err(|_| ApiError::fault())
}

/// Writes the texts, then the rollout that names them. `had` are the texts that were kept before.
async fn begin(
    context: &Context,
    expected: &str,
    new: &Rollout,
    had: &Texts,
    texts: &[(&str, &str)],
) -> Result<Vec<Change>, ApiError> {
    let kept = keep(context, new, had, texts).await?;
    let put = match rollout::put(context, expected, new).await {
        Ok(put) => put,
        Err(e) => {
            // Who was faster names texts that were perhaps dropped here.
            if let Ok(Some(winner)) = Standing::read(context).await.map(|of| of.rollout.ok().flatten()) {
                keep(context, &winner, had, texts).await.ok();
            }
            return Err(e);
        }
    };
    // Somebody who began at the same time, and was slower, may have dropped these before they saw it.
    let again = keep(context, new, had, texts).await?;
    Ok(kept.into_iter().chain(again).chain([put]).collect())
}

/// Keeps what a rollout names: of what is kept, of what was, and of these.
async fn keep(
    context: &Context,
    rollout: &Rollout,
    had: &Texts,
    texts: &[(&str, &str)],
) -> Result<Option<Change>, ApiError> {
    let named = [Some((&rollout.config, &rollout.overrides)), rollout.previous.as_ref().map(|(a, b)| (a, b))];
    let named: Vec<&String> =
        named.into_iter().flatten().flat_map(|(config, overrides)| [config, overrides]).collect();
    let done = edit::edit(context, TEXTS_DOCUMENT, |standing| {
        let mut kept =
            Texts::decode(&standing.bytes).map_err(|why| edit::not_understood(TEXTS_DOCUMENT, &why))?;
        for digest in &named {
            if kept.of(digest).is_none()
                && let Some(text) = had.of(digest)
            {
                kept.put(digest, text);
            }
        }
        for (digest, text) in texts.iter().filter(|(digest, _)| named.iter().any(|of| of == digest)) {
            kept.put(digest, text);
        }
        kept.keep_for(rollout).map_err(|bytes| {
            ApiError::conflict(format!(
                "both documents together would have {bytes} bytes, and {TEXTS_BYTES_MAX} are the most that is rolled out; nothing was started"
            ))
        })?;
        let bytes = kept.encode();
        if bytes == standing.bytes { Ok(Step::Same(false)) } else { Ok(Step::Write(bytes, true)) }
    });
    let done = done.await?;
    Ok(done.told.then(|| Change { document: TEXTS_DOCUMENT.into(), before: done.before, after: done.after }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_digest_of_nothing_is_that_of_no_bytes() {
        assert_eq!(super::super::rollout::NOTHING, pathkeeper_io::store::digest(b""));
    }
}
