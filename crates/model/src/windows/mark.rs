//! What open windows explain of what is wrong, and what goes beyond them.
//!
//! A window explains lost paths by what they run over, whenever they were lost: it says that the thing may be away. A finding
//! is marked when everything that is lost in it is explained by open windows, and its code follows from paths or a node being
//! away; so a setting, an identity or a volume group in doubt counts in every window, and what stands on the other side
//! of the LUN counts as before. Nothing but the mark is changed.

use std::collections::BTreeMap;

use super::{Window, WindowOn, Windows};
use crate::cause::{Alike, Causes, Way};
use crate::explain::{count, label};
use crate::finding::{Code, Finding, Muted, Scope, Severity};
use crate::ids::{NodeName, Wwid};
use crate::picture::Picture;
use crate::problems::utc;
use crate::state::State;

/// No more LUNs than this are told one by one of one window; the rest is counted.
const TOLD_MAX: usize = 20;
/// More names than this in one line help nobody.
const NAMES_MAX: usize = 8;

impl WindowOn {
    /// Whether a path over this way may be away while this is worked on. A window on a LUN is asked with the LUN.
    fn has(&self, way: &Way<'_>, wwid: Option<&Wwid>) -> bool {
        match self {
            WindowOn::Node(node) => way.node == node,
            WindowOn::Lun(lun) => wwid == Some(lun),
            WindowOn::Array(name) => way.array == Some(name),
            WindowOn::Controller(name) => way.controller == Some(name),
            WindowOn::Port(name) => way.port == Some(name) || way.adapter_port == Some(name),
            WindowOn::Fabric(name) => way.fabric == Some(name),
        }
    }

    /// Work on it takes some of a LUN's paths, and leaves others that somebody counts on.
    fn leaves_others(&self) -> bool {
        !matches!(self, WindowOn::Node(_) | WindowOn::Lun(_))
    }
}

/// What follows from a node being away, or starting.
fn of_node(code: Code) -> bool {
    use Code::{
        LunSuspended, MultipathdAbsent, MultipathdDown, MultipathdHung, NodeOffline, NodeSettling,
        NodeSilent, NodeStale, QueueWithoutDaemon,
    };
    of_paths(code)
        || matches!(
            code,
            LunSuspended
                | MultipathdAbsent
                | MultipathdDown
                | MultipathdHung
                | NodeOffline
                | NodeSettling
                | NodeSilent
                | NodeStale
                | QueueWithoutDaemon
        )
}

/// What follows from paths being away.
fn of_paths(code: Code) -> bool {
    use Code::{
        ControllerDown, FabricDown, HbaDown, LunBelowExpected, LunDegraded, LunFailed, LunGone, LunLastPath,
        LunMissing, LunPathsUneven, LunQueueing, LunSingleController, LunSingleFabric, LunSingleHba,
        LunUnmapped, PathContradiction, PathNonoptimal, PortFlapping, PortPairDown, TargetPortDown,
    };
    matches!(
        code,
        ControllerDown
            | FabricDown
            | HbaDown
            | LunBelowExpected
            | LunDegraded
            | LunFailed
            | LunGone
            | LunLastPath
            | LunMissing
            | LunPathsUneven
            | LunQueueing
            | LunSingleController
            | LunSingleFabric
            | LunSingleHba
            | LunUnmapped
            | PathContradiction
            | PathNonoptimal
            | PortFlapping
            | PortPairDown
            | TargetPortDown
    )
}

/// What work on a LUN itself brings about.
fn of_lun(code: Code) -> bool {
    of_paths(code) || matches!(code, Code::LunSuspended | Code::LunStillVisible | Code::QueueWithoutDaemon)
}

/// What was found of the ways that something was lost over.
#[derive(Clone, Copy, Default)]
enum Cover<'w> {
    /// Nothing was lost that is known.
    #[default]
    Nothing,
    /// All of it is explained; by this window, and perhaps by others.
    Whole(&'w Window),
    /// Something is not.
    Part,
}

impl<'w> Cover<'w> {
    fn add(&mut self, by: Option<&'w Window>) {
        *self = match (*self, by) {
            (Cover::Nothing, Some(window)) => Cover::Whole(window),
            (Cover::Whole(window), Some(_)) => Cover::Whole(window),
            (Cover::Part, _) | (_, None) => Cover::Part,
        };
    }

    fn whole(self) -> Option<&'w Window> {
        match self {
            Cover::Whole(window) => Some(window),
            Cover::Nothing | Cover::Part => None,
        }
    }
}

/// Windows that are open, and what they are held against.
struct Marker<'w, 'a> {
    open: Vec<&'w Window>,
    picture: &'a Picture<'a>,
    causes: &'a Causes,
}

impl Windows {
    /// Windows that are open now.
    pub fn open(&self, now: crate::ids::EpochS) -> impl Iterator<Item = &Window> {
        self.entries.iter().filter(move |window| window.is_open(now))
    }

    /// Marks what windows that are open now explain, and adds what goes beyond them.
    pub fn mark(&self, findings: &mut Vec<Finding>, picture: &Picture<'_>, causes: &Causes) {
        let open: Vec<&Window> = self.open(picture.now.wall).collect();
        if open.is_empty() {
            return;
        }
        let marker = Marker { open, picture, causes };
        let of_causes = marker.of_causes();
        for finding in findings.iter_mut().filter(|finding| finding.muted.is_none()) {
            let Some(window) = marker.window_of(finding, &of_causes) else { continue };
            finding.muted = Some(Box::new(Muted {
                id: window.id.clone(),
                by_window: true,
                by: window.by.clone(),
                reason: window.reason.clone(),
                until: Some(window.until),
            }));
        }
        marker.beyond(findings);
    }
}

impl<'w> Marker<'w, '_> {
    /// A window that explains why this way may be away.
    fn by(&self, way: &Way<'_>, wwid: Option<&Wwid>) -> Option<&'w Window> {
        self.open.iter().copied().find(|window| window.on.has(way, wwid))
    }

    fn on_node(&self, node: &NodeName) -> Option<&'w Window> {
        self.open.iter().copied().find(|window| matches!(&window.on, WindowOn::Node(of) if of == node))
    }

    fn on_lun(&self, wwid: &Wwid) -> Option<&'w Window> {
        self.open.iter().copied().find(|window| matches!(&window.on, WindowOn::Lun(of) if of == wwid))
    }

    /// Of each cause, what windows explain of its ways.
    fn of_causes(&self) -> Vec<Cover<'w>> {
        let mut out = vec![Cover::default(); self.causes.list().len()];
        if out.is_empty() {
            return out;
        }
        for node in self.causes.nodes_that_tell() {
            for way in self.causes.alike(node).into_iter().flat_map(|alike| alike.ways) {
                if let Some(cover) = way.cause.and_then(|at| out.get_mut(at as usize)) {
                    cover.add(self.by(&way, None));
                }
            }
        }
        out
    }

    /// The window that explains all of a finding.
    fn window_of(&self, finding: &Finding, of_causes: &[Cover<'w>]) -> Option<&'w Window> {
        let Scope { node, wwid, .. } = &finding.scope;
        if let Some(window) = node.as_ref().and_then(|node| self.on_node(node))
            && of_node(finding.code)
        {
            return Some(window);
        }
        if let Some(window) = wwid.as_ref().and_then(|wwid| self.on_lun(wwid))
            && of_lun(finding.code)
        {
            return Some(window);
        }
        if !of_paths(finding.code) {
            return None;
        }
        match (node, wwid) {
            (Some(node), Some(wwid)) => self.of_cell(node, wwid).whole(),
            (None, Some(wwid)) => self.of_row(wwid),
            _ => {
                let is_it = |cause: &&Finding| {
                    cause.code == finding.code && cause.scope == finding.scope && cause.explains.is_some()
                };
                let place = self.causes.list().iter().position(|cause| is_it(&cause))?;
                of_causes.get(place)?.whole()
            }
        }
    }

    /// What is lost of a LUN on a node.
    fn of_cell(&self, node: &NodeName, wwid: &Wwid) -> Cover<'w> {
        let mut cover = Cover::default();
        for way in self.causes.ways(node, wwid).iter().filter(|way| way.off > 0) {
            cover.add(self.by(way, Some(wwid)));
        }
        cover
    }

    /// What is lost of a LUN anywhere. Where a node cannot tell nothing of it is explained, unless that is worked on.
    fn of_row(&self, wwid: &Wwid) -> Option<&'w Window> {
        let row = self.picture.matrix.row_of(wwid)?;
        let mut cover = Cover::default();
        for (node, cell) in row.cells().filter(|(_, cell)| cell.state != State::Optimal) {
            match (self.of_cell(node, wwid), self.on_node(node)) {
                (_, Some(window)) | (Cover::Whole(window), _) => cover.add(Some(window)),
                (Cover::Nothing, _) if cell.state == State::Unknown => {}
                (Cover::Nothing | Cover::Part, None) => cover.add(None),
            }
        }
        cover.whole()
    }

    /// One more lost path than a window explains, of a LUN that has paths over what is worked on.
    fn beyond(&self, findings: &mut Vec<Finding>) {
        let mut subjects: Vec<&'w Window> = Vec::new();
        for &window in self.open.iter().filter(|window| window.on.leaves_others()) {
            if !subjects.iter().any(|known| known.on == window.on) {
                subjects.push(window);
            }
        }
        for window in subjects {
            self.beyond_one(window, findings);
        }
    }

    fn beyond_one(&self, window: &'w Window, findings: &mut Vec<Finding>) {
        let mut by_cause: BTreeMap<u32, Vec<(&NodeName, &Wwid)>> = BTreeMap::new();
        let mut alone: Vec<(&NodeName, &Wwid, Vec<Way<'_>>)> = Vec::new();
        for node in self.causes.nodes_that_tell().filter(|node| self.on_node(node).is_none()) {
            for Alike { luns, ways } in self.causes.alike(node) {
                let lost = |way: &Way<'_>| way.off > 0 && self.by(way, None).is_none();
                if !ways.iter().any(|way| window.on.has(way, None)) || !ways.iter().any(lost) {
                    continue;
                }
                for wwid in luns.into_iter().filter(|wwid| self.is_hurt(node, wwid)) {
                    let mut loose = Vec::new();
                    for way in self.causes.ways(node, wwid).into_iter().filter(lost) {
                        match way.cause {
                            _ if self.stood_before(window, &way, wwid, findings) => {}
                            Some(cause) => by_cause.entry(cause).or_default().push((node, wwid)),
                            None => loose.push(way),
                        }
                    }
                    if !loose.is_empty() {
                        alone.push((node, wwid, loose));
                    }
                }
            }
        }
        for (cause, mut cells) in by_cause {
            cells.dedup();
            let Some(cause) = self.causes.list().get(cause as usize) else { continue };
            findings.push(self.by_cause(window, cause, &cells));
        }
        alone.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        let rest = alone.len().saturating_sub(TOLD_MAX);
        for (node, wwid, lost) in alone.into_iter().take(TOLD_MAX) {
            let lost: Vec<String> = lost.iter().map(Way::to_string).collect();
            let more = if lost.len() > 1 { format!(" and {} more", lost.len() - 1) } else { String::new() };
            let summary = format!(
                "{} on {node} also lost {}{more}, which the window on {} does not explain",
                label(wwid, self.picture),
                lost.first().map_or("a path", String::as_str),
                window.on
            );
            let scope = Scope { object: Some(window.on.to_string()), ..Scope::cell(node, wwid) };
            let evidence = lost.iter().take(NAMES_MAX).map(|way| format!("lost: {way}")).collect();
            findings.push(exceeded(window, scope, summary, evidence));
        }
        if rest > 0 {
            let summary =
                format!("{} more LUNs lost paths that the window on {} does not explain", rest, window.on);
            let scope = Scope::object(&format!("{}, more", window.on));
            findings.push(exceeded(window, scope, summary, Vec::new()));
        }
    }

    fn by_cause(&self, window: &Window, cause: &Finding, cells: &[(&NodeName, &Wwid)]) -> Finding {
        let summary = format!(
            "{} lost more than the window on {} explains: {}",
            count(cells.len(), "place"),
            window.on,
            cause.summary
        );
        let named: Vec<String> = cells
            .iter()
            .take(NAMES_MAX)
            .map(|(node, wwid)| format!("{} on {node}", label(wwid, self.picture)))
            .collect();
        let more = cells.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let scope = Scope {
            object: Some(match &cause.scope.object {
                Some(object) => format!("{}, {object}", window.on),
                None => window.on.to_string(),
            }),
            ..cause.scope.clone()
        };
        let evidence = vec![format!("by {}", cause.fingerprint()), format!("{}{more}", named.join(", "))];
        exceeded(window, scope, summary, evidence)
    }

    /// The report says so too: paths are published later than reports.
    fn is_hurt(&self, node: &NodeName, wwid: &Wwid) -> bool {
        let row = self.picture.matrix.row_of(wwid);
        let cell = row.as_ref().and_then(|row| row.cell(node.as_str()));
        self.on_lun(wwid).is_none()
            && !self.picture.expectations.is_retired(wwid, node)
            && cell.is_some_and(|cell| cell.state != State::Optimal)
    }

    /// What was lost before the window opened is no part of the work, and nothing that the work did: it counts as it did.
    /// When nobody knows since when, it may have been the work.
    fn stood_before(&self, window: &Window, way: &Way<'_>, wwid: &Wwid, findings: &[Finding]) -> bool {
        let of_cause = way.cause.and_then(|at| self.causes.list().get(at as usize)?.since);
        let of_cell = || {
            let about = |finding: &&Finding| {
                finding.scope.node.as_ref() == Some(way.node)
                    && finding.scope.wwid.as_ref() == Some(wwid)
                    && finding.code != Code::WindowExceeded
                    && of_paths(finding.code)
            };
            findings.iter().filter(about).filter_map(|finding| finding.since).min()
        };
        let lost = way.changed_last.or(of_cause).or_else(of_cell);
        lost.is_some_and(|lost| lost < window.from)
    }
}

fn exceeded(window: &Window, scope: Scope, summary: String, mut evidence: Vec<String>) -> Finding {
    evidence.push(format!(
        "the window on {} is open from {} until {}, by {}: {}",
        window.on,
        utc(window.from),
        utc(window.until),
        window.by,
        window.reason
    ));
    Finding {
        evidence,
        advice: vec![
            "DO NOT widen the window to make it quiet".to_owned(),
            format!(
                "Ask {}: was more touched than {}? Stop the work until that is clear",
                window.by, window.on
            ),
        ],
        ..Finding::new(Code::WindowExceeded, Severity::Error, scope, summary)
    }
}
