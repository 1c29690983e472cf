//! The attempt as the disk remembers it. What cannot be read whole is an error and never "nothing": from nothing one would
//! apply once more.

use std::borrow::Cow;

use pathkeeper_engine::apply::{
    Attempt, Before, File, ManagedFile, Mark, Outcome, Plan, PlannedMap, Progress, SeenMap, SeenPath, Taken,
};
use pathkeeper_model::{EpochS, Wwid};
use serde::{Deserialize, Serialize};

/// Grows when a field changes its meaning.
const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    schema: u32,
    plan: KeptPlan,
    before: KeptBefore,
    mark: KeptMark,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KeptPlan {
    generation: u64,
    digest: String,
    /// Which drop-in, and its text; none takes it away.
    files: Vec<(KeptFile, Option<String>)>,
    add: Vec<String>,
    remove: Vec<String>,
    maps: Vec<KeptPlanned>,
    needs_reconfigure: bool,
    forced: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptFile {
    Main,
    Overrides,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KeptPlanned {
    wwid: String,
    name_before: Option<String>,
    name_after: Option<String>,
    paths_expected: Option<u32>,
    values: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KeptBefore {
    boot_id: String,
    pid: u32,
    maps: Vec<KeptMap>,
    config_digest: Option<String>,
    held: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct KeptMap {
    wwid: String,
    name: String,
    dm: Option<String>,
    /// Device, number, usable.
    paths: Vec<(String, String, bool)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at")]
enum KeptMark {
    Begun,
    Asked,
    Restoring { why: Vec<String>, taken: KeptTaken },
    AskedBack { why: Vec<String> },
    Done { progress: Cow<'static, str>, why: Vec<String>, since: i64 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptTaken {
    No,
    Perhaps,
    Hung,
}

/// As it goes to the disk.
pub(super) fn encode(attempt: &Attempt) -> Result<Vec<u8>, serde_json::Error> {
    let texts = |list: &[Wwid]| list.iter().map(Wwid::to_string).collect();
    let plan = &attempt.plan;
    let planned = |map: &PlannedMap| KeptPlanned {
        wwid: map.wwid.to_string(),
        name_before: map.name_before.clone(),
        name_after: map.name_after.clone(),
        paths_expected: map.paths_expected,
        values: map.values.clone(),
    };
    let file = |file: &File| {
        let which = match file.which {
            ManagedFile::Main => KeptFile::Main,
            ManagedFile::Overrides => KeptFile::Overrides,
        };
        (which, file.content.clone())
    };
    let before = &attempt.before;
    let map = |map: &SeenMap| KeptMap {
        wwid: map.wwid.to_string(),
        name: map.name.clone(),
        dm: map.dm.clone(),
        paths: map.paths.iter().map(|p| (p.dev.clone(), p.dev_t.clone(), p.usable)).collect(),
    };
    let kept = Kept {
        schema: SCHEMA,
        plan: KeptPlan {
            generation: plan.generation,
            digest: plan.digest.clone(),
            files: plan.files.iter().map(file).collect(),
            add: texts(&plan.add),
            remove: texts(&plan.remove),
            maps: plan.maps.iter().map(planned).collect(),
            needs_reconfigure: plan.needs_reconfigure,
            forced: plan.forced,
        },
        before: KeptBefore {
            boot_id: before.boot_id.clone(),
            pid: before.pid,
            maps: before.maps.iter().map(map).collect(),
            config_digest: before.config_digest.clone(),
            held: before.held.iter().map(|(wwid, key)| (wwid.to_string(), key.clone())).collect(),
        },
        mark: match attempt.mark.clone() {
            Mark::Begun => KeptMark::Begun,
            Mark::Asked => KeptMark::Asked,
            Mark::Restoring { why, taken } => {
                let taken = match taken {
                    Taken::No => KeptTaken::No,
                    Taken::Perhaps => KeptTaken::Perhaps,
                    Taken::Hung => KeptTaken::Hung,
                };
                KeptMark::Restoring { why, taken }
            }
            Mark::AskedBack { why } => KeptMark::AskedBack { why },
            Mark::Done(Outcome { progress, why, since }) => {
                KeptMark::Done { progress: progress.as_str().into(), why, since: since.0 }
            }
        },
    };
    serde_json::to_vec(&kept)
}

/// What the disk said, or why that is none.
pub(super) fn decode(bytes: &[u8]) -> Result<Attempt, String> {
    let kept: Kept = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if kept.schema != SCHEMA {
        return Err(format!("it is of schema {}, written by another version", kept.schema));
    }
    let wwid = |text: &String| Wwid::new(text).ok_or_else(|| "an empty WWID".to_owned());
    let wwids = |list: &[String]| list.iter().map(wwid).collect::<Result<Vec<_>, _>>();
    let planned = |map: KeptPlanned| {
        Ok::<_, String>(PlannedMap {
            wwid: wwid(&map.wwid)?,
            name_before: map.name_before,
            name_after: map.name_after,
            paths_expected: map.paths_expected,
            values: map.values,
        })
    };
    let map = |map: KeptMap| {
        let path = |(dev, dev_t, usable)| SeenPath { dev, dev_t, usable };
        let paths = map.paths.into_iter().map(path).collect();
        Ok::<_, String>(SeenMap { wwid: wwid(&map.wwid)?, name: map.name, dm: map.dm, paths })
    };
    let file = |(which, content)| {
        let which = match which {
            KeptFile::Main => ManagedFile::Main,
            KeptFile::Overrides => ManagedFile::Overrides,
        };
        File { which, content }
    };
    let plan = kept.plan;
    let before = kept.before;
    Ok(Attempt {
        plan: Plan {
            generation: plan.generation,
            digest: plan.digest,
            files: plan.files.into_iter().map(file).collect(),
            add: wwids(&plan.add)?,
            remove: wwids(&plan.remove)?,
            maps: plan.maps.into_iter().map(planned).collect::<Result<_, _>>()?,
            needs_reconfigure: plan.needs_reconfigure,
            forced: plan.forced,
            // What a person ordered once is not ordered again by a new start.
            again: false,
        },
        before: Before {
            boot_id: before.boot_id,
            pid: before.pid,
            maps: before.maps.into_iter().map(map).collect::<Result<_, _>>()?,
            config_digest: before.config_digest,
            held: before
                .held
                .into_iter()
                .map(|(of, key)| Ok::<_, String>((wwid(&of)?, key)))
                .collect::<Result<_, _>>()?,
        },
        mark: match kept.mark {
            KeptMark::Begun => Mark::Begun,
            KeptMark::Asked => Mark::Asked,
            KeptMark::Restoring { why, taken } => {
                let taken = match taken {
                    KeptTaken::No => Taken::No,
                    KeptTaken::Perhaps => Taken::Perhaps,
                    KeptTaken::Hung => Taken::Hung,
                };
                Mark::Restoring { why, taken }
            }
            KeptMark::AskedBack { why } => Mark::AskedBack { why },
            KeptMark::Done { progress, why, since } => {
                let ends = [Progress::Verified, Progress::RolledBack, Progress::Failed];
                let progress = ends.into_iter().find(|end| end.as_str() == progress);
                let progress = progress.ok_or("it ended in no way that there is")?;
                Mark::Done(Outcome { progress, why, since: EpochS(since) })
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(mark: Mark) -> Attempt {
        let wwid = |text| Wwid::new(text).unwrap();
        Attempt {
            plan: Plan {
                generation: 7,
                digest: "d".into(),
                files: vec![
                    File { which: ManagedFile::Main, content: Some("a \"b\"\n".into()) },
                    File { which: ManagedFile::Overrides, content: None },
                ],
                add: vec![wwid("3600n")],
                remove: vec![wwid("3600o")],
                maps: vec![PlannedMap {
                    wwid: wwid("3600a"),
                    name_before: Some("x".into()),
                    name_after: None,
                    paths_expected: Some(4),
                    values: vec![("k".into(), "v".into())],
                }],
                needs_reconfigure: true,
                forced: true,
                again: false,
            },
            before: Before {
                boot_id: "b".into(),
                pid: 5,
                maps: vec![SeenMap {
                    wwid: wwid("3600a"),
                    name: "x".into(),
                    dm: Some("dm-3".into()),
                    paths: vec![SeenPath { dev: "sda".into(), dev_t: "8:0".into(), usable: true }],
                }],
                config_digest: Some("c".into()),
                held: vec![(wwid("3600a"), "k".into())],
            },
            mark,
        }
    }

    #[test]
    fn what_is_remembered_comes_back() {
        let why = || vec!["so".to_owned()];
        let mut marks = vec![Mark::Begun, Mark::Asked, Mark::AskedBack { why: why() }];
        for taken in [Taken::No, Taken::Perhaps, Taken::Hung] {
            marks.push(Mark::Restoring { why: why(), taken });
        }
        for progress in [Progress::Verified, Progress::RolledBack, Progress::Failed] {
            marks.push(Mark::Done(Outcome { progress, why: why(), since: EpochS(7) }));
        }
        for mark in marks {
            let attempt = attempt(mark);
            assert_eq!(decode(&encode(&attempt).unwrap()), Ok(attempt));
        }
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        let whole = String::from_utf8(encode(&attempt(Mark::Asked)).unwrap()).unwrap();
        for n in 0..whole.len() {
            assert!(decode(&whole.as_bytes()[..n]).is_err(), "{n}");
        }
        for (from, to) in [
            ("\"schema\":1", "\"schema\":2"),
            ("\"at\":\"asked\"", "\"at\":\"dreamt\""),
            ("\"wwid\":\"3600a\"", "\"wwid\":\"\""),
            ("\"main\"", "\"third\""),
        ] {
            let changed = whole.replace(from, to);
            assert!(changed != whole && decode(changed.as_bytes()).is_err(), "{to}");
        }
    }
}
