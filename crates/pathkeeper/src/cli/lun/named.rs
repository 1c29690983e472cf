//! Which LUN of the cluster's document a person means.

use pathkeeper_api::client::Client;

use super::super::Failure;
use super::find::find;

/// The WWID of a LUN that is named as elsewhere, or is in the document though no node speaks of it.
///
/// # Errors
/// In words, if there is none, or more than one.
pub(in crate::cli) async fn wwid_of(client: &Client, name: &str) -> Result<String, Failure> {
    let why = match find(&client.luns().await?, name) {
        Ok(lun) => return Ok(lun.wwid.clone()),
        Err(why) => why,
    };
    let config = client.config(None).await?;
    let is = |(wwid, lun): &(&String, &pathkeeper_api::config::ConfigLun)| {
        wwid.as_str() == name || lun.alias.as_deref() == Some(name)
    };
    config.luns.iter().find(is).map(|(wwid, _)| wwid.clone()).ok_or(why)
}
