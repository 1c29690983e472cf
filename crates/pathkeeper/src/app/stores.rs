//! Which store this node uses, by its settings and by what the machine has.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use pathkeeper_io::state_lock::StateLock;
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_io::store::pmxcfs::{self, PmxcfsConfig};
use pathkeeper_io::store::{Store, StoreError};
use pathkeeper_model::NodeName;

use crate::config::{Config, EtcdChoice, StoreChoice};

/// What pmxcfs keeps its files in; it is there also while pmxcfs does not run.
const PVE_DATABASE: &str = "/var/lib/pve-cluster/config.db";

/// What stands before the words of a lock that another process holds.
const IN_USE: &str =
    "the state directory cannot be had; is an agent running here (systemctl status pathkeeper)?";

/// A store, and what must live as long as it.
pub struct Opened {
    /// This node's access.
    pub store: Arc<dyn Store>,
    /// Nobody else uses the state directory meanwhile; the embedded store holds it itself.
    pub lock: Option<StateLock>,
}

/// Opens the store that the settings ask for. Needs a runtime around it; may wait some seconds for pmxcfs.
///
/// # Errors
/// In words: a state directory in use, a store that is not there, settings that cannot be used. A store that is away
/// for now is no error.
pub fn open(config: &Config) -> anyhow::Result<Opened> {
    let pve = PmxcfsConfig::default();
    let store = match &config.store {
        StoreChoice::Embedded => None,
        StoreChoice::Etcd(choice) => Some(etcd(choice, &config.node)?),
        StoreChoice::Pmxcfs => {
            pmxcfs::find(&pve)
                .map_err(StoreError::Unreachable)
                .context("store.kind is pmxcfs (auto or embedded starts without)")?;
            Some(pmxcfs::open(&pve, &config.node)?)
        }
        StoreChoice::Auto => found(&pve, &config.node)?,
    };
    Ok(match store {
        Some(store) => Opened { store, lock: Some(lock(config)?) },
        None => {
            let hub = Hub::open(&config.state_dir).context(IN_USE)?;
            Opened { store: Arc::new(hub.node(&config.node)), lock: None }
        }
    })
}

fn lock(config: &Config) -> anyhow::Result<StateLock> {
    StateLock::take(&config.state_dir).context(IN_USE)
}

/// Whether [`open`] would take pmxcfs, without asking it anything.
pub fn is_pmxcfs(config: &Config) -> bool {
    match &config.store {
        StoreChoice::Pmxcfs => true,
        StoreChoice::Auto => {
            pmxcfs::find(&PmxcfsConfig::default()).is_ok() || Path::new(PVE_DATABASE).exists()
        }
        StoreChoice::Embedded | StoreChoice::Etcd(_) => false,
    }
}

/// pmxcfs where it is, or where it belongs: one that is stopped, or not yet started after boot, must not make a node of
/// a cluster a machine that is alone and well.
fn found(pve: &PmxcfsConfig, node: &NodeName) -> anyhow::Result<Option<Arc<dyn Store>>> {
    let absent = match pmxcfs::find(pve) {
        Ok(()) => return Ok(Some(pmxcfs::open(pve, node)?)),
        Err(absent) => absent,
    };
    if Path::new(PVE_DATABASE).exists() {
        let store = pmxcfs::open(pve, node).with_context(|| {
            format!("{PVE_DATABASE} says that this is a Proxmox VE node (kind = \"embedded\" under [store] makes it one alone)")
        })?;
        tracing::warn!("{absent}: the view is partial until it is there");
        return Ok(Some(store));
    }
    tracing::info!("this machine alone: no [store.etcd], and no pmxcfs ({absent})");
    Ok(None)
}

#[cfg(feature = "etcd")]
fn etcd(choice: &EtcdChoice, node: &NodeName) -> anyhow::Result<Arc<dyn Store>> {
    use pathkeeper_io::store::etcd::{self, EtcdConfig};
    let config = EtcdConfig {
        endpoints: choice.endpoints.clone(),
        ca: choice.ca.clone(),
        identity: choice.identity.clone(),
        user: choice.user.clone(),
        prefix: choice.prefix.clone(),
        lease_ttl_s: choice.lease_ttl_s,
    };
    etcd::open(&config, node).context("[store.etcd]")
}

#[cfg(not(feature = "etcd"))]
fn etcd(_: &EtcdChoice, _: &NodeName) -> anyhow::Result<Arc<dyn Store>> {
    anyhow::bail!(
        "[store.etcd] is set, and this pathkeeper was built without etcd: build it with \
         cargo build --release --features pathkeeper/etcd (needs protoc)"
    )
}

/// Ends this node's membership: `pathkeeper agent --leave`. Gives what to tell the person.
///
/// # Errors
/// In words: the agent still runs, the store does not answer.
pub async fn leave(config: &Config) -> anyhow::Result<String> {
    let opened = open(config)?;
    let store = &opened.store;
    if store.kind() == "embedded" {
        anyhow::bail!("this machine is alone (store embedded): there is no cluster to leave");
    }
    store.leave().await.with_context(|| format!("{} cannot leave", config.node))?;
    Ok(format!(
        "{node} has left: it is offline to its peers, and what it reported last stays, as unknown;\n\
         on another node, pathkeeper nodes forget {node} removes that\n",
        node = config.node
    ))
}

/// Removes a node that is gone, with its values: `pathkeeper nodes forget`. Gives what to tell the person.
///
/// # Errors
/// In words: it is online, the store does not answer, the engine keeps its own list.
pub async fn forget(config: &Config, node: &NodeName) -> anyhow::Result<String> {
    let store: Arc<dyn Store> = match &config.store {
        StoreChoice::Etcd(choice) => etcd(choice, &config.node)?,
        StoreChoice::Embedded => {
            anyhow::bail!("this machine is alone (store embedded): there is no node to forget")
        }
        StoreChoice::Pmxcfs | StoreChoice::Auto => {
            let pve = PmxcfsConfig::default();
            pmxcfs::find(&pve)
                .map_err(|why| anyhow::anyhow!("this machine is alone ({why}): no node to forget"))?;
            pmxcfs::open(&pve, &config.node)?
        }
    };
    store.forget(node.clone()).await.with_context(|| format!("{node} cannot be forgotten"))?;
    Ok(format!("{node} is forgotten: its values and its membership are removed\n"))
}
