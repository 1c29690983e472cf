//! Every setting that `multipath.cfg` may hold, and hostile texts, told to a real multipathd. Played on the machine of
//! [`crate::config`].

use anyhow::{Context, Result, ensure};
use pathkeeper_model::config::keywords::ALL;
use pathkeeper_model::config::{Keyword, Place, Version};
use pathkeeper_model::multipath_conf::Conf;

use crate::config::{apply, ok, says};
use crate::lab::Lab;

/// What the machine has.
const VERSION: &str = "0.9.4";

/// A value of each that is another one than multipathd's own where that does no harm to a machine in use.
const VALUES: &[(&str, &str)] = &[
    ("alias-prefix", "pk"),
    ("all-tg-pt", "yes"),
    ("allow-usb-devices", "yes"),
    ("checker-timeout", "45"),
    ("deferred-remove", "yes"),
    ("delay-wait-checks", "12"),
    ("delay-watch-checks", "13"),
    ("detect-checker", "no"),
    ("detect-prio", "no"),
    ("dev-loss-tmo", "600"),
    ("eh-deadline", "30"),
    ("enable-foreign", "nvme"),
    ("failback", "immediate"),
    ("fast-io-fail-tmo", "7"),
    ("features", "0"),
    ("find-multipaths-timeout", "-5"),
    ("flush-on-last-del", "yes"),
    ("force-sync", "yes"),
    ("ghost-delay", "9"),
    ("gid", "6"),
    ("log-checker-err", "once"),
    ("marginal-path-double-failed-time", "60"),
    ("marginal-path-err-rate-threshold", "10"),
    ("marginal-path-err-recheck-gap-time", "300"),
    ("marginal-path-err-sample-time", "130"),
    ("marginal-pathgroups", "on"),
    ("max-fds", "4096"),
    ("max-polling-interval", "2"),
    ("max-sectors-kb", "512"),
    ("missing-uev-wait-timeout", "20"),
    ("mode", "0660"),
    ("no-path-retry", "8"),
    ("partition-delimiter", "-part"),
    ("path-checker", "tur"),
    ("path-grouping-policy", "group_by_serial"),
    ("path-selector", "round-robin 0"),
    ("polling-interval", "1"),
    ("prio", "const"),
    ("prio-args", "exclusive_pref_bit"),
    ("queue-without-daemon", "yes"),
    ("reassign-maps", "no"),
    ("recheck-wwid", "yes"),
    ("remove-retries", "2"),
    ("reservation-key", "0x123abc"),
    ("retain-attached-hw-handler", "yes"),
    ("retrigger-delay", "9"),
    ("retrigger-tries", "2"),
    ("rr-min-io", "100"),
    ("rr-min-io-rq", "2"),
    ("rr-weight", "priorities"),
    ("san-path-err-forget-rate", "20"),
    ("san-path-err-recovery-time", "60"),
    ("san-path-err-threshold", "3"),
    ("skip-kpartx", "yes"),
    ("strict-timing", "no"),
    ("uid", "0"),
    ("uid-attribute", "ID_SERIAL"),
    ("uid-attrs", "sd:ID_SERIAL"),
    ("uxsock-timeout", "5000"),
    ("verbosity", "2"),
];

/// The cluster's document becomes this, by an editor as a person has one.
fn write(lab: &mut Lab, text: &str) -> Result<()> {
    let quoted = text.replace('\'', "'\\''");
    ok(
        lab,
        &format!(
            "printf '%s' '{quoted}' >/tmp/all.cfg; editor 'cat /tmp/all.cfg'; pathkeeper config edit --yes"
        ),
    )?;
    Ok(())
}

/// The document as it stands.
fn document(lab: &mut Lab) -> Result<String> {
    ok(lab, "cat $(documents)/multipath.cfg")
}

/// What multipathd says is in force: keywords of a section, and of a LUN's own one.
fn in_force(lab: &mut Lab) -> Result<Conf> {
    let text = lab.machine.ok("multipathd show config local")?;
    Ok(Conf::parse([("show config local", text.as_str())]))
}

pub fn every_keyword(lab: &mut Lab) -> Result<()> {
    let version = Version::parse(VERSION).context("a version")?;
    let known: Vec<&Keyword> = ALL.iter().filter(|keyword| keyword.is_known_to(version)).collect();
    let value =
        |keyword: &Keyword| VALUES.iter().find(|(key, _)| *key == keyword.key).map(|(_, value)| *value);
    let untold: Vec<&str> = known.iter().filter(|of| value(of).is_none()).map(|of| of.key).collect();
    ensure!(untold.is_empty(), "no value to try: {untold:?}");
    let before = document(lab)?;
    let wwid = lab.wwids[0].clone();
    let lines = |place: fn(&Keyword) -> bool| -> String {
        let of = known.iter().filter(|keyword| place(keyword));
        of.filter_map(|keyword| Some(format!("\t{} {}\n", keyword.key, value(keyword)?))).collect()
    };
    let (for_all, for_one) = (lines(|_| true), lines(|keyword| keyword.place == Place::Both));
    write(
        lab,
        &format!("defaults: global\n{for_all}\nwwid: {wwid}\n{for_one}\nwwid: {}\n", lab.wwids[1].clone()),
    )?;
    apply(lab, "")?;
    let conf = in_force(lab)?;
    let mut wrong = Vec::new();
    for keyword in &known {
        let (name, wanted) = (keyword.name(), value(keyword).unwrap_or_default());
        let shown = match keyword.key {
            // It prints them in octal, with a zero before it.
            "uid" | "gid" => format!("0{wanted}"),
            // It takes it at its start alone, and does not show it.
            "uid-attrs" => continue,
            _ => wanted.to_owned(),
        };
        let said = |section: &str| conf.last(section, &name).map(|entry| entry.value.clone());
        if said("defaults").as_ref() != Some(&shown) {
            wrong.push(format!("defaults: {name} is {:?} and not {shown}", said("defaults")));
        }
        let of_lun = said("multipaths.multipath");
        if keyword.place == Place::Both && of_lun.as_ref() != Some(&shown) {
            wrong.push(format!("LUN: {name} is {of_lun:?} and not {shown}"));
        }
    }
    // And back, so that the rest finds the machine as it was.
    write(lab, &before)?;
    apply(lab, "")?;
    ok(lab, "until_true 60 maps_are 2 2")?;
    ensure!(wrong.is_empty(), "{} of {}: {}", wrong.len(), known.len(), wrong.join("; "));
    Ok(())
}

/// Hostile texts are refused before anything is written, or come to multipathd as they were typed.
pub fn hostile(lab: &mut Lab) -> Result<()> {
    let wwid = lab.wwids[0].clone();
    let before = document(lab)?;
    for alias in ["a\"b", "a b", "a{", "}", "a\\nb", "ä", "../a", "a/b", "a%s%n", "$(printf a%4096s)"] {
        let (status, text) = says(lab, &format!("pathkeeper lun alias {wwid} \"$(printf '%b' '{alias}')\""))?;
        ensure!(status != 0, "{alias:?}: {status} {text}");
    }
    ensure!(document(lab)? == before, "what was refused was written");
    let odd = "a \"quoted\" {b} 100% #c !";
    ok(lab, &format!("pathkeeper config set prio-args --lun {wwid} '{odd}'"))?;
    apply(lab, "")?;
    let said = in_force(lab)?.last("multipaths.multipath", "prio_args").map(|entry| entry.value.clone());
    ensure!(said.as_deref() == Some(odd), "{said:?}");
    write(lab, &before)?;
    apply(lab, "")?;
    ok(lab, &format!("dmsetup info {wwid}; until_true 60 maps_are 2 2"))?;
    Ok(())
}
