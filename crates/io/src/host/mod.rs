//! What a node's files, services and kernel say beside its maps.
//!
//! It changes seldom, and of a large node it costs some thousand system calls, so it is read once a minute, and whenever the
//! set of paths changes. Nothing here opens a device, starts a program or asks LVM or systemd: sysfs, `/proc`, `/run` and files
//! of `/etc`, `/usr`, `/boot` are read, each bounded.

pub mod files;
mod initramfs;
mod iscsi;
mod nvme;
mod settings;
mod unit;
mod unlisted;
mod users;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pathkeeper_model::Wwid;
use pathkeeper_model::local::{Bypassed, Daemon, HostFacts, LIST_MAX, NodeRead, PathDevice};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::roots::Roots;
use settings::Settings;
use users::Users;

/// How long facts are kept.
const KEPT: Duration = Duration::from_secs(60);

/// A fabric that fails changes the set of paths many times: that is no reason to read all this each time.
const CHANGED_PAUSE: Duration = Duration::from_secs(5);

/// Reads the facts from time to time.
#[derive(Debug, Default)]
pub(crate) struct HostReader {
    kept: Arc<HostFacts>,
    users: Users,
    /// Devices that multipathd does not list.
    unlisted: Vec<PathDevice>,
    settings: Settings,
    read: Option<Instant>,
}

impl HostReader {
    /// The effective configuration as multipathd printed it; keeps what is needed of it.
    pub(crate) fn take_config(&mut self, text: &str) {
        self.settings.take_effective(text);
    }

    /// Reads what is due at a full read (`full`), all of it if `anew`, and soon if the set of paths `changed`. `is_listed` says
    /// which devices multipathd knows.
    pub(crate) fn read(
        &mut self,
        roots: &Roots,
        read: &NodeRead,
        full: bool,
        anew: bool,
        changed: bool,
        is_listed: impl Fn(&str) -> bool,
    ) -> Arc<HostFacts> {
        let older_than = |pause: Duration| self.read.is_none_or(|at| at.elapsed() >= pause);
        if anew || (full && older_than(KEPT)) || (changed && older_than(CHANGED_PAUSE)) {
            self.read = Some(Instant::now());
            self.users = Users::read(roots);
            self.settings.read_files(roots);
            let answers = matches!(read.daemon, Daemon::Answering { .. });
            self.unlisted =
                if answers { unlisted::read(roots, &self.settings, is_listed) } else { Vec::new() };
            let facts = HostFacts {
                daemon_unit: unit::state(roots),
                daemon_end: None,
                initramfs_old: initramfs::older_than_config(roots),
                iscsi_manual: iscsi::manual(roots, read),
                nvme_native: nvme::native(roots),
                bypassed: self.bypassed(roots, read),
                settings: self.settings.in_force(),
                lints: self.settings.lints(roots),
                shown: self.settings.shown(),
            };
            if *self.kept != facts {
                self.kept = Arc::new(facts);
            }
        }
        // How it ended is of interest at once, and costs one look.
        let end = unit::end(roots, &read.daemon);
        if self.kept.daemon_end != end {
            self.kept = Arc::new(HostFacts { daemon_end: end, ..(*self.kept).clone() });
        }
        self.kept.clone()
    }

    /// Devices that multipathd does not list, but for those that a map has by now.
    pub(crate) fn unlisted(&self) -> &[PathDevice] {
        &self.unlisted
    }

    /// Who uses a device by itself.
    pub(crate) fn user_of(&self, dev: &str) -> Option<&str> {
        self.users.of(dev)
    }

    /// What stands on single paths of maps.
    fn bypassed(&self, roots: &Roots, read: &NodeRead) -> Vec<Bypassed> {
        if self.users.is_empty() {
            return Vec::new();
        }
        let mut paths: FxHashMap<SmolStr, &Wwid> = FxHashMap::default();
        for map in &read.maps {
            let of_map = map.groups.iter().flat_map(|group| &group.paths);
            paths.extend(of_map.map(|path| (path.dev.clone(), &map.wwid)));
        }
        if read.maps.is_empty() {
            for map in read.kernel.iter().flatten() {
                let named = map.paths.iter().filter_map(|path| users::disk_of_dev_t(roots, &path.dev_t));
                paths.extend(named.map(|dev| (dev.into(), &map.wwid)));
            }
        }
        let mut out: Vec<Bypassed> = paths
            .into_iter()
            .filter_map(|(dev, wwid)| {
                let what = self.users.of(&dev)?.to_owned();
                Some(Bypassed { dev: dev.into(), wwid: wwid.clone(), what })
            })
            .collect();
        out.sort();
        out.truncate(LIST_MAX);
        out
    }
}
