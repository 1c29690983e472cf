//! The agent's Unix socket, as a client looks at it before it believes what comes out of it.
//!
//! Whoever can put a socket at its place could answer in the agent's stead, and would be shown what is meant for the agent.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use tokio::net::UnixStream;

/// Connects to a socket that is served by root or by this user, and that nobody else can have put there.
///
/// # Errors
/// From the system; and in words, who else serves it or could have made it.
pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    let us = rustix::process::geteuid().as_raw();
    let metadata = std::fs::metadata(path)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        is_place(&std::fs::metadata(folder)?, us)
            .map_err(|why| io::Error::other(format!("its folder is not trusted: {why}")))?;
    }
    is_socket(&metadata, us).map_err(|why| io::Error::other(format!("it is not trusted: {why}")))?;
    let stream = UnixStream::connect(path).await?;
    // What the kernel says of the process that listens: the last word, whatever the file looks like.
    let server = stream.peer_cred()?.uid();
    is_ours(server, us).map_err(|()| {
        io::Error::other(format!("it is not trusted: user {server} answers there, neither root nor you"))
    })?;
    Ok(stream)
}

fn is_ours(uid: u32, us: u32) -> Result<(), ()> {
    if uid == 0 || uid == us { Ok(()) } else { Err(()) }
}

/// A folder in which nobody else can put or replace a file.
fn is_place(folder: &std::fs::Metadata, us: u32) -> Result<(), String> {
    is_ours(folder.uid(), us).map_err(|()| format!("it belongs to user {}", folder.uid()))?;
    if folder.mode() & 0o022 != 0 {
        return Err(format!("others may write it (mode {:04o})", folder.mode() & 0o7777));
    }
    Ok(())
}

/// A socket as the agent makes it: its own, and not for everybody.
fn is_socket(file: &std::fs::Metadata, us: u32) -> Result<(), String> {
    if !file.file_type().is_socket() {
        return Err("it is no socket".into());
    }
    is_ours(file.uid(), us)
        .map_err(|()| format!("it belongs to user {}, neither root nor you", file.uid()))?;
    if file.mode() & 0o007 != 0 {
        return Err(format!(
            "it is open to everybody (mode {:04o}), as no agent makes it",
            file.mode() & 0o7777
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_socket_that_others_may_have_made_is_not_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pathkeeper.sock");
        let refused = async |word: &str| {
            let why = connect(&path).await.unwrap_err().to_string();
            assert!(why.contains(word), "{why}");
        };
        refused("No such file").await;
        std::fs::write(&path, "").unwrap();
        refused("no socket").await;
        std::fs::remove_file(&path).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(&path, 0o660);
        connect(&path).await.unwrap();
        for bad in [0o666, 0o662, 0o777] {
            mode(&path, bad);
            refused("open to everybody").await;
        }
        mode(&path, 0o600);
        for bad in [0o777, 0o1777, 0o775] {
            mode(dir.path(), bad);
            refused("its folder is not trusted: others may write it").await;
        }
        mode(dir.path(), 0o755);
        connect(&path).await.unwrap();
    }

    /// A file of another owner takes root to make.
    #[tokio::test]
    async fn a_socket_of_another_user_is_not_asked() {
        if !rustix::process::geteuid().is_root() {
            let dir = tempfile::tempdir().unwrap();
            let metadata = std::fs::metadata(dir.path()).unwrap();
            assert!(is_place(&metadata, metadata.uid() + 1).is_err());
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pathkeeper.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        let why = connect(&path).await.unwrap_err().to_string();
        assert!(why.contains("belongs to user 12345"), "{why}");
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        std::os::unix::fs::chown(dir.path(), Some(12345), None).unwrap();
        let why = connect(&path).await.unwrap_err().to_string();
        assert!(why.contains("its folder is not trusted: it belongs to user 12345"), "{why}");
    }
}
