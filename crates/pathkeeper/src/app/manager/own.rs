//! What a configuration would do to this node, as its own files are now, for the machine that does it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pathkeeper_engine::apply::{File, ManagedFile, Plan, PlannedMap};
use pathkeeper_io::store::digest;
use pathkeeper_model::Wwid;
use pathkeeper_model::config::effective::SetBy;
use pathkeeper_model::config::node::{NodeState, Uses, own_path};
use pathkeeper_model::config::plan::{self as model, Confirmed, Desired, Refusal, plan};
use pathkeeper_model::config::render::{DROP_IN, DropIns};
use pathkeeper_model::multipath_cfg::MultipathCfg;

use super::desired::Texts;
use super::peers::Touched;
use crate::app::board::{Board, LocalView, RowBody};
use crate::app::node_state::{self, OwnMachine, OwnNode};

pub use pathkeeper_model::config::plan::Done;

/// Of refusals, of values that others set, and the like, so many are told.
const TOLD_MAX: usize = 5;

/// What thinking came to.
#[derive(Debug)]
pub enum Thought {
    /// No plan can be made: why, a sentence.
    Unknown(String),
    /// The configuration is not for this node: why.
    NotApplicable(String),
    /// All is as it was found to be done.
    Still,
    /// A plan.
    Planned(Box<Planned>),
}

/// A plan, without its generation.
#[derive(Debug)]
pub struct Planned {
    /// For the machine.
    pub plan: Plan,
    /// What stands against it, a sentence.
    pub refused: Option<String>,
    /// LUNs that the rollout touches, anywhere.
    pub touched: Touched,
    /// What is in force otherwise than the documents say.
    pub drift: Option<String>,
    /// There was nothing to do.
    pub done: Option<Done>,
}

/// Thinks. Blocks as long as the disk does.
pub fn think(
    local: &LocalView,
    machine: &OwnMachine,
    board: &Board,
    texts: &Texts,
    confirmed: &Confirmed,
    done: Option<Done>,
) -> Thought {
    let own = OwnNode::look(local, Some(machine));
    if own.without_tools {
        return Thought::NotApplicable("multipath-tools is not installed".to_owned());
    }
    let not_known = own.not_known();
    if !not_known.is_empty() {
        return Thought::Unknown(not_known.join("; "));
    }
    let state = own.state;
    let overrides = texts.overrides.as_ref().map(|(overrides, digest)| (&**overrides, digest.as_str()));
    let desired = Desired { config: &texts.config, config_digest: &texts.config_digest, overrides };
    let still = |done: &Done| {
        let overrides = overrides.map(|(_, digest)| digest);
        done.is_still(&texts.config_digest, overrides, &state.drop_ins, &state.wwids)
    };
    if done.as_ref().is_some_and(still) {
        return Thought::Still;
    }
    if is_strange(&state, board) {
        return Thought::NotApplicable("this node has no map, and no LUN is expected here".to_owned());
    }
    let mut thought = plan(&state, &desired, &Uses::of([&state], []), confirmed);
    if !(thought.removed.is_empty() && thought.renamed.is_empty() && thought.take_out.is_empty()) {
        // Only then it matters who uses a LUN, and on which node.
        thought = plan(&state, &desired, &uses(&state, board), confirmed);
    }
    let done = Done::of(&thought, &desired, &state);
    let after = desired.drop_ins(&state.drop_ins);
    Thought::Planned(Box::new(Planned {
        plan: of_model(&thought, &state, &texts.config, &after),
        refused: refused(&thought.refusals),
        touched: touched(texts),
        drift: drift(&thought),
        done,
    }))
}

/// No map, no device that could become one, nothing of ours, and nobody expects a LUN here.
fn is_strange(state: &NodeState, board: &Board) -> bool {
    let nothing = state.maps.is_empty()
        && state.mapless.is_empty()
        && state.drop_ins == DropIns::default()
        && state.recorded.is_empty();
    let node = state.node.as_str();
    let has_cell = |row: &Arc<RowBody>| row.nodes.iter().any(|of| &**of == node);
    nothing && board.snapshot().is_some_and(|snapshot| !snapshot.rows.iter().any(has_cell))
}

/// Who uses which LUN, over all nodes, by what they published.
fn uses(own: &NodeState, board: &Board) -> Uses {
    let nodes = board.nodes();
    let others: Vec<NodeState> = nodes
        .nodes
        .iter()
        .filter(|(view, _)| view.name != own.node)
        .filter_map(|(view, _)| {
            let detail = view.detail.as_ref()?.unpack().ok()?;
            Some(node_state::of_read(&view.name, &detail.read, |_| None))
        })
        .collect();
    node_state::uses(others.iter().chain([own]), board.snapshot().as_deref())
}

fn of_model(thought: &model::Plan, state: &NodeState, config: &MultipathCfg, after: &DropIns) -> Plan {
    let main = own_path(DROP_IN);
    let files = thought.files.iter().map(|file| File {
        which: if file.path == main { ManagedFile::Main } else { ManagedFile::Overrides },
        content: file.after.clone(),
    });
    // What our own section of a LUN sets, and nothing stronger: that must be in force afterwards.
    let mut values: BTreeMap<&Wwid, Vec<(String, String)>> = BTreeMap::new();
    for value in thought.values.iter().filter(|value| value.as_wanted) {
        if let (Some(wwid), SetBy::Lun(at)) = (&value.wwid, &value.set_by)
            && *at.file == *main
        {
            values.entry(wwid).or_default().push((value.keyword.clone(), value.wanted.clone()));
        }
    }
    let expected = |wwid: &Wwid| config.expected_paths_of(wwid);
    let renamed = |wwid: &Wwid| thought.renamed.iter().find(|map| map.wwid == *wwid);
    let goes = |wwid: &Wwid| thought.removed.iter().any(|map| map.wwid == *wwid && !map.open);
    let live = state.maps.iter().map(|map| {
        let name_after = match renamed(&map.wwid) {
            Some(renamed) => Some(renamed.to.clone()),
            None => (!goes(&map.wwid)).then(|| map.name.clone()),
        };
        PlannedMap {
            wwid: map.wwid.clone(),
            name_before: Some(map.name.clone()),
            name_after,
            paths_expected: expected(&map.wwid).or(map.expected_paths),
            values: values.get(&map.wwid).cloned().unwrap_or_default(),
        }
    });
    let created = thought.created.iter().map(|map| PlannedMap {
        wwid: map.wwid.clone(),
        name_before: None,
        name_after: Some(map.name.clone()),
        paths_expected: expected(&map.wwid),
        values: values.get(&map.wwid).cloned().unwrap_or_default(),
    });
    Plan {
        digest: digest_of(after),
        files: files.collect(),
        add: thought.add.iter().cloned().collect(),
        remove: thought.take_out.iter().cloned().collect(),
        maps: live.chain(created).collect(),
        needs_reconfigure: thought.reconfigure,
        ..Plan::default()
    }
}

/// SHA-1 hex of both drop-ins, one behind the other.
fn digest_of(drop_ins: &DropIns) -> String {
    let texts = [&drop_ins.config, &drop_ins.overrides];
    digest(texts.into_iter().flatten().map(String::as_str).collect::<String>().as_bytes())
}

fn refused(refusals: &BTreeSet<Refusal>) -> Option<String> {
    let told = sentence(refusals.iter().map(ToString::to_string))?;
    Some(format!("refused, and nothing was touched: {told}"))
}

/// LUNs whose section is another one, or all of them where it is about all.
fn touched(texts: &Texts) -> Touched {
    let Some(before) = &texts.before else { return Touched::All };
    let (before, now) = (before.as_ref(), texts.config.as_ref());
    if texts.overrides_new || before.torn_down.is_some() || now.torn_down.is_some() {
        return Touched::All;
    }
    let said = |config: &MultipathCfg| -> BTreeMap<String, Option<String>> {
        config.settings.iter().map(|setting| (setting.key.clone(), setting.rendered.clone())).collect()
    };
    if said(before) != said(now) {
        return Touched::All;
    }
    let rendered = |config: &MultipathCfg| pathkeeper_model::config::render::Rendered::of(config).luns;
    let (before, now) = (rendered(before), rendered(now));
    let all: BTreeSet<&Wwid> = before.keys().chain(now.keys()).collect();
    let other = all.into_iter().filter(|wwid| before.get(*wwid) != now.get(*wwid));
    Touched::These(other.cloned().collect())
}

/// What stands or is in force otherwise than the documents want it. Said of a node where they were applied.
fn drift(thought: &model::Plan) -> Option<String> {
    let files = thought.files.iter().map(|file| {
        let what = if file.before.is_none() { "is gone" } else { "was changed by other hands" };
        format!("{} {what}", file.path)
    });
    let listed = thought.add.iter().map(|wwid| format!("{wwid} is not in /etc/multipath/wwids any more"));
    let beaten = thought.beaten().map(|value| {
        let of = value.wwid.as_ref().map_or(String::new(), |wwid| format!(" of {wwid}"));
        format!(
            "{}{of} is {} and not {}: {} sets it",
            value.keyword, value.in_force, value.wanted, value.set_by
        )
    });
    sentence(files.chain(listed).chain(beaten))
}

fn sentence(mut told: impl Iterator<Item = String>) -> Option<String> {
    let mut first: Vec<String> = told.by_ref().take(TOLD_MAX).collect();
    if first.is_empty() {
        return None;
    }
    let more = told.count();
    if more > 0 {
        first.push(format!("and {more} more"));
    }
    Some(first.join("; "))
}
