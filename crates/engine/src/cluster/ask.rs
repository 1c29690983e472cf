//! Questions about the cluster, answered from what is known now. Pure: nothing changes by being asked.

use pathkeeper_model::can::{self, Can, Deed, Unknown};
use pathkeeper_model::cause::CellCauses;
use pathkeeper_model::detail::Detail;
use pathkeeper_model::explain::{self, Explained, Ground, Unresolved};
use pathkeeper_model::finding::Finding;
use pathkeeper_model::guests::users::{Users, users};
use pathkeeper_model::guide::{self, Aim, Guide};
use pathkeeper_model::problems;
use pathkeeper_model::volumes::{self, NoOffer, Offer};
use pathkeeper_model::{NodeName, Now, Wwid};

use super::Cluster;

/// What can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// Everything that is wrong with one LUN, what a listed cause explains too.
    Lun(Wwid),
    /// What is known of something by its name, whatever it is.
    Explain(String),
    /// How many adapters, fabrics and controllers the paths of each LUN of a node run over, and what explains the others.
    Cells(NodeName),
    /// What is to be done with a LUN, step by step.
    Guide(Aim, Wwid),
    /// Whether something can be done to what bears a name.
    Can(Deed, String),
    /// What a storage of type `multipath` offers to a node.
    Offer {
        /// The storage's id.
        storage: String,
        /// The node.
        node: NodeName,
    },
    /// Which guests need which LUNs.
    Guests,
    /// What the fold is given now, as a fold document.
    Fold,
}

/// What is answered.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Findings, worst first.
    Findings(Vec<Finding>),
    /// An explanation, or why there is none.
    Explained(Result<Box<Explained>, Unresolved>),
    /// LUNs of which something is known of their paths, in byte order.
    Cells(Vec<(Wwid, CellCauses)>),
    /// Steps.
    Guide(Box<Guide>),
    /// Whether it can be done, or that nothing is called so.
    Can(Result<Box<Can>, Unknown>),
    /// The LUNs, or why there are none.
    Offer(Result<Box<Offer>, NoOffer>),
    /// Guests, and storages by LUN.
    Guests(Box<Users>),
    /// One line of JSON (docs/status.md, section 9).
    Fold(String),
}

impl Cluster {
    /// Answers.
    pub fn ask(&self, question: &Question, now: Now) -> Answer {
        match question {
            Question::Lun(wwid) => Answer::Findings(self.findings_of(wwid, now)),
            Question::Guide(aim, wwid) => Answer::Guide(Box::new(self.guide(*aim, wwid, now))),
            Question::Explain(name) => Answer::Explained(self.explain(name, now).map(Box::new)),
            Question::Offer { storage, node } => {
                let (matrix, guests) = (&self.matrix, &self.beside.guests);
                let offer = volumes::offer(storage, node, &self.expectations, matrix, guests);
                Answer::Offer(offer.map(Box::new))
            }
            Question::Guests => {
                Answer::Guests(Box::new(users(&self.expectations, &self.matrix, &self.beside.guests)))
            }
            Question::Fold => Answer::Fold(self.fold_document()),
            Question::Cells(node) => Answer::Cells(self.cells_of(node)),
            Question::Can(deed, name) => Answer::Can(self.can(*deed, name, now).map(Box::new)),
        }
    }

    fn can(&self, deed: Deed, name: &str, now: Now) -> Result<Can, Unknown> {
        self.ask_picture(now, |picture, causes| {
            let ground = can::Ground {
                picture,
                causes,
                findings: &self.judged.findings,
                windows: &self.beside.windows,
            };
            can::can(deed, name, ground)
        })
    }

    /// What a node published last.
    fn detail(&self, node: &NodeName) -> Option<Detail> {
        self.nodes.get(node)?.detail.as_ref()?.unpack().ok()
    }

    fn guide(&self, aim: Aim, wwid: &Wwid, now: Now) -> Guide {
        self.ask_picture(now, |picture, _| guide::guide(aim, wwid, picture, &|node| self.detail(node)))
    }

    fn explain(&self, name: &str, now: Now) -> Result<Explained, Unresolved> {
        let detail = |node: &NodeName| self.detail(node);
        self.ask_picture(now, |picture, causes| {
            let findings = &self.judged.findings;
            let object = explain::resolve(name, picture, causes, findings)?;
            Ok(explain::explain(&object, Ground { picture, causes, findings, detail: &detail }))
        })
    }

    fn cells_of(&self, node: &NodeName) -> Vec<(Wwid, CellCauses)> {
        let paths = self.nodes.get(node).and_then(|record| record.paths.as_ref());
        let luns = paths.into_iter().flat_map(|paths| &paths.luns);
        luns.filter_map(|lun| {
            Some((lun.wwid.clone(), self.judged.causes.cell(node, &lun.wwid)?.into_owned()))
        })
        .collect()
    }

    fn findings_of(&self, wwid: &Wwid, now: Now) -> Vec<Finding> {
        let mut found = self.ask_picture(now, |picture, causes| problems::of_lun(picture, causes, wwid));
        for finding in &mut found {
            let known = self.judged.first_seen.get(&finding.fingerprint());
            let by_cause = finding.cause.as_ref().and_then(|cause| self.judged.first_seen.get(cause));
            if finding.since.is_none()
                && let Some(since) = known.or(by_cause)
            {
                finding.since = Some(*since);
                finding.since_first_seen = true;
            }
        }
        found
    }
}
