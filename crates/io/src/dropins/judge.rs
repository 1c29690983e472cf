//! What multipath itself says of a configuration before multipathd reads it.
//!
//! multipathd passes over what it does not understand and goes on with the rest, so a broken file can rename a map that is in
//! use; and there are values on which it spins for ever. `multipath -t` reads the same files with the same parser, prints
//! what it does not understand on standard error, and touches no device. It knows no other place for its files than
//! `/etc/multipath`: so it runs in a mount namespace of its own, in which a staging copy lies over that folder.
//!
//! This is the one place in this crate that starts a program. A thread makes the namespace for itself alone, the program
//! inherits it, and it is gone with the two of them. The present files are judged the same way, and only what the
//! candidate says beyond them counts: an old warning of the administrator's is no reason to refuse.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, kill_process_group, pidfd_open, prlimit};
use thiserror::Error;

use super::{CONF_BYTES_MAX, DropIn, FileError, NodeFiles, TEMPORARY, WWIDS_BYTES_MAX, read};
use crate::roots::Roots;

/// How long one run may take, milliseconds.
pub const RUN_MS: u64 = 10_000;
/// After the kill the kernel has so long to end it; then it is left to itself.
const KILLED_MS: u64 = 1_000;
/// Beyond the time that it may take it may use the processor for so long, seconds; that ends one that outlives us.
const CPU_MORE_S: u64 = 5;
/// What is kept of its warnings, bytes; the rest is read and thrown away, so that it does not wait for us.
const STDERR_BYTES_MAX: usize = 256 << 10;
/// Warnings that are told.
const WARNINGS_MAX: usize = 32;
/// The program, in one of the folders of [`Roots::programs`].
const PROGRAM: &str = "multipath";

/// What stands in the drop-ins that are to be judged. `None` = there is none.
#[derive(Clone, Copy, Default, Debug)]
pub struct Candidate<'a> {
    /// [`DropIn::Main`].
    pub main: Option<&'a [u8]>,
    /// [`DropIn::Overrides`].
    pub overrides: Option<&'a [u8]>,
}

/// What multipath says of a candidate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// Nothing that it does not say of the present files too.
    Accepted,
    /// It does not understand these lines, or does not come to an end.
    Refused(Vec<String>),
}

/// Why there is no judgement. Nothing was touched.
#[derive(Error, Debug)]
pub enum JudgeError {
    /// The program is not there.
    #[error("multipath's program is not on this machine (looked for in {0})")]
    NoProgram(String),
    /// No namespace of our own.
    #[error("cannot {doing}: {why} (needs root, and a unit that allows mount namespaces)")]
    Namespace {
        /// What was tried.
        doing: &'static str,
        /// The system's word.
        why: nix::Error,
    },
    /// The copy could not be made.
    #[error("{0}")]
    File(#[from] FileError),
    /// The program could not be run.
    #[error("cannot run {}: {why}", program.display())]
    Run {
        /// Which.
        program: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// It does not end with the present files either, so nothing can be said of others.
    #[error("multipath -t does not read the files that are there now to their end: {0}; see `multipath -t`")]
    Present(String),
    /// Our thread broke off.
    #[error("the thread that ran it broke off")]
    Thread,
}

/// Judges a candidate: both drop-ins in place of the present ones, all other files as they are. Takes up to twice `run_ms`.
///
/// # Errors
/// Where it cannot be judged.
pub fn judge(
    files: &NodeFiles,
    roots: &Roots,
    candidate: Candidate<'_>,
    run_ms: u64,
) -> Result<Judgement, JudgeError> {
    let looked = || roots.programs.iter().map(|dir| dir.to_string_lossy()).collect::<Vec<_>>().join(", ");
    let program = roots.programs.iter().map(|dir| dir.join(PROGRAM)).find(|path| path.is_file());
    let program = program.ok_or_else(|| JudgeError::NoProgram(looked()))?;
    let point = MountPoint::at(files.folder())?;
    let present = read_present(files)?;
    let before = run(files, &present, &program, &point, run_ms)?;
    if let Some(why) = before.end.fault() {
        return Err(JudgeError::Present(why));
    }
    let after = run(files, &candidate, &program, &point, run_ms)?;
    let mut refused = beyond(&before.warnings(), after.warnings());
    refused.truncate(WARNINGS_MAX);
    refused.extend(after.end.fault());
    Ok(if refused.is_empty() { Judgement::Accepted } else { Judgement::Refused(refused) })
}

fn read_present(files: &NodeFiles) -> Result<Owned, FileError> {
    Ok(Owned {
        main: read(&files.path(DropIn::Main), CONF_BYTES_MAX)?,
        overrides: read(&files.path(DropIn::Overrides), CONF_BYTES_MAX)?,
    })
}

/// [`Candidate`] with its bytes.
struct Owned {
    main: Option<Vec<u8>>,
    overrides: Option<Vec<u8>>,
}

trait Content {
    fn of(&self, which: DropIn) -> Option<&[u8]>;
}

impl Content for Owned {
    fn of(&self, which: DropIn) -> Option<&[u8]> {
        match which {
            DropIn::Main => self.main.as_deref(),
            DropIn::Overrides => self.overrides.as_deref(),
        }
    }
}

impl Content for Candidate<'_> {
    fn of(&self, which: DropIn) -> Option<&[u8]> {
        match which {
            DropIn::Main => self.main,
            DropIn::Overrides => self.overrides,
        }
    }
}

/// `/etc/multipath`, over which the copy is laid. Where there is no such folder it is made for that time.
struct MountPoint {
    path: PathBuf,
    ours: bool,
}

impl MountPoint {
    fn at(path: PathBuf) -> Result<Self, FileError> {
        match fs::create_dir(&path) {
            Ok(()) => Ok(Self { path, ours: true }),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(Self { path, ours: false }),
            Err(e) => Err(FileError::new("create", &path, e)),
        }
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        if self.ours {
            // Whoever put something there meanwhile keeps it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// How a run ended.
enum End {
    Exited(ExitStatus),
    Killed(u64),
}

impl End {
    /// What was wrong with that, if anything was.
    fn fault(&self) -> Option<String> {
        match self {
            End::Killed(ms) => Some(format!("it did not end within {} s and was killed", ms / 1000)),
            End::Exited(status) if status.success() => None,
            End::Exited(status) => Some(match (status.code(), status.signal()) {
                (Some(code), _) => format!("it ended with status {code}"),
                (_, Some(signal)) => format!("it was ended by signal {signal}"),
                _ => "it ended oddly".to_owned(),
            }),
        }
    }
}

/// What a run left.
struct Outcome {
    stderr: Vec<u8>,
    end: End,
}

impl Outcome {
    fn warnings(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.stderr).lines().map(message).filter(|line| !line.is_empty()).collect()
    }
}

/// The warning without the time that multipath prints before it (`1234.567890 | `).
fn message(line: &str) -> String {
    let line = line.trim();
    let is_time = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let text = line.split_once(" | ").filter(|(time, _)| is_time(time)).map_or(line, |(_, text)| text);
    crate::multipathd::reply::clip(text)
}

/// The warnings of `after` that `before` has not, one for one. Numbers of lines do not count: they move when a line is added above.
fn beyond(before: &[String], after: Vec<String>) -> Vec<String> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for warning in before {
        *known.entry(without_line(warning)).or_default() += 1;
    }
    let is_new = |warning: &String| match known.get_mut(&without_line(warning)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    after.into_iter().filter(is_new).collect()
}

/// The same text with each `line 12` as `line`.
fn without_line(warning: &str) -> String {
    let mut pieces = warning.split("line ");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str("line ");
        out.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

/// One run over a copy of the folder with these drop-ins.
fn run(
    files: &NodeFiles,
    content: &dyn Content,
    program: &Path,
    point: &MountPoint,
    run_ms: u64,
) -> Result<Outcome, JudgeError> {
    let staging = stage(files, content)?;
    let over = staging.path();
    // A namespace belongs to a thread, and this one is made for it: the process' other threads see nothing of it.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let child = start(over, &point.path, program)?;
            watch(child, run_ms).map_err(|why| JudgeError::Run { program: program.to_owned(), why })
        });
        thread.join().unwrap_or(Err(JudgeError::Thread))
    })
}

/// A copy of `/etc/multipath` with these drop-ins in place of the present ones.
fn stage(files: &NodeFiles, content: &dyn Content) -> Result<tempfile::TempDir, FileError> {
    let state = files.state()?;
    let staging = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(state);
    let staging = staging.map_err(|e| FileError::new("create a folder in", state, e))?;
    let put = |name: &str, bytes: &[u8]| {
        let path = staging.path().join(name);
        fs::write(&path, bytes).map_err(|e| FileError::new("write", &path, e))
    };
    let conf_d = staging.path().join("conf.d");
    fs::create_dir(&conf_d).map_err(|e| FileError::new("create", &conf_d, e))?;
    for name in files.conf_names()? {
        if DropIn::ALL.iter().all(|which| which.name() != name)
            && let Some(bytes) = read(&files.conf_d().join(&name), CONF_BYTES_MAX)?
        {
            put(&format!("conf.d/{name}"), &bytes)?;
        }
    }
    for which in DropIn::ALL {
        if let Some(bytes) = content.of(which) {
            put(&format!("conf.d/{}", which.name()), bytes)?;
        }
    }
    // It may look into these, and would make them where they are not.
    for name in ["wwids", "bindings", "prkeys"] {
        if let Some(bytes) = read(&files.folder().join(name), WWIDS_BYTES_MAX)? {
            put(name, &bytes)?;
        }
    }
    Ok(staging)
}

/// Goes into a namespace of its own, lays the copy over the folder, and starts the program there.
fn start(staging: &Path, point: &Path, program: &Path) -> Result<Child, JudgeError> {
    let none: Option<&str> = None;
    let fail = |doing| move |why| JudgeError::Namespace { doing, why };
    unshare(CloneFlags::CLONE_NEWNS).map_err(fail("make a mount namespace"))?;
    // Else what is mounted here would show everywhere.
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(fail("make the mounts private"))?;
    mount(Some(staging), point, none, MsFlags::MS_BIND, none).map_err(fail("mount the copy"))?;
    let mut command = Command::new(program);
    command.arg("-t").env("LC_ALL", "C").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|why| JudgeError::Run { program: program.to_owned(), why })
}

/// Reads its warnings until it ends or its time is over, and leaves nothing of it running.
fn watch(mut child: Child, run_ms: u64) -> std::io::Result<Outcome> {
    let outcome = watch_to_its_end(&mut child, run_ms);
    if outcome.is_err() {
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
    }
    outcome
}

fn watch_to_its_end(child: &mut Child, run_ms: u64) -> std::io::Result<Outcome> {
    let pid = Pid::from_child(child);
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    let pipe = child.stderr.take().map(OwnedFd::from);
    if let Some(pipe) = &pipe {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    // Should we die before it does, it must not spin for ever: the kernel ends it then.
    let seconds = Some(run_ms / 1_000 + CPU_MORE_S);
    prlimit(Some(pid), Resource::Cpu, Rlimit { current: seconds, maximum: seconds })?;
    let mut stderr = Vec::new();
    let until = Instant::now() + Duration::from_millis(run_ms);
    let in_time = loop {
        let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
            break false;
        };
        let mut fds = vec![PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
        fds.extend(pipe.as_ref().map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let over = fds.first().is_some_and(|fd| !fd.revents().is_empty());
        // Read before the verdict: what it said last is in the pipe when it is gone.
        let closed = drain(pipe.as_ref(), &mut stderr);
        if over {
            break true;
        }
        if closed {
            // Nothing more will come by the pipe, and it would be ready for ever.
            let left = until.saturating_duration_since(Instant::now());
            break wait(&ended, left)?;
        }
    };
    // It, and whatever it started.
    let _ = kill_process_group(pid, Signal::KILL);
    if !in_time && !wait(&ended, Duration::from_millis(KILLED_MS))? {
        return Ok(Outcome { stderr, end: End::Killed(run_ms) });
    }
    let status = child.wait()?;
    Ok(Outcome { stderr, end: if in_time { End::Exited(status) } else { End::Killed(run_ms) } })
}

/// Whether it ends within this time.
fn wait(ended: &OwnedFd, left: Duration) -> std::io::Result<bool> {
    let until = Instant::now() + left;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes what is in the pipe, and keeps what there is room for; true if its other end is closed.
fn drain(pipe: Option<&OwnedFd>, into: &mut Vec<u8>) -> bool {
    let Some(pipe) = pipe else { return true };
    let mut chunk = [0_u8; 8192];
    // A program that writes without an end must not keep us here: the rest comes with the next poll.
    for _ in 0..64 {
        match rustix::io::read(pipe, &mut chunk) {
            Ok(0) => return true,
            Ok(n) => {
                let room = STDERR_BYTES_MAX.saturating_sub(into.len()).min(n);
                into.extend_from_slice(chunk.get(..room).unwrap_or_default());
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return false,
            Err(_) => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_present_files_do_not_say_counts() {
        let texts = |list: &[&str]| list.iter().map(|text| message(text)).collect::<Vec<_>>();
        let check = |before: &[&str], after: &[&str], expect: &[&str]| {
            assert_eq!(beyond(&texts(before), texts(after)), expect, "{before:?} {after:?}");
        };
        let old = "167.012345 | /etc/multipath.conf line 3, invalid keyword: foo";
        check(&[], &[], &[]);
        check(&[old], &["9.9 | /etc/multipath.conf line 7, invalid keyword: foo"], &[]);
        check(&[old], &[], &[]);
        check(&[old], &[old, old], &["/etc/multipath.conf line 3, invalid keyword: foo"]);
        check(&[old], &["x line 3, missing '{'"], &["x line 3, missing '{'"]);
        check(&[], &["a | b"], &["a | b"]);
    }
}
