//! What people say by the API: mutes, windows and names, in a real app on the embedded store, which only observes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::client::{Address, Client, Error};
use pathkeeper_api::mutes::MuteBody;
use pathkeeper_api::names::{Named, NamesBody};
use pathkeeper_api::windows::WindowBody;
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::{Hub, HubStore};
use pathkeeper_io::store::{DocumentName, Store};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::{EpochS, NodeName};
use tokio::sync::mpsc;

struct NoMaps;

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

impl Look for NoMaps {
    /// Its multipathd is down: a finding that can be muted.
    fn read(&mut self, _: Depth) -> NodeRead {
        NodeRead::empty(EpochS(now()), Daemon::Stopped)
    }
    fn probe(&mut self) -> bool {
        true
    }
}

struct Lab {
    _dir: tempfile::TempDir,
    _app: App,
    store: HubStore,
    client: Client,
}

impl Lab {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Hub::open(dir.path()).unwrap().node(&NodeName::new("pve1").unwrap());
        let facts = NodeFacts { mode: "observe".into(), ..NodeFacts::default() };
        let socket = dir.path().join("run/pathkeeper.sock");
        let config = AppConfig {
            socket: Some((socket.clone(), None)),
            ..AppConfig::new(random_instance().unwrap(), facts)
        };
        let look = Arc::new(|| Box::new(NoMaps) as Box<dyn Look>);
        let state = Some(dir.path().to_owned());
        let app =
            App::start_keeping(config, Vec::new(), state, Arc::new(store.clone()), look, mpsc::channel(1).1);
        let app = app.await.unwrap();
        let client = Client::new(Address::Unix(socket), Duration::from_secs(20));
        let lab = Self { _dir: dir, _app: app, store, client };
        lab.until("its finding", |found| found.iter().any(|(code, _)| code.starts_with("MULTIPATHD_"))).await;
        lab
    }

    /// Polls until the findings, by code and whether they are muted, are as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&[(String, bool)]) -> bool) {
        let mut last = Vec::new();
        for _ in 0..2_000 {
            if let Ok(status) = self.client.status("").await {
                last = status.findings.into_iter().map(|f| (f.code, f.muted.is_some())).collect();
                if wanted(&last) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}: {last:?}");
    }

    async fn document(&self, name: &str) -> Option<String> {
        let read = self.store.read(DocumentName::new(name).unwrap()).await.unwrap();
        read.bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> (u16, String) {
    match answer.unwrap_err() {
        Error::Refused { status, body, .. } => (status, format!("{} {:?}", body.message, body.errors)),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_is_muted_stays_shown_and_does_not_count() {
    let lab = Lab::new().await;
    let status = lab.client.status("").await.unwrap();
    let down = status.findings.iter().find(|f| f.code.starts_with("MULTIPATHD_")).unwrap().code.clone();
    let ask = MuteBody { code: down.clone(), reason: "is being repaired".into(), ..MuteBody::default() };
    assert!(lab.document("pathkeeper/mutes").await.is_none(), "nobody said anything");

    let given = lab.client.mute(&MuteBody { node: Some("pve1".into()), ..ask.clone() }).await.unwrap();
    let uid = rustix::process::getuid().as_raw();
    assert!(given.mute.by.contains("pam") || uid != 0, "{}", given.mute.by);
    assert_eq!((given.mute.severity.as_str(), given.mute.until), ("error", None));
    lab.until("muted", |found| found.contains(&(down.clone(), true))).await;
    let all = lab.client.mutes().await.unwrap();
    assert_eq!((all.mutes.len(), all.mutes[0].muting, all.problems.len()), (1, 1, 0));
    assert_eq!(all.digest, given.after);

    assert_eq!(refused(lab.client.unmute("nope").await).0, 404);
    let gone = lab.client.unmute(&given.mute.id).await.unwrap();
    assert_eq!(gone.mute.id, given.mute.id);
    lab.until("it counts again", |found| found.contains(&(down.clone(), false))).await;
    assert_eq!(refused(lab.client.unmute(&given.mute.id).await).0, 404);

    let check = async |body: MuteBody, expect: &str| {
        let (status, why) = refused(lab.client.mute(&body).await);
        assert_eq!(status, 400, "{why}");
        assert!(why.contains(expect), "{why}");
    };
    check(MuteBody { code: "NOPE".into(), ..ask.clone() }, "no finding has the code").await;
    check(MuteBody { node: Some("pve9".into()), ..ask.clone() }, "no such node: pve9").await;
    check(MuteBody { reason: " ".into(), ..ask.clone() }, "say why").await;
    check(MuteBody { until: Some(5), ..ask.clone() }, "must lie in the future").await;
    check(MuteBody { severity: Some("dire".into()), ..ask.clone() }, "info, warning or error").await;
    let other = MuteBody { code: "LUN_FAILED".into(), ..ask };
    check(other.clone(), "no LUN_FAILED stands there now").await;
    check(MuteBody { until: Some(now() + 60), ..other.clone() }, "up to which severity").await;
    let beforehand = MuteBody { until: Some(now() + 60), severity: Some("error".into()), ..other };
    lab.client.mute(&beforehand).await.unwrap();
}

#[tokio::test]
async fn windows_open_end_and_go() {
    let lab = Lab::new().await;
    let body = WindowBody {
        on: "port".into(),
        name: "0x500A09818677A500".into(),
        from: None,
        until: now() + 3_600,
        reason: "new SFP".into(),
    };
    let opened = lab.client.open_window(&body).await.unwrap().window;
    assert_eq!((opened.name.as_str(), opened.state.as_str()), ("50:0a:09:81:86:77:a5:00", "open"));
    let later = WindowBody { from: Some(now() + 600), ..body.clone() };
    let later = lab.client.open_window(&later).await.unwrap().window;
    assert_eq!(later.state, "coming");
    let ended = lab.client.end_window(&opened.id).await.unwrap();
    assert_eq!(ended.window.state, "over");
    let again = lab.client.end_window(&opened.id).await.unwrap();
    assert_eq!(again.before, again.after, "it ended before");
    lab.client.remove_window(&later.id).await.unwrap();
    let all = lab.client.windows().await.unwrap();
    assert_eq!(all.windows, [ended.window]);
    assert_eq!(refused(lab.client.end_window("nope").await).0, 404);
    assert_eq!(refused(lab.client.remove_window("nope").await).0, 404);

    let check = async |body: WindowBody, expect: &str| {
        let (status, why) = refused(lab.client.open_window(&body).await);
        assert_eq!(status, 400, "{why}");
        assert!(why.contains(expect), "{why}");
    };
    check(WindowBody { on: "moon".into(), ..body.clone() }, "value must be node").await;
    check(WindowBody { on: "node".into(), name: "pve9".into(), ..body.clone() }, "no such node").await;
    check(WindowBody { name: String::new(), ..body.clone() }, "visible characters").await;
    check(WindowBody { until: now() + 8 * 86_400, ..body.clone() }, "7 days at most").await;
    check(WindowBody { until: now() - 5, ..body.clone() }, "in the future").await;
    check(WindowBody { from: Some(now() + 7_200), ..body }, "after from").await;
}

#[tokio::test]
async fn names_are_changed_together_or_not_at_all() {
    let lab = Lab::new().await;
    let named = |name: &str| Named { name: Some(name.into()), ..Named::default() };
    let body = NamesBody {
        ports: [
            ("21000024FF4A1107".to_owned(), named("pve1 A")),
            ("10.9.0.1:3260".to_owned(), named("ctl1")),
        ]
        .into(),
        ..NamesBody::default()
    };
    let first = lab.client.set_names(&body).await.unwrap();
    assert_eq!(first.changed.len(), 2);
    let same = lab.client.set_names(&body).await.unwrap();
    assert_eq!((same.changed.len(), &same.before, &same.after), (0, &first.after, &first.after));
    let old = NamesBody {
        delete: ["10.9.0.1:3260".to_owned()].into(),
        digest: Some(first.before.clone()),
        ..Default::default()
    };
    let (status, why) = refused(lab.client.set_names(&old).await);
    assert_eq!(status, 409, "{why}");
    let new = NamesBody { digest: Some(first.after), ..old };
    assert_eq!(lab.client.set_names(&new).await.unwrap().changed.len(), 1);
    let all = lab.client.names().await.unwrap();
    assert_eq!(all.ports, [("21:00:00:24:ff:4a:11:07".to_owned(), named("pve1 A"))].into());
    let twice = NamesBody {
        ports: [("p".to_owned(), named("a")), ("q\nr".to_owned(), named("b"))].into(),
        ..NamesBody::default()
    };
    let (status, why) = refused(lab.client.set_names(&twice).await);
    assert_eq!(status, 400, "{why}");
    assert_eq!(lab.client.names().await.unwrap().ports.len(), 1);
}

/// Whoever writes at the same time loses nothing, and a newer version's words stay.
#[tokio::test]
async fn what_many_say_at_once_is_all_kept() {
    let lab = Lab::new().await;
    let newer = r#"{"v":1,"entries":[{"id":"n","on":"moon","name":"x","from":1,"until":2,"phase":"full"}]}"#;
    let name = DocumentName::new("pathkeeper/windows").unwrap();
    let digest = lab.store.read(name.clone()).await.unwrap().digest;
    lab.store.write(name.clone(), Some(newer.into()), digest).await.unwrap();
    let mut all = tokio::task::JoinSet::new();
    for n in 0..6 {
        let client = lab.client.clone();
        all.spawn(async move {
            let body = WindowBody {
                on: "fabric".into(),
                name: format!("F{n}"),
                from: None,
                until: now() + 3_600,
                reason: "together".into(),
            };
            client.open_window(&body).await
        });
    }
    let answers = all.join_all().await;
    let good = answers.iter().filter(|answer| answer.is_ok()).count();
    let kept = lab.client.windows().await.unwrap();
    assert_eq!(kept.windows.len(), good, "{answers:?}");
    assert!(good >= 5, "{answers:?}");
    assert_eq!(kept.problems.len(), 1);
    assert!(lab.document("pathkeeper/windows").await.unwrap().contains(r#""phase":"full""#));

    let digest = lab.store.read(name.clone()).await.unwrap().digest;
    lab.store.write(name, Some(r#"{"v":2,"entries":[]}"#.into()), digest).await.unwrap();
    let (status, why) = refused(lab.client.end_window(&kept.windows[0].id).await);
    assert_eq!(status, 409, "{why}");
    assert!(why.contains("version 2"), "{why}");
}
