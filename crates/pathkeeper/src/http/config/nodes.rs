//! The cluster as plans and writes see it: the answering node whole, of others what they published, and who uses which LUN.

use pathkeeper_model::Wwid;
use pathkeeper_model::config::node::{NodeState, Uses};

use super::own;
use crate::app::node_state::{self, OwnNode};
use crate::http::errors::ApiError;
use crate::http::luns::each_node;
use crate::http::{Context, UNPACKING_WAIT_MS, off_thread, room_to_unpack};

/// All nodes.
pub(super) struct Cluster {
    pub(super) own: OwnNode,
    pub(super) others: Vec<Other>,
    pub(super) uses: Uses,
}

/// A node that is not the answering one.
pub(super) struct Other {
    pub(super) state: NodeState,
    /// It published something that can be read.
    pub(super) known: bool,
    /// What its file `wwids` lists.
    pub(super) wwids: Option<Vec<Wwid>>,
    /// Why what it published is in doubt, or is not there.
    pub(super) why: Option<String>,
}

/// Looks at all of them, as they are known now.
///
/// # Errors
/// 503 where too little is known yet, or others are being answered.
pub(super) async fn look(context: &Context) -> Result<Cluster, ApiError> {
    let snapshot = context.board.snapshot();
    let snapshot =
        snapshot.ok_or_else(|| ApiError::not_ready("the store has not given its first whole list yet"))?;
    let own = own(context).await?;
    let room = room_to_unpack(&context.unpacking, UNPACKING_WAIT_MS).await?;
    let context = context.clone();
    off_thread(move || {
        let mut others = Vec::new();
        each_node(&context, |view, asked, details| {
            if view.name == context.node {
                return;
            }
            let state = match &details {
                Some(details) => node_state::of_read(&view.name, details.read, |_| None),
                None => NodeState::new(view.name.clone()),
            };
            others.push(Other {
                known: details.is_some(),
                wwids: details.and_then(|details| details.read.own_wwids.clone()),
                why: asked.why.clone(),
                state,
            });
        });
        // Not before: a client that went away does not stop this thread.
        drop(room);
        let states = others.iter().map(|of| &of.state).chain([&own.state]);
        let uses = node_state::uses(states, Some(&snapshot));
        Cluster { own, others, uses }
    })
    .await
}

impl Cluster {
    /// 409 where one of these LUNs is in use: none such is ever taken out.
    ///
    /// # Errors
    /// That, with who uses which.
    pub(super) fn free<'a>(&self, luns: impl IntoIterator<Item = &'a Wwid>) -> Result<(), ApiError> {
        let used = luns.into_iter().filter_map(|wwid| {
            let uses: Vec<String> = self.uses.of_lun(wwid).iter().map(ToString::to_string).collect();
            (!uses.is_empty()).then(|| format!("the LUN {wwid} is in use: {}", uses.join("; ")))
        });
        let mut used: Vec<String> = used.collect();
        if used.is_empty() {
            return Ok(());
        }
        let more = used.len().saturating_sub(super::PROBLEMS_TOLD_MAX);
        used.truncate(super::PROBLEMS_TOLD_MAX);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        Err(ApiError::conflict(format!(
            "what is in use is not taken out, and nothing was changed: {}{more}; free it first (pathkeeper can remove lun WWID)",
            used.join(", ")
        )))
    }

    /// Nodes of which nobody can tell whether they use a LUN, a sentence each.
    pub(super) fn doubts(&self) -> Vec<String> {
        let own = self.own.mapless.iter().map(|why| format!("{}: {why}", self.own.state.node));
        let others = self.others.iter().filter_map(|other| {
            let nothing = || (!other.known).then(|| "it published nothing".to_owned());
            let why = other.why.clone().or_else(nothing)?;
            Some(format!("{}: whether it uses a LUN now is not known: {why}", other.state.node))
        });
        own.chain(others).collect()
    }
}
