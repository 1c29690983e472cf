//! Rollouts through the API: what stands in the store afterwards, byte for byte, and what is refused.

use std::sync::Arc;

use pathkeeper_api::paths;
use pathkeeper_api::rollout::Rollouts;
use pathkeeper_model::local::NodeRead;
use serde_json::{Value, json};

use super::lab::{Lab, NEW, SHOWN, WWID, read};

const CONFIG: &str = "multipath.cfg";
const OVERRIDES: &str = "multipath-overrides.conf";
const ROLLOUT: &str = "pathkeeper/rollout";
const TEXTS: &str = "pathkeeper/config-texts";
const NOTHING: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

/// Its map is closed, and nobody uses it.
fn free() -> NodeRead {
    let mut read = read(Some(SHOWN));
    read.maps[0].open_count = Some(0);
    read
}

/// A node without any map.
fn bare() -> NodeRead {
    NodeRead { maps: vec![], ..free() }
}

/// Allows the map that the node has under its name, and one LUN that it has not.
fn named() -> String {
    format!("wwid: {WWID}\n    alias data01\n\nwwid: {NEW}\n    alias new\n")
}

async fn start(lab: &Lab, mut body: Value) -> (u16, Value) {
    if body["digest"].is_null() {
        body["digest"] = lab.digest(CONFIG).await.into();
    }
    lab.json("POST", paths::ROLLOUT, body).await
}

/// The rollout's document, its time and user taken out.
async fn document(lab: &Lab) -> String {
    let text = lab.text(ROLLOUT).await;
    let (head, rest) = text.split_once("\"by\":\"").unwrap_or((&text, ""));
    let Some((by, rest)) = rest.split_once("\",\"time\":") else { return text };
    assert!(by.ends_with("@pam"), "{text}");
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    assert!(end >= 10, "{text}");
    format!("{head}\"by\":\"B\",\"time\":T{}", &rest[end..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_starts_goes_on_and_goes_back() {
    let lab = Lab::new(free()).await;
    lab.joined("pve2", &free()).await;
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    let files = lab.all().await;
    let none: Rollouts = lab.looker.rollout().await.unwrap();
    assert_eq!((none.rollout, none.digest.as_str(), none.problem), (None, NOTHING, None));
    for path in [paths::ROLLOUT_PAUSE, paths::ROLLOUT_RESUME, paths::ROLLOUT_ABORT] {
        let (status, answer) = lab.json("POST", path, json!({})).await;
        assert!(status == 404 && answer.to_string().contains("no rollout yet"), "{path} {answer}");
    }

    lab.document(CONFIG, named().as_bytes()).await;
    let first = lab.digest(CONFIG).await;
    // It was set up by hand, and nobody agreed to take it over.
    let (status, answer) = start(&lab, json!({})).await;
    assert!(status == 409 && answer.to_string().contains("set up by hand"), "{answer}");
    assert_eq!(
        (lab.text(ROLLOUT).await, lab.text(TEXTS).await),
        (String::new(), String::new()),
        "nothing was started"
    );
    let (status, answer) = start(&lab, json!({ "adopt": "all", "canary": "pve2" })).await;
    assert_eq!((status, &answer["data"]["rollout"]["generation"]), (200, &1.into()), "{answer}");
    assert_eq!(
        document(&lab).await,
        format!(
            "{{\"generation\":1,\"config\":\"{first}\",\"overrides\":\"{NOTHING}\",\"state\":\"running\",\"canary\":\"pve2\",\"force\":[],\
             \"resumed\":{{}},\"by\":\"B\",\"time\":T,\"confirmed\":{{\"adopt\":[\"{WWID}\",\"{NEW}\"],\"remove\":[],\"rename\":[],\
             \"rename-in-use\":false}}}}\n"
        )
    );
    assert_eq!(
        lab.text(TEXTS).await,
        format!("{{\"v\":1,\"texts\":{{{}:{},\"{NOTHING}\":\"\"}}}}\n", json!(first), json!(named()))
    );
    let config = lab.client.config(None).await.unwrap();
    assert!(!config.config.pending && !config.overrides.pending);
    let told = config.rollout.unwrap();
    assert_eq!((told.generation, told.state.as_str(), told.config.as_str()), (1, "running", first.as_str()));
    assert_eq!((told.nodes["pve2"].online, &told.nodes["pve2"].state), (Some(true), &None));
    // Only two documents came, and no file was touched.
    assert_eq!(lab.all().await.len(), files.len());
    assert_eq!(lab.all().await.iter().filter(|file| !files.contains(file)).count(), 1, "multipath.cfg alone");

    let (status, answer) = lab.json("POST", paths::ROLLOUT_PAUSE, json!({ "digest": "00" })).await;
    assert!(status == 409 && answer.to_string().contains("detected modified"), "{answer}");
    assert_eq!(lab.json("POST", paths::ROLLOUT_PAUSE, json!({ "digest": "" })).await.0, 400);
    let digest = lab.digest(ROLLOUT).await;
    let (status, answer) = lab.json("POST", paths::ROLLOUT_PAUSE, json!({ "digest": digest })).await;
    assert_eq!(
        (status, &answer["data"]["rollout"]["state"], &answer["data"]["changed"]),
        (200, &"paused".into(), &true.into())
    );
    assert_eq!(answer["data"]["after"].as_str(), Some(lab.digest(ROLLOUT).await.as_str()));
    let (_, answer) = lab.json("POST", paths::ROLLOUT_PAUSE, json!({})).await;
    assert_eq!(answer["data"]["changed"], json!(false));

    // It went wrong here: who resumes has looked at it.
    lab.says("pve2", 1, "failed", 77).await;
    let (status, answer) = lab.json("POST", paths::ROLLOUT_RESUME, json!({})).await;
    assert_eq!(
        (status, &answer["data"]["rollout"]["nodes"]["pve2"]["settled"]),
        (200, &true.into()),
        "{answer}"
    );
    assert!(answer["data"]["notes"].to_string().contains("pve2"), "{answer}");
    assert!(
        document(&lab)
            .await
            .contains("\"state\":\"running\",\"canary\":\"pve2\",\"force\":[],\"resumed\":{\"pve2\":77}")
    );
    for (body, status, word) in [
        (json!({ "nodes": "pve9" }), 400, "no such node: pve9"),
        (json!({}), 400, "missing"),
        (json!({ "nodes": 7 }), 400, "type check failed"),
        (json!({ "nodes": ["pve1"] }), 200, "\"force\":[\"pve1\"]"),
    ] {
        let (found, answer) = lab.json("POST", paths::ROLLOUT_FORCE, body).await;
        assert!(found == status && answer.to_string().contains(word), "{found} {answer}");
    }

    // Another alias, and the other LUN goes.
    lab.document(CONFIG, format!("wwid: {WWID}\n    alias data02\n").as_bytes()).await;
    let second = lab.digest(CONFIG).await;
    assert!(lab.client.config(None).await.unwrap().config.pending);
    for (body, word) in [
        (json!({ "digest": first }), "was changed since it was looked at"),
        (
            json!({}),
            "takes out 1 of 2 LUNs, and nobody confirmed that: look at the plan, then --allow-removal 1",
        ),
        (json!({ "allow-removal": 2 }), "and 2 were confirmed"),
    ] {
        let (status, answer) = start(&lab, body).await;
        assert!(status == 409 && answer.to_string().contains(word), "{answer}");
    }
    // This node records nothing that it applied: its map is one that was set up by hand still.
    let (status, answer) = start(&lab, json!({ "allow-removal": 1, "adopt": [WWID] })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        document(&lab).await,
        format!(
            "{{\"generation\":2,\"config\":\"{second}\",\"overrides\":\"{NOTHING}\",\"state\":\"running\",\"force\":[],\"resumed\":{{}},\
             \"by\":\"B\",\"time\":T,\"previous\":{{\"config\":\"{first}\",\"overrides\":\"{NOTHING}\"}},\"confirmed\":{{\
             \"adopt\":[\"{WWID}\"],\"remove\":[\"{NEW}\"],\"rename\":[\"{WWID}\"],\"rename-in-use\":false}}}}\n"
        )
    );
    // The document moves on; the texts of what is in force, and of what was, are kept.
    lab.document(CONFIG, b"# something else\n").await;
    let (status, answer) =
        lab.json("POST", paths::ROLLOUT_ABORT, json!({ "digest": lab.digest(ROLLOUT).await })).await;
    assert_eq!((status, &answer["data"]["rollout"]["generation"]), (200, &3.into()), "{answer}");
    assert_eq!(
        document(&lab).await,
        format!(
            "{{\"generation\":3,\"config\":\"{first}\",\"overrides\":\"{NOTHING}\",\"state\":\"running\",\"force\":[],\"resumed\":{{}},\
             \"by\":\"B\",\"time\":T,\"previous\":{{\"config\":\"{second}\",\"overrides\":\"{NOTHING}\"}},\"confirmed\":{{\
             \"adopt\":[\"{WWID}\",\"{NEW}\"],\"remove\":[],\"rename\":[\"{WWID}\",\"{NEW}\"],\"rename-in-use\":false}}}}\n"
        )
    );
    let texts: Value = serde_json::from_str(&lab.text(TEXTS).await).unwrap();
    assert_eq!(texts["texts"].as_object().unwrap().len(), 3, "{texts}");
    assert_eq!(texts["texts"][&first], json!(named()));
    // What was before is lost: it does not come back by a guess.
    lab.document(TEXTS, b"").await;
    let (status, answer) = lab.json("POST", paths::ROLLOUT_ABORT, json!({})).await;
    assert!(status == 409 && answer.to_string().contains("cannot be read any more"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_of_the_first_only_ends_it() {
    let lab = Lab::new(bare()).await;
    lab.document(CONFIG, format!("wwid: {NEW}\n").as_bytes()).await;
    let (status, answer) = start(&lab, json!({ "node": "pve1" })).await;
    assert_eq!((status, &answer["data"]["rollout"]["only"]), (200, &"pve1".into()), "{answer}");
    let (status, answer) = lab.json("POST", paths::ROLLOUT_ABORT, json!({})).await;
    assert_eq!((status, &answer["data"]["rollout"]["state"]), (200, &"aborted".into()), "{answer}");
    assert!(answer["data"]["notes"][0].as_str().unwrap().contains("nothing was before it"));
    for path in [paths::ROLLOUT_PAUSE, paths::ROLLOUT_RESUME] {
        let (status, answer) = lab.json("POST", path, json!({})).await;
        assert!(status == 409 && answer.to_string().contains("generation 1 was aborted"), "{answer}");
    }
    let (_, answer) = lab.json("POST", paths::ROLLOUT_ABORT, json!({})).await;
    assert_eq!(answer["data"]["changed"], json!(false));
    let (status, answer) = start(&lab, json!({})).await;
    let rollout = &answer["data"]["rollout"];
    assert_eq!(
        (status, &rollout["generation"], &rollout["previous"]),
        (200, &2.into(), &Value::Null),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_agreed_to_is_not_started() {
    let lab = Lab::new(free()).await;
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    let check = async |body: Value, status: u16, word: &str| {
        let (found, answer) = lab.json("POST", paths::ROLLOUT, body.clone()).await;
        assert!(found == status && answer.to_string().contains(word), "{body}: {found} {answer}");
        assert_eq!(lab.text(ROLLOUT).await, "", "{body}");
    };
    check(json!({}), 400, "missing").await;
    check(json!({ "digest": "" }), 400, "must not be empty").await;
    check(json!({ "digest": NOTHING }), 409, "there is none, or it is empty").await;
    check(json!({ "digest": 7, "allow-removal": -1, "adopt": "all,x", "node": "pve9", "rename-in-use": "maybe" }), 400, "all stands alone").await;
    check(json!({ "digest": "x", "canary": "pve9" }), 400, "no such node: pve9").await;
    check(json!({ "digest": "x", "force": 1 }), 400, "not defined in schema").await;
    lab.document(CONFIG, b"wwid\n").await;
    check(json!({ "digest": lab.digest(CONFIG).await }), 409, "line 1").await;

    lab.document(CONFIG, named().replace("data01", "oracle").as_bytes()).await;
    let digest = lab.digest(CONFIG).await;
    // Everything is adopted, and no map gets another name by that; who names the LUN means its name too.
    check(json!({ "digest": digest, "adopt": "all" }), 409, "map data01").await;
    lab.document(OVERRIDES, b"devices {\n").await;
    check(json!({ "digest": digest, "adopt": WWID }), 409, "overrides edit").await;
    lab.document(OVERRIDES, b"# nothing\n").await;
    check(json!({ "digest": digest, "adopt": WWID }), 409, "--overrides-digest").await;
    check(json!({ "digest": digest, "adopt": WWID, "overrides-digest": NOTHING }), 409, "changed since")
        .await;
    let overrides = lab.digest(OVERRIDES).await;
    let body = json!({ "digest": digest, "adopt": WWID, "overrides-digest": overrides });
    let (status, answer) = start(&lab, body).await;
    assert_eq!(
        (status, answer["data"]["rollout"]["overrides"].as_str()),
        (200, Some(overrides.as_str())),
        "{answer}"
    );
    // What is in force already need not be named.
    assert_eq!(start(&lab, json!({ "adopt": WWID })).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lun_in_use_is_never_taken_out_and_keeps_its_name() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    lab.document(CONFIG, named().as_bytes()).await;
    assert_eq!(start(&lab, json!({ "adopt": "all" })).await.0, 200);
    // By hand, past every door.
    lab.document(CONFIG, format!("wwid: {NEW}\n    alias new\n").as_bytes()).await;
    let (status, answer) = start(&lab, json!({ "allow-removal": 1 })).await;
    assert!(status == 409 && answer.to_string().contains("perhaps open on pve1"), "{answer}");
    lab.document(CONFIG, named().replace("data01", "oracle").as_bytes()).await;
    let (status, answer) = start(&lab, json!({ "adopt": WWID })).await;
    assert!(status == 409 && answer.to_string().contains("--rename-in-use"), "{answer}");
    let (status, answer) = start(&lab, json!({ "adopt": WWID, "rename-in-use": "1" })).await;
    assert_eq!(
        (status, &answer["data"]["rollout"]["confirmed"]["rename-in-use"]),
        (200, &true.into()),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_others_what_they_published_counts() {
    let lab = Lab::new(free()).await;
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    let mut other = read(None);
    other.maps[0].name = "mpatha".into();
    other.tools_version = Some("0.7.4".into());
    lab.joined("pve2", &other).await;
    lab.document(CONFIG, (named() + "    purge-disconnected 1\n").as_bytes()).await;
    let (status, answer) = start(&lab, json!({ "adopt": "all" })).await;
    let text = answer.to_string();
    assert_eq!(status, 409, "{text}");
    assert!(text.contains("pve2: map mpatha") && text.contains("in use"), "{text}");
    assert!(text.contains("pve2: multipath-tools knows purge_disconnected since"), "{text}");
    lab.document(CONFIG, named().as_bytes()).await;
    // Alone here, the other one is not asked.
    let (status, answer) = start(&lab, json!({ "adopt": "all", "node": "pve1" })).await;
    assert_eq!(status, 200, "{answer}");
    let (status, _) = start(&lab, json!({ "adopt": "all", "node": "pve2" })).await;
    assert_eq!(status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_not_understood_is_left_alone() {
    let lab = Lab::new(free()).await;
    lab.document(CONFIG, format!("wwid: {NEW}\n").as_bytes()).await;
    lab.document(ROLLOUT, b"{\"generation\":\"x\"").await;
    let told = lab.client.rollout().await.unwrap();
    assert!(told.rollout.is_none() && told.problem.is_some());
    let config = lab.client.config(None).await.unwrap();
    assert!(config.rollout_problem.is_some() && config.config.pending);
    for (path, body) in [
        (paths::ROLLOUT, json!({ "digest": lab.digest(CONFIG).await })),
        (paths::ROLLOUT_PAUSE, json!({})),
        (paths::ROLLOUT_ABORT, json!({})),
    ] {
        let (status, answer) = lab.json("POST", path, body).await;
        assert!(status == 409 && answer.to_string().contains("not understood"), "{path} {answer}");
    }
    assert_eq!(lab.text(ROLLOUT).await, "{\"generation\":\"x\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_start_at_once_the_texts_of_one_stand() {
    let lab = Arc::new(Lab::new(bare()).await);
    for round in 0..20 {
        lab.document(CONFIG, format!("# {round}\nwwid: {NEW}\n").as_bytes()).await;
        let started = |lab: Arc<Lab>| tokio::spawn(async move { start(&lab, json!({})).await });
        let (one, two) = (started(lab.clone()), started(lab.clone()));
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        assert!([one.0, two.0].contains(&200), "{one:?} {two:?}");
        assert!([one.0, two.0].iter().all(|status| matches!(status, 200 | 409)), "{one:?} {two:?}");
        let rollout = lab.client.rollout().await.unwrap().rollout.unwrap();
        let texts: Value = serde_json::from_str(&lab.text(TEXTS).await).unwrap();
        assert!(texts["texts"][&rollout.config].is_string(), "{texts}");
        assert!(rollout.previous.iter().all(|of| texts["texts"][&of.config].is_string()), "{texts}");
    }
}
