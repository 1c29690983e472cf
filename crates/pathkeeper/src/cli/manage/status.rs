//! `pathkeeper manage status`: the mark, the agent that runs, the files.

use std::process::ExitCode;

use pathkeeper_io::dropins::DropIn;
use serde::Serialize;

use super::super::text::{Tone, View, clean, count};
use super::super::{Failure, Globals, Output, out, versioned};
use super::{Here, mark, unit};
use crate::app::mode::{MANAGE, OBSERVE};

/// An agent that works answers within milliseconds.
const AGENT_S: u64 = 3;

/// What is so on this node.
#[derive(Serialize, Debug)]
struct Answer {
    node: String,
    /// By the mark: `observe` or `manage`.
    mode: &'static str,
    /// Why, in words.
    why: String,
    /// Where the mark is, or would be.
    mark: String,
    /// What the agent that runs says; absent if it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Drop-ins of Pathkeeper's that are there, and how many entries of `wwids` it added.
    present: Vec<String>,
}

impl Here {
    pub(super) async fn status(&self, globals: &Globals) -> Result<ExitCode, Failure> {
        let mode = self.mode();
        let at = mark::path(&self.roots).display().to_string();
        let why = match &mode.doubt {
            Some(doubt) => doubt.clone(),
            None if mode.manages && mark::is_set(&self.roots) => format!("{at} says so"),
            None if mode.manages => {
                format!(
                    "{at} says so, and is not as this version writes it: pathkeeper manage enable renews it"
                )
            }
            None => format!("there is no {at} (pathkeeper manage enable)"),
        };
        let answer = Answer {
            node: self.node.clone(),
            mode: mode.as_str(),
            why,
            mark: at,
            agent: agent_says(globals).await,
            present: self.present(),
        };
        if globals.output == Output::Json {
            out::print(&versioned(&answer, true)?)?;
        } else {
            out::print(&render(&answer, &globals.view()))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What of Pathkeeper's is in `/etc/multipath`, in words.
    pub(super) fn present(&self) -> Vec<String> {
        let files = DropIn::ALL.into_iter().map(|which| self.files.path(which));
        // One that cannot be looked at counts as there.
        let mut there: Vec<String> = files
            .filter(|path| path.try_exists().unwrap_or(true))
            .map(|path| path.display().to_string())
            .collect();
        let wwids = self.files.wwids_path().display().to_string();
        match self.files.read() {
            Ok(read) if read.added.is_empty() => {}
            Ok(read) => there.push(format!("{} in {wwids}", count(read.added.len() as u64, "WWID"))),
            Err(why) => there.push(format!("perhaps WWIDs in {wwids}: {why}")),
        }
        there
    }
}

async fn agent_says(globals: &Globals) -> Option<String> {
    let quick = Globals { timeout: globals.timeout.min(AGENT_S), ..globals.clone() };
    let status = quick.client().ok()?.status("").await.ok()?;
    Some(status.view.mode)
}

fn render(answer: &Answer, view: &View) -> String {
    let does = if answer.mode == MANAGE { "is managed" } else { "observes" };
    let mut text =
        format!("{} {}: {}\n", clean(&answer.node), view.paint(Tone::Strong, does), clean(&answer.why));
    let (tone, agent) = match answer.agent.as_deref() {
        None => (Tone::Doubt, "the agent does not answer".to_owned()),
        Some(mode) if mode == answer.mode => (Tone::Plain, format!("the agent says so too: {mode}")),
        Some(mode) => (
            Tone::Warn,
            format!(
                "the agent that runs says {}; it counts after\n{}",
                clean(mode),
                unit::typed().trim_end()
            ),
        ),
    };
    text.push_str(&format!("{}\n", view.paint(tone, &agent)));
    if answer.present.is_empty() {
        text.push_str("no file or entry of Pathkeeper's is here\n");
    } else {
        text.push_str("Pathkeeper's here:\n");
        answer.present.iter().for_each(|what| text.push_str(&format!("  {}\n", clean(what))));
        if answer.mode == OBSERVE {
            text.push_str("they are in force; nobody keeps them in step with the cluster's configuration\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::view;
    use expect_test::{Expect, expect};

    fn check(mode: &'static str, agent: Option<&str>, present: &[&str], expect: Expect) {
        let answer = Answer {
            node: "pve1".into(),
            mode,
            why: "/etc/mark says so".into(),
            mark: "/etc/mark".into(),
            agent: agent.map(str::to_owned),
            present: present.iter().map(|what| (*what).to_owned()).collect(),
        };
        expect.assert_eq(&render(&answer, &view()));
    }

    #[test]
    fn it_is_said_what_the_mark_the_agent_and_the_files_are() {
        check(
            MANAGE,
            Some(MANAGE),
            &[],
            expect![[r#"
            pve1 is managed: /etc/mark says so
            the agent says so too: manage
            no file or entry of Pathkeeper's is here
        "#]],
        );
        check(
            MANAGE,
            Some(OBSERVE),
            &["/etc/multipath/conf.d/60-pathkeeper.conf"],
            expect![[r#"
            pve1 is managed: /etc/mark says so
            the agent that runs says observe; it counts after
              systemctl daemon-reload
              systemctl restart pathkeeper.service
            Pathkeeper's here:
              /etc/multipath/conf.d/60-pathkeeper.conf
        "#]],
        );
        check(
            OBSERVE,
            None,
            &["2 WWIDs in /etc/multipath/wwids"],
            expect![[r#"
            pve1 observes: /etc/mark says so
            the agent does not answer
            Pathkeeper's here:
              2 WWIDs in /etc/multipath/wwids
            they are in force; nobody keeps them in step with the cluster's configuration
        "#]],
        );
    }
}
