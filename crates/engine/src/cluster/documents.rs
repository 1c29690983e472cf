//! Documents that say who should carry what: which reading of each is in force, and what is wrong with the others.

use std::collections::BTreeMap;

use pathkeeper_model::config::{
    self,
    findings::{Node, Rolling},
};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::finding::{Code, Finding, Scope, Severity};
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::storage_cfg::StorageCfg;
use pathkeeper_model::{EpochS, NodeName};

use super::node::NodeRecord;

/// More lines than this are counted only.
const LINES_MAX: usize = 8;

/// What the last readings were.
#[derive(Debug, Default)]
pub(super) struct Documents {
    config: Config,
    /// There was a `multipath.cfg`, good or not.
    had_config: bool,
    had_storages: bool,
    storages_gone: bool,
    /// What is rolled out.
    pub rolling: Rolling,
}

#[derive(Debug, Default)]
enum Config {
    #[default]
    Fine,
    /// It was there before.
    Gone,
    /// Its problems, as lines for people.
    Invalid(Vec<String>),
}

impl Documents {
    /// A document that is no instruction changes nothing.
    pub fn take_config(&mut self, reading: Reading, expectations: &mut Expectations) {
        self.config = match reading {
            Reading::Good(cfg) => {
                expectations.set_config(&cfg);
                self.had_config = true;
                Config::Fine
            }
            Reading::Absent if self.had_config => Config::Gone,
            Reading::Absent => {
                // There was none since this observer started: no LUN is allowed, and what is watched says so.
                expectations.set_config(&MultipathCfg::default());
                Config::Fine
            }
            Reading::Invalid(problems) => {
                self.had_config = true;
                let mut lines: Vec<String> =
                    problems.iter().take(LINES_MAX).map(|p| format!("line {}: {}", p.line, p.what)).collect();
                if problems.len() > LINES_MAX {
                    lines.push(format!("{} more", problems.len() - LINES_MAX));
                }
                Config::Invalid(lines)
            }
        };
    }

    /// Where there is no `storage.cfg`, LUNs fall back to what ledgers know.
    pub fn take_storages(&mut self, cfg: Option<StorageCfg>, expectations: &mut Expectations) {
        self.storages_gone = cfg.is_none() && self.had_storages;
        self.had_storages |= cfg.is_some();
        expectations.set_storages(cfg.as_ref());
    }

    /// What is wrong with the documents, and with what nodes made of them.
    pub fn findings(&self, nodes: &BTreeMap<NodeName, NodeRecord>, now: EpochS, found: &mut Vec<Finding>) {
        let configured = nodes.iter().filter_map(|(name, record)| {
            let offline = record.member == Some(false);
            Some(Node { name, offline, said: record.config.as_ref()? })
        });
        found.extend(config::findings::findings(&self.rolling, configured, now));
        let mut push = |code, severity, object: &str, summary: &str, evidence: &[String], advice: &str| {
            found.push(Finding {
                evidence: evidence.to_vec(),
                advice: vec![advice.to_owned()],
                ..Finding::new(code, severity, Scope::object(object), summary)
            });
        };
        match &self.config {
            Config::Fine => {}
            Config::Gone => push(
                Code::ConfigAbsent,
                Severity::Warning,
                "multipath.cfg",
                "multipath.cfg is gone: what it said last stays in force here",
                &[],
                "Write it again. To take LUNs out of service on purpose: pathkeeper lun retire WWID",
            ),
            Config::Invalid(lines) => push(
                Code::ConfigInvalid,
                Severity::Error,
                "multipath.cfg",
                "multipath.cfg cannot be followed: what it said before stays in force here",
                lines,
                "Correct these lines; nothing of the document counts until all of it can be read.",
            ),
        }
        if self.storages_gone {
            push(
                Code::ConfigAbsent,
                Severity::Warning,
                "storage.cfg",
                "storage.cfg is gone: only what the nodes remember says who should carry a LUN",
                &[],
                "ls -l /etc/pve/storage.cfg; a backup of it is in /var/lib/pve-cluster/backup, if one was made.",
            );
        }
    }
}
