//! What is said and what is in force, plans, proposals: nothing of it writes.

use pathkeeper_api::client::Error;
use pathkeeper_api::config::{Adopted, PlanBody};
use pathkeeper_api::names::NamesBody;
use pathkeeper_api::paths;
use pathkeeper_model::local::{Daemon, NodeRead};

use super::lab::{Lab, NEW, SHOWN, WWID, good, read};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_and_what_sets_what_is_in_force() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    lab.write(
        "multipath.conf",
        format!(
            "defaults {{\n\tno_path_retry 6\n}}\nmultipaths {{\n\tmultipath {{\n\t\twwid {WWID}\n\t\tfailback immediate\n\t}}\n}}\n"
        ),
    );
    // Absent is no instruction, and what is in force is told all the same.
    let config = lab.looker.config(None).await.unwrap();
    assert_eq!(
        (config.config.state.as_str(), config.config.digest.as_str()),
        ("absent", "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    );
    assert_eq!((config.overrides.state.as_str(), config.node.as_str()), ("absent", "pve1"));
    let retry = &config.defaults["no-path-retry"];
    assert_eq!((retry.said.as_deref(), retry.in_force.as_deref()), (None, Some("6")));
    assert_eq!(retry.at.as_deref(), Some("/etc/multipath.conf:2"));
    assert_eq!(config.defaults["polling-interval"].set_by.as_deref(), Some("built-in"));
    let lun = &config.luns[WWID];
    assert_eq!((lun.allowed, lun.alias.as_deref()), (None, None));
    assert!(lun.map.is_some());
    assert_eq!(lun.settings["failback"].at.as_deref(), Some("/etc/multipath.conf:7"));
    assert_eq!(config.not_known, Vec::<String>::new());

    lab.document("multipath.cfg", good().as_bytes()).await;
    lab.document("multipath-overrides.conf", b"# nothing\n").await;
    let config = lab.client.config(None).await.unwrap();
    assert_eq!((config.config.state.as_str(), config.overrides.state.as_str()), ("good", "good"));
    let lun = &config.luns[WWID];
    assert_eq!((lun.allowed, lun.line, lun.alias.as_deref()), (Some(true), Some(4), Some("oracle")));
    // multipath's own hardware table beats `defaults`, and the LUN's section here beats the document.
    let retry = &lun.settings["no-path-retry"];
    assert_eq!((retry.said.as_deref(), retry.in_force.as_deref()), (Some("12"), Some("24")));
    assert_eq!((retry.set_by.as_deref(), retry.as_said), (Some("hardware-table"), Some(false)));
    assert_eq!(lun.settings["failback"].as_said, Some(false));
    // Of a LUN without a map its array is not known, so nothing weaker than its own section is told.
    let new = &config.luns[NEW].settings["no-path-retry"];
    assert_eq!((new.said.as_deref(), new.in_force.as_deref(), new.as_said), (Some("12"), None, None));

    for key in ["path-checker", "path_checker"] {
        let one = lab.client.config(Some(key)).await.unwrap();
        assert_eq!(one.defaults.keys().collect::<Vec<_>>(), ["path-checker"]);
    }
    let (exit, text, _) = lab.run(&["config", "get", "no-path-retry"]).await;
    assert_eq!(exit, 0);
    assert!(text.contains("24") && text.contains("hardware table (.* .*)"), "{text}");
    let (exit, text, _) = lab.run(&["config", "show"]).await;
    assert!(exit == 0 && text.contains("oracle") && text.contains("/etc/multipath.conf:7"), "{text}");
    let (exit, json, _) = lab.run(&["config", "show", "-o", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((exit, &json["schema"], &json["config"]["state"]), (0, &1.into(), &"good".into()));

    let (exit, _, why) = lab.run(&["config", "get", "no-such\n"]).await;
    assert!(exit == 3 && why.contains("as no-path-retry"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_that_is_shown_has_a_meaning() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    let schema = lab.looker.config_schema().await.unwrap();
    let shown: Vec<String> = lab.client.config(None).await.unwrap().defaults.into_keys().collect();
    assert_eq!(schema.settings.keys().cloned().collect::<Vec<_>>(), shown);
    for (key, setting) in &schema.settings {
        assert!(setting.meaning.len() > 10, "{key}");
        assert_ne!(setting.fixed.is_some(), setting.takes.is_some() && setting.default.is_some(), "{key}");
    }
    let retry = &schema.settings["no-path-retry"];
    assert!(retry.for_luns && retry.takes.as_deref().unwrap().contains("queue"), "{retry:?}");
    assert_eq!(schema.settings["find-multipaths"].fixed.as_deref(), Some("strict"));

    let (exit, text, _) = lab.run(&["config", "keys", "no_path"]).await;
    assert!(exit == 0 && text.starts_with("no-path-retry: ") && text.contains("by default fail"), "{text}");
    let (exit, text, _) = lab.run(&["config", "get", "failback"]).await;
    assert!(exit == 0 && text.contains(&schema.settings["failback"].meaning), "{text}");
    let (exit, _, why) = lab.run(&["config", "keys", "nothing-such"]).await;
    assert!(exit == 3 && why.contains("no setting has nothing-such"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_document_is_no_instruction_and_is_told_with_its_line() {
    let lab = Lab::new(read(None)).await;
    lab.document("multipath.cfg", b"defaults: global\n\tpolling-interval abc\n").await;
    lab.document("multipath-overrides.conf", b"\xff\n").await;
    let config = lab.client.config(None).await.unwrap();
    assert_eq!((config.config.state.as_str(), config.config.problems[0].line), ("invalid", 2));
    assert_eq!((config.overrides.state.as_str(), config.overrides.text.as_deref()), ("invalid", None));
    // multipathd did not tell its table: nothing that it could beat is told.
    assert!(config.not_known[0].contains("multipathd did not tell"), "{:?}", config.not_known);
    assert_eq!(config.defaults["polling-interval"].in_force, None);
    let refused = lab.client.plan(&PlanBody::default()).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { status: 409, .. }) && refused.to_string().contains("line 2"),
        "{refused}"
    );
    let (exit, text, _) = lab.run(&["config", "show"]).await;
    assert!(exit == 0 && text.contains("multipath.cfg:2: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_asked_for_by_whoever_may_look_and_changes_nothing() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    lab.write("multipath.conf", "defaults {\n\tfind_multipaths strict\n}\n");
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    lab.write("fstab", "/dev/mapper/none /srv ext4\n");
    lab.publish("pve2", &read(None)).await;
    lab.until("the other node", async || {
        let nodes = lab.client.nodes().await.ok()?;
        (nodes.len() == 2 && lab.client.disks("pve2").await.is_ok()).then_some(())
    })
    .await;
    let before = lab.all().await;

    // Nothing is there to plan for.
    let refused = lab.looker.plan(&PlanBody::default()).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { status: 409, .. }), "{refused}");

    let body = PlanBody { config: Some(good()), ..PlanBody::default() };
    let planned = lab.looker.plan(&body).await.unwrap();
    let own = &planned.nodes["pve1"];
    assert_eq!((own.basis.as_str(), own.reconfigure), ("files", Some(true)));
    assert_eq!(own.add.iter().collect::<Vec<_>>(), [NEW]);
    assert_eq!(own.renamed[0].to, "oracle");
    assert!(own.refusals.iter().any(|why| why.contains("set up by hand")), "{:?}", own.refusals);
    assert_eq!(own.files[0].path, "/etc/multipath/conf.d/60-pathkeeper.conf");
    assert!(own.files[0].after.as_deref().unwrap().contains(&planned.config_digest));
    assert!(own.notes.iter().any(|note| note.contains("multipath-overrides.conf is no instruction")));
    let retry = own.values.iter().find(|value| value.keyword == "no_path_retry").unwrap();
    assert_eq!((retry.in_force.as_str(), retry.as_wanted), ("24", false));
    // Of the other node only what it published: its time, its names, its wwids; no word of its files.
    let other = &planned.nodes["pve2"];
    assert_eq!((other.basis.as_str(), other.map_changes, other.reconfigure), ("published", None, None));
    assert!(other.read_at.is_some() && other.not_known[0].contains("its files"), "{:?}", other.not_known);
    assert_eq!((other.add.len(), other.renamed[0].to.as_str()), (2, "oracle"));

    let (exit, text, _) = {
        let file = lab.dir.path().join("new.cfg");
        std::fs::write(&file, good()).unwrap();
        lab.run(&["config", "plan", "--config", file.to_str().unwrap()]).await
    };
    assert!(
        exit == 1 && text.contains("refused: ") && text.contains("+\tfind_multipaths \"strict\""),
        "{text}"
    );
    assert!(text.contains("pve2: as far as it published") && text.contains("Nothing was changed"), "{text}");
    // What would be agreed to is no refusal: the same words as for config apply.
    let agreed = PlanBody { adopt: Some(WWID.into()), rename_in_use: true, ..body.clone() };
    let planned = lab.looker.plan(&agreed).await.unwrap();
    assert_eq!(planned.nodes["pve1"].refusals, Vec::<String>::new());
    let wrong = PlanBody { adopt: Some(format!("all,{WWID}")), ..body };
    let refused = lab.looker.plan(&wrong).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { status: 400, .. }), "{refused}");
    assert_eq!(lab.all().await, before, "a plan wrote something");

    // It may look, and not write.
    let refused =
        lab.looker.set_names(&NamesBody { delete: ["a".into()].into(), ..NamesBody::default() }).await;
    assert!(matches!(refused, Err(Error::Refused { status: 401 | 403, .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_by_parameter() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    let check = async |body: serde_json::Value, status: u16, words: &[&str]| {
        let sent = lab.looker.post::<serde_json::Value>(paths::PLAN, &body).await.unwrap_err();
        let Error::Refused { status: found, .. } = &sent else { panic!("{sent:?}") };
        let text = format!("{sent} {sent:?}");
        assert_eq!(*found, status, "{text}");
        words.iter().for_each(|word| assert!(text.contains(word), "no {word:?} in {text}"));
    };
    check(serde_json::json!({ "config": 7 }), 400, &["config", "type check failed"]).await;
    check(serde_json::json!({ "apply": true }), 400, &["apply", "not defined in schema"]).await;
    check(serde_json::json!([1]), 400, &["no JSON object"]).await;
    check(serde_json::json!({ "config": "" }), 400, &["config", "empty"]).await;
    check(
        serde_json::json!({ "config": "wwid: a\n\talias \"}\n", "overrides": "defaults {\n}\n" }),
        400,
        &["line 2", "line 1", "overrides"],
    )
    .await;
    check(serde_json::json!({ "config": "x".repeat(1 << 20) }), 413, &[]).await;
    let e = lab.client.get::<serde_json::Value>(&format!("{}?key=%00", paths::CONFIG)).await.unwrap_err();
    assert!(matches!(e, Error::Refused { status: 400, .. }), "{e}");
    let e =
        lab.client.get::<serde_json::Value>(&format!("{}?node=x", paths::CONFIG_ADOPT)).await.unwrap_err();
    assert!(matches!(e, Error::Refused { status: 400, .. }), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_gives_no_plan_and_no_proposal() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    // A folder stands where a file should: it is there, and cannot be read.
    std::fs::create_dir_all(lab.etc("multipath/wwids")).unwrap();
    lab.document("multipath.cfg", good().as_bytes()).await;
    let planned = lab.client.plan(&PlanBody::default()).await.unwrap();
    let own = &planned.nodes["pve1"];
    assert_eq!((own.basis.as_str(), own.map_changes), ("nothing", None));
    assert!(own.not_known[0].contains("/etc/multipath/wwids"), "{:?}", own.not_known);
    assert!(own.add.is_empty() && own.removed.is_empty());
    let refused = lab.client.config_adopt().await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { status: 503, .. }), "{refused}");
    let config = lab.client.config(None).await.unwrap();
    assert!(config.defaults.values().all(|setting| setting.in_force.is_none()));

    let lab = Lab::new(NodeRead::empty(read(None).began, Daemon::Stopped)).await;
    lab.document("multipath.cfg", good().as_bytes()).await;
    let planned = lab.client.plan(&PlanBody::default()).await.unwrap();
    assert_eq!(planned.nodes["pve1"].basis, "nothing");
    assert!(lab.client.config_adopt().await.unwrap_err().to_string().contains("multipathd is"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_adopted_changes_no_map() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    lab.write(
        "multipath.conf",
        "defaults {\n\tno_path_retry 6\n\tverbosity 3\n\tuser_friendly_names yes\n}\n",
    );
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    let before = lab.all().await;
    let adopted: Adopted = lab.client.config_adopt().await.unwrap();
    assert!(adopted.config.contains("no-path-retry 6") && adopted.luns.contains(WWID), "{}", adopted.config);
    let (exit, text, told) = lab.run(&["config", "adopt"]).await;
    assert_eq!((exit, &text), (0, &adopted.config));
    assert!(told.contains("made of maps and names of pve1: 1 LUN; nothing was written"), "{told}");
    let planned =
        lab.client.plan(&PlanBody { config: Some(text.clone()), ..PlanBody::default() }).await.unwrap();
    assert_eq!((planned.nodes["pve1"].map_changes, &planned.config_digest), (Some(0), &adopted.digest));

    // The same names on another node are no question, others are: its maps count, and what is in its files is not known.
    let mut other = read(None);
    lab.joined("pve2", &other).await;
    let adopted = lab.client.config_adopt().await.unwrap();
    assert_eq!(adopted.config, text);
    assert_eq!(adopted.nodes.iter().collect::<Vec<_>>(), ["pve1", "pve2"]);
    assert_eq!(adopted.settings_of.iter().collect::<Vec<_>>(), ["pve1"]);
    other.maps[0].name = "other".into();
    lab.publish("pve2", &other).await;
    let asked = lab
        .until("the question", async || {
            let adopted = lab.client.config_adopt().await.ok()?;
            adopted.questions.iter().find(|question| question.about_a_map).map(|of| of.text.clone())
        })
        .await;
    assert!(asked.contains("other on pve2") && asked.contains("on pve1"), "{asked}");
    lab.publish("pve2", &read(None)).await;

    // The file differs from what stands in the store, then not.
    let file = lab.dir.path().join("adopted.cfg");
    std::fs::write(&file, &text).unwrap();
    let diff = ["config", "diff", file.to_str().unwrap()];
    let (exit, shown, _) = lab.run(&diff).await;
    assert!(
        exit == 1 && shown.contains("--- multipath.cfg") && shown.contains("+    no-path-retry 6"),
        "{shown}"
    );
    assert_eq!(lab.all().await, before, "adopting wrote something");
    lab.document("multipath.cfg", text.as_bytes()).await;
    assert_eq!(lab.run(&diff).await, (0, String::new(), String::new()));
    std::fs::write(&file, "wwid\n").unwrap();
    let (exit, _, why) = lab.run(&diff).await;
    assert!(exit == 1 && why.contains("line 1"), "{why}");
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    let (exit, _, why) = lab.run(&diff).await;
    assert!(exit == 3 && why.contains("not UTF-8"), "{why}");
}
