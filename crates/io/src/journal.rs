//! systemd's journal in its own protocol: fields with names, so that `journalctl CODE=HBA_DOWN` finds a line.
//!
//! An entry is one datagram: `NAME=value` and a newline for each field, or, where the value has a newline of its own, the
//! name, a newline, the value's length as 64 bits little endian, the value, a newline (systemd, `JOURNAL_NATIVE_PROTOCOL`).

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Where systemd-journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";
/// An entry is never larger than this; journald takes datagrams of a few hundred KiB.
const ENTRY_BYTES_MAX: usize = 64 << 10;
/// A field's name is never longer than journald takes.
const NAME_BYTES_MAX: usize = 64;

/// One entry that is being written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry(Vec<u8>);

impl Entry {
    /// Adds a field. A name that journald would refuse, an empty value, and what there is no room for are left out.
    pub fn add(&mut self, name: &str, value: &str) {
        let good = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let starts = name.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        let named = starts && name.len() <= NAME_BYTES_MAX && name.bytes().all(good);
        // 10: `=` or newline, length, newline.
        if !named || value.is_empty() || self.0.len() + name.len() + value.len() + 10 > ENTRY_BYTES_MAX {
            return;
        }
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }

    /// The datagram.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A journal that takes entries.
#[derive(Debug)]
pub struct Journal(UnixDatagram);

impl Journal {
    /// Connects to the journal's socket.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let datagrams = UnixDatagram::unbound()?;
        datagrams.connect(socket)?;
        Ok(Self(datagrams))
    }

    /// Sends an entry. It waits while the journal has no room: whoever must not wait sends from a thread of its own.
    ///
    /// # Errors
    /// The system's; a journal that was started anew wants to be connected anew.
    pub fn send(&self, entry: &Entry) -> io::Result<()> {
        self.0.send(entry.bytes()).map(drop)
    }
}

/// Whether standard error is the journal, as `JOURNAL_STREAM` says: device and inode of the stream that systemd opened. A
/// program whose standard error was sent elsewhere afterwards still has the variable.
pub fn is_stderr(journal_stream: &str) -> bool {
    let named = journal_stream
        .split_once(':')
        .and_then(|(dev, ino)| Some((dev.parse::<u64>().ok()?, ino.parse::<u64>().ok()?)));
    let is = rustix::fs::fstat(std::io::stderr());
    matches!((named, is), (Some((dev, ino)), Ok(is)) if is.st_dev == dev && is.st_ino == ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let check = |fields: &[(&str, &str)], expect: &[u8]| {
            let mut entry = Entry::default();
            fields.iter().for_each(|(name, value)| entry.add(name, value));
            assert_eq!(String::from_utf8_lossy(entry.bytes()), String::from_utf8_lossy(expect), "{fields:?}");
        };
        check(
            &[("MESSAGE", "hello = world"), ("CODE", "HBA_DOWN")],
            b"MESSAGE=hello = world\nCODE=HBA_DOWN\n",
        );
        check(&[("MESSAGE", "a\nPRIORITY=0")], b"MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n");
        check(&[("WWID", ""), ("_PID", "1"), ("lower", "1"), ("", "1"), ("1A", "1"), ("A=B\nC", "1")], b"");
        check(&[(&"A".repeat(65), "1"), ("MESSAGE", &"x".repeat(ENTRY_BYTES_MAX)), ("B", "1")], b"B=1\n");
    }

    #[test]
    fn a_datagram_is_an_entry() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        assert!(Journal::connect(&socket).is_err());
        let journald = UnixDatagram::bind(&socket).unwrap();
        let journal = Journal::connect(&socket).unwrap();
        let mut entry = Entry::default();
        entry.add("MESSAGE", "hello");
        journal.send(&entry).unwrap();
        let mut bytes = [0; 64];
        let length = journald.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"MESSAGE=hello\n");
    }

    #[test]
    fn only_the_stream_that_is_named_is_the_journal() {
        let is = rustix::fs::fstat(std::io::stderr()).unwrap();
        for (stream, expect) in [
            (format!("{}:{}", is.st_dev, is.st_ino), true),
            (format!("{}:{}", is.st_dev, is.st_ino + 1), false),
            ("8:1".into(), false),
            ("".into(), false),
            ("x:y".into(), false),
        ] {
            assert_eq!(is_stderr(&stream), expect, "{stream}");
        }
    }
}
