//! The cluster's documents: looked at when the store hints, and slowly besides, and told when they say something new.
//!
//! What cannot be read or understood is no instruction: it takes nothing out of force. `storage.cfg` is Proxmox VE's own;
//! where a store has none there are no storages, but on pmxcfs one that vanishes or is empty for a moment removes none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pathkeeper_io::store::{Document, DocumentName, STORAGE_CFG, Store, StoreError};
use pathkeeper_model::config::findings::Rolling;
use pathkeeper_model::config::overrides;
use pathkeeper_model::config::rollout::{ROLLOUT_DOCUMENT, Rollout};
use pathkeeper_model::multipath_cfg::{CONFIG_DOCUMENT, Reading};
use pathkeeper_model::mutes::{MUTES_DOCUMENT, Mutes};
use pathkeeper_model::names::{NAMES_DOCUMENT, Names};
use pathkeeper_model::orders::{ORDERS_DOCUMENT, Orders};
use pathkeeper_model::section::Problem;
use pathkeeper_model::storage_cfg::StorageCfg;
use pathkeeper_model::windows::{WINDOWS_DOCUMENT, Windows};
use tokio::sync::watch;
use tokio::time::Instant;

/// Not every change is hinted at: a file that an editor writes on this machine.
const SLOW_LOOK: Duration = Duration::from_secs(60);
/// After a document could not be read.
const RETRY: Duration = Duration::from_secs(5);
/// What other hands write may be half written: it counts after two equal reads so far apart.
const SETTLE: Duration = Duration::from_secs(1);
/// No more problems of one document are told in the log at once.
const TOLD_MAX: usize = 8;

/// What a document says now.
#[derive(Clone, Debug)]
pub enum Said {
    /// The storages; `None` where there is no list of them.
    Storages(Option<StorageCfg>),
    /// `multipath.cfg`.
    Config(Arc<Reading>),
    /// What is rolled out, and which documents say something else.
    Rolling(Box<Rolling>),
    /// What people ordered.
    Orders(Arc<Orders>),
    /// What people muted.
    Mutes(Mutes),
    /// On what people work.
    Windows(Windows),
    /// What people call ports.
    Names(Names),
}

/// What the node itself has to know of them, as they were told last.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `multipath.cfg`.
    pub config: Option<Arc<Reading>>,
    /// What people ordered.
    pub orders: Option<Arc<Orders>>,
}

/// SHA-1 of what each document holds, in hex, as far as it was read; empty where there is none.
pub type Digests = std::collections::BTreeMap<&'static str, String>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Which {
    Storages,
    Config,
    Overrides,
    Rollout,
    Orders,
    Mutes,
    Windows,
    Names,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Which::Storages => STORAGE_CFG,
            Which::Config => CONFIG_DOCUMENT,
            Which::Overrides => overrides::FILE,
            Which::Rollout => ROLLOUT_DOCUMENT,
            Which::Orders => ORDERS_DOCUMENT,
            Which::Mutes => MUTES_DOCUMENT,
            Which::Windows => WINDOWS_DOCUMENT,
            Which::Names => NAMES_DOCUMENT,
        }
    }

    const ALL: [Which; 8] = [
        Which::Storages,
        Which::Config,
        Which::Overrides,
        Which::Rollout,
        Which::Orders,
        Which::Mutes,
        Which::Windows,
        Which::Names,
    ];

    /// Pathkeeper alone writes it, whole.
    fn is_ours(self) -> bool {
        !matches!(self, Which::Storages | Which::Config | Which::Overrides)
    }
}

/// What a read gave, as far as one read is compared with the next.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    Absent,
    Digest(String),
    /// Why it cannot be read.
    Unreadable(String),
}

#[derive(Debug)]
struct Looked {
    which: Which,
    /// What was told, or would have been.
    told: Option<Seen>,
    /// What the last read gave, if it is not that: the next one must give the same.
    unsettled: Option<Seen>,
    /// The last read failed, and why.
    failed: Option<String>,
}

/// The documents of one store.
pub struct Documents {
    store: Arc<dyn Store>,
    looked: [Looked; Which::ALL.len()],
    next: Instant,
    told: watch::Sender<Told>,
    digests: watch::Sender<Digests>,
    /// What was told last of what is rolled out, and the newest rollout.
    rolling: Rolling,
    rollout: Option<Rollout>,
}

impl Documents {
    /// Nothing is known yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let looked = Which::ALL.map(|which| Looked { which, told: None, unsettled: None, failed: None });
        Self {
            store,
            looked,
            next: Instant::now(),
            told: watch::Sender::default(),
            digests: watch::Sender::default(),
            rolling: Rolling::default(),
            rollout: None,
        }
    }

    /// Which documents there are, whether or not they are understood.
    pub fn digests(&self) -> watch::Receiver<Digests> {
        self.digests.subscribe()
    }

    /// What the node itself has to know.
    pub fn told(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// When all of them are to be looked at again.
    pub fn next_look(&self) -> Instant {
        self.next
    }

    /// Looks at the document of this name, or at all: what says something new.
    pub async fn look(&mut self, name: Option<&DocumentName>) -> Vec<Said> {
        let mut out = Vec::new();
        let on_pmxcfs = self.store.kind() == "pmxcfs";
        for looked in &mut self.looked {
            if name.is_some_and(|name| name.as_str() != looked.which.name()) {
                continue;
            }
            let read = match DocumentName::new(looked.which.name()) {
                Ok(name) => self.store.read(name).await,
                Err(e) => Err(e),
            };
            match looked.take(read, on_pmxcfs) {
                Some(Said::Rolling(rolling)) => self.rollout = rolling.rollout,
                said => out.extend(said),
            }
        }
        out.extend(self.rolling());
        self.digests.send_if_modified(|digests| {
            let before = digests.clone();
            for looked in &self.looked {
                match &looked.told {
                    Some(Seen::Digest(digest)) => digests.insert(looked.which.name(), digest.clone()),
                    Some(Seen::Absent) => digests.insert(looked.which.name(), String::new()),
                    // What it held last is all that is known of it.
                    Some(Seen::Unreadable(_)) | None => None,
                };
            }
            before != *digests
        });
        for said in &out {
            self.told.send_if_modified(|told| {
                match said {
                    Said::Config(config) => told.config = Some(config.clone()),
                    Said::Orders(orders) => told.orders = Some(orders.clone()),
                    Said::Storages(_)
                    | Said::Rolling(_)
                    | Said::Mutes(_)
                    | Said::Windows(_)
                    | Said::Names(_) => return false,
                }
                true
            });
        }
        let soonest = self.looked.iter().map(Looked::again).min().unwrap_or(SLOW_LOOK);
        // A hint at one document does not put off the look at the others for ever.
        let at = Instant::now() + soonest;
        self.next = if name.is_some() { self.next.min(at) } else { at };
        out
    }
}

impl Documents {
    /// What is rolled out, and which documents say something else, where that is new.
    fn rolling(&mut self) -> Option<Said> {
        let mut pending = Vec::new();
        if let Some(rollout) = &self.rollout {
            let absent = pathkeeper_io::store::digest(b"");
            for (which, in_force) in
                [(Which::Config, &rollout.config), (Which::Overrides, &rollout.overrides)]
            {
                let told =
                    self.looked.iter().find(|looked| looked.which == which).and_then(|of| of.told.as_ref());
                let stands = match told {
                    Some(Seen::Digest(digest)) => digest,
                    Some(Seen::Absent) => &absent,
                    // What cannot be read is told of elsewhere.
                    Some(Seen::Unreadable(_)) | None => continue,
                };
                if stands != in_force {
                    pending.push(which.name());
                }
            }
        }
        let rolling = Rolling { rollout: self.rollout.clone(), pending };
        if rolling == self.rolling {
            return None;
        }
        self.rolling = rolling.clone();
        Some(Said::Rolling(Box::new(rolling)))
    }
}

impl Looked {
    fn again(&self) -> Duration {
        match (&self.unsettled, &self.failed) {
            (Some(_), _) => SETTLE,
            (None, Some(_)) => RETRY,
            (None, None) => SLOW_LOOK,
        }
    }

    fn take(&mut self, read: Result<Document, StoreError>, on_pmxcfs: bool) -> Option<Said> {
        let name = self.which.name();
        let (seen, bytes) = match read {
            Ok(document) => {
                if self.failed.take().is_some() {
                    tracing::info!("{name} can be read again");
                }
                let seen =
                    if document.bytes.is_some() { Seen::Digest(document.digest) } else { Seen::Absent };
                (seen, Ok(document.bytes))
            }
            Err(e) => {
                let why = e.to_string();
                if self.failed.as_ref() != Some(&why) {
                    tracing::warn!("{name} cannot be read, and what it said stays in force: {why}");
                    self.failed = Some(why.clone());
                }
                // A store that is away is told of elsewhere, and says nothing of its documents.
                if matches!(e, StoreError::Unreachable(_) | StoreError::Timeout { .. }) {
                    return None;
                }
                (Seen::Unreadable(why.clone()), Err(why))
            }
        };
        if self.told.as_ref() == Some(&seen) {
            self.unsettled = None;
            return None;
        }
        // What Pathkeeper alone writes is whole. What is there at first is believed at once, for until then no instruction at
        // all would be in force.
        let settled = self.which.is_ours() || self.told.is_none() || self.unsettled.as_ref() == Some(&seen);
        if !settled {
            self.unsettled = Some(seen);
            return None;
        }
        self.unsettled = None;
        let first = self.told.replace(seen).is_none();
        self.judge(bytes, first, on_pmxcfs)
    }

    fn judge(&self, bytes: Result<Option<Bytes>, String>, first: bool, on_pmxcfs: bool) -> Option<Said> {
        match self.which {
            Which::Storages => storages(bytes.ok()?, first, on_pmxcfs),
            Which::Config => {
                let reading = match bytes {
                    Ok(bytes) => Reading::parse(bytes.as_deref()),
                    Err(why) => {
                        Reading::Invalid(vec![Problem { line: 0, what: format!("it cannot be read: {why}") }])
                    }
                };
                if let Reading::Invalid(problems) = &reading {
                    tell("multipath.cfg is no instruction, and what was in force stays", problems);
                }
                Some(Said::Config(Arc::new(reading)))
            }
            // It is followed by the digest of what stands there alone; nodes judge what is rolled out.
            Which::Overrides => None,
            Which::Rollout => match Rollout::decode(&bytes.ok()?.unwrap_or_default()) {
                Ok(rollout) => Some(Said::Rolling(Box::new(Rolling { rollout, pending: Vec::new() }))),
                Err(why) => {
                    tell(&format!("{ROLLOUT_DOCUMENT} moves nobody"), &[why]);
                    None
                }
            },
            Which::Orders => {
                let bytes = bytes.ok()?.filter(|bytes| !bytes.is_empty())?;
                let (orders, problems) = Orders::decode(&bytes);
                if !problems.is_empty() {
                    tell(&format!("not all of {ORDERS_DOCUMENT} was understood"), &problems);
                    if orders.entries.is_empty() {
                        return None;
                    }
                }
                Some(Said::Orders(Arc::new(orders)))
            }
            // Who takes the document away takes away what it said: that hides nothing.
            Which::Mutes => Some(Said::Mutes(people(MUTES_DOCUMENT, bytes.ok()?, Mutes::decode)?)),
            Which::Windows => Some(Said::Windows(people(WINDOWS_DOCUMENT, bytes.ok()?, Windows::decode)?)),
            Which::Names => Some(Said::Names(people(NAMES_DOCUMENT, bytes.ok()?, Names::decode)?)),
        }
    }
}

/// What people said; nothing where there is no document. One of which nothing is understood changes nothing.
fn people<T: Default + PartialEq>(
    name: &str,
    bytes: Option<Bytes>,
    decode: impl Fn(&[u8]) -> (T, Vec<String>),
) -> Option<T> {
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Some(T::default()) };
    let (said, problems) = decode(&bytes);
    if !problems.is_empty() {
        tell(&format!("not all of {name} was understood"), &problems);
        if said == T::default() {
            return None;
        }
    }
    Some(said)
}

fn storages(bytes: Option<Bytes>, first: bool, on_pmxcfs: bool) -> Option<Said> {
    match bytes.filter(|bytes| !bytes.is_empty()) {
        Some(bytes) => {
            let cfg = StorageCfg::parse(&bytes);
            if !cfg.problems.is_empty() {
                tell(&format!("not all of {STORAGE_CFG} counts"), &cfg.problems);
            }
            Some(Said::Storages(Some(cfg)))
        }
        // A file that is opened for writing anew is empty for a moment, and Proxmox VE's is never gone.
        None if on_pmxcfs && !first => {
            tracing::warn!("{STORAGE_CFG} is gone or empty: the storages known last stay in force");
            None
        }
        None => Some(Said::Storages(None)),
    }
}

fn tell(what: &str, problems: &[impl ToString]) {
    let mut said: Vec<String> = problems.iter().take(TOLD_MAX).map(ToString::to_string).collect();
    if problems.len() > TOLD_MAX {
        said.push(format!("and {} more", problems.len() - TOLD_MAX));
    }
    tracing::warn!("{what}: {}", said.join("; "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_io::store::digest;

    fn looked(which: Which) -> Looked {
        Looked { which, told: None, unsettled: None, failed: None }
    }

    fn there(text: &str) -> Result<Document, StoreError> {
        Ok(Document { bytes: Some(Bytes::copy_from_slice(text.as_bytes())), digest: digest(text.as_bytes()) })
    }

    fn absent() -> Result<Document, StoreError> {
        Ok(Document { bytes: None, digest: digest(b"") })
    }

    fn away() -> Result<Document, StoreError> {
        Err(StoreError::Unreachable("nobody".into()))
    }

    fn broken() -> Result<Document, StoreError> {
        Err(StoreError::Io { what: "cannot read it".into(), why: "disk".into() })
    }

    /// What is said after each read, in a word: `-` = nothing new.
    fn check(which: Which, on_pmxcfs: bool, steps: &[(Result<Document, StoreError>, &str)]) {
        let mut looked = looked(which);
        for (i, (read, expect)) in steps.iter().enumerate() {
            let said = match looked.take(read.clone(), on_pmxcfs) {
                None => "-".into(),
                Some(Said::Storages(None)) => "none".into(),
                Some(Said::Storages(Some(cfg))) => format!("{} storages", cfg.storages.len()),
                Some(Said::Config(reading)) => match &*reading {
                    Reading::Absent => "absent".into(),
                    Reading::Invalid(_) => "invalid".into(),
                    Reading::Good(cfg) => format!("{} LUNs", cfg.luns.len()),
                },
                Some(Said::Rolling(rolling)) => {
                    format!("generation {:?}", rolling.rollout.map(|rollout| rollout.generation))
                }
                Some(Said::Orders(orders)) => format!("{} orders", orders.entries.len()),
                Some(Said::Mutes(mutes)) => format!("{} mutes", mutes.entries.len()),
                Some(Said::Windows(windows)) => format!("{} windows", windows.entries.len()),
                Some(Said::Names(names)) => format!("{} names", names.ports.len()),
            };
            assert_eq!(said, *expect, "step {i}: {read:?}");
        }
    }

    #[test]
    fn the_first_read_counts_at_once_and_a_change_after_two_equal_reads() {
        check(
            Which::Config,
            false,
            &[
                (there("wwid: a\n"), "1 LUNs"),
                (there("wwid: a\n"), "-"),
                (there("wwid: a\n\nwwid: b\n"), "-"),
                (there("wwid: a\n\nwwid: b\n\nwwid: c\n"), "-"),
                (there("wwid: a\n\nwwid: b\n\nwwid: c\n"), "3 LUNs"),
                // Seen for a moment only.
                (there(""), "-"),
                (there("wwid: a\n\nwwid: b\n\nwwid: c\n"), "-"),
                (there(""), "-"),
                (there(""), "absent"),
                (absent(), "-"),
                (absent(), "absent"),
                (there("odd\n"), "-"),
                (there("odd\n"), "invalid"),
            ],
        );
    }

    #[test]
    fn a_store_that_is_away_says_nothing_of_its_documents() {
        check(
            Which::Config,
            false,
            &[
                (away(), "-"),
                (absent(), "absent"),
                (away(), "-"),
                (away(), "-"),
                (broken(), "-"),
                (broken(), "invalid"),
                (away(), "-"),
                (absent(), "-"),
                (absent(), "absent"),
            ],
        );
    }

    #[test]
    fn storages_vanish_only_where_a_store_may_have_none() {
        let one = "lvm: st\n\tvgname vg0\n";
        let gone = |last: &'static str| {
            [(there(one), "2 storages"), (broken(), "-"), (broken(), "-"), (absent(), "-"), (absent(), last)]
        };
        check(Which::Storages, true, &gone("-"));
        check(Which::Storages, false, &gone("none"));
        check(Which::Storages, true, &[(absent(), "none"), (there(one), "-"), (there(one), "2 storages")]);
        check(Which::Storages, true, &[(there(one), "2 storages"), (there(""), "-"), (there(""), "-")]);
    }

    #[test]
    fn orders_stay_in_force_until_others_can_be_read() {
        let none = r#"{"v":1,"entries":[]}"#;
        check(
            Which::Orders,
            false,
            &[
                (absent(), "-"),
                (there(none), "0 orders"),
                (there("{"), "-"),
                (there(""), "-"),
                (broken(), "-"),
                (there(none), "0 orders"),
                (there(r#"{"v":2,"entries":[]}"#), "-"),
            ],
        );
    }

    #[test]
    fn what_people_said_counts_until_it_is_said_no_more() {
        let none = r#"{"v":1,"entries":[]}"#;
        let one = r#"{"v":1,"entries":[{"id":"i","code":"HBA_DOWN","time":5,"severity":"warning"}]}"#;
        check(
            Which::Mutes,
            true,
            &[
                (absent(), "0 mutes"),
                (there(one), "1 mutes"),
                (there("{"), "-"),
                (broken(), "-"),
                (away(), "-"),
                (there(none), "0 mutes"),
                (there(one), "1 mutes"),
                (absent(), "0 mutes"),
            ],
        );
        let window = r#"{"v":1,"entries":[{"id":"i","on":"node","name":"a","from":1,"until":2},{}]}"#;
        check(Which::Windows, false, &[(there(window), "1 windows"), (there(r#"{"v":2}"#), "-")]);
        let named = r#"{"v":1,"ports":{"p":{"name":"n"}}}"#;
        check(Which::Names, false, &[(there(named), "1 names"), (there(named), "-"), (there(""), "0 names")]);
    }

    #[test]
    fn what_is_unsettled_or_failed_is_looked_at_sooner() {
        let mut looked = looked(Which::Config);
        assert_eq!(looked.again(), SLOW_LOOK);
        looked.take(absent(), false);
        assert_eq!(looked.again(), SLOW_LOOK);
        looked.take(away(), false);
        assert_eq!(looked.again(), RETRY);
        looked.take(there("x"), false);
        assert_eq!(looked.again(), SETTLE);
        looked.take(there("x"), false);
        assert_eq!(looked.again(), SLOW_LOOK);
    }
}
