//! `pathkeeper config set`, `unset`, `teardown`, `history`: small writes, and what was written.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use pathkeeper_api::client::Client;
use pathkeeper_api::config::{KeysBody, Written};

use super::super::lun::named::wwid_of;
use super::super::text::clean;
use super::super::{Failure, Globals, Output, confirmed, history, out, versioned};
use super::render::short;

/// The document of settings and LUNs.
pub(in crate::cli) const CONFIG: &str = "multipath.cfg";

/// Sets one setting.
pub(super) async fn set(
    key: &str,
    value: String,
    lun: Option<&str>,
    globals: &Globals,
) -> Result<ExitCode, Failure> {
    let set = BTreeMap::from([(as_written(key), value)]);
    change(KeysBody { set, ..KeysBody::default() }, lun, globals).await
}

/// Takes settings away.
pub(super) async fn unset(
    keys: &[String],
    lun: Option<&str>,
    globals: &Globals,
) -> Result<ExitCode, Failure> {
    let delete: BTreeSet<String> = keys.iter().map(|key| as_written(key)).collect();
    change(KeysBody { delete, ..KeysBody::default() }, lun, globals).await
}

/// As the document has a key; multipath's own spelling is taken too.
pub(in crate::cli) fn as_written(key: &str) -> String {
    key.replace('_', "-")
}

async fn change(keys: KeysBody, lun: Option<&str>, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let digest = Some(client.config(None).await?.config.digest);
    let body = KeysBody { digest, ..keys };
    let done = match lun {
        None => client.set_defaults(&body).await?,
        Some(name) => {
            let wwid = wwid_of(&client, name).await?;
            client.set_lun(&wwid, &body).await?
        }
    };
    told(CONFIG, &done, globals)
}

/// Says what was written, and what is still to be done.
pub(in crate::cli) fn told(document: &str, done: &Written, globals: &Globals) -> Result<ExitCode, Failure> {
    out::print(&if globals.output == Output::Json { versioned(done, true)? } else { words(document, done) })?;
    Ok(ExitCode::SUCCESS)
}

fn words(document: &str, done: &Written) -> String {
    let mut out = if done.changed {
        format!("{document} was changed: {} → {}\n", short(&done.before), short(&done.after))
    } else {
        format!("{document} is so already: nothing was changed\n")
    };
    for note in &done.notes {
        out.push_str(&format!("note: {}\n", clean(note)));
    }
    out.push_str(match done.pending {
        Some(true) => {
            "It is pending, and in force nowhere before: pathkeeper config apply (shows the plan, and asks)\n"
        }
        Some(false) => "It is what the newest rollout brings: pathkeeper config rollout\n",
        None => "Whether it is pending could not be read: pathkeeper config show\n",
    });
    out
}

/// Tears the configuration down.
pub(super) async fn teardown(yes: bool, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let config = client.config(None).await?;
    let luns = config.luns.values().filter(|lun| lun.allowed == Some(true)).count();
    eprint!(
        "The cluster's multipath.cfg becomes one line that says that you tore it down. Once that is applied, each managed node takes\n\
         Pathkeeper's drop-ins away, and the {} that Pathkeeper put into wwids; no map is flushed, and what is in use is refused.\n",
        super::super::text::count(luns as u64, "LUN")
    );
    if !yes {
        confirmed("tear it down?", "nothing was torn down", "--yes does it without asking")?;
    }
    told(CONFIG, &client.tear_down(&config.config.digest).await?, globals)
}

/// What the answering node's history says of the documents, and the generation of now.
pub(super) async fn history(limit: u32, globals: &Globals) -> Result<ExitCode, Failure> {
    const DOCUMENTS: [&str; 3] = [CONFIG, pathkeeper_model::config::overrides::FILE, "pathkeeper/rollout"];
    let client = globals.client()?;
    let mut timeline = client.history(&format!("kind=document&limit={limit}")).await?;
    let of_ours = |object: &Option<String>| object.as_deref().is_some_and(|of| DOCUMENTS.contains(&of));
    timeline.events.retain(|event| event.kind != "document" || of_ours(&event.scope.object));
    let rollouts = client.rollout().await?;
    if globals.output == Output::Json {
        #[derive(serde::Serialize)]
        struct Both<'a> {
            history: &'a pathkeeper_api::history::Timeline,
            #[serde(flatten)]
            rollouts: &'a pathkeeper_api::rollout::Rollouts,
        }
        out::print(&versioned(&Both { history: &timeline, rollouts: &rollouts }, true)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let view = globals.view();
    let mut text = history::render(&timeline, &view, globals.output == Output::Wide);
    text.push('\n');
    text.push_str(&super::rollout::head(&rollouts, &view));
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The digest of a document as it stands.
pub(in crate::cli) async fn digest(client: &Client) -> Result<String, Failure> {
    Ok(client.config(None).await?.config.digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written() {
        let done = Written {
            changed: true,
            before: "da39a3ee5e6b4b0d3255bfef95601890afd80709".into(),
            after: "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33".into(),
            pending: Some(true),
            notes: vec!["pve2: \u{1b}[2J".into()],
        };
        assert_eq!(
            words(CONFIG, &done),
            "multipath.cfg was changed: da39a3ee5e6b → 0beec7b5ea3f\nnote: pve2: ?[2J\n\
             It is pending, and in force nowhere before: pathkeeper config apply (shows the plan, and asks)\n"
        );
        let same = Written { changed: false, pending: Some(false), notes: vec![], ..done };
        assert_eq!(
            words(CONFIG, &same),
            "multipath.cfg is so already: nothing was changed\nIt is what the newest rollout brings: pathkeeper config rollout\n"
        );
    }
}
