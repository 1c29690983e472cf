//! multipath's configuration: the files as they are written, and what multipathd says is in force.

use std::path::PathBuf;
use std::time::SystemTime;

use pathkeeper_model::local::{Lint, Setting, ShownConfig};
use pathkeeper_model::multipath_conf::{Conf, Context, Device, Rules, in_force, lint};

use crate::roots::Roots;
use crate::sysfs::file::{names, read_at_most};

/// A configuration of some ten thousand lines.
pub(super) const FILE_BYTES_MAX: usize = 1 << 20;
/// Drop-ins that are read.
pub(super) const FILES_MAX: usize = 200;

/// A file, and how it was when it was read.
type Stamp = (PathBuf, Option<(SystemTime, u64)>);

/// The configuration as it was read last.
#[derive(Debug, Default)]
pub(super) struct Settings {
    stamps: Vec<Stamp>,
    files: Conf,
    effective: Option<Conf>,
    in_force: Vec<Setting>,
    rules: Rules,
    shown: ShownConfig,
}

impl Settings {
    /// What `show config` printed.
    pub(super) fn take_effective(&mut self, text: &str) {
        let conf = Conf::parse([("show config", text)]);
        self.in_force =
            in_force(&conf, |section| crate::store::digest(section.as_bytes()).chars().take(8).collect());
        self.rules = Rules::of(&self.files, Some(&conf));
        self.effective = Some(conf);
        self.shown = ShownConfig(Some(text.into()));
    }

    /// What `show config` printed, whole.
    pub(super) fn shown(&self) -> ShownConfig {
        self.shown.clone()
    }

    /// Reads the files again if one of them is another than before: `multipath.conf`, then the drop-ins by name.
    pub(super) fn read_files(&mut self, roots: &Roots) {
        let files = config_files(roots);
        let stamp = |file: &PathBuf| {
            let at = std::fs::metadata(file).ok();
            (file.clone(), at.and_then(|at| Some((at.modified().ok()?, at.len()))))
        };
        let stamps: Vec<Stamp> = files.iter().map(|(_, file)| stamp(file)).collect();
        if stamps == self.stamps {
            return;
        }
        let texts: Vec<(String, String)> = files
            .into_iter()
            .filter_map(|(shown, file)| {
                let bytes = read_at_most(&file, FILE_BYTES_MAX)?;
                Some((shown, String::from_utf8_lossy(&bytes).into_owned()))
            })
            .collect();
        self.files = Conf::parse(texts.iter().map(|(shown, text)| (shown.as_str(), text.as_str())));
        self.rules = Rules::of(&self.files, self.effective.as_ref());
        self.stamps = stamps;
    }

    /// What is in force, as far as multipathd told.
    pub(super) fn in_force(&self) -> Vec<Setting> {
        self.in_force.clone()
    }

    /// What is written and known to hurt.
    pub(super) fn lints(&self, roots: &Roots) -> Vec<Lint> {
        lint(&self.files, self.effective.as_ref(), &Context { fencing: fencing(roots) })
    }

    /// The rule that excludes a device, in words.
    pub(super) fn excluding_rule(&self, device: &Device<'_>) -> Option<String> {
        self.rules.excluding(device)
    }

    /// Which of udev's properties is a device's WWID.
    pub(super) fn uid_attribute(&self, dev: &str) -> &str {
        let set = self.effective.as_ref().and_then(|conf| conf.last("defaults", "uid_attribute"));
        match (dev.starts_with("nvme"), dev.starts_with("dasd")) {
            (true, _) => "ID_WWN",
            (_, true) => "ID_UID",
            _ => set.map_or("ID_SERIAL", |entry| entry.value.as_str()),
        }
    }
}

/// multipath's configuration files that are there to be read, in multipathd's order, each with the name by which it is shown:
/// `multipath.conf`, then the drop-ins by name.
pub(super) fn config_files(roots: &Roots) -> Vec<(String, PathBuf)> {
    let folder = roots.etc.join("multipath/conf.d");
    let mut files = vec![("/etc/multipath.conf".to_owned(), roots.etc.join("multipath.conf"))];
    let drop_ins = names(&folder, FILES_MAX).into_iter().filter(|name| name.ends_with(".conf"));
    files.extend(drop_ins.map(|name| (format!("/etc/multipath/conf.d/{name}"), folder.join(name))));
    files
}

/// What resets this node when it cannot reach its storage or its peers, by what it leaves in files.
fn fencing(roots: &Roots) -> Option<&'static str> {
    let found = |path: PathBuf| path.exists();
    if found(roots.etc.join("pve")) {
        return Some("Proxmox VE's watchdog");
    }
    let sbd = [roots.etc.join("default/sbd"), roots.etc.join("sysconfig/sbd")];
    if sbd.into_iter().any(found) {
        return Some("sbd's watchdog");
    }
    found(roots.run.join("wdmd")).then_some("sanlock's watchdog (wdmd)")
}
