//! multipathd's process: whether it is installed, whether it runs, and when it ends.
//!
//! This is asked before any connection is made. Debian 12 starts a stopped multipathd when somebody connects to its socket,
//! and an observer starts nothing.

use crate::roots::Roots;
use crate::sysfs::file::{read_bytes, read_text};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::path::Path;
use tokio::io::unix::AsyncFd;

/// The daemon's name.
const NAME: &str = "multipathd";
/// Processes looked at in one search at most.
const PROCESSES_MAX: usize = 200_000;

/// The daemon's process id, or `None` if it does not run. `last` is where it was before: looked at first.
pub fn find(roots: &Roots, last: Option<u32>) -> Option<u32> {
    let runs = |pid: &u32| is_daemon(&roots.proc, *pid);
    let from_file = || read_text(&roots.run.join("multipathd.pid"))?.parse().ok();
    last.filter(runs).or_else(|| from_file().filter(runs)).or_else(|| {
        std::fs::read_dir(&roots.proc)
            .ok()?
            .take(PROCESSES_MAX)
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .find(runs)
    })
}

/// Whether multipathd's program is on this machine.
pub fn is_installed(roots: &Roots) -> bool {
    roots.programs.iter().any(|dir| dir.join(NAME).is_file())
}

/// Whether this process is the daemon: its name, not a zombie, and not the same program used as a client
/// (`multipathd show maps`, `multipathd -k`).
fn is_daemon(proc: &Path, pid: u32) -> bool {
    let at = proc.join(pid.to_string());
    // Of a thousand processes all but one are passed over here: `comm` costs the kernel far less than `stat`.
    if read_text(&at.join("comm")).as_deref() != Some(NAME) {
        return false;
    }
    let Some(stat) = read_text(&at.join("stat")) else { return false };
    // `167 (multipathd) S 1 …`
    let Some((_, rest)) = stat.rsplit_once(')') else { return false };
    if matches!(rest.trim_start().chars().next(), None | Some('Z' | 'X' | 'x')) {
        return false;
    }
    let line = read_bytes(&at.join("cmdline")).unwrap_or_default();
    let mut arguments = line.split(|b| *b == 0).skip(1);
    !arguments.any(|word| word.starts_with(b"-k") || word.first().is_some_and(u8::is_ascii_alphabetic))
}

/// Tells when a process ends.
#[derive(Debug)]
pub struct ProcessWatch {
    pid: u32,
    fd: AsyncFd<OwnedFd>,
}

impl ProcessWatch {
    /// Watches this process; must be called within a tokio runtime. An error also where it has gone already.
    pub fn new(pid: u32) -> io::Result<Self> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let raw = raw.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let fd = pidfd_open(raw, PidfdFlags::NONBLOCK)?;
        Ok(Self { pid, fd: crate::ready::readable(fd)? })
    }

    /// Whom it watches.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns when the process has ended. May be dropped and called again.
    pub async fn gone(&self) -> io::Result<()> {
        self.fd.readable().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;
    use std::process::{Command, Stdio};

    #[test]
    fn finds_the_daemon_and_not_its_clients() {
        let tree = Tree::new();
        let roots = Roots::below(tree.root());
        let put = |pid: u32, stat: &str, line: &str| {
            let name = stat.split(['(', ')']).nth(1).unwrap();
            tree.file(&format!("proc/{pid}/stat"), stat)
                .file(&format!("proc/{pid}/comm"), name)
                .file(&format!("proc/{pid}/cmdline"), line);
        };
        assert_eq!(find(&roots, None), None);
        put(1, "1 (systemd) S 0", "/sbin/init\0");
        put(50, "50 (multipathd) S 1", "multipathd\0show\0maps\0");
        put(51, "51 (multipathd) S 1", "multipathd\0-k\0");
        put(52, "52 (multipathd) Z 1", "");
        tree.file("proc/self/stat", "x");
        assert_eq!(find(&roots, Some(50)), None);
        put(53, "53 (multipathd) S 1", "/sbin/multipathd\0-d\0-s\0-v\x002\0");
        assert_eq!(find(&roots, None), Some(53));
        assert_eq!(find(&roots, Some(53)), Some(53));
        put(54, "54 (multipathd) S 1", "/sbin/multipathd\0");
        tree.file("run/multipathd.pid", "54\n");
        assert_eq!(find(&roots, None), Some(54));
        assert_eq!(find(&roots, Some(53)), Some(53));
        assert!(!is_installed(&roots));
        tree.file("usr/sbin/multipathd", "");
        assert!(is_installed(&roots));
    }

    #[tokio::test]
    async fn tells_when_a_process_ends() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let watch = ProcessWatch::new(child.id()).unwrap();
        assert_eq!(watch.pid(), child.id());
        let still = tokio::select! { biased; _ = watch.gone() => false, () = std::future::ready(()) => true };
        assert!(still);
        drop(child.stdin.take());
        watch.gone().await.unwrap();
        assert!(child.wait().unwrap().success());
        assert!(ProcessWatch::new(0).is_err());
    }
}
