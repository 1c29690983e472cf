//! The value `multipath-detail`: all that a node's last read found, so that any node can answer for any other.
//!
//! Each value is `{"v":1,"node","instance","seq","time","part","parts","data"}` of at most 32,767 bytes; the key of part 1
//! is `multipath-detail`, those of the others `multipath-detail-2`… The joined `data` is base64 (standard alphabet) of gzip
//! of one JSON object. Its keys are short, what is the same everywhere is said once, and a reader ignores what it does
//! not know:
//!
//! | key | what |
//! | --- | --- |
//! | `v` | 1 |
//! | `t` | when the read began, the node's wall clock |
//! | `d` | multipathd: `s` its word (as in `multipath-node`), `p` process id, `y` why, `ms` how long it was waited for |
//! | `tv` | version of multipath-tools |
//! | `r` | routes, one for each adapter and target port: `a` adapter, `ap` its port, `tp` target port, `tn` target node, `tr` transport, `pg` ALUA target port group, `c` how often paths over it went or came in half an hour (absent: 0), `ct` when that was last |
//! | `m` | maps, in multipathd's order |
//! | `l` | path devices that no map took |
//! | `k` | maps of which only the kernel speaks; `ke` instead: why it could not be asked |
//! | `p` | what could not be read, sentences |
//! | `h` | what its files, services and kernel say beside the maps ([`crate::local::HostFacts`]); its keys are in `detail/host.rs` |
//! | `led` | the ledger ([`crate::ledger`]) |
//! | `own` | WWIDs in this node's wwids file |
//!
//! A map: `w` WWID, `n` name (absent: the WWID), `d` dm device, `z` bytes, `o` open count, `h` holders, `u` suspended,
//! `q` queueing (`off`, `on`, `-`, `chk` with `qn` checks, `s` with `qe` the moment at which it ends), `f` features, `hw` hardware
//! handler, `wp` write protection, `fb` failback, `ve` vendor, `pr` product, `re` revision, `s` serial, `pf` path failures,
//! `i` incomplete, `g` groups, `pv` LVM's physical volumes: `u` UUID, `n` name of the group, `g` UUID of the group. A group: `s` selector, `p` priority, `st` status, `m` marginal,
//! `p` paths under `d`. A path: `d` device, `t` major:minor, `s` its three words as letters ([`STATE_LETTERS`]), `x` the words
//! where they are not the usual ones, `p` priority (absent: the group's), `h` host:channel:target:lun, `r` place in the routes,
//! `w` WWID (absent: the map's), `z` bytes (absent: the map's), `n` serial (absent: the map's), `f` failures, `m` marginal, `v`
//! vendor and product, `sg` what udev says is on it, `b` why no map took it, `ru` the rule that excludes it, `ub` who uses it, `ac` ALUA's state (`o`
//! optimised, `n` not, `s` standby, `x` other). `null` says that what would be taken from
//! elsewhere is not known.
//! A kernel map: `n`, `w`, `t`, `z`, `o`, `u` as above, `q` queues without path, `qd` requests held back, `x` unreadable, `p`
//! paths as `[major:minor, 1 or 0 for active, failures]`.

mod decode;
mod encode;
mod facts;
mod fingerprint;
mod host;

use std::io::Read as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use rustc_hash::FxHashMap;

use crate::ids::{EpochS, Instance, NodeName, Wwid};
use crate::json::JsonError;
use crate::ledger::Ledger;
use crate::local::NodeRead;
use crate::node_value::{epoch, read_object, small, text, unsigned};
use crate::report::{PartError, Piece, REPORT_BYTES_MAX, Stamp};

pub use encode::encode;
pub use facts::{Carried, Facts, OnMap};
pub use fingerprint::Fingerprint;

/// The store's key of part 1.
pub const DETAIL_KEY: &str = "multipath-detail";
/// More parts than this are not believed: 256 parts are 6 MiB of compressed text.
pub const DETAIL_PARTS_MAX: u32 = 256;
/// A detail is never longer than this when it is unpacked: 16 MiB hold some 20,000 paths four times over.
pub const UNPACKED_BYTES_MAX: usize = 16 << 20;
/// The text of all paths together, as long as it is printed in JSON. What is said once of a route or a map is shown with
/// each of its paths, so a few packed kilobytes could fill a reader's memory. 131,072 paths need about half of this.
pub const PATH_TEXT_BYTES_MAX: usize = 64 << 20;

/// The letters of a path's three words on the wire: device-mapper, checker, device, each in the order of the types in
/// [`crate::local`].
pub const STATE_LETTERS: [&str; 3] = ["afu?", "rgfsptdxu?", "rou?"];

/// The store's key of part `part` (from 1).
pub fn detail_key(part: u32) -> String {
    if part <= 1 { DETAIL_KEY.to_owned() } else { format!("{DETAIL_KEY}-{part}") }
}

/// Which part a store's key holds; `None` for any other key, and for numbers that [`detail_key`] never writes.
pub fn part_of_detail_key(key: &str) -> Option<u32> {
    let rest = key.strip_prefix(DETAIL_KEY)?;
    if rest.is_empty() {
        return Some(1);
    }
    let number = rest.strip_prefix('-')?;
    let n: u32 = number.parse().ok()?;
    ((2..=DETAIL_PARTS_MAX).contains(&n) && !number.starts_with(['0', '+'])).then_some(n)
}

/// One value as it stands in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DetailPart {
    /// Who wrote it.
    pub stamp: Stamp,
    /// The writer's wall clock when it was made.
    pub time: Option<EpochS>,
    /// Which part this is, from 1.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
    /// Base64, as it came.
    pub data: Box<str>,
}

impl Piece for DetailPart {
    fn stamp(&self) -> Option<Stamp> {
        Some(self.stamp)
    }
    fn part(&self) -> u32 {
        self.part
    }
    fn parts(&self) -> u32 {
        self.parts
    }
}

impl DetailPart {
    /// Reads one value; a NUL and what follows it is cut, unknown keys are ignored. The data is not looked into.
    ///
    /// # Errors
    /// In words, if it is no JSON object, too long, or not a part with instance, seq and data.
    pub fn decode(value: &[u8]) -> Result<Self, PartError> {
        let bad = |what: &str| PartError::BadParts { what: what.to_owned() };
        if value.len() > REPORT_BYTES_MAX + 1 {
            return Err(bad("it is longer than a value may be"));
        }
        let (mut instance, mut seq, mut time, mut part, mut parts) = (None, None, None, None, None);
        let mut data: Option<Box<str>> = None;
        read_object(value, |key, scan| {
            match key {
                "instance" => instance = text(scan)?.as_deref().and_then(Instance::parse),
                "seq" => seq = unsigned(scan)?,
                "time" => time = epoch(scan)?,
                "part" => part = small(scan)?,
                "parts" => parts = small(scan)?,
                "data" if scan.peek() == Some(b'"') => data = Some(scan.string()?.into()),
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        let (Some(instance), Some(seq)) = (instance, seq) else {
            return Err(bad("it bears no instance and seq"));
        };
        let (Some(part), Some(parts)) = (part, parts) else { return Err(bad("it bears no part and parts")) };
        if !(1..=DETAIL_PARTS_MAX).contains(&parts) || !(1..=parts).contains(&part) {
            return Err(PartError::BadParts { what: format!("it says that it is part {part} of {parts}") });
        }
        let data = data.ok_or_else(|| bad("it bears no data"))?;
        Ok(Self { stamp: Stamp { instance, seq }, time, part, parts, data })
    }
}

/// A whole detail as it came, not unpacked: cheap to keep and to share.
#[derive(Clone, Debug)]
pub struct Packed {
    parts: Arc<[DetailPart]>,
}

/// What a node published of itself.
#[derive(Clone, Debug)]
pub struct Detail {
    /// What its read found. Adapters are in `multipath-node`; countdowns are as at [`NodeRead::began`].
    pub read: NodeRead,
    /// What it has carried.
    pub ledger: Option<Ledger>,
}

/// Why a detail cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DetailError {
    /// The joined data is no base64.
    #[error("its data is no base64: {0}")]
    NotBase64(String),
    /// What is in it is no gzip, or breaks off.
    #[error("its data cannot be unpacked: {0}")]
    NotGzip(String),
    /// It would be larger than [`UNPACKED_BYTES_MAX`].
    #[error("its data is over {} MiB when unpacked", UNPACKED_BYTES_MAX >> 20)]
    TooLong,
    /// Its paths would bear more text than [`PATH_TEXT_BYTES_MAX`].
    #[error("its paths bear over {} MiB of text when unpacked", PATH_TEXT_BYTES_MAX >> 20)]
    TooMuchText,
    /// What is in that is no JSON object of this form.
    #[error("what is packed in it cannot be read: {0}")]
    Inside(#[from] PartError),
}

impl From<JsonError> for DetailError {
    fn from(error: JsonError) -> Self {
        DetailError::Inside(error.into())
    }
}

impl Packed {
    /// All parts of one set, in order, as [`crate::report::Pieces`] gives them.
    pub fn new(parts: Vec<DetailPart>) -> Self {
        Self { parts: parts.into() }
    }

    /// Who wrote it.
    pub fn stamp(&self) -> Option<Stamp> {
        self.parts.first().map(|part| part.stamp)
    }

    /// The writer's wall clock when it was made.
    pub fn time(&self) -> Option<EpochS> {
        self.parts.first().and_then(|part| part.time)
    }

    /// Bytes of base64.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.data.len()).sum()
    }

    /// Unpacks it. For a large node this takes milliseconds.
    ///
    /// # Errors
    /// In words, whatever the bytes are: they come from outside.
    pub fn unpack(&self) -> Result<Detail, DetailError> {
        decode::decode(&self.plain()?)
    }

    /// The JSON text.
    fn plain(&self) -> Result<Vec<u8>, DetailError> {
        let mut joined = String::with_capacity(self.bytes());
        self.parts.iter().for_each(|part| joined.push_str(&part.data));
        let zipped = BASE64.decode(joined).map_err(|e| DetailError::NotBase64(e.to_string()))?;
        let mut plain = Vec::with_capacity(zipped.len().saturating_mul(8).min(UNPACKED_BYTES_MAX));
        let limit = UNPACKED_BYTES_MAX as u64 + 1;
        flate2::read::GzDecoder::new(zipped.as_slice())
            .take(limit)
            .read_to_end(&mut plain)
            .map_err(|e| DetailError::NotGzip(e.to_string()))?;
        if plain.len() > UNPACKED_BYTES_MAX {
            return Err(DetailError::TooLong);
        }
        Ok(plain)
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts) || self.parts == other.parts
    }
}
impl Eq for Packed {}

/// How often each map is open, where only the kernel told.
fn opens_by_kernel(read: &NodeRead) -> FxHashMap<&Wwid, u32> {
    read.kernel.iter().flatten().map(|map| (&map.wwid, map.open_count)).collect()
}

/// Who publishes a detail, and as its which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The node.
    pub node: NodeName,
    /// Instance and seq.
    pub stamp: Stamp,
    /// The node's wall clock.
    pub time: EpochS,
}
