//! `GET cluster/multipath/map`: the whole matrix as bytes, and `…/map/names`: what its rows and columns are called.
//!
//! A body is [`HEADER_BYTES`] bytes of header, then one byte for each row (its state, [`state`]), then the cells, row after
//! row, one byte each ([`cell`]). Numbers are little-endian:
//!
//! | at | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | `PKMP` |
//! | 4 | 2 | version of this layout, 1 |
//! | 6 | 2 | length of the header: rows begin there |
//! | 8 | 8 | epoch: the first part of an event's id |
//! | 16 | 8 | revision: the second part of an event's id |
//! | 24 | 8 | tag of the names: as in `…/map/names` |
//! | 32 | 4 | rows |
//! | 36 | 4 | columns |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::status;

/// What a body begins with.
pub const MAGIC: [u8; 4] = *b"PKMP";
/// Version of the layout.
pub const VERSION: u16 = 1;
/// Length of the header.
pub const HEADER_BYTES: usize = 40;

/// The bits that hold a state.
pub const STATE: u8 = 0x07;
/// No path is usable and I/O waits for one.
pub const QUEUEING: u8 = 0x08;
/// A path of it flaps.
pub const FLAPPING: u8 = 0x10;
/// A listed cause explains something that is wrong here.
pub const EXPLAINED: u8 = 0x20;
/// Something is wrong here that no listed cause explains.
pub const UNEXPLAINED: u8 = 0x40;
/// The cause that was asked for explains something that is wrong here.
pub const LIT: u8 = 0x80;

/// A state as its number: 1 optimal, 2 degraded, 3 missing, 4 failed, 5 unknown, which a word is, too, that nobody knows. Zero is
/// no state: nothing is expected there.
pub fn state(word: &str) -> u8 {
    match word {
        "optimal" => 1,
        "degraded" => 2,
        "missing" => 3,
        "failed" => 4,
        _ => 5,
    }
}

/// A cell as a byte.
pub fn cell(cell: &status::Cell) -> u8 {
    let state = state(&cell.state);
    let ill = matches!(state, 2..=4);
    let explained = !cell.causes.is_empty();
    let unexplained = cell.unexplained.unwrap_or(0) > 0 || (ill && !explained);
    let bits = [
        (cell.queueing, QUEUEING),
        (cell.flapping, FLAPPING),
        (explained, EXPLAINED),
        (unexplained, UNEXPLAINED),
    ];
    bits.into_iter().filter(|(set, _)| *set).fold(state, |byte, (_, bit)| byte | bit)
}

/// What a body begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// The agent's run.
    pub epoch: u64,
    /// The picture of that run.
    pub revision: u64,
    /// Tag of the names that rows and columns have.
    pub names: u64,
    /// LUNs.
    pub rows: u32,
    /// Nodes.
    pub columns: u32,
}

impl Header {
    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(HEADER_BYTES as u16).to_le_bytes());
        for number in [self.epoch, self.revision, self.names] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.rows.to_le_bytes());
        out.extend_from_slice(&self.columns.to_le_bytes());
        out
    }
}

/// A body that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map<'a> {
    /// What it begins with.
    pub header: Header,
    /// A state for each row.
    pub rows: &'a [u8],
    /// The cells, row after row.
    pub cells: &'a [u8],
}

impl<'a> Map<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// In words, where it is no map, of another layout, or shorter or longer than its header says.
    pub fn read(body: &'a [u8]) -> Result<Self, String> {
        let mut at = body;
        if take::<4>(&mut at)? != MAGIC {
            return Err("it does not begin as a map does".into());
        }
        let version = u16::from_le_bytes(take(&mut at)?);
        if version != VERSION {
            return Err(format!("a map of layout {version}, and this program reads {VERSION}"));
        }
        let length = usize::from(u16::from_le_bytes(take(&mut at)?));
        let header = Header {
            epoch: u64::from_le_bytes(take(&mut at)?),
            revision: u64::from_le_bytes(take(&mut at)?),
            names: u64::from_le_bytes(take(&mut at)?),
            rows: u32::from_le_bytes(take(&mut at)?),
            columns: u32::from_le_bytes(take(&mut at)?),
        };
        let after = body.get(length..).filter(|_| length >= HEADER_BYTES);
        let after = after.ok_or_else(|| format!("its header cannot be {length} bytes long"))?;
        let (rows, columns) = (u64::from(header.rows), u64::from(header.columns));
        let wanted = rows.saturating_add(rows.saturating_mul(columns));
        if after.len() as u64 != wanted {
            return Err(format!("{wanted} bytes should follow its header, and {} do", after.len()));
        }
        let (rows, cells) = after.split_at_checked(header.rows as usize).unwrap_or((after, &[]));
        Ok(Self { header, rows, cells })
    }
}

fn take<const N: usize>(at: &mut &[u8]) -> Result<[u8; N], String> {
    let (taken, rest) = at.split_first_chunk::<N>().ok_or("it ends within its header")?;
    *at = rest;
    Ok(*taken)
}

/// What rows and columns of the map are called.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct MapNames {
    /// Tag of these names, 16 hex digits: the map bears it as a number.
    pub names: String,
    /// The nodes.
    pub columns: Vec<String>,
    /// The LUNs.
    pub rows: Vec<MapRow>,
}

/// What one row of the map is called; all as in the status.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub struct MapRow {
    /// World Wide Identifier.
    pub wwid: String,
    /// The name that the cluster's configuration gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The name of its map on the answering node, if it has one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What consumes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
}

/// In a `delta` event of a stream that follows the map: rows that are new or changed.
#[derive(Serialize, Deserialize, ToSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct MapDelta {
    /// Tag of the names that hold now, 16 hex digits. Another one than the reader's map bears: the map and its names are to be asked for
    /// anew.
    pub names: String,
    /// By WWID, base64: the row's state, then its cells. Absent where so much changed that the map is to be asked for anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ill(state: &str) -> status::Cell {
        status::Cell {
            state: state.into(),
            paths_active: None,
            paths_total: None,
            paths_expected: None,
            transport: None,
            causes: Vec::new(),
            unexplained: None,
            flapping: false,
            queueing: false,
            other_size: false,
        }
    }

    #[test]
    fn a_cell_is_one_byte_and_doubt_is_never_health() {
        let explained = |cell: status::Cell| status::Cell { causes: vec!["HBA_DOWN a/host1".into()], ..cell };
        for (of, expect) in [
            (ill("optimal"), 1),
            (explained(ill("degraded")), 2 | EXPLAINED),
            (ill("degraded"), 2 | UNEXPLAINED),
            (ill("missing"), 3 | UNEXPLAINED),
            (status::Cell { queueing: true, ..explained(ill("failed")) }, 4 | EXPLAINED | QUEUEING),
            (status::Cell { unexplained: Some(1), ..explained(ill("failed")) }, 4 | EXPLAINED | UNEXPLAINED),
            (status::Cell { flapping: true, ..ill("optimal") }, 1 | FLAPPING),
            (status::Cell { unexplained: Some(0), ..ill("optimal") }, 1),
            (ill("unknown"), 5),
            (ill("splendid"), 5),
            (ill(""), 5),
        ] {
            assert_eq!(cell(&of), expect, "{of:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let header = Header { epoch: 1 << 63, revision: 7, names: 9, rows: 2, columns: 3 };
        let mut body = header.bytes();
        assert_eq!(body.len(), HEADER_BYTES);
        body.extend_from_slice(&[4, 1, 1, 0, 4, 1, 1, 1]);
        let map = Map::read(&body).unwrap();
        assert_eq!(map, Map { header, rows: &[4, 1], cells: &[1, 0, 4, 1, 1, 1] });
        let none = Header::default().bytes();
        assert_eq!(Map::read(&none).unwrap().cells, b"");
        for cut in 0..body.len() {
            assert!(Map::read(&body[..cut]).is_err(), "{cut}");
        }
        let changed = |at: usize, byte: u8| {
            let mut other = body.clone();
            other[at] = byte;
            Map::read(&other).unwrap_err()
        };
        assert_eq!(changed(0, b'Q'), "it does not begin as a map does");
        assert_eq!(changed(4, 2), "a map of layout 2, and this program reads 1");
        assert_eq!(changed(6, 39), "its header cannot be 39 bytes long");
        assert_eq!(changed(7, 200), "its header cannot be 51240 bytes long");
        assert_eq!(changed(35, 255), "17112760328 bytes should follow its header, and 8 do");
        body.push(1);
        assert_eq!(Map::read(&body).unwrap_err(), "8 bytes should follow its header, and 9 do");
    }
}
