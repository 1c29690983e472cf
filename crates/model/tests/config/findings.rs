//! Findings about the configuration on the nodes: cases.

use pathkeeper_model::config::findings::{HELD_ERROR_S, Node, Rolling, findings};
use pathkeeper_model::config::rollout::{Applied, Progress};
use pathkeeper_model::{EpochS, NodeName};

use super::rollout::rollout;

const SINCE: i64 = 1_700_000_000;

/// What is told of one node in this state: `SEVERITY CODE scope`, the summary, and the evidence.
fn told(
    progress: Progress,
    offline: bool,
    drift: Option<&str>,
    generation: u64,
    after_s: i64,
) -> Vec<String> {
    let name = NodeName::new("pve2").unwrap();
    let said = Applied {
        generation,
        progress,
        digest: None,
        since: Some(EpochS(SINCE)),
        why: Some("because".into()),
        drift: drift.map(str::to_owned),
    };
    let rolling = Rolling { rollout: Some(rollout()), pending: Vec::new() };
    let node = Node { name: &name, offline, said: &said };
    let found = findings(&rolling, [node].into_iter(), EpochS(SINCE + after_s));
    found
        .iter()
        .map(|f| {
            assert!(!f.advice.is_empty());
            format!("{} {}: {} [{}]", f.severity.as_str(), f.fingerprint(), f.summary, f.evidence.join("; "))
        })
        .collect()
}

#[test]
fn each_state_of_a_node() {
    let check = |progress, offline, expect: &[&str]| {
        assert_eq!(told(progress, offline, None, 7, 5), expect, "{progress:?} {offline}");
        // An older generation is over.
        assert_eq!(told(progress, offline, None, 6, 5), [""; 0], "{progress:?} {offline}");
    };
    for quiet in [Progress::Current, Progress::Waiting, Progress::Verified, Progress::NotApplicable] {
        check(quiet, false, &[]);
        check(quiet, true, &[]);
    }
    check(Progress::Applying, false, &[]);
    check(
        Progress::Applying,
        true,
        &[
            "error CONFIG_APPLY_FAILED pve2: pve2 began configuration generation 7 and was not heard of again [because]",
        ],
    );
    check(
        Progress::Failed,
        false,
        &[
            "error CONFIG_APPLY_FAILED pve2: configuration generation 7 failed on pve2, which may be neither as before nor as wanted [because]",
        ],
    );
    check(
        Progress::RolledBack,
        false,
        &[
            "error CONFIG_ROLLED_BACK pve2: configuration generation 7 was not applied on pve2, which is as it was before [because]",
        ],
    );
    check(
        Progress::Held,
        false,
        &[
            "warning CONFIG_HELD pve2: configuration generation 7 waits on pve2: a reconfigure now could cost a map its last path [because]",
        ],
    );
    assert!(told(Progress::Held, false, None, 7, HELD_ERROR_S)[0].starts_with("error CONFIG_HELD"));
}

#[test]
fn drift_and_what_is_pending() {
    assert_eq!(
        told(Progress::Verified, false, Some("60-pathkeeper.conf was changed by other hands"), 7, 0),
        [
            "warning CONFIG_DRIFT pve2/multipath.cfg: pve2 is not configured as it was applied there [60-pathkeeper.conf was changed by other hands]"
        ]
    );
    let pending = vec!["multipath.cfg"];
    let none = || std::iter::empty::<Node<'_>>();
    let rolling = Rolling { rollout: Some(rollout()), pending: pending.clone() };
    let found = findings(&rolling, none(), EpochS(0));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].fingerprint().to_string(), "CONFIG_PENDING multipath.cfg");
    // Where nothing was ever rolled out the documents may say what they like.
    assert_eq!(findings(&Rolling { rollout: None, pending }, none(), EpochS(0)), []);
}
