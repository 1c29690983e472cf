//! Watches what every host says, all the time: each event of each agent is held against what may be said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pathkeeper_api::client::{Address, Client, Event};
use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::sim::San;

/// An agent answers within this or does not run.
const ANSWER: Duration = Duration::from_secs(3);
/// Until an agent that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(50);
/// Sentences that are kept.
const WRONG_MAX: usize = 20;

/// WWID and node.
type Place = (String, String);

/// What all hosts said, and what each of them may say.
#[derive(Clone, Debug)]
pub struct Watcher(Arc<Mutex<Record>>);

#[derive(Debug)]
struct Record {
    began: Instant,
    sights: Vec<Sight>,
    /// What nobody may ever say and somebody did.
    wrong: Vec<String>,
}

/// One host's picture.
#[derive(Debug, Default)]
struct Sight {
    /// What it says now; `None` while it does not answer.
    status: Option<ClusterStatus>,
    /// Events that it sent.
    events: u64,
    /// The states that it may show at a place, besides `unknown`.
    allowed: BTreeMap<Place, BTreeSet<String>>,
    /// The states that it might show of nodes that were seen before, and cannot be seen now.
    before: BTreeMap<Place, BTreeSet<String>>,
    /// Places that it ever showed: none may go away.
    known: BTreeSet<Place>,
    /// Places that it showed as unknown since this was last asked.
    unknown: BTreeSet<Place>,
}

impl Watcher {
    /// Watches the agents behind these sockets (inside a runtime).
    pub fn start(sockets: Vec<PathBuf>) -> Self {
        let sights = sockets.iter().map(|_| Sight::default()).collect();
        let watcher = Self(Arc::new(Mutex::new(Record { began: Instant::now(), sights, wrong: Vec::new() })));
        for (observer, socket) in sockets.into_iter().enumerate() {
            tokio::spawn(follow(watcher.clone(), observer, socket));
        }
        watcher
    }

    /// What a host says now; `None` while it does not answer.
    pub fn status(&self, observer: usize) -> Option<ClusterStatus> {
        self.lock().sights[observer].status.clone()
    }

    /// From now on every host may also show what is true of the SAN.
    pub fn allow(&self, san: &San) {
        let truth = truth(san);
        for sight in &mut self.lock().sights {
            for (place, state) in &truth {
                sight.allowed.entry(place.clone()).or_default().insert(state.clone());
            }
        }
    }

    /// A node comes back. What it reported last is believed with its age (status.md, section 4) until it reports anew,
    /// so for that moment the others may show it again.
    pub fn allow_returning(&self, san: &San) {
        self.allow(san);
        for sight in &mut self.lock().sights {
            for (place, states) in std::mem::take(&mut sight.before) {
                sight.allowed.entry(place).or_default().extend(states);
            }
        }
    }

    /// From now on this host may show nothing but what is true of the SAN, or `unknown`.
    pub fn hold_to(&self, observer: usize, san: &San) {
        let truth = truth(san).into_iter().map(|(place, state)| (place, BTreeSet::from([state])));
        let sight = &mut self.lock().sights[observer];
        for (place, states) in std::mem::replace(&mut sight.allowed, truth.collect()) {
            match sight.allowed.contains_key(&place) {
                true => drop(sight.before.remove(&place)),
                false => drop(sight.before.insert(place, states)),
            }
        }
    }

    /// What somebody said that nobody may say.
    pub fn wrong(&self) -> Vec<String> {
        self.lock().wrong.clone()
    }

    /// How many events came from all hosts together.
    pub fn events(&self) -> u64 {
        self.lock().sights.iter().map(|sight| sight.events).sum()
    }

    /// Which nodes this host called unknown at any moment since this was last asked.
    pub fn called_unknown(&self, observer: usize) -> BTreeSet<String> {
        let taken = std::mem::take(&mut self.lock().sights[observer].unknown);
        taken.into_iter().map(|(_, node)| node).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap()
    }

    fn take(&self, observer: usize, event: Event) {
        let record = &mut *self.lock();
        let sight = &mut record.sights[observer];
        sight.events += 1;
        match event {
            Event::Snapshot(status) => sight.status = Some(status),
            Event::Delta(delta) => match &mut sight.status {
                Some(status) => status.apply(delta),
                None => return,
            },
            Event::Resync => return,
        }
        for words in sight.judge() {
            if record.wrong.len() < WRONG_MAX {
                let at = record.began.elapsed().as_secs_f64();
                record.wrong.push(format!("{at:.2} s: host {observer} said {words}"));
            }
        }
    }
}

impl Sight {
    /// What is wrong with what it says now.
    fn judge(&mut self) -> Vec<String> {
        let Some(status) = &self.status else { return Vec::new() };
        let mut wrong = Vec::new();
        let mut shown = BTreeSet::new();
        let mut clean = true;
        for row in &status.luns {
            for (node, cell) in &row.nodes {
                let place = (row.wwid.clone(), node.clone());
                clean &= cell.state == "optimal";
                if cell.state == "unknown" {
                    self.unknown.insert(place.clone());
                } else if !self.allowed.get(&place).is_some_and(|states| states.contains(&cell.state)) {
                    let may = self.allowed.get(&place);
                    wrong.push(format!("{} of {} on {node}, may be {may:?}", cell.state, row.wwid));
                }
                shown.insert(place);
            }
        }
        // Nobody expects a LUN yet, so one that a node ceases to name would just go away: as false as `missing`.
        wrong
            .extend(self.known.difference(&shown).map(|(wwid, node)| format!("nothing of {wwid} on {node}")));
        self.known.extend(shown);
        let summary = &status.summary;
        if (summary.exit_status == 0 || summary.health == "HEALTH_OK") && (!clean || status.view.partial) {
            wrong.push(format!("{} with doubt, or of a part: {summary:?}", summary.health));
        }
        wrong
    }
}

async fn follow(watcher: Watcher, observer: usize, socket: PathBuf) {
    let client = Client::new(Address::Unix(socket), ANSWER);
    loop {
        if let Ok(mut stream) = client.events().await {
            while let Ok(Some(event)) = stream.next().await {
                watcher.take(observer, event);
            }
        }
        watcher.lock().sights[observer].status = None;
        tokio::time::sleep(AGAIN).await;
    }
}

/// The state of each place of nodes that can be seen; those that cannot have none.
fn truth(san: &San) -> BTreeMap<Place, String> {
    let truths = (0..san.nodes.len()).filter_map(|node| san.truth(node)).filter(|truth| truth.alive);
    let places = truths.flat_map(|truth| {
        let node = truth.name.as_str().to_owned();
        truth
            .maps
            .into_iter()
            .map(move |map| ((map.wwid.as_str().to_owned(), node.clone()), map.state.as_str().to_owned()))
    });
    places.collect()
}
