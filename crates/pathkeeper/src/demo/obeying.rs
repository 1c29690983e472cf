//! A simulated multipathd that obeys: it reads its machine's files when it is told to, and shows what it read. What it knows of paths
//! comes from the SAN as before.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pathkeeper_engine::sim::multipathd::{Chk, PathDm, View};
use pathkeeper_model::multipath_conf::Conf;

/// One daemon's configuration, as it last read it.
#[derive(Debug, Default)]
pub struct Obeying {
    etc: PathBuf,
    conf: Conf,
    allowed: BTreeSet<String>,
    /// What it was told to do, oldest first.
    pub orders: Vec<String>,
}

impl Obeying {
    /// One that has read nothing yet, of the machine whose `/etc` this is.
    pub fn new(etc: &Path) -> Self {
        Self { etc: etc.to_owned(), ..Self::default() }
    }

    /// Reads its files, as it does at its start and when it is told to. A file that cannot be read says nothing.
    pub fn read_files(&mut self) {
        let folder = std::fs::read_dir(self.etc.join("multipath/conf.d"));
        let mut paths: Vec<PathBuf> =
            folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|ext| ext == "conf"));
        paths.sort();
        let texts: Vec<String> =
            paths.iter().map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect();
        self.conf = Conf::parse(texts.iter().map(|text| ("file", text.as_str())));
        self.allowed = self.wwids();
    }

    fn wwids(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(self.etc.join("multipath/wwids")).unwrap_or_default();
        let entry = |line: &str| Some(line.strip_prefix('/')?.split_once('/')?.0.to_owned());
        text.lines().filter_map(entry).collect()
    }

    /// Keywords in force in the map's own section, the last one of each.
    fn section(&self, wwid: &str) -> Vec<(String, String)> {
        let of_maps = || self.conf.entries.iter().filter(|entry| entry.section == "multipaths.multipath");
        let blocks: BTreeSet<u32> =
            of_maps().filter(|e| e.key == "wwid" && e.value == wwid).map(|e| e.block).collect();
        let mut out: Vec<(String, String)> = Vec::new();
        for entry in of_maps().filter(|e| blocks.contains(&e.block) && e.key != "wwid") {
            out.retain(|(key, _)| *key != entry.key);
            out.push((entry.key.clone(), entry.value.clone()));
        }
        out
    }

    /// What it makes of all that the SAN could have here: maps of its wwids file alone, named by their sections, without
    /// devices that are blacklisted by name.
    pub fn view(&self, all: &View) -> View {
        let mut view = all.clone();
        let rule = self.conf.last("blacklist", "devnode").map(|entry| entry.value.clone());
        let excluded = |dev: &str| rule.as_ref().is_some_and(|rule| *rule == format!("^{dev}$"));
        view.maps.retain(|map| self.allowed.contains(&map.wwid));
        for map in &mut view.maps {
            let alias = self.section(&map.wwid).into_iter().find(|(key, _)| key == "alias");
            map.name = alias.map_or_else(|| map.wwid.clone(), |(_, value)| value);
            for group in &mut map.groups {
                group.paths.retain(|at| view.paths.get(*at).is_some_and(|path| !excluded(&path.dev)));
            }
        }
        for path in &mut view.paths {
            match view.maps.iter().find(|map| map.wwid == path.wwid) {
                Some(map) => path.map = map.name.clone(),
                None => {
                    path.map = "[orphan]".into();
                    (path.dm, path.chk) = (PathDm::Undef, Chk::Unchecked);
                }
            }
        }
        view
    }

    /// Its answer to what it is told by root, and to what it read; `None` = the view answers. `all` as in [`Self::view`].
    pub fn answer(&mut self, all: &View, command: &str) -> Option<String> {
        match command {
            "reconfigure" => {
                self.orders.push(command.to_owned());
                self.read_files();
                Some("ok\n".to_owned())
            }
            "show config" => Some(self.shown(&self.sections())),
            // Sections of LUNs without a map are left out here.
            "show config local" => {
                let maps: Vec<String> = self.view(all).maps.into_iter().map(|map| map.wwid).collect();
                Some(self.shown(&maps))
            }
            _ => {
                let dev = command.strip_prefix("add path ")?;
                self.orders.push(command.to_owned());
                let wwid = all.paths.iter().find(|path| path.dev == dev).map(|path| path.wwid.clone());
                let wwids = self.wwids();
                self.allowed.extend(wwid.filter(|wwid| wwids.contains(wwid)));
                Some("ok\n".to_owned())
            }
        }
    }

    /// WWIDs that have a section, each once.
    fn sections(&self) -> Vec<String> {
        let of_maps = self.conf.entries.iter().filter(|entry| entry.section == "multipaths.multipath");
        let wwids: BTreeSet<&str> =
            of_maps.filter(|entry| entry.key == "wwid").map(|entry| entry.value.as_str()).collect();
        wwids.into_iter().map(str::to_owned).collect()
    }

    fn shown(&self, wwids: &[String]) -> String {
        let mut text = "defaults {\n\tverbosity 2\n".to_owned();
        for entry in self.conf.entries.iter().filter(|entry| entry.section == "defaults") {
            let _ = writeln!(text, "\t{} \"{}\"", entry.key, entry.value);
        }
        text.push_str("}\nmultipaths {\n");
        for wwid in wwids {
            let _ = writeln!(text, "\tmultipath {{\n\t\twwid \"{wwid}\"");
            for (key, value) in self.section(wwid) {
                let _ = writeln!(text, "\t\t{key} \"{value}\"");
            }
            text.push_str("\t}\n");
        }
        text + "}\n"
    }
}
