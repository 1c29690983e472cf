//! The certificate of this node's API: its own, given files, or Proxmox VE's; read again when it changes.

mod keeper;
mod names;
mod own;
mod pair;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

pub use keeper::{Keeper, LOAD_MAX, server_config};
pub use names::Names;
pub use own::{FOLDER, Own};
pub use pair::Pair;

/// A certificate with less time left is told in the log and by `pathkeeper doctor`.
pub const TELL_DAYS: i64 = 30;
/// A day.
pub const DAY_S: i64 = 86_400;
/// Where Proxmox VE keeps a node's certificates, below `/etc`.
const PROXMOX_DIR: &str = "pve/local";

/// From where a certificate comes.
#[derive(Debug, Clone)]
pub enum Source {
    /// Made by ourselves and signed by an authority of our own.
    Own(Own),
    /// Given: a chain and its key, PEM.
    Files {
        /// The node's certificate first, then those between it and the authority.
        certificate: PathBuf,
        /// Its key, not encrypted.
        key: PathBuf,
    },
    /// What Proxmox VE's own API shows: `pveproxy-ssl` where it is, else `pve-ssl`.
    Proxmox {
        /// `/etc/pve/local`.
        dir: PathBuf,
    },
}

impl Source {
    /// Proxmox VE's certificate on a machine whose `/etc` is here.
    pub fn proxmox(etc: &Path) -> Self {
        Source::Proxmox { dir: etc.join(PROXMOX_DIR) }
    }

    /// Reads it; one of our own is made where it must be. Blocks, and below `/etc/pve` it can block for ever.
    ///
    /// # Errors
    /// In words: what cannot be used, and why.
    pub fn load(&self, now_s: i64) -> Result<Pair, String> {
        match self {
            Source::Own(own) => own.load(now_s),
            _ => self.look(),
        }
    }

    /// Reads it and makes nothing.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn look(&self) -> Result<Pair, String> {
        match self {
            Source::Own(own) => own.look(),
            Source::Files { certificate, key } => Pair::read(certificate, key),
            Source::Proxmox { dir } => {
                let custom = dir.join("pveproxy-ssl.pem");
                let there =
                    custom.try_exists().map_err(|e| format!("cannot look for {}: {e}", custom.display()))?;
                let name = if there { "pveproxy-ssl" } else { "pve-ssl" };
                Pair::read(&dir.join(format!("{name}.pem")), &dir.join(format!("{name}.key")))
            }
        }
    }

    /// The file with the authority that clients need; `None` where it is somebody else's affair.
    pub fn authority(&self) -> Option<PathBuf> {
        match self {
            Source::Own(own) => Some(own.authority()),
            Source::Files { .. } => None,
            Source::Proxmox { .. } => Some("/etc/pve/pve-root-ca.pem".into()),
        }
    }
}

/// The one crypto library, named wherever rustls wants one: a default of the process would be somebody else's choice.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A time as people and the log read it.
pub fn date(epoch_s: i64) -> String {
    match jiff::Timestamp::from_second(epoch_s) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => format!("{epoch_s} s after 1970"),
    }
}
