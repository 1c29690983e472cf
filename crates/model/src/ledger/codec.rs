//! The ledger as JSON: in the node's state directory, and inside of its published detail.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keeper::Names;
use super::{LUNS_MAX, Ledger, Lun, Obeyed, PORTS_MAX, Port, VgMark};
use crate::ids::{EpochS, NodeName, Wwid};
use crate::json::{Scanner, push_number, push_string};
use crate::node_value::{Read, epoch, members, read_object, small, text, unsigned};
use crate::orders::{ID_BYTES_MAX, ORDERS_MAX};
use crate::report::{PartError, TEXT_BYTES_MAX};

impl Ledger {
    /// Writes it as JSON: `{"v":1,"node":…,"ports":[[adapter,target],…],"luns":{"<wwid>":{"since","seen","paths":[[port,n],…],"vg","vg-uuid"}},"obeyed":{"<id>":["<wwid>",time]}}`,
    /// where `port` is the place in `ports`. `vg`, `vg-uuid` and `obeyed` are there where there is something to say. The same
    /// ledger always gives the same bytes.
    pub fn encode(&self, node: Option<&NodeName>) -> Vec<u8> {
        let mut ports: Vec<(&str, &str)> = Vec::new();
        let mut places: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for port in self.luns.values().flat_map(|lun| &lun.ports) {
            let name = (&*port.adapter, &*port.target);
            places.entry(name).or_insert_with(|| {
                ports.push(name);
                ports.len() as u64 - 1
            });
        }
        let mut out = br#"{"v":1"#.to_vec();
        if let Some(node) = node {
            out.extend_from_slice(br#","node":"#);
            push_string(&mut out, node.as_str());
        }
        out.extend_from_slice(br#","ports":["#);
        for (i, (adapter, target)) in ports.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b",[" } else { b"[" });
            push_string(&mut out, adapter);
            out.push(b',');
            push_string(&mut out, target);
            out.push(b']');
        }
        out.extend_from_slice(br#"],"luns":{"#);
        for (i, (wwid, lun)) in self.luns.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_string(&mut out, wwid.as_str());
            out.extend_from_slice(br#":{"since":"#);
            push_number(&mut out, lun.since.0.max(0).unsigned_abs());
            out.extend_from_slice(br#","seen":"#);
            push_number(&mut out, lun.seen.0.max(0).unsigned_abs());
            out.extend_from_slice(br#","paths":["#);
            for (i, port) in lun.ports.iter().enumerate() {
                out.extend_from_slice(if i > 0 { b",[" } else { b"[" });
                push_number(&mut out, places.get(&(&*port.adapter, &*port.target)).copied().unwrap_or(0));
                out.push(b',');
                push_number(&mut out, u64::from(port.paths));
                out.push(b']');
            }
            out.push(b']');
            if let Some(VgMark { name, uuid }) = &lun.vg {
                out.extend_from_slice(br#","vg":"#);
                push_string(&mut out, name);
                if let Some(uuid) = uuid {
                    out.extend_from_slice(br#","vg-uuid":"#);
                    push_string(&mut out, uuid);
                }
            }
            out.push(b'}');
        }
        out.push(b'}');
        for (i, (id, Obeyed { wwid, time })) in self.obeyed.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b"," } else { br#","obeyed":{"# });
            push_string(&mut out, id);
            out.extend_from_slice(b":[");
            push_string(&mut out, wwid.as_str());
            out.push(b',');
            push_number(&mut out, time.0.max(0).unsigned_abs());
            out.push(b']');
        }
        out.extend_from_slice(if self.obeyed.is_empty() { b"}" } else { b"}}" });
        out
    }

    /// Reads a ledger, and whose it says it is. What is malformed inside is left out.
    ///
    /// # Errors
    /// If it is no JSON object, or not of this form: of another version, or without LUNs.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Option<NodeName>), PartError> {
        let mut raw = Raw::default();
        read_object(bytes, |key, scan| raw.member(key, scan))?;
        let bad = |what: &str| PartError::BadParts { what: what.to_owned() };
        match raw.version {
            Some(1) => {}
            Some(v) => {
                return Err(bad(&format!("it is a ledger of version {v}, and this program knows version 1")));
            }
            None => return Err(bad("it does not say that it is a ledger: there is no v")),
        }
        let node = raw.node.as_deref().and_then(NodeName::new);
        raw.ledger().map(|ledger| (ledger, node)).ok_or_else(|| bad("no object stands under luns"))
    }

    /// A ledger that stands inside another value.
    pub(crate) fn read(scan: &mut Scanner<'_>) -> Read<Option<Self>> {
        let mut raw = Raw::default();
        members(scan, |key, scan| raw.member(key, scan))?;
        Ok(if raw.version == Some(1) { raw.ledger() } else { None })
    }
}
/// A ledger as it is read: ports may stand behind the LUNs that name them.
#[derive(Default)]
struct Raw {
    version: Option<u64>,
    node: Option<String>,
    ports: Vec<(Arc<str>, Arc<str>)>,
    luns: Option<BTreeMap<Wwid, RawLun>>,
    obeyed: BTreeMap<String, Obeyed>,
}

#[derive(Default)]
struct RawLun {
    since: Option<EpochS>,
    seen: Option<EpochS>,
    paths: Vec<(u32, u32)>,
    vg: Option<String>,
    vg_uuid: Option<String>,
}

impl Raw {
    fn member(&mut self, key: &str, scan: &mut Scanner<'_>) -> Read<()> {
        match key {
            "v" => self.version = unsigned(scan)?,
            "node" => self.node = text(scan)?,
            "ports" => self.ports = read_ports(scan)?,
            "luns" if scan.peek() == Some(b'{') => {
                let mut luns = BTreeMap::new();
                members(scan, |wwid, scan| {
                    let lun = read_lun(scan)?;
                    if let Some(wwid) = Wwid::new(wwid).filter(|w| w.as_str().len() <= TEXT_BYTES_MAX)
                        && luns.len() < LUNS_MAX
                    {
                        luns.insert(wwid, lun);
                    }
                    Ok(())
                })?;
                self.luns = Some(luns);
            }
            "obeyed" => {
                self.obeyed.clear();
                members(scan, |id, scan| {
                    let obeyed = read_obeyed(scan)?;
                    if let Some(obeyed) = obeyed
                        && id.len() <= ID_BYTES_MAX
                        && self.obeyed.len() < ORDERS_MAX
                    {
                        self.obeyed.insert(id.to_owned(), obeyed);
                    }
                    Ok(())
                })?;
            }
            _ => scan.skip()?,
        }
        Ok(())
    }

    fn ledger(self) -> Option<Ledger> {
        let Raw { ports, luns, obeyed, .. } = self;
        let lun = |raw: RawLun| {
            let mut of: Vec<Port> = Vec::with_capacity(raw.paths.len());
            for (place, paths) in raw.paths {
                if let Some((adapter, target)) = usize::try_from(place).ok().and_then(|p| ports.get(p)) {
                    of.push(Port { adapter: adapter.clone(), target: target.clone(), paths });
                }
            }
            of.sort();
            of.dedup_by(|a, b| a.adapter == b.adapter && a.target == b.target);
            let since = raw.since.or(raw.seen).unwrap_or(EpochS(0));
            let vg = raw.vg.map(|name| VgMark { name, uuid: raw.vg_uuid });
            Lun { since, seen: raw.seen.unwrap_or(since), ports: of, vg }
        };
        Some(Ledger { luns: luns?.into_iter().map(|(wwid, raw)| (wwid, lun(raw))).collect(), obeyed })
    }
}

fn read_ports(scan: &mut Scanner<'_>) -> Read<Vec<(Arc<str>, Arc<str>)>> {
    let mut ports = Vec::new();
    let mut names = Names::default();
    if !scan.open_array() {
        scan.skip()?;
        return Ok(ports);
    }
    let mut first = true;
    while scan.next_item(&mut first)? {
        let [adapter, target] = pair(scan, text)?.map(|name| names.share(&name.unwrap_or_default()));
        if ports.len() < LUNS_MAX {
            ports.push((adapter, target));
        }
    }
    Ok(ports)
}

/// An array of two; what is no array is none of both, and what follows the second is ignored.
fn pair<T>(
    scan: &mut Scanner<'_>,
    read: impl Fn(&mut Scanner<'_>) -> Read<Option<T>>,
) -> Read<[Option<T>; 2]> {
    let mut pair = [None, None];
    if !scan.open_array() {
        scan.skip()?;
        return Ok(pair);
    }
    let (mut at, mut first) = (pair.iter_mut(), true);
    while scan.next_item(&mut first)? {
        match at.next() {
            Some(place) => *place = read(scan)?,
            None => scan.skip()?,
        }
    }
    Ok(pair)
}

fn read_lun(scan: &mut Scanner<'_>) -> Read<RawLun> {
    let mut lun = RawLun::default();
    members(scan, |key, scan| {
        match key {
            "since" => lun.since = epoch(scan)?,
            "seen" => lun.seen = epoch(scan)?,
            "vg" => lun.vg = text(scan)?.filter(|name| !name.is_empty()),
            "vg-uuid" => lun.vg_uuid = text(scan)?.filter(|uuid| !uuid.is_empty()),
            "paths" if scan.open_array() => {
                lun.paths.clear();
                let mut first = true;
                while scan.next_item(&mut first)? {
                    if let [Some(port), Some(paths)] = pair(scan, small)?
                        && lun.paths.len() < PORTS_MAX
                    {
                        lun.paths.push((port, paths));
                    }
                }
            }
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(lun)
}

/// `["<wwid>", time]`; a LUN without a time is as if the order were very old.
fn read_obeyed(scan: &mut Scanner<'_>) -> Read<Option<Obeyed>> {
    if !scan.open_array() {
        scan.skip()?;
        return Ok(None);
    }
    let (mut wwid, mut time) = (None, EpochS(0));
    let (mut place, mut first) = (0, true);
    while scan.next_item(&mut first)? {
        match place {
            0 => wwid = text(scan)?.as_deref().and_then(Wwid::new),
            1 => time = epoch(scan)?.unwrap_or(time),
            _ => scan.skip()?,
        }
        place += 1;
    }
    Ok(wwid.map(|wwid| Obeyed { wwid, time }))
}
