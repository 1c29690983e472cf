//! `GET` and `POST rollout`, `rollout/pause`, `resume`, `abort`, `force`: what is in force, and who has applied it. All that is
//! written here are two documents of the store, which each node reads and obeys by itself.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Request, State};
use axum::response::Response;
use pathkeeper_api::rollout as wire;
use pathkeeper_io::store::Key;
use pathkeeper_model::config::plan::Confirmed;
use pathkeeper_model::config::rollout::{Applied, CONFIG_KEY, Peer, ROLLOUT_DOCUMENT, Rollout};
use pathkeeper_model::config::steer::{self, Word};
use pathkeeper_model::config::texts::{TEXTS_DOCUMENT, Texts};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::{NodeName, Wwid};

use super::{CONFIG_DOCUMENT, nodes};
use crate::http::audit::{Change, Changes};
use crate::http::edit::{self, Body, Step};
use crate::http::errors::{self, ApiError};
use crate::http::{Context, enveloped};

pub(super) use super::start::start;

/// A body that orders something of nodes: 1,024 of them with long names.
const BODY_BYTES_MAX: usize = 512 << 10;
/// All nodes' words together come within this, or are not told.
const WORDS_WAIT_S: u64 = 10;
/// The SHA-1 of no bytes: overrides that there are none of.
pub(super) const NOTHING: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

/// The rollout's document as it stands.
pub(super) struct Standing {
    pub(super) digest: String,
    /// `None`: there was no rollout yet; why it is not understood otherwise.
    pub(super) rollout: Result<Option<Rollout>, String>,
}

impl Standing {
    /// Reads it.
    ///
    /// # Errors
    /// 503 where the store does not give it.
    pub(super) async fn read(context: &Context) -> Result<Self, ApiError> {
        let standing = edit::read(context, ROLLOUT_DOCUMENT).await;
        let standing = standing.map_err(|e| ApiError::unread(ROLLOUT_DOCUMENT, &e.to_string()))?;
        Ok(Self { rollout: Rollout::decode(&standing.bytes), digest: standing.digest })
    }

    /// Whether no rollout has brought these bytes of one of both documents.
    pub(super) fn is_pending(&self, document: &str, digest: &str) -> bool {
        match &self.rollout {
            Ok(Some(rollout)) if document == CONFIG_DOCUMENT => rollout.config != digest,
            Ok(Some(rollout)) => rollout.overrides != digest,
            Ok(None) => digest != NOTHING,
            // What is in force cannot be told: then nothing is said to be.
            Err(_) => true,
        }
    }

    /// Why it is not understood.
    pub(super) fn problem(&self) -> Option<String> {
        self.rollout.as_ref().err().cloned()
    }

    /// The rollout, to do something with it.
    ///
    /// # Errors
    /// 409 where it is not understood.
    pub(super) fn understood(&self) -> Result<Option<&Rollout>, ApiError> {
        self.rollout.as_ref().map(Option::as_ref).map_err(|why| edit::not_understood(ROLLOUT_DOCUMENT, why))
    }
}

/// The rollout as it is told.
pub(super) struct Rollouts {
    pub(super) standing: Standing,
    pub(super) told: Option<wire::Rollout>,
}

impl Rollouts {
    /// With what all nodes say of it.
    ///
    /// # Errors
    /// 503 where the store does not give it.
    pub(super) async fn look(context: &Context) -> Result<Self, ApiError> {
        let standing = Standing::read(context).await?;
        let told = match &standing.rollout {
            Ok(Some(rollout)) => Some(told(rollout, &words(context).await?)),
            _ => None,
        };
        Ok(Self { standing, told })
    }
}

pub(super) async fn show(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let rollouts = Rollouts::look(&context).await?;
    let problem = rollouts.standing.problem();
    Ok(enveloped(wire::Rollouts { rollout: rollouts.told, digest: rollouts.standing.digest, problem }))
}

/// What one node says.
pub(super) struct Said {
    online: Option<bool>,
    /// `None`: it said nothing; an error: it cannot be understood.
    applied: Option<Result<Applied, String>>,
}

/// What every known node says of the newest rollout that it knows.
///
/// # Errors
/// 503 where the store does not give it in time.
pub(super) async fn words(context: &Context) -> Result<BTreeMap<NodeName, Said>, ApiError> {
    const WHAT: &str = "what nodes say of the rollout";
    let all = async {
        let mut out = BTreeMap::new();
        for (view, _) in &context.board.nodes().nodes {
            let value = context.documents.0.get(view.name.clone(), Key::new(CONFIG_KEY)?).await?;
            let applied = value.map(|bytes| Applied::decode(&bytes).map_err(|e| e.to_string()));
            out.insert(view.name.clone(), Said { online: view.online, applied });
        }
        Ok(out)
    };
    match tokio::time::timeout(std::time::Duration::from_secs(WORDS_WAIT_S), all).await {
        Ok(Ok(out)) => Ok(out),
        Ok(Err(e)) => {
            let e: pathkeeper_io::store::StoreError = e;
            Err(ApiError::unread(WHAT, &e.to_string()))
        }
        Err(_) => Err(ApiError::unread(WHAT, &format!("the store took longer than {WORDS_WAIT_S} s"))),
    }
}

fn peers(words: &BTreeMap<NodeName, Said>) -> BTreeMap<NodeName, Peer> {
    let peer = |said: &Said| Peer {
        online: said.online == Some(true),
        touched: false,
        said: said.applied.as_ref().and_then(|applied| applied.as_ref().ok()).cloned(),
    };
    words.iter().map(|(node, said)| (node.clone(), peer(said))).collect()
}

/// A rollout, and how far each node is.
pub(super) fn told(rollout: &Rollout, words: &BTreeMap<NodeName, Said>) -> wire::Rollout {
    let nodes = words.iter().map(|(node, said)| {
        let mut out = wire::NodeProgress { online: said.online, ..wire::NodeProgress::default() };
        match &said.applied {
            None => {}
            Some(Err(why)) => out.why = Some(format!("what it says is not understood: {why}")),
            Some(Ok(applied)) => {
                out.generation = Some(applied.generation);
                out.state = Some(applied.progress.as_str().to_owned());
                out.digest.clone_from(&applied.digest);
                out.since = applied.since.map(|since| since.0);
                out.why.clone_from(&applied.why);
                out.drift.clone_from(&applied.drift);
                out.settled = applied.generation == rollout.generation
                    && rollout.resumed.get(node) == Some(&applied.since);
            }
        }
        (node.to_string(), out)
    });
    let wwids = |of: &BTreeSet<Wwid>| of.iter().map(ToString::to_string).collect();
    let Confirmed { adopt, remove, rename, rename_in_use } = &rollout.confirmed;
    wire::Rollout {
        generation: rollout.generation,
        state: rollout.course.as_str().to_owned(),
        by: rollout.by.clone(),
        time: rollout.time.map(|time| time.0),
        config: rollout.config.clone(),
        overrides: rollout.overrides.clone(),
        previous: rollout.previous.clone().map(|(config, overrides)| wire::Digests { config, overrides }),
        canary: rollout.canary.as_ref().map(ToString::to_string),
        only: rollout.only.as_ref().map(ToString::to_string),
        force: rollout.force.iter().map(ToString::to_string).collect(),
        confirmed: wire::Confirmed {
            adopt: wwids(adopt),
            remove: wwids(remove),
            rename: wwids(rename),
            rename_in_use: *rename_in_use,
        },
        nodes: nodes.collect(),
    }
}

/// Texts of what is rolled out, and the digest of their document.
///
/// # Errors
/// 503 where the store does not give them, 409 where they are not understood.
pub(super) async fn texts(context: &Context) -> Result<Texts, ApiError> {
    let standing = edit::read(context, TEXTS_DOCUMENT).await;
    let standing = standing.map_err(|e| ApiError::unread(TEXTS_DOCUMENT, &e.to_string()))?;
    Texts::decode(&standing.bytes).map_err(|why| edit::not_understood(TEXTS_DOCUMENT, &why))
}

/// The configuration of a digest, if its text is kept and is that.
///
/// # Errors
/// In words, why it is not known.
pub(super) fn kept(texts: &Texts, digest: &str) -> Result<MultipathCfg, String> {
    let short = digest.get(..12).unwrap_or(digest);
    let text = texts.of(digest).ok_or_else(|| format!("{TEXTS_DOCUMENT} does not hold {short}"))?;
    if pathkeeper_io::store::digest(text.as_bytes()) != digest {
        return Err(format!("what {TEXTS_DOCUMENT} holds for {short} is another text"));
    }
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(cfg) => Ok(cfg),
        _ => Err(format!("{short} is no instruction")),
    }
}

/// What is in force, where a rollout brought it and its text is still known.
///
/// # Errors
/// 503 or 409, from the store's documents.
pub(super) async fn in_force(context: &Context) -> Result<Option<MultipathCfg>, ApiError> {
    let standing = Standing::read(context).await?;
    let Some(rollout) = standing.understood()? else { return Ok(None) };
    Ok(kept(&texts(context).await?, &rollout.config).ok())
}

pub(super) async fn pause(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let asked = Asked::read(&context, request, false).await?;
    asked.steer(&context, |old, _| steer::pause(old)).await
}

pub(super) async fn resume(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let asked = Asked::read(&context, request, false).await?;
    asked.steer(&context, steer::resume).await
}

pub(super) async fn force(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let asked = Asked::read(&context, request, true).await?;
    asked.steer(&context, |old, _| steer::force(old, &asked.nodes)).await
}

pub(super) async fn abort(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let by = edit::by(&request);
    let asked = Asked::read(&context, request, false).await?;
    let standing = Standing::read(&context).await?;
    edit::as_looked_at(asked.digest.as_deref(), &standing.digest)?;
    let old = standing.understood()?.cloned().ok_or_else(none_yet)?;
    let pair = match &old.previous {
        None => Err("nothing was before".to_owned()),
        Some((before, overrides)) => {
            let texts = texts(&context).await?;
            let has = overrides == NOTHING || texts.of(overrides).is_some();
            let missing = || format!("{TEXTS_DOCUMENT} does not hold its overrides");
            let overrides = has.then_some(()).ok_or_else(missing);
            overrides.and_then(|()| Ok((kept(&texts, before)?, kept(&texts, &old.config)?)))
        }
    };
    let word = Word { by: &by, time: context.clock.now().wall };
    let pair = pair.as_ref().map(|(before, aborted)| (before, aborted)).map_err(Clone::clone);
    let new = steer::abort(&old, pair, word).map_err(|why| ApiError::conflict(why.to_string()))?;
    let Some(new) = new else { return asked.answer(&context, &old, None, Vec::new()).await };
    let mut notes = Vec::new();
    if new.generation == old.generation {
        notes.push("nothing was before it: what nodes applied so far stays there".to_owned());
    } else if !new.confirmed.remove.is_empty() {
        nodes::look(&context).await?.free(&new.confirmed.remove)?;
    }
    let change = put(&context, &standing.digest, &new).await?;
    tracing::info!("generation {} aborted by {by}", old.generation);
    asked.answer(&context, &new, Some(change), notes).await
}

/// 404: there is nothing that could be paused.
fn none_yet() -> ApiError {
    ApiError::nothing_of_that_name("there was no rollout yet: pathkeeper config apply starts one")
}

/// Puts a rollout in the place of the one that was looked at.
///
/// # Errors
/// 409 where another one stands there, or from the store.
pub(super) async fn put(context: &Context, expected: &str, new: &Rollout) -> Result<Change, ApiError> {
    let bytes = new.encode();
    let done = edit::edit(context, ROLLOUT_DOCUMENT, |standing| {
        if standing.doubt && standing.bytes == bytes {
            return Ok(Step::Same(()));
        }
        if standing.digest != expected {
            return Err(ApiError::conflict(
                "another rollout was started meanwhile, or this one was changed; nothing was: look at it (pathkeeper config rollout)",
            ));
        }
        Ok(Step::Write(bytes.clone(), ()))
    });
    let done = done.await?;
    Ok(Change { document: ROLLOUT_DOCUMENT.into(), before: done.before, after: done.after })
}

/// What is asked of the rollout that stands.
struct Asked {
    digest: Option<String>,
    nodes: BTreeSet<NodeName>,
    by: String,
}

impl Asked {
    async fn read(context: &Context, request: Request, takes_nodes: bool) -> Result<Self, ApiError> {
        errors::no_parameters(&request)?;
        let by = edit::by(&request);
        let known: &[&str] = if takes_nodes { &["digest", "nodes"] } else { &["digest"] };
        let mut body = Body::read(request, known, BODY_BYTES_MAX).await?;
        let digest = body.digest("digest");
        let mut nodes = BTreeSet::new();
        let named = body.list("nodes");
        if takes_nodes && named.is_empty() && body.is_good("nodes") {
            body.wrong("nodes", edit::MISSING);
        }
        for name in named {
            match known_node(context, &name) {
                Some(node) => drop(nodes.insert(node)),
                None => body.wrong("nodes", format!("no such node: {name}")),
            }
        }
        body.check()?;
        Ok(Self { digest, nodes, by })
    }

    /// Makes another rollout of the one that stands.
    async fn steer(
        &self,
        context: &Context,
        change: impl Fn(&Rollout, &BTreeMap<NodeName, Peer>) -> steer::Steered,
    ) -> Result<Response, ApiError> {
        let standing = Standing::read(context).await?;
        edit::as_looked_at(self.digest.as_deref(), &standing.digest)?;
        let old = standing.understood()?.ok_or_else(none_yet)?;
        let peers = peers(&words(context).await?);
        let new = change(old, &peers).map_err(|why| ApiError::conflict(why.to_string()))?;
        let Some(new) = new else { return self.answer(context, old, None, Vec::new()).await };
        let change = put(context, &standing.digest, &new).await?;
        tracing::info!("generation {} is {}, by {}", new.generation, new.course.as_str(), self.by);
        let looked = new.resumed.keys().filter(|node| !old.resumed.contains_key(*node));
        let looked: Vec<String> = looked.map(ToString::to_string).collect();
        let note = format!("taken for looked at, and holding up nobody any more: {}", looked.join(", "));
        let notes = if looked.is_empty() { Vec::new() } else { vec![note] };
        self.answer(context, &new, Some(change), notes).await
    }

    async fn answer(
        &self,
        context: &Context,
        rollout: &Rollout,
        change: Option<Change>,
        notes: Vec<String>,
    ) -> Result<Response, ApiError> {
        answer(context, rollout, change.into_iter().collect(), notes).await
    }
}

/// The rollout as it stands now, and what was written for it: the rollout's own document last.
pub(super) async fn answer(
    context: &Context,
    rollout: &Rollout,
    changes: Vec<Change>,
    mut notes: Vec<String>,
) -> Result<Response, ApiError> {
    // The write stands, whatever can be read now.
    let words = words(context).await.unwrap_or_else(|_| {
        notes.push("what nodes say of it could not be read now".to_owned());
        BTreeMap::new()
    });
    let digest = pathkeeper_io::store::digest(&rollout.encode());
    let (before, after) = match changes.last() {
        Some(change) => (change.before.clone(), change.after.clone()),
        None => (digest.clone(), digest),
    };
    let changed = !changes.is_empty();
    let told = wire::Steered { rollout: told(rollout, &words), changed, before, after, notes };
    let mut response = enveloped(told);
    response.extensions_mut().insert(Changes(changes));
    Ok(response)
}

/// A node of this cluster.
pub(super) fn known_node(context: &Context, name: &str) -> Option<NodeName> {
    let nodes = context.board.nodes();
    nodes.nodes.iter().map(|(view, _)| &view.name).find(|node| node.as_str() == name).cloned()
}
