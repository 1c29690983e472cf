//! Turns of a rollout: cases, and a model that walks random interleavings.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::config::plan::Confirmed;
use pathkeeper_model::config::rollout::{Applied, Course, Peer, Progress, Rollout, Turn, turn};
use pathkeeper_model::config::texts::{TEXTS_BYTES_MAX, Texts};
use pathkeeper_model::detail::Head;
use pathkeeper_model::report::Stamp;
use pathkeeper_model::{EpochS, Instance, NodeName, Wwid};
use proptest::prelude::*;

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

pub fn rollout() -> Rollout {
    Rollout {
        generation: 7,
        config: "c".into(),
        overrides: "o".into(),
        course: Course::Running,
        canary: None,
        force: BTreeSet::new(),
        resumed: BTreeMap::new(),
        by: "kb@pam".into(),
        time: Some(EpochS(1_700_000_000)),
        previous: Some(("p".into(), "q".into())),
        only: None,
        confirmed: Confirmed::default(),
    }
}

fn said(generation: u64, progress: Progress) -> Option<Applied> {
    Some(Applied { generation, progress, digest: None, since: None, why: None, drift: None })
}

/// `a:verified b-:applying c+ d`: a node that is offline bears `-`, one that carries a touched LUN `+`; `6/applying` is of another
/// generation.
fn peers(text: &str) -> BTreeMap<NodeName, Peer> {
    let read = |word: &str| {
        let (node, state) = word.split_once(':').map_or((word, None), |(node, state)| (node, Some(state)));
        let said = state.map(|state| {
            let (generation, state) =
                state.split_once('/').map_or((7, state), |(g, s)| (g.parse().unwrap(), s));
            let value = format!("{{\"generation\":{generation},\"state\":\"{state}\"}}");
            Applied::decode(value.as_bytes()).unwrap()
        });
        let peer = Peer { online: !node.contains('-'), touched: node.contains('+'), said };
        (name(node.trim_end_matches(['-', '+'])), peer)
    };
    text.split_whitespace().map(read).collect()
}

fn said_by(own: &str, of: &Rollout, text: &str, whole: bool) -> String {
    match turn(&name(own), of, &peers(text), whole) {
        Turn::Begin => "begin".into(),
        Turn::Wait(why) => why.to_string(),
    }
}

#[test]
fn turns() {
    const LOOK: &str = "look there, then: pathkeeper config rollout resume, or abort";
    for (own, cluster, expect) in [
        // One goes first: the first that carries what is touched, else the first.
        ("a", "a b c", "begin".into()),
        ("b", "a b c", "a goes first".into()),
        ("b", "a b+ c+", "begin".into()),
        ("a", "a b+ c+", "b goes first".into()),
        ("a", "a b-+ c+", "c goes first".into()),
        ("b", "a:not-applicable b c", "begin".into()),
        ("b", "a:current b c", "begin".into()),
        // Who holds is passed over, and is asked again later.
        ("b", "a:held b c", "begin".into()),
        ("a", "a:held b c", "begin".into()),
        ("b", "a:applying b c", "a goes first".into()),
        // Then three at a time.
        ("b", "a:verified b c d e", "begin".into()),
        ("d", "a:verified b c d e", "begin".into()),
        ("e", "a:verified b c d e", "b, c, d go before".into()),
        ("e", "a:verified b:held c d e", "begin".into()),
        ("e", "a:verified b- c d e", "begin".into()),
        ("e", "a:verified b:applying c:verified d e", "begin".into()),
        // Nobody follows a failure, nor somebody who was not heard of again.
        ("c", "a:verified b:failed c", format!("it is failed on b: {LOOK}")),
        ("c", "a:rolled-back b c", format!("it is rolled-back on a: {LOOK}")),
        ("c", "a:verified b-:failed c", format!("it is failed on b: {LOOK}")),
        ("c", "a:verified b-:applying c", format!("b began and was not heard of again: {LOOK}")),
        // Another generation's failure is over; its work is not.
        ("b", "a:6/failed b", "a goes first".into()),
        ("a", "a:6/failed b", "begin".into()),
        ("a", "a b:6/applying", "b is still at work on another generation".into()),
        ("b", "a:verified b c:something-new", "begin".into()),
        ("b", "a b c:something-new", "c goes first".into()),
    ] {
        assert_eq!(said_by(own, &rollout(), cluster, true), expect, "{own} of {cluster}");
    }
    let named = Rollout { canary: Some(name("c")), ..rollout() };
    assert_eq!(said_by("a", &named, "a+ b c", true), "c goes first");
    assert_eq!(said_by("c", &named, "a+ b c", true), "begin");
    assert_eq!(said_by("a", &named, "a b", true), "the node that is to go first is not there");
    // One that has nothing to do never verifies: then the first by name goes.
    assert_eq!(said_by("a", &named, "a b c:current", true), "begin");
    assert_eq!(said_by("a", &named, "a b c:not-applicable", true), "begin");
    assert_eq!(said_by("a", &named, "a b c:held", true), "c goes first");
    assert_eq!(said_by("a", &named, "a b c-", true), "c goes first");
    // Nothing is tried a second time by itself; what was said is read back on the way.
    assert_eq!(said_by("a", &rollout(), "a:failed b", true), format!("it is failed on a: {LOOK}"));
    assert_eq!(said_by("a", &rollout(), "a:applying b", true), "begin");
    assert_eq!(said_by("a", &rollout(), "a-:applying b", true), "begin");
    let resumed = Rollout { resumed: [(name("b"), None)].into(), ..rollout() };
    assert_eq!(said_by("b", &resumed, "a:verified b:failed c", true), "begin");
    assert_eq!(said_by("c", &resumed, "a:verified b:failed c", true), "begin");
    assert_eq!(said_by("c", &resumed, "a b-:applying c", true), "a goes first");
    // What was looked at is what the node said then, and nothing later.
    let earlier = Rollout { resumed: [(name("b"), Some(EpochS(5)))].into(), ..rollout() };
    assert_eq!(said_by("c", &earlier, "a:verified b:failed c", true), format!("it is failed on b: {LOOK}"));
    assert_eq!(said_by("a", &rollout(), "a b", false), "this node does not see the whole cluster");
    for course in [Course::Paused, Course::Aborted] {
        let expect = format!("the rollout is {}", course.as_str());
        assert_eq!(said_by("a", &Rollout { course, ..rollout() }, "a b", true), expect);
    }
}

#[test]
fn documents_and_values_are_read_as_they_were_written() {
    let full = Rollout {
        canary: Some(name("b")),
        force: [name("a"), name("c")].into(),
        resumed: [(name("d\"e"), Some(EpochS(9))), (name("f"), None)].into(),
        only: Some(name("c")),
        confirmed: Confirmed {
            adopt: [wwid("3a")].into(),
            remove: [wwid("3b"), wwid("3c")].into(),
            rename: [wwid("3d")].into(),
            rename_in_use: true,
        },
        ..rollout()
    };
    for of in [rollout(), full, Rollout { course: Course::Aborted, previous: None, time: None, ..rollout() }]
    {
        assert_eq!(Rollout::decode(&of.encode()), Ok(Some(of)));
    }
    assert_eq!(Rollout::decode(b""), Ok(None));
    for (bytes, expect) in [
        (&b"{}"[..], "it bears no generation"),
        (b"{\"generation\":0,\"state\":\"running\"}", "it bears no generation"),
        (b"{\"generation\":1,\"config\":\"c\",\"overrides\":\"o\"}", "it does not say whether it runs"),
        (
            b"{\"generation\":1,\"state\":\"flying\",\"config\":\"c\",\"overrides\":\"o\"}",
            "\"flying\" is nothing that a rollout does",
        ),
        (b"{\"generation\":1,\"state\":\"running\",\"config\":\"c\"}", "it does not say what is rolled out"),
    ] {
        assert_eq!(Rollout::decode(bytes), Err(expect.into()));
    }
    assert!(Rollout::decode(b"[]").is_err() && Rollout::decode(b"{\"generation\":1").is_err());
    for progress in
        ["current", "waiting", "held", "applying", "verified", "failed", "rolled-back", "not-applicable"]
    {
        let value = format!(
            "{{\"generation\":3,\"state\":\"{progress}\",\"digest\":\"d\",\"since\":5,\"why\":\"w\"}}"
        );
        let read = Applied::decode(value.as_bytes()).unwrap();
        assert_eq!(read.progress.as_str(), progress);
        let stamp = Stamp { instance: Instance(9), seq: 2 };
        let head = Head { node: NodeName::new("pve1").unwrap(), stamp, time: EpochS(7) };
        let bytes = read.encode(&head);
        assert_eq!(Applied::decode(&bytes).as_ref(), Ok(&read));
        let begins =
            format!("{{\"v\":1,\"node\":\"pve1\",\"instance\":\"{}\",\"seq\":2,\"time\":7,", stamp.instance);
        assert_eq!(String::from_utf8(bytes).unwrap(), begins + &value[1..]);
    }
    let odd = Applied::decode(b"{\"generation\":3,\"state\":\"dancing\"}").unwrap();
    assert_eq!(odd.progress, Progress::Applying, "whoever does something unknown may be at work");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Rollout::decode(&bytes);
        let _ = Applied::decode(&bytes);
    }
}

/// What a node is doing in the model, which the others do not see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Nothing,
    /// It has said `applying`, at this place of the log, and touched nothing.
    Said(usize),
    /// It works on its files.
    Working,
    Done,
}

/// What a node of the model is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// It carries a LUN that is touched.
    Carries,
    /// It does not.
    Plain,
    /// It observes.
    Observes,
}

/// A store that keeps an order: each node has seen some beginning of the log, at least as much as before.
struct World {
    names: Vec<NodeName>,
    what: Vec<What>,
    /// Who said what; the place in the log is the `since` of it.
    log: Vec<(usize, Progress)>,
    seen: Vec<usize>,
    doing: Vec<Doing>,
    alive: Vec<bool>,
    /// A path is down there: nothing is reconfigured.
    path_down: Vec<bool>,
    /// What each node believes of who is online is the truth of some moment.
    believed: Vec<Vec<bool>>,
    rollout: Rollout,
}

impl World {
    fn new(what: Vec<What>, canary: Option<usize>) -> Self {
        let n = what.len();
        let names: Vec<NodeName> = (0..n).map(|at| name(&format!("n{at}"))).collect();
        let canary = canary.map(|at| names[at % n].clone());
        Self {
            rollout: Rollout { canary, ..rollout() },
            names,
            what,
            log: Vec::new(),
            seen: vec![0; n],
            doing: vec![Doing::Nothing; n],
            alive: vec![true; n],
            path_down: vec![false; n],
            believed: vec![vec![true; n]; n],
        }
    }

    fn turn_of(&self, at: usize) -> Turn {
        let mut peers: BTreeMap<NodeName, Peer> = BTreeMap::new();
        for (n, node) in self.names.iter().enumerate() {
            let (online, touched) = (self.believed[at][n], self.what[n] == What::Carries);
            peers.insert(node.clone(), Peer { online, touched, said: None });
        }
        for (place, (n, progress)) in self.log[..self.seen[at]].iter().enumerate() {
            let said = Applied { since: since(place), ..said(7, *progress).unwrap() };
            peers.get_mut(&self.names[*n]).unwrap().said = Some(said);
        }
        // What it said itself it knows without the store.
        if let Some((place, progress)) = self.last(at, self.log.len()) {
            let said = Applied { since: since(place), ..said(7, progress).unwrap() };
            peers.get_mut(&self.names[at]).unwrap().said = Some(said);
        }
        turn(&self.names[at], &self.rollout, &peers, true)
    }

    fn say(&mut self, at: usize, progress: Progress) {
        self.log.push((at, progress));
    }

    /// What a node said last, and where.
    fn last(&self, at: usize, upto: usize) -> Option<(usize, Progress)> {
        let said = self.log[..upto].iter().enumerate().rev().find(|(_, (n, _))| *n == at)?;
        Some((said.0, said.1.1))
    }

    /// One step of one node; `dice` chooses how it goes.
    fn step(&mut self, at: usize, dice: u8) {
        if !self.alive[at] {
            return;
        }
        if self.what[at] == What::Observes {
            self.say(at, Progress::NotApplicable);
            self.doing[at] = Doing::Done;
            return;
        }
        match self.doing[at] {
            Doing::Nothing if self.path_down[at] => {
                if self.turn_of(at) == Turn::Begin {
                    self.say(at, Progress::Held);
                }
            }
            Doing::Nothing => {
                if self.turn_of(at) == Turn::Begin {
                    self.say(at, Progress::Applying);
                    self.doing[at] = Doing::Said(self.log.len());
                }
            }
            Doing::Said(place) => {
                // It has read its own word back, and with it all that stands before it.
                self.seen[at] = self.seen[at].max(place);
                if self.turn_of(at) == Turn::Begin {
                    self.begins(at, place);
                    self.doing[at] = Doing::Working;
                } else {
                    self.say(at, Progress::Waiting);
                    self.doing[at] = Doing::Nothing;
                }
            }
            Doing::Working => {
                let end = match dice % 16 {
                    0 => Progress::Failed,
                    1 => Progress::RolledBack,
                    2 => {
                        self.alive[at] = false;
                        return;
                    }
                    _ => Progress::Verified,
                };
                self.say(at, end);
                self.doing[at] = if end == Progress::Verified { Doing::Done } else { Doing::Nothing };
            }
            Doing::Done => {}
        }
    }

    /// What must be true whenever a node touches its first file; `place` is behind its own word, and it may have read more.
    fn begins(&self, at: usize, place: usize) {
        let verified = self.log.iter().any(|(_, of)| *of == Progress::Verified);
        let looked_at =
            |n: usize, place: usize| self.rollout.resumed.get(&self.names[n]) == Some(&since(place));
        let working = |n: &usize| {
            let said = self.last(*n, self.log.len());
            self.doing[*n] == Doing::Working && !said.is_some_and(|(place, _)| looked_at(*n, place))
        };
        assert!(
            verified || !(0..self.names.len()).any(|n| working(&n)),
            "{} begins beside another while nobody has gone through: {:?}",
            self.names[at],
            self.doing
        );
        for n in 0..self.names.len() {
            let Some((of, progress)) = self.last(n, self.seen[at]).filter(|_| n != at) else { continue };
            assert!(!progress.is_wrong() || looked_at(n, of), "{} follows a failure", self.names[at]);
        }
        let before = self.last(at, place - 1);
        assert!(
            !before.is_some_and(|(of, progress)| progress.is_wrong() && !looked_at(at, of)),
            "{} tries again by itself",
            self.names[at]
        );
    }

    /// A person looks at everything that is wrong, starts what is dead, and resumes.
    fn person(&mut self) {
        for at in 0..self.names.len() {
            if !self.alive[at] {
                // It resumes by verifying: what it was about is in force, or is again as before.
                self.alive[at] = true;
                self.doing[at] = Doing::Done;
                self.say(at, Progress::Verified);
            }
            if let Some((of, progress)) = self.last(at, self.log.len())
                && progress.is_wrong()
            {
                self.rollout.resumed.insert(self.names[at].clone(), since(of));
            }
        }
    }
}

fn since(place: usize) -> Option<EpochS> {
    Some(EpochS(i64::try_from(place).unwrap()))
}

#[derive(Clone, Debug)]
enum Step {
    Node(usize, u8),
    /// A node sees so much more of the log, and who is online.
    Sees(usize, usize),
    /// A path of a node fails, or comes back.
    Path(usize),
    Person,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        12 => (0..6_usize, any::<u8>()).prop_map(|(at, dice)| Step::Node(at, dice)),
        8 => (0..6_usize, 1..4_usize).prop_map(|(at, more)| Step::Sees(at, more)),
        1 => (0..6_usize).prop_map(Step::Path),
        2 => Just(Step::Person),
    ];
    prop::collection::vec(one, 0..120)
}

fn kinds() -> impl Strategy<Value = Vec<What>> {
    let one = prop_oneof![3 => Just(What::Carries), 3 => Just(What::Plain), 1 => Just(What::Observes)];
    prop::collection::vec(one, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]
    #[test]
    fn one_goes_first_nobody_follows_a_failure_and_all_get_there(
        kinds in kinds(),
        canary in prop::option::weighted(0.2, 0..6_usize),
        steps in steps(),
    ) {
        let mut world = World::new(kinds, canary);
        let n = world.names.len();
        for step in steps {
            match step {
                Step::Node(at, dice) => world.step(at % n, dice),
                Step::Sees(at, more) => {
                    let at = at % n;
                    world.seen[at] = (world.seen[at] + more).min(world.log.len());
                    world.believed[at] = world.alive.clone();
                }
                Step::Path(at) => world.path_down[at % n] ^= true,
                Step::Person => world.person(),
            }
        }
        // The store works, everybody sees everything, paths are back, and people look after what is wrong.
        world.path_down = vec![false; n];
        for _ in 0..40 {
            world.person();
            for at in 0..n {
                world.seen[at] = world.log.len();
                world.believed[at] = world.alive.clone();
                world.step(at, 7);
            }
        }
        prop_assert!(world.doing.iter().all(|of| *of == Doing::Done), "{:?} {:?}", world.doing, world.log);
    }
}

#[test]
fn a_generation_for_one_node_moves_no_other() {
    let only = Rollout { only: Some(name("b")), ..rollout() };
    let says = |own: &str| said_by(own, &only, "a b c", true);
    assert_eq!(says("b"), "begin");
    assert_eq!(says("c"), "this generation is for b alone: pathkeeper config apply");
    let nobody = String::from_utf8(only.encode()).unwrap().replace("\"only\":\"b\"", "\"only\":\"\"");
    assert!(Rollout::decode(nobody.as_bytes()).is_err(), "for nobody rather than for all");
}

#[test]
fn texts_of_what_is_rolled_out_are_kept_and_no_others() {
    let mut texts = Texts::default();
    for (digest, text) in [("c", "wwid: 3a\n\talias \"ä\"\n"), ("o", ""), ("p", "before"), ("old", "gone")] {
        texts.put(digest, text);
    }
    assert_eq!(texts.keep_for(&rollout()), Ok(()));
    assert_eq!(Texts::decode(&texts.encode()).as_ref(), Ok(&texts));
    let is = |digest: &str| texts.of(digest).map(str::len);
    assert_eq!(["c", "o", "p", "q", "old"].map(is), [Some(21), Some(0), Some(6), None, None]);
    // What was before goes where there is no room for both; where there is none for one, it is said.
    let long = "x".repeat(TEXTS_BYTES_MAX * 2 / 3);
    texts.put("p", &long);
    texts.put("c", &long);
    assert_eq!(texts.keep_for(&rollout()), Ok(()));
    assert_eq!((texts.of("p"), texts.of("c").map(str::len)), (None, Some(long.len())));
    texts.put("o", &long);
    assert!(texts.keep_for(&rollout()).is_err());
    assert_eq!(Texts::decode(b""), Ok(Texts::default()));
    for bad in ["[]", "{", "{}", "{\"v\":2,\"texts\":{}}"] {
        assert!(Texts::decode(bad.as_bytes()).is_err(), "{bad}");
    }
}
