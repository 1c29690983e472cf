//! Reading attribute files of sysfs and proc: small, bounded, and never anything else.

use rustix::fs::{CWD, FileType, Mode, OFlags};
use std::path::Path;

/// What is read of one file at most. sysfs attributes are at most one page.
pub const FILE_BYTES_MAX: usize = 4096;

/// A regular file's first bytes; `None` where it is absent, unreadable, or no regular file.
///
/// The file is opened without blocking and looked at before it is read, so neither a device nor a pipe is ever read.
pub fn read_bytes(path: &Path) -> Option<Vec<u8>> {
    read_at_most(path, FILE_BYTES_MAX)
}

/// The same for a file of another size: its first `bytes_max` bytes.
pub fn read_at_most(path: &Path, bytes_max: usize) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd).ok()?.st_mode);
    if kind != FileType::RegularFile {
        return None;
    }
    let mut chunk = [0u8; FILE_BYTES_MAX];
    let mut out = Vec::new();
    while out.len() < bytes_max {
        let room = chunk.get_mut(..(bytes_max - out.len()).min(FILE_BYTES_MAX))?;
        match rustix::io::read(&fd, room) {
            Ok(0) => break,
            Ok(n) => out.extend_from_slice(chunk.get(..n)?),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) if out.is_empty() => return None,
            Err(_) => break,
        }
    }
    Some(out)
}

/// A file's text without white space around it; `None` also where it is empty.
pub fn read_text(path: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&read_bytes(path)?).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// A number, decimal or with `0x` before it.
pub fn read_number(path: &Path) -> Option<u64> {
    let text = read_text(path)?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Names in a folder, sorted, at most `max`; empty where there is no such folder.
pub fn names(folder: &Path, max: usize) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut out: Vec<String> =
        entries.take(max).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    out.sort_unstable();
    out
}

/// Whether a name is one path component and nothing tricky: kernel names with `/` in them bear `!` in sysfs.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name != "." && name != ".." && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_small_regular_files() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("size"), "524288\n").unwrap();
        std::fs::write(at("hex"), "0x10\n").unwrap();
        std::fs::write(at("empty"), "\n").unwrap();
        std::fs::write(at("long"), vec![b'x'; 100_000]).unwrap();
        rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(read_number(&at("size")), Some(524_288));
        assert_eq!(read_number(&at("hex")), Some(16));
        assert_eq!(read_text(&at("empty")), None);
        assert_eq!(read_bytes(&at("long")).unwrap().len(), FILE_BYTES_MAX);
        assert_eq!(read_at_most(&at("long"), 10_000).unwrap().len(), 10_000);
        assert_eq!(read_at_most(&at("long"), 1 << 20).unwrap().len(), 100_000);
        assert_eq!(read_bytes(&at("pipe")), None);
        assert_eq!(read_bytes(&at("absent")), None);
        assert_eq!(read_bytes(dir.path()), None);
        assert_eq!(read_bytes(Path::new("/dev/null")), None);
        assert_eq!(names(dir.path(), 100).len(), 5);
        assert!(names(&at("absent"), 100).is_empty());
        assert!(is_plain("cciss!c0d0") && !is_plain("../x") && !is_plain(""));
    }
}
