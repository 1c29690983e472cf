//! etcd v3 as a store: values and documents as keys, membership by leases, hints from a watch.
//!
//! One task (`session.rs`) owns the connection. It lists once and then follows a watch, and everything that is read is
//! answered from that copy (`mirror.rs`): a refresh of one node costs each reader one event and no request. Writes and
//! documents go to etcd itself, each with a deadline and without a queue behind it.
//!
//! A node is registered (known, and online by a lease) once it has put what it says of itself, which comes after its
//! report: until then what stands under its name may be of before a reboot. Who only looks, as the command line does,
//! is no member by it.

mod calls;
mod connect;
mod follow;
mod layout;
mod mirror;
mod session;
mod shared;
mod words;

use std::path::PathBuf;
use std::sync::Arc;

use pathkeeper_model::NodeName;

use self::shared::Shared;
use super::{Store, StoreError};

/// Where etcd is and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdConfig {
    /// `http://HOST:PORT` or `https://HOST:PORT`, at least one.
    pub endpoints: Vec<String>,
    /// The authority that signed the servers' certificates (PEM); `None` = the system's.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key (PEM), where the servers ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// User and the file that holds the password (its first line).
    pub user: Option<(String, PathBuf)>,
    /// All keys begin with it; `/pathkeeper` unless set otherwise.
    pub prefix: String,
    /// Seconds after which a node that says nothing is offline.
    pub lease_ttl_s: u32,
}

impl EtcdConfig {
    /// An etcd at these endpoints that asks nobody who they are.
    pub fn new(endpoints: Vec<String>) -> Self {
        Self {
            endpoints,
            ca: None,
            identity: None,
            user: None,
            prefix: "/pathkeeper".into(),
            lease_ttl_s: 10,
        }
    }
}

/// Reads certificates and the password, and starts following etcd in the background. An etcd that is away is no error
/// here: the agent starts, the view is partial, and it connects when it can. Needs a tokio runtime around it.
///
/// # Errors
/// Files that cannot be read or used, endpoints that are none: what, and what to do.
pub fn open(config: &EtcdConfig, node: &NodeName) -> Result<Arc<dyn Store>, StoreError> {
    let scheme_is_good = |e: &String| e.starts_with("http://") || e.starts_with("https://");
    if config.endpoints.is_empty() || !config.endpoints.iter().all(scheme_is_good) {
        return Err(StoreError::Refused(format!(
            "endpoints {:?}: at least one is needed, and each begins with http:// or https://",
            config.endpoints
        )));
    }
    if layout::node(node.as_str()).is_none() {
        return Err(StoreError::Refused(format!(
            "{node} is no node name: 1 to 63 letters, digits, '.', '_' and '-'"
        )));
    }
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(StoreError::Refused("etcd needs a tokio runtime around it".into()));
    }
    connect::read(config)?;
    let config = EtcdConfig { endpoints: distinct(&config.endpoints), ..config.clone() };
    let shared = Arc::new(Shared::new(config, node.clone()));
    let task = tokio::spawn(session::run(Arc::clone(&shared))).abort_handle();
    Ok(Arc::new(calls::EtcdStore { shared, task }))
}

/// Each endpoint once, in the order in which they are given: a round is over when each has failed.
fn distinct(endpoints: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for endpoint in endpoints {
        let endpoint = endpoint.trim_end_matches('/').to_ascii_lowercase();
        if !distinct.contains(&endpoint) {
            distinct.push(endpoint);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use pathkeeper_model::NodeName;

    use super::*;
    use crate::store::{Hint, Trust};

    fn config() -> EtcdConfig {
        EtcdConfig::new(vec!["http://a:1".into()])
    }

    #[test]
    fn an_endpoint_that_is_given_twice_is_one() {
        let given =
            ["http://b:1", "http://a:1/", "http://B:1", "http://a:1", "http://a:2"].map(str::to_owned);
        assert_eq!(distinct(&given), ["http://b:1", "http://a:1", "http://a:2"]);
    }

    #[tokio::test]
    async fn a_task_that_panics_does_not_leave_a_whole_view_behind() {
        let shared = Arc::new(Shared::new(config(), NodeName::new("a").unwrap()));
        let now = std::time::Instant::now();
        shared.agreed(now);
        shared.heard(now);
        assert_eq!(shared.members().trust, Trust::Whole);
        let mut hints = shared.hints.subscribe();
        let ended = session::Ended(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let _ended = ended;
            panic!("a defect");
        });
        assert!(task.await.unwrap_err().is_panic());
        let Trust::None { why, .. } = shared.members().trust else { panic!("a whole view") };
        assert!(why.contains("has ended, by a defect"), "{why}");
        assert_eq!(hints.try_recv(), Ok(Hint::Members));
        assert!(matches!(&*shared.link.borrow(), shared::Link::Down(_)), "nobody waits for it");
    }
}
