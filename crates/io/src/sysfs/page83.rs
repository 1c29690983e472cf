//! What a SCSI device says of itself on its device identification page, as the kernel holds it (`vpd_pg83`; SPC-5, 7.7.6): the
//! device itself is not asked.

use super::file::read_at_most;
use std::path::Path;

/// A page is never longer (its length has 16 bits), and the kernel holds no more.
const PAGE_BYTES_MAX: usize = 4 + 65_535;
/// Names of one LUN; more are not kept.
const NAMES_MAX: usize = 8;

/// What is needed of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page83 {
    /// The target port group of the port by which it was asked (designator type 5).
    pub port_group: Option<u16>,
    /// The relative identifier of that port (type 4).
    pub relative_port: Option<u16>,
    /// NAA names of the LUN (type 3), hexadecimal.
    pub naa: Vec<String>,
}

impl Page83 {
    /// The WWID that the device bears instead, if it cannot be this one. Only names of the form that udev makes of an NAA name
    /// (`3` and the name) can be held against the page: others depend on rules of udev's.
    pub fn contradicts(&self, wwid: &str) -> Option<String> {
        // Asked for each path with each read: nothing is copied.
        let first = self.naa.first()?;
        let name = wwid.strip_prefix('3')?;
        let is_naa = matches!(name.len(), 16 | 32) && name.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_naa || self.naa.iter().any(|of| of.eq_ignore_ascii_case(name)) {
            return None;
        }
        Some(format!("3{first}"))
    }
}

/// Reads the file; what is not there or has not this form says nothing.
pub(super) fn read(file: &Path) -> Page83 {
    read_at_most(file, PAGE_BYTES_MAX).map(|page| decode(&page)).unwrap_or_default()
}

/// Any bytes may come.
pub fn decode(page: &[u8]) -> Page83 {
    let mut out = Page83::default();
    let Some(([_, 0x83, high, low], rest)) = page.split_first_chunk::<4>() else { return out };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let mut rest = rest.get(..length).unwrap_or(rest);
    while let Some(([_, kind, _, length], after)) = rest.split_first_chunk::<4>() {
        let Some((value, next)) = after.split_at_checked(usize::from(*length)) else { break };
        rest = next;
        let association = kind >> 4 & 0x3;
        let number = match value {
            [_, _, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        };
        match (association, kind & 0xf) {
            (0, 3) if matches!(value.len(), 8 | 16) && out.naa.len() < NAMES_MAX => {
                out.naa.push(value.iter().map(|byte| format!("{byte:02x}")).collect());
            }
            (1, 4) => out.relative_port = out.relative_port.or(number),
            (1, 5) => out.port_group = out.port_group.or(number),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn designator(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[1, kind, 0, value.len() as u8], value].concat()
    }

    fn page(designators: &[Vec<u8>]) -> Vec<u8> {
        let all = designators.concat();
        [&[0, 0x83], &(all.len() as u16).to_be_bytes()[..], &all].concat()
    }

    const NAA: [u8; 16] =
        [0x60, 0x0a, 0x09, 0x80, 0x38, 0x30, 0x44, 0x79, 0x36, 0x3f, 0x4c, 0x48, 0x70, 0x45, 0x5a, 0x7c];

    #[test]
    fn group_port_and_names() {
        let bytes = page(&[
            designator(0x01, b"NETAPP   LUN"),
            designator(0x03, &NAA),
            designator(0x14, &[0, 0, 0, 7]),
            designator(0x15, &[0, 0, 0x03, 0xe8]),
            // Of the target device, not of the LUN.
            designator(0x23, &[0x50, 0, 0, 0, 0, 0, 0, 1]),
        ]);
        let got = decode(&bytes);
        assert_eq!((got.port_group, got.relative_port), (Some(1000), Some(7)));
        assert_eq!(got.naa, ["600a098038304479363f4c4870455a7c"]);
        assert_eq!(got.contradicts("3600a098038304479363f4c4870455a7c"), None);
        assert_eq!(got.contradicts("3600A098038304479363F4C4870455A7C"), None);
        let other = got.contradicts("3600a098038304479363f4c4870455a7d");
        assert_eq!(other.as_deref(), Some("3600a098038304479363f4c4870455a7c"));
        // These are not made of such a name.
        for wwid in ["1Linux_scsi_debug_2000", "eui.0", "3", "360", "SNETAPP_x", ""] {
            assert_eq!(got.contradicts(wwid), None, "{wwid}");
        }
        assert_eq!(Page83::default().contradicts("3600a098038304479363f4c4870455a7d"), None);
    }

    #[test]
    fn what_breaks_off_says_what_came_before() {
        let whole = page(&[designator(0x15, &[0, 0, 0, 1]), designator(0x03, &NAA)]);
        assert_eq!(decode(&whole[..whole.len() - 1]).naa, Vec::<String>::new());
        assert_eq!(decode(&whole[..whole.len() - 1]).port_group, Some(1));
        assert_eq!(decode(&[0, 0x80, 0, 0]), Page83::default());
        assert_eq!(decode(&page(&[designator(0x15, &[0])])), Page83::default());
    }

    proptest! {
        #[test]
        fn any_bytes_may_come(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            decode(&bytes);
            let mut bytes = bytes;
            if let Some(second) = bytes.get_mut(1) {
                *second = 0x83;
            }
            assert!(decode(&bytes).naa.len() <= NAMES_MAX);
        }
    }
}
