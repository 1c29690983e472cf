//! The command line's Unix socket.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch::Receiver;

use super::super::Context;
use super::{Door, Limits, Peer, serve};

/// Listens on a Unix socket: mode 0660 and the group where there is one, else 0600. Whoever connects must be root,
/// this user, or in the group.
///
/// # Errors
/// In words, if the socket cannot be made.
pub fn unix(
    path: PathBuf,
    group: Option<String>,
    limits: Limits,
    context: Context,
    stopping: Receiver<bool>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    if std::os::unix::net::UnixStream::connect(&path).is_ok() {
        anyhow::bail!("{} is in use by another agent (set run-dir to another)", path.display());
    }
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(e).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    let group = group.as_deref().and_then(gid_of);
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    if let Some(gid) = group {
        std::os::unix::fs::chown(&path, None, Some(gid))
            .with_context(|| format!("cannot give {} to its group", path.display()))?;
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {}", path.display()))?;
    let own_uid = rustix::process::geteuid().as_raw();
    let door = Socket { listener, own_uid, group };
    Ok(serve(door, limits.for_socket(), super::super::router(context), stopping))
}

struct Socket {
    listener: UnixListener,
    own_uid: u32,
    group: Option<u32>,
}

impl Door for Socket {
    type Raw = UnixStream;
    type Open = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        let peer = stream.peer_cred()?;
        let peer = Peer::Unix { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() };
        Ok((stream, peer))
    }

    async fn open(&self, raw: UnixStream) -> Option<UnixStream> {
        Some(raw)
    }

    fn welcome(&self, peer: &Peer) -> Result<(), String> {
        let &Peer::Unix { uid, gid, pid } = peer else { return Err("no peer of this socket".into()) };
        if may_ask(uid, gid, pid, self.own_uid, self.group) {
            Ok(())
        } else {
            Err(format!("user {uid} may not ask here: be root, or join the group of this socket"))
        }
    }
}

fn may_ask(uid: u32, gid: u32, pid: Option<i32>, own_uid: u32, group: Option<u32>) -> bool {
    let Some(group) = group else { return [0, own_uid].contains(&uid) };
    [0, own_uid].contains(&uid)
        || gid == group
        || pid.is_some_and(|pid| supplementary_groups(Path::new("/proc"), pid).contains(&group))
}

fn supplementary_groups(proc: &Path, pid: i32) -> Vec<u32> {
    let status = std::fs::read_to_string(proc.join(pid.to_string()).join("status")).unwrap_or_default();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().filter_map(|gid| gid.parse().ok()).collect()
}

/// The number of a group in /etc/group.
fn gid_of(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn groups_are_read_from_the_kernel() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("7")).unwrap();
        std::fs::write(dir.path().join("7/status"), "Name:\tx\nGroups:\t4 27 1000 \n").unwrap();
        assert_eq!(super::supplementary_groups(dir.path(), 7), [4, 27, 1000]);
        assert_eq!(super::supplementary_groups(dir.path(), 8), [0u32; 0]);
        assert_eq!(super::gid_of("root"), Some(0));
        assert_eq!(super::gid_of("no-such-group-here"), None);
    }
}
