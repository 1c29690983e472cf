//! Settings that are known to hurt, each with its place, why, and what to do.
//!
//! What is judged is what people wrote: multipathd's built-in table of arrays sets queueing and times that their makers ask
//! for. The value in force is looked at where one setting must be held against another that nobody wrote.

use std::collections::BTreeMap;

use super::{Conf, Entry};
use crate::local::{LIST_MAX, Lint};

/// What else matters on the node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// What resets the node when it cannot work, in words; `None` = nothing is known to.
    pub fencing: Option<&'static str>,
}

/// A watchdog of Proxmox VE's or sanlock's fires after some 60 s (pve-ha-manager's watchdog-mux; sanlock's leases: 80 s).
const FENCING_S: u64 = 60;
/// multipathd's own, where nothing is set.
const POLLING_S: u64 = 5;
const FAST_IO_FAIL_S: u64 = 5;

/// Keywords that multipath-tools 0.7 to 0.14 know, with those that are obsolete and still read.
const KEYWORDS: &[&str] = &[
    "alias",
    "alias_prefix",
    "all_devs",
    "all_tg_pt",
    "allow_usb_devices",
    "auto_resize",
    "bindings_file",
    "checker_timeout",
    "config_dir",
    "deferred_remove",
    "delay_wait_checks",
    "delay_watch_checks",
    "detect_checker",
    "detect_path_checker",
    "detect_pgpolicy",
    "detect_pgpolicy_use_tpg",
    "detect_prio",
    "dev_loss_tmo",
    "devnode",
    "disable_changed_wwids",
    "eh_deadline",
    "enable_foreign",
    "failback",
    "fast_io_fail_tmo",
    "features",
    "find_multipaths",
    "find_multipaths_timeout",
    "flush_on_last_del",
    "force_sync",
    "getuid_callout",
    "ghost_delay",
    "gid",
    "hardware_handler",
    "hw_str_match",
    "ignore_new_boot_devs",
    "log_checker_err",
    "marginal_path_double_failed_time",
    "marginal_path_err_rate_threshold",
    "marginal_path_err_recheck_gap_time",
    "marginal_path_err_sample_time",
    "marginal_pathgroups",
    "max_fds",
    "max_polling_interval",
    "max_retries",
    "max_sectors_kb",
    "missing_uev_wait_timeout",
    "mode",
    "multipath_dir",
    "new_bindings_in_boot",
    "no_path_retry",
    "partition_delimiter",
    "path_checker",
    "path_grouping_policy",
    "path_selector",
    "pg_timeout",
    "polling_interval",
    "prio",
    "prio_args",
    "prkeys_file",
    "product",
    "product_blacklist",
    "property",
    "protocol",
    "purge_disconnected",
    "queue_without_daemon",
    "reassign_maps",
    "recheck_wwid",
    "remove_retries",
    "reservation_key",
    "retain_attached_hw_handler",
    "retrigger_delay",
    "retrigger_tries",
    "revision",
    "rr_min_io",
    "rr_min_io_rq",
    "rr_weight",
    "san_path_err_forget_rate",
    "san_path_err_recovery_time",
    "san_path_err_threshold",
    "selector",
    "skip_kpartx",
    "strict_timing",
    "type",
    "udev_dir",
    "uev_wait_timeout",
    "uid",
    "uid_attribute",
    "uid_attrs",
    "unpriv_sgio",
    "user_friendly_names",
    "uxsock_timeout",
    "vendor",
    "verbosity",
    "vpd_vendor",
    "wwid",
    "wwids_file",
];

/// Keywords whose value is a number of seconds or a count, and nothing else.
const NUMBERS: &[&str] = &[
    "checker_timeout",
    "max_polling_interval",
    "missing_uev_wait_timeout",
    "polling_interval",
    "retrigger_delay",
    "retrigger_tries",
    "rr_min_io",
    "rr_min_io_rq",
    "uxsock_timeout",
    "verbosity",
];

/// Looks at the files; `effective` is what `show config` printed, where it did.
pub fn lint(files: &Conf, effective: Option<&Conf>, context: &Context) -> Vec<Lint> {
    let mut out = Vec::new();
    for complaint in &files.complaints {
        out.push(Lint {
            name: "unreadable".into(),
            at: complaint.at.to_string(),
            why: format!("{}; multipathd logs it and goes on without", complaint.what),
            advice: "Mend the line; multipath -t prints complaints on stderr".into(),
        });
    }
    for entry in &files.entries {
        words_and_numbers(entry, &mut out);
        single(entry, context, &mut out);
    }
    queueing(files, effective, context, &mut out);
    times(files, effective, &mut out);
    holes(files, &mut out);
    beaten(files, &mut out);
    out.truncate(LIST_MAX);
    out
}

fn push(out: &mut Vec<Lint>, name: &str, entry: &Entry, why: String, advice: impl Into<String>) {
    out.push(Lint { name: name.to_owned(), at: entry.at.to_string(), why, advice: advice.into() });
}

fn words_and_numbers(entry: &Entry, out: &mut Vec<Lint>) {
    let (key, value) = (entry.key.as_str(), entry.value.as_str());
    if !KEYWORDS.contains(&key) {
        let why = format!("no multipath-tools from 0.7 to 0.14 knows {key}: the line is ignored");
        push(
            out,
            "unreadable",
            entry,
            why,
            "Is it a slip of the pen? multipath -t prints complaints on stderr",
        );
    } else if NUMBERS.contains(&key) && value.trim().parse::<i64>().is_err() {
        let why = format!(
            "{key} \"{value}\" is no number: multipath-tools 0.14 hangs on such a polling_interval, older ones take odd values"
        );
        push(
            out,
            "unreadable",
            entry,
            why,
            "Write a whole number before anybody runs multipathd reconfigure",
        );
    }
}

/// What hurts by itself.
fn single(entry: &Entry, _context: &Context, out: &mut Vec<Lint>) {
    match (entry.section.as_str(), entry.key.as_str(), entry.value.as_str()) {
        ("defaults", "config_dir", folder) => {
            let why = format!(
                "config_dir {folder}: older versions read drop-ins from there and not from /etc/multipath/conf.d; newer ones ignore the line"
            );
            push(
                out,
                "config_dir",
                entry,
                why,
                "Move these drop-ins to /etc/multipath/conf.d and take the line out",
            );
        }
        ("defaults", "user_friendly_names", "yes") => {
            let why = "user_friendly_names yes: each node numbers mpathN by itself, and names differ between nodes now".to_owned();
            push(
                out,
                "user_friendly_names",
                entry,
                why,
                "Give each LUN an alias in multipaths { multipath { wwid … alias … } }, the same on every node",
            );
        }
        ("defaults", "find_multipaths", value @ ("yes" | "on")) => {
            let why = format!(
                "find_multipaths {value}: a LUN that comes up with one path is left to whoever takes it first (LVM, a mount), beside its map"
            );
            push(
                out,
                "find_multipaths",
                entry,
                why,
                "strict, with the LUNs in /etc/multipath/wwids (multipath -a), takes them with one path too",
            );
        }
        ("defaults", "find_multipaths", value @ ("greedy" | "no" | "off")) => {
            let why = format!(
                "find_multipaths {value}: every disk that no rule excludes becomes a map, the node's own as well"
            );
            push(
                out,
                "find_multipaths",
                entry,
                why,
                "strict, with the LUNs in /etc/multipath/wwids; or blacklist the node's own disks by wwid",
            );
        }
        ("defaults", "find_multipaths", "smart") => {
            let why = "find_multipaths smart: at boot each new disk waits for a second path (10 s), and one that stays alone is given away".to_owned();
            push(
                out,
                "find_multipaths",
                entry,
                why,
                "strict, with the LUNs in /etc/multipath/wwids (multipath -a)",
            );
        }
        _ => {}
    }
}

/// What counts last of a keyword in each section that says it.
fn last_of<'a>(conf: &'a Conf, key: &str) -> Vec<&'a Entry> {
    let mut last: BTreeMap<(&str, u32), &Entry> = BTreeMap::new();
    for entry in conf.entries.iter().filter(|entry| entry.key == key) {
        // Devices are one each; `defaults` that stand twice are one.
        let block = if entry.section.contains('.') { entry.block } else { 0 };
        last.insert((&entry.section, block), entry);
    }
    last.into_values().collect()
}

/// I/O that waits longer than the node may.
fn queueing(files: &Conf, effective: Option<&Conf>, context: &Context, out: &mut Vec<Lint>) {
    let Some(fencing) = context.fencing else { return };
    let advice = "Let I/O fail in time: no_path_retry 12 (with polling_interval 5: 60 s) or less, in defaults or overrides";
    let retries = last_of(files, "no_path_retry");
    for entry in &retries {
        if entry.value == "queue" {
            let why = format!(
                "no_path_retry queue: I/O without a path waits for ever, and {fencing} resets the node meanwhile"
            );
            push(out, "no_path_retry", entry, why, advice);
        } else if let Ok(n) = entry.value.parse::<u64>() {
            let polling = number(files, effective, "polling_interval").unwrap_or(POLLING_S);
            let waits_s = n.saturating_mul(polling);
            if waits_s > FENCING_S {
                let why = format!(
                    "no_path_retry {n} × polling_interval {polling} = {waits_s} s without a path: longer than the {FENCING_S} s of {fencing}"
                );
                push(out, "no_path_retry", entry, why, advice);
            }
        }
    }
    for entry in last_of(files, "features").iter().filter(|of| of.value.contains("queue_if_no_path")) {
        // no_path_retry of the same section is the stronger one.
        let same = |of: &&&Entry| {
            of.section == entry.section && (of.block == entry.block || !of.section.contains('.'))
        };
        if !retries.iter().any(|of| same(&of)) {
            let why = format!(
                "features queue_if_no_path: I/O without a path waits for ever, and {fencing} resets the node meanwhile"
            );
            push(
                out,
                "queue_if_no_path",
                entry,
                why,
                "Write no_path_retry in its place: no_path_retry 12 or less",
            );
        }
    }
}

/// The last number of `defaults`, as it is in force or written.
fn number(files: &Conf, effective: Option<&Conf>, key: &str) -> Option<u64> {
    let of =
        |conf: &Conf| ["overrides", "defaults"].iter().find_map(|s| conf.last(s, key)?.value.parse().ok());
    effective.and_then(of).or_else(|| of(files))
}

/// Times that cannot agree.
fn times(files: &Conf, effective: Option<&Conf>, out: &mut Vec<Lint>) {
    for dev_loss in last_of(files, "dev_loss_tmo") {
        let Ok(loss_s) = dev_loss.value.parse::<u64>() else { continue };
        let same = last_of(files, "fast_io_fail_tmo").into_iter().find(|of| {
            of.section == dev_loss.section && (of.block == dev_loss.block || !of.section.contains('.'))
        });
        let fail = match same {
            Some(of) if of.value == "off" => {
                let why = format!(
                    "fast_io_fail_tmo off with dev_loss_tmo {loss_s}: I/O to a lost port hangs for {loss_s} s before another path is taken"
                );
                push(out, "fast_io_fail_tmo", of, why, "fast_io_fail_tmo 5");
                continue;
            }
            Some(of) => of.value.parse().ok(),
            None => number(files, effective, "fast_io_fail_tmo").or(Some(FAST_IO_FAIL_S)),
        };
        if let Some(fail_s) = fail.filter(|fail_s| *fail_s >= loss_s) {
            let why = format!(
                "dev_loss_tmo {loss_s} is not longer than fast_io_fail_tmo {fail_s}: devices of a lost port go before their I/O fails over"
            );
            push(
                out,
                "dev_loss_tmo",
                dev_loss,
                why,
                "fast_io_fail_tmo 5 and a dev_loss_tmo of a minute or more",
            );
        }
    }
    if files.last("defaults", "dev_loss_tmo").is_none()
        && let Some(fail) = files.last("defaults", "fast_io_fail_tmo")
        && let (Ok(fail_s), Some(loss_s)) =
            (fail.value.parse::<u64>(), number(files, effective, "dev_loss_tmo"))
        && fail_s >= loss_s
    {
        let why =
            format!("fast_io_fail_tmo {fail_s} is not shorter than dev_loss_tmo {loss_s}, which is in force");
        push(out, "fast_io_fail_tmo", fail, why, "fast_io_fail_tmo 5");
    }
}

/// Rules that exclude more, or less, than they seem to.
fn holes(files: &Conf, out: &mut Vec<Lint>) {
    let of = |section: &'static str, key: &'static str| {
        files.entries.iter().filter(move |entry| entry.section == section && entry.key == key)
    };
    for key in ["devnode", "wwid", "property", "protocol"] {
        for entry in of("blacklist", key) {
            let source = entry.value.strip_prefix('!').unwrap_or(&entry.value);
            if regex_starts_wrong(source) {
                let why = format!(
                    "{key} \"{}\" is no regular expression: it is ignored, or means something else",
                    entry.value
                );
                push(out, "blacklist", entry, why, "All is \".*\"; a text's beginning is \"^…\"");
                continue;
            }
            let excepted = of("blacklist_exceptions", key).next().is_some();
            if matches!(source, ".*" | "^.*" | "^.*$" | ".") && !entry.value.starts_with('!') && !excepted {
                let other = ["devnode", "wwid", "property", "protocol"]
                    .into_iter()
                    .find(|other| *other != key && of("blacklist_exceptions", other).next().is_some());
                let why = match other {
                    Some(other) => format!(
                        "{key} \"{}\" excludes every disk, and exceptions by {other} do not help: they save from {other} rules alone",
                        entry.value
                    ),
                    None => format!(
                        "{key} \"{}\" excludes every disk, and nothing is excepted by {key}",
                        entry.value
                    ),
                };
                push(
                    out,
                    "blacklist",
                    entry,
                    why,
                    format!(
                        "Except the LUNs by {key} too, or exclude the node's own disks one by one, by wwid"
                    ),
                );
            }
            let one_disk = |text: &str| {
                let name = text.trim_start_matches('^').trim_end_matches('$');
                let short = name.strip_prefix("sd").or_else(|| name.strip_prefix("/dev/sd"));
                short.is_some_and(|rest| {
                    (1..=3).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase())
                })
            };
            if key == "devnode" && one_disk(source) {
                let why = format!(
                    "devnode \"{}\" names a disk by its letter, which may be another disk after the next boot",
                    entry.value
                );
                push(
                    out,
                    "blacklist",
                    entry,
                    why,
                    "Exclude the node's own disks by wwid (lsscsi -i, or udevadm info /dev/sdX)",
                );
            }
        }
    }
}

/// `*` with nothing before it.
fn regex_starts_wrong(source: &str) -> bool {
    source.starts_with(['*', '+', '?'])
        || regex::RegexBuilder::new(source).size_limit(256 << 10).build().is_err()
}

/// A drop-in that says otherwise than a file before it.
fn beaten(files: &Conf, out: &mut Vec<Lint>) {
    // By section, what tells devices and LUNs apart, and keyword.
    let mut said: BTreeMap<(String, String), &Entry> = BTreeMap::new();
    let mut whose: BTreeMap<u32, String> = BTreeMap::new();
    for entry in
        files.entries.iter().filter(|entry| matches!(entry.key.as_str(), "wwid" | "vendor" | "product"))
    {
        if matches!(entry.section.as_str(), "multipaths.multipath" | "devices.device") {
            whose.entry(entry.block).or_default().push_str(&format!(" {} {}", entry.key, entry.value));
        }
    }
    for entry in &files.entries {
        let single = matches!(entry.section.as_str(), "defaults" | "overrides");
        let of_block = whose.get(&entry.block).filter(|_| entry.section.contains('.'));
        if !single && of_block.is_none() || matches!(entry.key.as_str(), "wwid" | "vendor" | "product") {
            continue;
        }
        let of = format!("{}{}", entry.section, of_block.map_or("", String::as_str));
        let before = said.insert((of, entry.key.clone()), entry);
        let Some(before) =
            before.filter(|before| before.value != entry.value && before.at.file != entry.at.file)
        else {
            continue;
        };
        let why = format!(
            "{} {} is read after {} ({}) and takes its place",
            entry.key, entry.value, before.value, before.at
        );
        push(
            out,
            "overridden",
            entry,
            why,
            "Keep one of the two lines: drop-ins are read after multipath.conf, by name",
        );
    }
}
