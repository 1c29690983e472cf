//! `POST plan`: what a configuration would do to each node.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::response::Response;
use pathkeeper_api::config as wire;
use pathkeeper_model::Wwid;
use pathkeeper_model::config::Keyword;
use pathkeeper_model::config::edit::Change;
use pathkeeper_model::config::node::NodeState;
use pathkeeper_model::config::overrides;
use pathkeeper_model::config::plan::{
    Confirmed, Desired, FileChange, Hold, Plan, Reloaded, Renamed, Value, plan as think,
};
use pathkeeper_model::config::steer;
use pathkeeper_model::multipath_cfg::{CONFIG_DOCUMENT, MultipathCfg, Reading};
use pathkeeper_model::section::DOCUMENT_BYTES_MAX;

use super::nodes::{self, Cluster, Other};
use super::rollout::{self, Standing};
use super::{Read, read, sentence, start};
use crate::http::edit::Body;
use crate::http::errors::{self, ApiError};
use crate::http::{Context, enveloped, off_thread};

/// What any body may have here; 500 LUNs with all their settings are a fifth of it.
const BODY_BYTES_MAX: usize = DOCUMENT_BYTES_MAX;
/// Lines of one kind that are told of a node that is not the answering one.
const LINES_MAX: usize = 20;
/// What a node does not publish.
const NO_FILES: &str = "its files (multipath.conf, drop-ins, bindings), and so which values are set there, whether a line there names a \
                        map, and whether multipathd would read its configuration anew: ask its own agent (pathkeeper config plan \
                        --server URL)";

pub(super) async fn plan(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let known = ["config", "overrides", "adopt", "rename-in-use"];
    let mut body = Body::read(request, &known, BODY_BYTES_MAX).await?;
    let asked: (Option<String>, Option<String>) = (body.take("config"), body.take("overrides"));
    let (config, overrides) = (asked.0.map(Read::proposed), asked.1.map(Read::proposed));
    for (name, problem) in [
        ("config", config.as_ref().and_then(|of| config_problem(&of.config()))),
        ("overrides", overrides.as_ref().and_then(|of| overrides_problem(&of.overrides()))),
    ] {
        if let Some(why) = problem {
            body.wrong(name, why);
        }
    }
    let (adopt, rename_in_use) = (start::adopt(&mut body), body.flag("rename-in-use"));
    body.check()?;
    let (config, from_store) = match config {
        Some(config) => (config, false),
        None => (read(&context, CONFIG_DOCUMENT).await?, true),
    };
    let reading = config.config();
    let Reading::Good(cfg) = reading else {
        let why = config_problem(&reading).unwrap_or_default();
        debug_assert!(from_store, "a proposed document was judged before");
        return Err(ApiError::conflict(format!(
            "{CONFIG_DOCUMENT} in the store is no instruction, so nodes keep what they have: {why}"
        )));
    };
    let overrides = match overrides {
        Some(overrides) => overrides,
        None => read(&context, overrides::FILE).await?,
    };
    let standing = Standing::read(&context).await?;
    // A rollout that is not understood is told when one is started; here nothing was in force then.
    let old = standing.understood().ok().flatten();
    let texts = rollout::texts(&context).await?;
    let mut notes = Vec::new();
    let before = start::in_force(old, &texts, (&config.digest, &cfg), &mut notes);
    let agreed = steer::consent(&cfg, &Change::between(&before, &cfg), &adopt, rename_in_use);
    let cluster = nodes::look(&context).await?;
    let planned = off_thread(move || {
        let followed = match overrides.overrides() {
            overrides::Reading::Good(good) => Some(good),
            reading => {
                let why = overrides_problem(&reading).unwrap_or_default();
                notes.push(format!(
                    "{} is no instruction, so what stands there stays: {why}",
                    overrides::FILE
                ));
                None
            }
        };
        let digest = followed.as_ref().map(|_| overrides.digest.clone());
        let overrides = followed.as_ref().zip(digest.as_deref());
        let desired = Desired { config: &cfg, config_digest: &config.digest, overrides };
        all(&desired, &agreed, notes, &cluster)
    });
    Ok(enveloped(planned.await?))
}

/// Why a document is no instruction.
pub(super) fn config_problem(reading: &Reading) -> Option<String> {
    match reading {
        Reading::Good(_) => None,
        Reading::Absent => Some("there is none, or it is empty".into()),
        Reading::Invalid(problems) => Some(sentence(problems)),
    }
}

pub(super) fn overrides_problem(reading: &overrides::Reading) -> Option<String> {
    match reading {
        overrides::Reading::Good(_) => None,
        overrides::Reading::Absent => Some("there is none, or it is empty".into()),
        overrides::Reading::Invalid(problems) => Some(sentence(problems)),
    }
}

fn all(desired: &Desired<'_>, agreed: &Confirmed, notes: Vec<String>, cluster: &Cluster) -> wire::Planned {
    let Cluster { own, others, uses } = cluster;
    let mut mine = match own.not_known() {
        not_known if !not_known.is_empty() => nothing(&own.state, not_known),
        _ => whole(&think(&own.state, desired, uses, agreed)),
    };
    mine.notes.extend(notes);
    let of_others =
        others.iter().map(|other| (other.state.node.to_string(), published(other, desired.config)));
    let mut nodes: BTreeMap<String, wire::NodePlan> = of_others.collect();
    nodes.insert(own.state.node.to_string(), mine);
    wire::Planned {
        config_digest: desired.config_digest.to_owned(),
        overrides_digest: desired.overrides.map(|(_, digest)| digest.to_owned()),
        nodes,
    }
}

/// No plan can be made of what is known.
fn nothing(state: &NodeState, not_known: Vec<String>) -> wire::NodePlan {
    let mut text = format!("{}: no plan can be made\n", state.node);
    not_known.iter().for_each(|what| text.push_str(&format!("  not known: {what}\n")));
    wire::NodePlan {
        basis: "nothing".into(),
        read_at: state.read_at.map(|at| at.0),
        not_known,
        text,
        ..wire::NodePlan::default()
    }
}

/// A plan that was made of the node's own files.
fn whole(plan: &Plan) -> wire::NodePlan {
    let file = |file: &FileChange| wire::FileChange {
        path: file.path.clone(),
        before: file.before.clone(),
        after: file.after.clone(),
    };
    let renamed = |map: &Renamed| wire::Renamed {
        wwid: map.wwid.to_string(),
        from: map.from.clone(),
        to: map.to.clone(),
        uses: map.uses.iter().map(ToString::to_string).collect(),
        mentions: map.mentions.iter().map(ToString::to_string).collect(),
    };
    let reloaded = |map: &Reloaded| wire::Reloaded {
        wwid: map.wwid.to_string(),
        name: map.name.clone(),
        values: map.values.iter().map(|(key, old, new)| (key.clone(), [old.clone(), new.clone()])).collect(),
    };
    let hold = |hold: &Hold| {
        let few = hold.too_few.map(|(there, wanted)| format!("{there} of {wanted} paths"));
        let failed = (!hold.failed.is_empty()).then(|| format!("{} cannot be used", hold.failed.join(", ")));
        let why: Vec<String> = few.into_iter().chain(failed).collect();
        format!("map {}: {}", hold.name, why.join(", "))
    };
    let value = |value: &Value| wire::Value {
        wwid: value.wwid.as_ref().map(ToString::to_string),
        keyword: value.keyword.clone(),
        wanted: value.wanted.clone(),
        in_force: value.in_force.clone(),
        set_by: value.set_by.to_string(),
        as_wanted: value.as_wanted,
    };
    wire::NodePlan {
        basis: "files".into(),
        read_at: plan.read_at.map(|at| at.0),
        not_known: Vec::new(),
        map_changes: Some(plan.map_changes() as u64),
        reconfigure: Some(plan.reconfigure),
        files: plan.files.iter().map(file).collect(),
        add: plan.add.iter().map(ToString::to_string).collect(),
        take_out: plan.take_out.iter().map(ToString::to_string).collect(),
        created: plan.created.iter().map(|map| (map.wwid.to_string(), map.name.clone())).collect(),
        removed: plan.removed.iter().map(|map| (map.wwid.to_string(), map.name.clone())).collect(),
        renamed: plan.renamed.iter().map(renamed).collect(),
        reloaded: plan.reloaded.iter().map(reloaded).collect(),
        holds: plan.holds.iter().map(hold).collect(),
        refusals: plan.refusals.iter().map(ToString::to_string).collect(),
        values: plan.values.iter().map(value).collect(),
        notes: plan.notes.clone(),
        text: plan.to_string(),
    }
}

/// What can be told of a node by what it published. Its files are not known, so nothing is concluded that rests on them.
pub(super) fn published(other: &Other, cfg: &MultipathCfg) -> wire::NodePlan {
    let state = &other.state;
    if !other.known {
        return nothing(state, vec![other.why.clone().unwrap_or_else(|| "it published nothing".into())]);
    }
    let mut out = wire::NodePlan {
        basis: "published".into(),
        read_at: state.read_at.map(|at| at.0),
        not_known: vec![NO_FILES.to_owned()],
        ..wire::NodePlan::default()
    };
    if let Some(why) = &other.why {
        out.not_known.push(format!("whether it is still so: {why}"));
    }
    let is_for = |wwid: &Wwid| {
        let lun = cfg.luns.get(wwid);
        lun.is_some_and(|lun| lun.nodes.as_ref().is_none_or(|nodes| nodes.contains(&state.node)))
    };
    match &other.wwids {
        None => out.not_known.push("its file wwids: which WWIDs would come into it".into()),
        Some(listed) => {
            let missing = cfg.luns.keys().filter(|wwid| is_for(wwid) && !listed.contains(wwid));
            out.add = missing.map(ToString::to_string).collect();
        }
    }
    let mut notes = Notes::default();
    if cfg.torn_down.is_none() {
        for map in &state.maps {
            let alias = cfg.luns.get(&map.wwid).and_then(|lun| lun.alias.as_deref());
            match alias {
                Some(alias) if alias != map.name => out.renamed.push(wire::Renamed {
                    wwid: map.wwid.to_string(),
                    from: map.name.clone(),
                    to: alias.to_owned(),
                    ..wire::Renamed::default()
                }),
                None if map.name != map.wwid.as_str() => notes.add(
                    "named",
                    format!(
                        "map {} ({}) keeps its name only if that node's files give it",
                        map.name, map.wwid
                    ),
                ),
                _ => {}
            }
            let listed = other.wwids.as_ref().is_none_or(|listed| listed.contains(&map.wwid));
            if !listed && !is_for(&map.wwid) {
                notes.add(
                    "listed",
                    format!(
                        "map {} ({}) is neither allowed nor in its file wwids: a reconfigure under find_multipaths strict takes it away",
                        map.name, map.wwid
                    ),
                );
            }
        }
        match state.version {
            None => {
                out.not_known.push("the version of its multipath-tools: whether it knows each setting".into())
            }
            Some(version) => {
                let settings = cfg.settings.iter().chain(cfg.luns.values().flat_map(|lun| &lun.settings));
                let lacking = settings.filter_map(|setting| {
                    let keyword = Keyword::of(&setting.key)?;
                    keyword.lacking(setting.rendered.as_deref()?, version)
                });
                let mut lacking: Vec<String> =
                    lacking.map(|what| format!("{what}, and it is {version}")).collect();
                lacking.sort();
                lacking.dedup();
                out.refusals = lacking;
            }
        }
    }
    out.notes = notes.finish();
    out.text = text(state, &out);
    out
}

/// Notes of which there may be one for each map.
#[derive(Default)]
struct Notes {
    told: Vec<String>,
    count: BTreeMap<&'static str, usize>,
}

impl Notes {
    fn add(&mut self, kind: &'static str, note: String) {
        let count = self.count.entry(kind).or_default();
        *count += 1;
        if *count <= LINES_MAX {
            self.told.push(note);
        }
    }

    fn finish(mut self) -> Vec<String> {
        let more: usize = self.count.values().map(|count| count.saturating_sub(LINES_MAX)).sum();
        if more > 0 {
            self.told.push(format!("and {more} more maps like these"));
        }
        self.told
    }
}

/// The same for people.
fn text(state: &NodeState, plan: &wire::NodePlan) -> String {
    let mut lines = vec![format!("{}: as far as it published", state.node)];
    let mut add = |mut of: Box<dyn Iterator<Item = String> + '_>| {
        lines.extend(of.by_ref().take(LINES_MAX));
        let more = of.count();
        if more > 0 {
            lines.push(format!("  … and {more} more like these"));
        }
    };
    add(Box::new(plan.refusals.iter().map(|why| format!("  refused: {why}"))));
    add(Box::new(plan.add.iter().map(|wwid| format!("  wwids: {wwid} comes"))));
    add(Box::new(
        plan.renamed.iter().map(|map| format!("  map {} becomes {} ({})", map.from, map.to, map.wwid)),
    ));
    add(Box::new(plan.notes.iter().map(|note| format!("  note: {note}"))));
    add(Box::new(plan.not_known.iter().map(|what| format!("  not known: {what}"))));
    lines.join("\n") + "\n"
}
