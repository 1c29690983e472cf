//! A node as plans see it: its last read, and its files where they are seen.

use std::path::PathBuf;

use pathkeeper_io::ReaderConfig;
use pathkeeper_io::config_files::ConfigFiles;
use pathkeeper_io::dropins::NodeFiles;
use pathkeeper_model::Wwid;
use pathkeeper_model::config::Version;
use pathkeeper_model::config::node::{File, LiveMap, LivePath, NodeState, Uses, own_path};
use pathkeeper_model::config::render::{DROP_IN, DropIns, OVERRIDES_DROP_IN};
use pathkeeper_model::ids::NodeName;
use pathkeeper_model::judge::is_usable;
use pathkeeper_model::local::{Daemon, Map, NodeRead, PathDevice};
use pathkeeper_model::node_value::DaemonWord;

use super::board::{LocalView, Snapshot};

/// What a read tells: maps, versions, what multipathd printed. Files are not known.
pub fn of_read(node: &NodeName, read: &NodeRead, expected: impl Fn(&Wwid) -> Option<u32>) -> NodeState {
    let mapped = |wwid: &Wwid| read.maps.iter().any(|map| map.wwid == *wwid);
    NodeState {
        read_at: Some(read.began),
        version: read.tools_version.as_deref().and_then(Version::parse),
        effective: read.host.shown.0.as_deref().map(str::to_owned),
        maps: read.maps.iter().map(|map| live(map, expected(&map.wwid))).collect(),
        mapless: read.loose.iter().filter_map(|path| path.wwid.clone()).filter(|of| !mapped(of)).collect(),
        ..NodeState::new(node.clone())
    }
}

/// Where a node's own files and its multipathd are, and what Pathkeeper remembers of it.
#[derive(Clone, Debug)]
pub struct OwnMachine {
    /// Where its files and its multipathd are.
    pub reader: ReaderConfig,
    /// Where things are remembered over a restart; `None` = nowhere, so nothing was ever done here.
    pub state_dir: Option<PathBuf>,
}

/// The agent's own node.
#[derive(Debug)]
pub struct OwnNode {
    /// What it has.
    pub state: NodeState,
    /// Files that could not be read, sentences: then nothing may be concluded from those that could.
    pub unread: Vec<String>,
    /// Why its maps are not known, where they are not.
    pub mapless: Option<String>,
    /// multipath-tools is not on this machine: nothing is ever applied here.
    pub without_tools: bool,
}

impl OwnNode {
    /// From its last read, and its files as they are now. Blocks as long as the disk does.
    pub fn look(local: &LocalView, machine: Option<&OwnMachine>) -> Self {
        let expected = |wwid: &Wwid| {
            let at = local.entries.binary_search_by(|(of, _)| of.cmp(wwid)).ok()?;
            local.entries.get(at).and_then(|(_, entry)| entry.paths_expected)
        };
        let mut state = of_read(&local.node, &local.read, expected);
        let mut unread = Vec::new();
        match machine {
            Some(OwnMachine { reader, state_dir }) => {
                let mut files = ConfigFiles::read(&reader.roots);
                unread.append(&mut files.problems);
                add_files(&mut state, files);
                let added = state_dir.as_ref().map(|dir| NodeFiles::new(&reader.roots, dir).added());
                match added.transpose() {
                    Ok(added) => state.recorded = added.into_iter().flatten().collect(),
                    Err(e) => unread.push(e.to_string()),
                }
            }
            None => unread.push("this agent sees no files of its node".to_owned()),
        }
        let mapless = match &local.read.daemon {
            Daemon::Answering { .. } => None,
            daemon => Some(format!(
                "multipathd is {}: which maps live, and what is in force, is not known",
                DaemonWord::from(daemon).as_str()
            )),
        };
        let without_tools = matches!(local.read.daemon, Daemon::Absent);
        Self { state, unread, mapless, without_tools }
    }

    /// What is not known of it; empty if a plan can be made.
    pub fn not_known(&self) -> Vec<String> {
        self.unread.iter().chain(&self.mapless).cloned().collect()
    }
}

/// Who uses which LUN, by what is known of nodes, and by the storages that the picture knows.
pub fn uses<'a>(nodes: impl IntoIterator<Item = &'a NodeState>, picture: Option<&Snapshot>) -> Uses {
    let rows = picture.into_iter().flat_map(Snapshot::luns);
    let storages = rows.filter_map(|row| Some((Wwid::new(&row.wwid)?, row.used_by?)));
    Uses::of(nodes, storages.collect::<Vec<_>>())
}

/// Adds what stands in the node's files.
pub fn add_files(state: &mut NodeState, files: ConfigFiles) {
    let file = |(path, text): (String, String)| File { path, text };
    let (config, overrides) = (own_path(DROP_IN), own_path(OVERRIDES_DROP_IN));
    let mut drop_ins = DropIns::default();
    for (path, text) in files.config {
        if path == config {
            drop_ins.config = Some(text);
        } else if path == overrides {
            drop_ins.overrides = Some(text);
        } else {
            state.files.push(File { path, text });
        }
    }
    state.drop_ins = drop_ins;
    state.wwids = files.wwids;
    state.bindings = files.bindings;
    state.mentions = files.mentions.into_iter().map(file).collect();
}

fn live(map: &Map, expected_paths: Option<u32>) -> LiveMap {
    let word = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let path = |path: &PathDevice| LivePath {
        name: path.dev.to_string(),
        usable: is_usable(path),
        protocol: protocol(path).to_owned(),
        properties: Vec::new(),
    };
    LiveMap {
        name: map.name.clone(),
        wwid: map.wwid.clone(),
        open: map.open_count,
        holders: map.holders.clone(),
        pv: !map.pvs.is_empty(),
        vendor: word(&map.vendor),
        product: word(&map.product),
        paths: map.groups.iter().flat_map(|group| &group.paths).map(path).collect(),
        expected_paths,
    }
}

/// As multipathd's `%P` has it; empty where the transport alone does not say it.
fn protocol(path: &PathDevice) -> &'static str {
    match path.transport.as_deref() {
        Some("fc" | "fcoe") => "scsi:fcp",
        Some("iscsi") => "scsi:iscsi",
        Some("sas") => "scsi:sas",
        Some("srp") => "scsi:srp",
        _ => "",
    }
}
