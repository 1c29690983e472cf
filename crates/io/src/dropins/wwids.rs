//! Editing multipath's wwids file in place, under multipath's own lock.
//!
//! multipath reads a line as an entry if it begins with `/`, up to the next `/`; it appends `/WWID/` and takes an entry out
//! by writing `#` over its first byte (libmultipath/wwids.c). It locks the whole file by `fcntl` for writing
//! (libmultipath/file.c). We do the same, and touch no other byte. Only what our record names is taken out.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pathkeeper_model::Wwid;
use rustix::fs::OFlags;

use super::{Done, FileError, WWIDS_BYTES_MAX, record};
use crate::managing::Managing;

/// How long the lock is waited for, milliseconds. multipath holds it for the time of one read and one write.
pub const LOCK_WAIT_MS: u64 = 5_000;
/// Between two attempts. The lock has no other way to be waited for with a bound: its signal would reach any thread.
const LOCK_STEP: Duration = Duration::from_millis(20);
/// multipath's own bound of a WWID, with its end (`WWID_SIZE`).
const WWID_BYTES_MAX: usize = 127;
/// What multipath writes at the head of a new file; whoever reads one without it takes it for another program's.
const HEADER: &str = "# Multipath wwids, Version : 1.0\n";

/// What became of WWIDs that were to be added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WwidsAdded {
    /// Their entries were appended and stand in our record.
    pub added: Vec<Wwid>,
    /// Somebody else's entry is there; it stays theirs.
    pub others: Vec<Wwid>,
}

/// What became of WWIDs that were to be taken out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WwidsRemoved {
    /// Taken out, or not there any more.
    pub removed: Vec<Wwid>,
    /// Not added by us: left as they are.
    pub others: Vec<Wwid>,
}

/// Adds entries. The record is on the disk before the first byte of an entry is.
pub(super) fn add(
    _right: &Managing,
    path: &Path,
    state: &Path,
    wwids: &[Wwid],
) -> Result<WwidsAdded, FileError> {
    for wwid in wwids {
        let text = wwid.as_str();
        if text.len() > WWID_BYTES_MAX || text.bytes().any(|b| b == b'/' || b <= b' ' || b == 0x7f) {
            return Err(FileError::new("write", path, format!("{text:?} cannot stand in it as a WWID")));
        }
    }
    if wwids.is_empty() {
        return Ok(WwidsAdded::default());
    }
    let file = Locked::open(path)?;
    let mut ours = record::read(state)?;
    let mut out = WwidsAdded::default();
    for wwid in wwids {
        let stands = starts_of(&file.text, wwid).next().is_some();
        match (stands, ours.binary_search(wwid)) {
            (true, Err(_)) => out.others.push(wwid.clone()),
            (true, Ok(_)) => {}
            (false, place) => {
                out.added.push(wwid.clone());
                if let Err(at) = place {
                    ours.insert(at, wwid.clone());
                }
            }
        }
    }
    out.added.sort();
    out.added.dedup();
    if out.added.is_empty() {
        return Ok(out);
    }
    record::write(state, &ours)?;
    let mut more = String::new();
    match file.text.last() {
        None => more.push_str(HEADER),
        // A line that somebody left open, or that was cut off, stays a line of its own.
        Some(last) if *last != b'\n' => more.push('\n'),
        Some(_) => {}
    }
    for wwid in &out.added {
        more.push('/');
        more.push_str(wwid.as_str());
        more.push_str("/\n");
    }
    if let Err(error) = file.append(more.as_bytes()) {
        // What does not stand there is not ours. Should this fail too, `settle` does it later.
        if let Ok(text) = read_all(&file.file) {
            ours.retain(|wwid| !out.added.contains(wwid) || starts_of(&text, wwid).next().is_some());
            let _ = record::write(state, &ours);
        }
        return Err(error);
    }
    Ok(out)
}

/// Takes out entries that the record names. The record forgets them when that is on the disk.
pub(super) fn remove(
    _right: &Managing,
    path: &Path,
    state: &Path,
    wwids: &[Wwid],
) -> Result<WwidsRemoved, FileError> {
    if wwids.is_empty() {
        return Ok(WwidsRemoved::default());
    }
    let file = Locked::open(path)?;
    let mut ours = record::read(state)?;
    let mut out = WwidsRemoved::default();
    for wwid in wwids {
        let to = if ours.binary_search(wwid).is_ok() { &mut out.removed } else { &mut out.others };
        to.push(wwid.clone());
    }
    if out.removed.is_empty() {
        return Ok(out);
    }
    for wwid in &out.removed {
        // Ours is the first: we add none where one stands. One that a person wrote below it stays that person's.
        if let Some(start) = starts_of(&file.text, wwid).next() {
            file.strike(start)?;
        }
    }
    file.sync()?;
    ours.retain(|wwid| !out.removed.contains(wwid));
    record::write(state, &ours)?;
    Ok(out)
}

/// Strikes out of the record what has no entry.
pub(super) fn settle(_right: &Managing, path: &Path, state: &Path) -> Result<Done, FileError> {
    let ours = record::read(state)?;
    if ours.is_empty() {
        return Ok(Done::AlreadySo);
    }
    let file = Locked::open(path)?;
    let stand: Vec<Wwid> =
        ours.iter().filter(|wwid| starts_of(&file.text, wwid).next().is_some()).cloned().collect();
    if stand == ours {
        return Ok(Done::AlreadySo);
    }
    record::write(state, &stand)?;
    Ok(Done::Applied)
}

/// Where entries of this WWID begin, bytes from the file's start: more than one where somebody added it twice.
fn starts_of<'a>(text: &'a [u8], wwid: &'a Wwid) -> impl Iterator<Item = u64> + 'a {
    let mut at = 0_u64;
    text.split_inclusive(|b| *b == b'\n').filter_map(move |line| {
        let start = at;
        at += line.len() as u64;
        let rest = line.strip_prefix(b"/")?.strip_prefix(wwid.as_str().as_bytes())?;
        rest.starts_with(b"/").then_some(start)
    })
}

/// The file, locked until it is dropped, with what stood in it then.
struct Locked<'p> {
    path: &'p Path,
    file: File,
    text: Vec<u8>,
}

impl<'p> Locked<'p> {
    /// Opens the file, making it where it is absent, and takes the lock.
    ///
    /// The lock is of the kind that belongs to the open file, not to the process: it excludes multipath's as well, and is
    /// not lost when another thread of ours reads the same file and closes it.
    fn open(path: &'p Path) -> Result<Self, FileError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| FileError::new("create", folder, e))?;
        }
        let until = Instant::now() + Duration::from_millis(LOCK_WAIT_MS);
        loop {
            let mut options = File::options();
            // multipath makes it with this mode; a link would lead us to somebody else's file.
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            options
                .custom_flags((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits().cast_signed());
            let file = options.open(path).map_err(|e| FileError::new("open", path, e))?;
            let fail = |doing, e: std::io::Error| FileError::new(doing, path, e);
            if !file.metadata().map_err(|e| fail("open", e))?.is_file() {
                return Err(FileError::new("open", path, "it is no plain file"));
            }
            let locked = match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_for_writing())) {
                Ok(_) => true,
                Err(Errno::EAGAIN | Errno::EACCES) => false,
                Err(error) => return Err(fail("lock", error.into())),
            };
            // An editor may have put another file in its place meanwhile: what is locked must be what is there.
            let ours = file.metadata().map_err(|e| fail("read", e))?.ino();
            if locked && fs::metadata(path).is_ok_and(|now| now.ino() == ours) {
                let text = read_all(&file).map_err(|e| fail("read", e))?;
                return Ok(Self { path, file, text });
            }
            if Instant::now() >= until {
                let why = format!("another program held its lock for {} s", LOCK_WAIT_MS / 1000);
                return Err(FileError::new("lock", path, why));
            }
            drop(file);
            std::thread::sleep(LOCK_STEP);
        }
    }

    /// Appends in one write and waits for the disk. What could not be written whole is cut off again.
    fn append(&self, bytes: &[u8]) -> Result<(), FileError> {
        let length = self.text.len() as u64;
        let written = self.file.write_all_at(bytes, length).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            let undone = self.file.set_len(length).and_then(|()| self.file.sync_all());
            let more = undone.err().map_or(String::new(), |e| format!("; cutting off what was written: {e}"));
            FileError::new("write", self.path, format!("{error}{more}"))
        })
    }

    /// Turns the entry that begins here into a comment.
    fn strike(&self, start: u64) -> Result<(), FileError> {
        self.file.write_all_at(b"#", start).map_err(|e| FileError::new("write", self.path, e))
    }

    fn sync(&self) -> Result<(), FileError> {
        self.file.sync_all().map_err(|e| FileError::new("sync", self.path, e))
    }
}

fn whole_for_writing() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

fn read_all(mut file: &File) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(WWIDS_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > WWIDS_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is longer than {WWIDS_BYTES_MAX} bytes")));
    }
    Ok(text)
}
