//! Every setting of multipath that may stand in `multipath.cfg`, with its type, its bounds, and the versions that know it.
//!
//! From multipath.conf(5) and the keyword tables of multipath-tools 0.7.4 to 0.14.3: `since` is the first release that has a
//! keyword. Keywords that releases read and ignore (`bindings_file`, `config_dir`…) are not here, nor is what Pathkeeper sets for
//! itself (`user_friendly_names`, `find_multipaths`).

use super::Version;
use super::value::{Form, Kind};

/// Where a setting may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In `defaults` alone.
    Defaults,
    /// In `defaults` and for one LUN.
    Both,
}

/// One setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keyword {
    /// As it stands in `multipath.cfg`: kebab-case. Rendered with `_` in place of `-`.
    pub key: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Where it may stand.
    pub place: Place,
    /// The first release that knows it; `None` = all that Pathkeeper runs with.
    pub since: Option<Version>,
    /// Its value where nobody sets it, in words of multipath.conf(5).
    pub default: &'static str,
    /// What it does, for people: one line.
    pub meaning: &'static str,
}

impl Keyword {
    /// As multipath.conf has it.
    pub fn name(&self) -> String {
        self.key.replace('-', "_")
    }

    /// Whether a release knows it.
    pub fn is_known_to(&self, version: Version) -> bool {
        self.since.is_none_or(|since| since <= version)
    }

    /// What a release lacks of this setting with this value, in words: the keyword, or a word that it came to take later. `None` if
    /// it takes it.
    pub fn lacking(&self, value: &str, version: Version) -> Option<String> {
        if let Some(since) = self.since.filter(|since| *since > version) {
            return Some(format!("multipath-tools knows {} since {since}", self.name()));
        }
        let word = value.split([' ', ':']).next_back().unwrap_or(value);
        let of = LATER.iter().find(|(key, late, _)| *key == self.key && *late == word)?;
        let since = Some(of.2).filter(|since| *since > version)?;
        Some(format!("multipath-tools knows {word} as a value of {} since {since}", self.name()))
    }

    /// The setting of this key.
    pub fn of(key: &str) -> Option<&'static Keyword> {
        ALL.binary_search_by(|keyword| keyword.key.cmp(key)).ok().and_then(|at| ALL.get(at))
    }
}

/// Why a key of multipath's is refused although multipath.conf(5) has it; `None` for any other.
pub fn refusal(key: &str) -> Option<&'static str> {
    Some(match key {
        "user-friendly-names" => {
            "it is always no: names that each node counts for itself differ between nodes; a LUN's alias names it"
        }
        "find-multipaths" => "it is always strict: nodes assemble the LUNs of the allow-list and no others",
        "bindings-file"
        | "wwids-file"
        | "prkeys-file"
        | "config-dir"
        | "multipath-dir"
        | "getuid-callout"
        | "pg-timeout"
        | "disable-changed-wwids" => "multipath-tools ignores it since 0.9.7 or longer",
        "checker" => "it is an old word for path-checker",
        "wwid" => "the section's header says it",
        _ => return None,
    })
}

/// Values that came later than their keyword: key, word, first release.
const LATER: &[(&str, &str, Version)] = &[
    ("flush-on-last-del", "always", Version::new(0, 9, 9)),
    ("flush-on-last-del", "never", Version::new(0, 9, 9)),
    ("flush-on-last-del", "unused", Version::new(0, 9, 9)),
    ("marginal-pathgroups", "fpin", Version::new(0, 8, 9)),
    ("path-grouping-policy", "group_by_tpg", Version::new(0, 9, 6)),
    ("reservation-key", "aptpl", Version::new(0, 7, 8)),
];

const INT_MAX: u32 = 2_147_483_647;

const fn all(key: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Keyword {
    Keyword { key, kind, place: Place::Defaults, since: None, default, meaning }
}

const fn lun(key: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Keyword {
    Keyword { place: Place::Both, ..all(key, kind, default, meaning) }
}

const fn since(minor: u16, patch: u16, keyword: Keyword) -> Keyword {
    Keyword { since: Some(Version::new(0, minor, patch)), ..keyword }
}

const OFF: Kind = Kind::NumberOr(1, INT_MAX, &["no", "0"]);

/// All of them, in byte order of their keys.
#[rustfmt::skip]
pub const ALL: &[Keyword] = &[
    all("alias-prefix", Kind::Form(Form::NamePart), "mpath", "what numbered names begin with"),
    since(7, 8, all("all-tg-pt", Kind::YesNo, "no", "register persistent reservations for all target ports at once")),
    since(8, 5, all("allow-usb-devices", Kind::YesNo, "no", "take USB devices as paths too")),
    since(9, 7, all("auto-resize", Kind::Words(&["never", "grow_only", "grow_shrink"]), "never", "follow a LUN's size by itself")),
    all("checker-timeout", Kind::Number(1, 3_600), "the device's timeout", "seconds until a silent path counts as down"),
    lun("deferred-remove", Kind::YesNo, "no", "remove a map without paths when its last user closes it"),
    lun("delay-wait-checks", OFF, "no", "old form of san-path-err-recovery-time"),
    lun("delay-watch-checks", OFF, "no", "old form of san-path-err-forget-rate"),
    all("detect-checker", Kind::YesNo, "yes", "choose the path checker by what the array says"),
    since(9, 6, all("detect-pgpolicy", Kind::YesNo, "yes", "group paths by priority where the array speaks ALUA")),
    since(9, 6, all("detect-pgpolicy-use-tpg", Kind::YesNo, "no", "group paths by target port group where the array speaks ALUA")),
    all("detect-prio", Kind::YesNo, "yes", "choose the prioritizer by what the array says"),
    all("dev-loss-tmo", Kind::NumberOr(1, INT_MAX, &["infinity"]), "by hardware", "seconds until a lost remote port's devices are deleted"),
    since(8, 6, all("eh-deadline", Kind::NumberOr(0, INT_MAX, &["off"]), "unset", "seconds of error handling until the adapter is reset")),
    since(8, 3, all("enable-foreign", Kind::Form(Form::Pattern), "NONE", "other kinds of multipathing that are shown")),
    lun("failback", Kind::NumberOr(1, INT_MAX, &["immediate", "manual", "followover"]), "manual", "when I/O goes back to the better path group"),
    all("fast-io-fail-tmo", Kind::NumberOr(0, INT_MAX, &["off"]), "5", "seconds until I/O to a lost remote port fails"),
    lun("features", Kind::Form(Form::Features), "0", "features of device-mapper; no-path-retry is the better word for queueing"),
    since(7, 7, all("find-multipaths-timeout", Kind::Form(Form::Seconds), "-10", "of no effect: find_multipaths is strict")),
    lun("flush-on-last-del", Kind::Words(&["always", "unused", "never", "yes", "no"]), "unused", "whether queueing ends when the last path is deleted"),
    all("force-sync", Kind::YesNo, "no", "check one path at a time"),
    since(7, 5, lun("ghost-delay", OFF, "no", "seconds to wait for active paths of a new map")),
    lun("gid", Kind::Form(Form::Owner), "0", "group of the map's device node"),
    all("log-checker-err", Kind::Words(&["always", "once"]), "always", "how often a failing checker is logged"),
    lun("marginal-path-double-failed-time", OFF, "no", "two failures within so many seconds start counting errors"),
    lun("marginal-path-err-rate-threshold", OFF, "no", "errors in a thousand above which a path is marginal"),
    lun("marginal-path-err-recheck-gap-time", OFF, "no", "seconds until a marginal path is looked at again"),
    lun("marginal-path-err-sample-time", Kind::NumberOr(120, INT_MAX, &["no", "0"]), "no", "seconds for which errors are counted"),
    since(8, 3, all("marginal-pathgroups", Kind::Words(&["off", "on", "fpin", "yes", "no"]), "off", "use marginal paths last instead of not at all")),
    all("max-fds", Kind::NumberOr(32, INT_MAX, &["max"]), "max", "files that multipathd may open"),
    all("max-polling-interval", Kind::Number(1, 3_600), "4 × polling-interval", "seconds between checks of a path that works"),
    since(9, 7, all("max-retries", Kind::Number(0, 5), "unset", "how often SCSI tries again")),
    lun("max-sectors-kb", Kind::Number(4, INT_MAX), "by hardware", "largest request, KiB; set it before the map is made"),
    all("missing-uev-wait-timeout", Kind::Number(1, 3_600), "30", "seconds to wait for udev after a map was made"),
    lun("mode", Kind::Form(Form::Mode), "by udev", "permissions of the map's device node"),
    lun("no-path-retry", Kind::NumberOr(1, INT_MAX, &["fail", "queue"]), "fail", "checks for which I/O waits when no path is left; queue = for ever"),
    all("partition-delimiter", Kind::Form(Form::NamePart), "unset", "what stands between a renamed map and a partition's number"),
    all("path-checker", Kind::Words(&["tur", "directio", "readsector0", "emc_clariion", "hp_sw", "rdac", "cciss_tur", "none"]), "tur", "how paths are checked"),
    lun("path-grouping-policy", Kind::Words(&["failover", "multibus", "group_by_serial", "group_by_prio", "group_by_node_name", "group_by_tpg"]), "failover", "which paths are used together"),
    lun("path-selector", Kind::Form(Form::Selector), "service-time 0", "how I/O is spread over the paths of a group"),
    all("polling-interval", Kind::Number(1, 3_600), "5", "seconds between checks of a path"),
    lun("prio", Kind::Words(&["const", "sysfs", "emc", "alua", "ontap", "rdac", "hp_sw", "hds", "random", "weightedpath", "path_latency", "ana", "datacore", "iet", "none"]), "by the array", "how paths are ranked"),
    lun("prio-args", Kind::Form(Form::PrioArgs), "unset", "what the prioritizer is told"),
    since(14, 0, lun("purge-disconnected", Kind::YesNo, "no", "delete the devices of a LUN that the array unmapped")),
    all("queue-without-daemon", Kind::YesNo, "no", "go on queueing when multipathd stops"),
    all("reassign-maps", Kind::YesNo, "no", "move other maps from single paths to the multipath map"),
    since(8, 6, all("recheck-wwid", Kind::YesNo, "no", "read a path's WWID again when it comes back")),
    all("remove-retries", Kind::Number(0, 3_600), "0", "how often removing a used map is tried again, a second apart"),
    lun("reservation-key", Kind::Form(Form::ReservationKey), "unset", "key of persistent reservations"),
    all("retain-attached-hw-handler", Kind::YesNo, "yes", "keep the hardware handler that the kernel attached"),
    all("retrigger-delay", Kind::Number(0, 3_600), "10", "seconds between asking udev again for a WWID"),
    all("retrigger-tries", Kind::Number(0, 1_000), "3", "how often udev is asked again for a WWID"),
    lun("rr-min-io", Kind::Number(0, INT_MAX), "1000", "requests for a path before the next, for maps over bios"),
    lun("rr-min-io-rq", Kind::Number(0, INT_MAX), "1", "requests for a path before the next"),
    lun("rr-weight", Kind::Words(&["uniform", "priorities"]), "uniform", "whether priorities weigh in round-robin"),
    since(8, 0, lun("san-path-err-forget-rate", OFF, "no", "checks within which failures count together")),
    since(8, 0, lun("san-path-err-recovery-time", OFF, "no", "seconds for which an erring path stays out")),
    since(8, 0, lun("san-path-err-threshold", OFF, "no", "failures after which a path stays out")),
    lun("skip-kpartx", Kind::YesNo, "no", "make no devices for partitions"),
    all("strict-timing", Kind::YesNo, "no", "begin a round of checks each second exactly"),
    lun("uid", Kind::Form(Form::Owner), "0", "owner of the map's device node"),
    all("uid-attribute", Kind::Form(Form::UdevName), "by the kind of device", "property of udev's that is taken as WWID; another one gives every LUN another WWID"),
    all("uid-attrs", Kind::Form(Form::UdevNames), "unset", "the same by kind of device; multipathd has to be restarted"),
    all("uxsock-timeout", Kind::Number(4_000, INT_MAX), "4000", "milliseconds that a command of multipathd may wait"),
    all("verbosity", Kind::Number(0, 6), "2", "how much multipathd logs"),
];
