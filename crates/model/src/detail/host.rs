//! The part `h` of a detail: [`HostFacts`] under short keys.
//!
//! `u` what starts multipathd, `e` how it ended, `i` the old initramfs (`f` image, `m` made, `n` the newer file, `c` changed),
//! `is` iSCSI sessions that do not log in by themselves (`t` target, `p` portal, `s` startup), `nv` NVMe subsystems (`q` NQN, `c`
//! controllers), `by` what stands beside maps (`d` device, `w` WWID, `b` what), `se` settings in force as `[name, value]`, `li`
//! lints (`n` name, `a` file and line, `y` why, `d` advice).

use std::borrow::Cow;

use serde::Serialize;

use super::decode::{items, texts};
use crate::ids::Wwid;
use crate::json::Scanner;
use crate::local::{
    Bypassed, DaemonEnd, HostFacts, IscsiManual, LIST_MAX, Lint, NvmeNative, OldInitramfs, Setting, UnitState,
};
use crate::node_value::{Read, clip, epoch, members, text};
use crate::report::TEXT_BYTES_MAX;

/// Controllers of one subsystem.
const CONTROLLERS_MAX: usize = 16;

type Text<'a> = Cow<'a, str>;

#[derive(Serialize)]
pub(super) struct WireHost<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    i: Option<WireInitramfs<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    is: Vec<WireIscsi<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nv: Vec<WireNvme<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by: Vec<WireBypassed<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    se: Vec<(Text<'a>, Text<'a>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    li: Vec<WireLint<'a>>,
}

#[derive(Serialize)]
struct WireInitramfs<'a> {
    f: Text<'a>,
    m: i64,
    n: Text<'a>,
    c: i64,
}

#[derive(Serialize)]
struct WireIscsi<'a> {
    t: Text<'a>,
    p: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<Text<'a>>,
}

#[derive(Serialize)]
struct WireNvme<'a> {
    q: Text<'a>,
    c: Vec<Text<'a>>,
}

#[derive(Serialize)]
struct WireBypassed<'a> {
    d: Text<'a>,
    w: &'a str,
    b: Text<'a>,
}

#[derive(Serialize)]
struct WireLint<'a> {
    n: Text<'a>,
    a: Text<'a>,
    y: Text<'a>,
    d: Text<'a>,
}

fn cut(text: &str) -> Text<'_> {
    clip(text, TEXT_BYTES_MAX)
}

impl<'a> WireHost<'a> {
    /// `None` where there is nothing to say.
    pub fn of(host: &'a HostFacts) -> Option<Self> {
        if *host == HostFacts::default() {
            return None;
        }
        let initramfs = |of: &'a OldInitramfs| WireInitramfs {
            f: cut(&of.image),
            m: of.made.0.max(0),
            n: cut(&of.newer),
            c: of.changed.0.max(0),
        };
        let iscsi = |of: &'a IscsiManual| WireIscsi {
            t: cut(&of.target),
            p: cut(&of.portal),
            s: of.startup.as_deref().map(cut),
        };
        let nvme = |of: &'a NvmeNative| WireNvme {
            q: cut(&of.nqn),
            c: of.controllers.iter().take(CONTROLLERS_MAX).map(|name| cut(name)).collect(),
        };
        let bypassed =
            |of: &'a Bypassed| WireBypassed { d: cut(&of.dev), w: of.wwid.as_str(), b: cut(&of.what) };
        let lint =
            |of: &'a Lint| WireLint { n: cut(&of.name), a: cut(&of.at), y: cut(&of.why), d: cut(&of.advice) };
        Some(Self {
            u: host.daemon_unit.map(UnitState::as_str),
            e: host.daemon_end.map(DaemonEnd::as_str),
            i: host.initramfs_old.as_ref().map(initramfs),
            is: host.iscsi_manual.iter().take(LIST_MAX).map(iscsi).collect(),
            nv: host.nvme_native.iter().take(LIST_MAX).map(nvme).collect(),
            by: host.bypassed.iter().take(LIST_MAX).map(bypassed).collect(),
            se: host.settings.iter().take(LIST_MAX).map(|of| (cut(&of.name), cut(&of.value))).collect(),
            li: host.lints.iter().take(LIST_MAX).map(lint).collect(),
        })
    }
}

/// Reads it; what is not of this form is left out.
pub(super) fn read_host(scan: &mut Scanner<'_>) -> Read<HostFacts> {
    let mut host = HostFacts::default();
    members(scan, |key, scan| {
        match key {
            "u" => host.daemon_unit = text(scan)?.as_deref().and_then(UnitState::parse),
            "e" => host.daemon_end = text(scan)?.as_deref().and_then(DaemonEnd::parse),
            "i" => host.initramfs_old = read_initramfs(scan)?,
            "is" => list(scan, &mut host.iscsi_manual, read_iscsi)?,
            "nv" => list(scan, &mut host.nvme_native, read_nvme)?,
            "by" => list(scan, &mut host.bypassed, read_bypassed)?,
            "se" => list(scan, &mut host.settings, read_setting)?,
            "li" => list(scan, &mut host.lints, read_lint)?,
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(host)
}

fn list<'s, T>(
    scan: &mut Scanner<'s>,
    into: &mut Vec<T>,
    mut one: impl FnMut(&mut Scanner<'s>) -> Read<Option<T>>,
) -> Read<()> {
    into.clear();
    items(scan, |scan| {
        if let Some(of) = one(scan)?
            && into.len() < LIST_MAX
        {
            into.push(of);
        }
        Ok(())
    })
}

fn read_initramfs(scan: &mut Scanner<'_>) -> Read<Option<OldInitramfs>> {
    let (mut image, mut made, mut newer, mut changed) = (None, None, None, None);
    members(scan, |key, scan| {
        match key {
            "f" => image = text(scan)?,
            "m" => made = epoch(scan)?,
            "n" => newer = text(scan)?,
            "c" => changed = epoch(scan)?,
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    let all = || Some(OldInitramfs { image: image?, made: made?, newer: newer?, changed: changed? });
    Ok(all())
}

fn read_iscsi(scan: &mut Scanner<'_>) -> Read<Option<IscsiManual>> {
    let (mut target, mut portal, mut startup) = (None, None, None);
    members(scan, |key, scan| {
        match key {
            "t" => target = text(scan)?,
            "p" => portal = text(scan)?,
            "s" => startup = text(scan)?,
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(target.zip(portal).map(|(target, portal)| IscsiManual { target, portal, startup }))
}

fn read_nvme(scan: &mut Scanner<'_>) -> Read<Option<NvmeNative>> {
    let (mut nqn, mut controllers) = (None, Vec::new());
    members(scan, |key, scan| {
        match key {
            "q" => nqn = text(scan)?,
            "c" => texts(scan, &mut controllers)?,
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    controllers.truncate(CONTROLLERS_MAX);
    Ok(nqn.map(|nqn| NvmeNative { nqn, controllers }))
}

fn read_bypassed(scan: &mut Scanner<'_>) -> Read<Option<Bypassed>> {
    let (mut dev, mut wwid, mut what) = (None, None, None);
    members(scan, |key, scan| {
        match key {
            "d" => dev = text(scan)?,
            "w" => wwid = text(scan)?.as_deref().and_then(Wwid::new),
            "b" => what = text(scan)?,
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    let all = || Some(Bypassed { dev: dev?, wwid: wwid?, what: what? });
    Ok(all())
}

fn read_setting(scan: &mut Scanner<'_>) -> Read<Option<Setting>> {
    let mut pair = Vec::new();
    texts(scan, &mut pair)?;
    Ok(<[String; 2]>::try_from(pair).ok().map(|[name, value]| Setting { name, value }))
}

fn read_lint(scan: &mut Scanner<'_>) -> Read<Option<Lint>> {
    let (mut name, mut at, mut why, mut advice) = (None, String::new(), String::new(), String::new());
    members(scan, |key, scan| {
        match key {
            "n" => name = text(scan)?,
            "a" => at = text(scan)?.unwrap_or_default(),
            "y" => why = text(scan)?.unwrap_or_default(),
            "d" => advice = text(scan)?.unwrap_or_default(),
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(name.map(|name| Lint { name, at, why, advice }))
}
