//! Reading what the kernel put into the buffer. Total: any bytes may stand there.

/// The fields of `struct dm_ioctl` that we look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Where the data begin, bytes from the buffer's start.
    pub data_start: usize,
    /// Targets in a table or status.
    pub target_count: u32,
    /// How many have it open.
    pub open_count: u32,
    /// `DM_*_FLAG`.
    pub flags: u32,
    /// The device, in the kernel's encoding.
    pub dev: u64,
    /// Its name.
    pub name: String,
    /// Its UUID; empty if it has none.
    pub uuid: String,
}

/// One entry in the list of devices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// In the kernel's encoding.
    pub dev: u64,
    /// `None` where this kernel lists no UUIDs; empty where the device has none.
    pub uuid: Option<String>,
}

/// One target of a table or a status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// First sector.
    pub start: u64,
    /// Sectors.
    pub length: u64,
    /// E.g. `multipath`.
    pub kind: String,
    /// Table or status text.
    pub text: String,
}

/// Entries read of one list at most.
const ENTRIES_MAX: usize = 65_536;

/// `DM_NAME_LIST_FLAG_HAS_UUID` and `DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID`.
const HAS_UUID: u32 = 1;
const HAS_NO_UUID: u32 = 2;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The text up to its NUL, and its length.
fn text_at(bytes: &[u8], at: usize, max: usize) -> Option<(String, usize)> {
    let rest = bytes.get(at..)?;
    let rest = rest.get(..max.min(rest.len()))?;
    let length = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
    Some((String::from_utf8_lossy(rest.get(..length)?).into_owned(), length))
}

/// The header; `None` if the buffer is too short for one.
pub fn header(bytes: &[u8]) -> Option<Header> {
    Some(Header {
        data_start: usize::try_from(u32_at(bytes, 16)?).ok()?,
        target_count: u32_at(bytes, 20)?,
        open_count: u32_at(bytes, 24)?,
        flags: u32_at(bytes, 28)?,
        dev: u64_at(bytes, 40)?,
        name: text_at(bytes, 48, 128)?.0,
        uuid: text_at(bytes, 176, 129)?.0,
    })
}

/// The list of devices: `struct dm_name_list { u64 dev; u32 next; char name[]; }`, then, aligned to 8 bytes, the event
/// number and flags, and aligned again the UUID. `next` counts from the entry's own start.
///
/// The event number and flags are there since kernel 4.13; the flags say whether a UUID follows since interface 4.45,
/// and are 0 (or other bytes) before, so only with a UUID asked for and its flag set is one read.
pub fn devices(bytes: &[u8], data_start: usize) -> Vec<Device> {
    let mut out = Vec::new();
    let mut at = data_start;
    while out.len() < ENTRIES_MAX {
        let (Some(dev), Some(next)) = (u64_at(bytes, at), u32_at(bytes, at.saturating_add(8))) else { break };
        if dev == 0 {
            break;
        }
        let entry_end =
            if next == 0 { bytes.len() } else { at.saturating_add(next as usize).min(bytes.len()) };
        out.push(Device { dev, uuid: uuid_of(bytes, at, entry_end) });
        if next == 0 {
            break;
        }
        at = at.saturating_add(next as usize);
    }
    out
}

fn uuid_of(bytes: &[u8], at: usize, entry_end: usize) -> Option<String> {
    let entry = bytes.get(at..entry_end)?;
    let (_, name_bytes) = text_at(entry, 12, 128)?;
    let event = (12 + name_bytes + 1).next_multiple_of(8);
    match u32_at(entry, event + 4)? {
        HAS_UUID => Some(text_at(entry, event + 8, 129)?.0),
        HAS_NO_UUID => Some(String::new()),
        _ => None,
    }
}

/// The targets: `struct dm_target_spec { u64 start; u64 length; s32 status; u32 next; char type[16]; }`, then the text.
/// `next` counts from the first target's start, so it is the same as from `data_start`.
pub fn targets(bytes: &[u8], header: &Header) -> Vec<Target> {
    let mut out = Vec::new();
    let mut at = header.data_start;
    for _ in 0..(header.target_count as usize).min(ENTRIES_MAX) {
        let (Some(start), Some(length)) = (u64_at(bytes, at), u64_at(bytes, at.saturating_add(8))) else {
            break;
        };
        let Some(next) = u32_at(bytes, at.saturating_add(20)) else { break };
        let Some((kind, _)) = text_at(bytes, at.saturating_add(24), 16) else { break };
        let Some((text, _)) = text_at(bytes, at.saturating_add(40), usize::MAX) else { break };
        out.push(Target { start, length, kind, text });
        let after = header.data_start.saturating_add(next as usize);
        // Only forward, so that no chain of bytes makes a loop.
        if after <= at {
            break;
        }
        at = after;
    }
    out
}

/// `major:minor` of the kernel's encoding (`huge_encode_dev` in include/linux/kdev_t.h).
pub fn dev_t(dev: u64) -> String {
    let major = (dev & 0xf_ff00) >> 8;
    let minor = (dev & 0xff) | ((dev >> 12) & 0xf_ff00);
    format!("{major}:{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(dev: u64, name: &str, uuid: Option<&str>, last: bool) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(dev.to_ne_bytes());
        out.extend([0; 4]);
        out.extend(name.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(8), 0);
        out.extend(5u32.to_ne_bytes());
        out.extend(match uuid {
            None => 0u32.to_ne_bytes(),
            Some("") => HAS_NO_UUID.to_ne_bytes(),
            Some(_) => HAS_UUID.to_ne_bytes(),
        });
        if let Some(uuid) = uuid {
            out.extend(uuid.as_bytes());
            out.push(0);
        }
        out.resize(out.len().next_multiple_of(8), 0);
        if !last {
            let next = (out.len() as u32).to_ne_bytes();
            out[8..12].copy_from_slice(&next);
        }
        out
    }

    #[test]
    fn lists() {
        let mut bytes = entry(0xfe00, "data01", Some("mpath-3600"), false);
        bytes.extend(entry(0xfe01, "root", Some(""), false));
        bytes.extend(entry(0xfe02, "old", None, true));
        let got = devices(&bytes, 0);
        let uuids: Vec<_> = got.iter().map(|d| d.uuid.as_deref()).collect();
        assert_eq!(uuids, [Some("mpath-3600"), Some(""), None]);
        assert_eq!(dev_t(got[1].dev), "254:1");
        assert_eq!(dev_t(0xfe00 | (0x123 << 20)), "254:74496");
        assert!(devices(&[0; 16], 0).is_empty(), "an empty list is a zero device");
        assert!(devices(&bytes, 9999).is_empty());
    }

    #[test]
    fn two_targets() {
        let mut bytes = vec![0; 40];
        for (start, text) in [(0u64, "2 0 0"), (8, "x")] {
            let at = bytes.len();
            bytes.extend(start.to_ne_bytes());
            bytes.extend(8u64.to_ne_bytes());
            bytes.extend([0; 8]);
            bytes.extend(b"multipath\0\0\0\0\0\0\0");
            bytes.extend(text.as_bytes());
            bytes.push(0);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let next = ((bytes.len() - 40) as u32).to_ne_bytes();
            bytes[at + 20..at + 24].copy_from_slice(&next);
        }
        let header = Header {
            data_start: 40,
            target_count: 2,
            open_count: 0,
            flags: 0,
            dev: 0,
            name: String::new(),
            uuid: String::new(),
        };
        let got = targets(&bytes, &header);
        assert_eq!(got.len(), 2);
        assert_eq!((got[0].kind.as_str(), got[0].text.as_str()), ("multipath", "2 0 0"));
        assert_eq!((got[1].start, got[1].text.as_str()), (8, "x"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), start in 0..700usize) {
            if let Some(header) = header(&bytes) { targets(&bytes, &header); }
            prop_assert!(devices(&bytes, start).len() <= bytes.len());
        }
    }
}
