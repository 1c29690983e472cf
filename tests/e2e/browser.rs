//! The status page in a real browser: it shows what the cluster says, and a lost connection as lost.
//!
//! Needs chromium; `cargo xtask test` skips it by its module's name where there is none.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pathkeeper::demo::cluster::{ClusterOptions, DemoCluster};
use pathkeeper::demo::play;
use pathkeeper_api::status::{ClusterStatus, LunRow};
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{Op, PathSet, San, SanConfig, faults_in_place};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Nothing here takes longer, even where a virtual machine runs beside it.
const PATIENCE: Duration = Duration::from_secs(90);

/// A headless chromium that is spoken to over its debugging pipe: JSON messages that end in a NUL byte.
struct Browser {
    chromium: Child,
    requests: ChildStdin,
    answers: mpsc::Receiver<Value>,
    last_id: u64,
    deadline: Instant,
    _profile: tempfile::TempDir,
}

/// An open page.
struct Page {
    session: String,
}

impl Browser {
    fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser reads requests from descriptor 3 and writes answers to 4.
        let pipes = "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";
        let mut chromium = Command::new("sh")
            .args(["-c", pipes, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = chromium.stdin.take().unwrap();
        let mut said = BufReader::new(chromium.stdout.take().unwrap());
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while said.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                let json = serde_json::from_slice(message.strip_suffix(&[0]).unwrap_or(&message));
                if json.is_ok_and(|json| sender.send(json).is_err()) {
                    return;
                }
                message.clear();
            }
        });
        let deadline = Instant::now() + PATIENCE;
        Self { chromium, requests, answers, last_id: 0, deadline, _profile: profile }
    }

    /// Asks, and waits for the answer: its result, or its error.
    fn ask(&mut self, page: Option<&Page>, method: &str, params: Value) -> Result<Value, Value> {
        self.last_id += 1;
        let mut request = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(page) = page {
            request["sessionId"] = page.session.clone().into();
        }
        self.requests.write_all(&[request.to_string().as_bytes(), &[0]].concat()).unwrap();
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let mut answer = self.answers.recv_timeout(left).expect("the browser said nothing in time");
            if answer["id"] == self.last_id {
                return if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer) };
            }
        }
    }

    fn open(&mut self, url: &str) -> Page {
        let target = self.ask(None, "Target.createTarget", json!({ "url": url })).unwrap();
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.ask(None, "Target.attachToTarget", attach).unwrap();
        Page { session: session["sessionId"].as_str().unwrap().into() }
    }

    /// The DOM once `holds` holds: looked at after every change, and the page's clock changes it every second.
    fn dom_when(&mut self, page: &Page, holds: impl Fn(&str) -> Result<(), String>) -> String {
        let whole = json!({ "expression": "document.documentElement.outerHTML", "returnByValue": true });
        let change = json!({
            "expression": "new Promise((resolve) => {
                new MutationObserver(resolve).observe(document, {
                    attributes: true, characterData: true, childList: true, subtree: true });
                setTimeout(resolve, 1000);
            }).then(() => 0)",
            "awaitPromise": true,
        });
        let mut why = String::new();
        while Instant::now() < self.deadline {
            // While it navigates, the page is not there to be asked; it will be.
            if let Ok(answer) = self.ask(Some(page), "Runtime.evaluate", whole.clone()) {
                let dom = answer["result"]["value"].as_str().unwrap_or_default();
                match holds(dom) {
                    Ok(()) => return dom.to_owned(),
                    Err(e) => why = format!("{e}\nin\n{dom}"),
                }
            }
            let _ = self.ask(Some(page), "Runtime.evaluate", change.clone());
        }
        panic!("{why}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.chromium.kill();
        let _ = self.chromium.wait();
    }
}

/// Whether the page has this row, its state, and each cell with its state and its text.
fn has_row(dom: &str, row: &LunRow) -> Result<(), String> {
    let start = format!(" data-wwid=\"{}\"", row.wwid);
    let text = dom.split(&start).nth(1).ok_or_else(|| format!("no row of {}", row.wwid))?;
    let text = text.split(" role=\"row\"").next().unwrap();
    let doubt = row.cluster_state == "optimal" && !row.is_clean();
    let state = if doubt { "doubt" } else { row.cluster_state.as_str() };
    let mut wanted = vec![format!("data-lun=\"{}\"", row.label()), format!("data-cluster-state=\"{state}\"")];
    for (node, cell) in &row.nodes {
        let paths = match (cell.paths_active.flatten(), cell.paths_total.flatten()) {
            (Some(active), Some(total)) => format!("{active}/{total}"),
            _ => String::new(),
        };
        let shown = if cell.state == "missing" { "none".to_owned() } else { paths.clone() };
        let said = if paths.is_empty() { String::new() } else { format!(", {paths} paths") };
        // More may be said of it: that I/O waits, that no cause explains it.
        let label = format!("aria-label=\"{} on {node}: {}{said}", row.label(), cell.state);
        let after = text.split(&label).nth(1).ok_or_else(|| format!("no {label}: {text}"))?;
        if !after.split_once('>').is_some_and(|(_, told)| told.starts_with(&shown)) {
            return Err(format!("{label} does not show {shown}: {text}"));
        }
        wanted.push(format!("data-node=\"{node}\" data-state=\"{}\"", cell.state));
    }
    match wanted.iter().find(|part| !text.contains(part.as_str())) {
        Some(part) => Err(format!("{} has no {part}: {text}", row.label())),
        None => Ok(()),
    }
}

fn shows_health(dom: &str, health: &str) -> Result<(), String> {
    let live = dom.contains("data-connection=\"live\"");
    let said = dom.contains(&format!("data-health=\"{health}\">demo {health}<"));
    if live && said { Ok(()) } else { Err(format!("not live with {health}")) }
}

/// The overview.
fn shows(dom: &str, status: &ClusterStatus) -> Result<(), String> {
    let has = |part: String| if dom.contains(&part) { Ok(()) } else { Err(format!("no {part}")) };
    shows_health(dom, &status.summary.health)?;
    has(format!("{} of {} nodes fresh", status.view.nodes_fresh, status.view.nodes_known))?;
    for finding in &status.findings {
        has(format!("data-code=\"{}\"", finding.code))?;
    }
    Ok(())
}

fn rows(dom: &str) -> usize {
    dom.matches(" data-wwid=\"").count()
}

async fn cluster(nodes: usize) -> DemoCluster {
    let san = San::new(SanConfig { nodes, luns: 5, paths: 4, seed: 3 }).unwrap();
    let options = ClusterOptions { port: 0, version: Version::V0_9_4 };
    let cluster = DemoCluster::start(san, options).await.unwrap();
    play::caught_up(&cluster).await.unwrap();
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_the_cluster_says() {
    // Six nodes have a fault of each kind: path, adapter, mapping, assembly, a hung daemon, a dead node.
    let mut cluster = cluster(6).await;
    let faults = faults_in_place(&cluster.san());
    for step in &faults.steps {
        cluster.apply(&step.op).await.unwrap();
    }
    let status = play::caught_up(&cluster).await.unwrap();
    let states: Vec<&str> = status.luns.iter().map(|row| row.cluster_state.as_str()).collect();
    assert!(states.contains(&"failed") && states.contains(&"missing"), "{states:?}");
    let url = format!("http://{}/", cluster.observer().unwrap().1);
    let failed = status.luns.iter().find(|row| row.cluster_state == "failed").unwrap().clone();
    tokio::task::spawn_blocking(move || {
        let mut browser = Browser::start();
        let page = browser.open(&url);
        browser.dom_when(&page, |dom| shows(dom, &status));
        let page = browser.open(&format!("{url}#/matrix?unclean=0"));
        browser.dom_when(&page, |dom| {
            shows_health(dom, &status.summary.health)?;
            status.luns.iter().try_for_each(|row| has_row(dom, row))
        });
        // The filter is in the address.
        let page = browser.open(&format!("{url}#/matrix?name={}", failed.label()));
        browser.dom_when(&page, |dom| match rows(dom) {
            1 => has_row(dom, &failed),
            n => Err(format!("{n} rows")),
        });
    })
    .await
    .unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_an_open_page_and_only_what_is_unclean_stays() {
    let mut cluster = cluster(2).await;
    let url = format!("http://{}/#/matrix?unclean=1", cluster.observer().unwrap().1);
    let open = move || {
        let mut browser = Browser::start();
        let page = browser.open(&url);
        browser.dom_when(&page, |dom| match dom.contains("none of 5 LUNs matches this filter") {
            true => shows_health(dom, "HEALTH_OK"),
            false => Err("rows".into()),
        });
        (browser, page)
    };
    let (mut browser, page) = tokio::task::spawn_blocking(open).await.unwrap();
    cluster.apply(&Op::Path { node: 1, lun: 2, path: 0, set: PathSet::Fail }).await.unwrap();
    let status = play::caught_up(&cluster).await.unwrap();
    let hurt = status.luns.iter().find(|row| !row.is_clean()).unwrap().clone();
    let look = move || {
        browser.dom_when(&page, |dom| match rows(dom) {
            1 => has_row(dom, &hurt).and_then(|()| shows_health(dom, "HEALTH_WARN")),
            n => Err(format!("{n} rows")),
        })
    };
    tokio::task::spawn_blocking(look).await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_shown_as_doubt() {
    let cluster = cluster(2).await;
    let url = format!("http://{}/#/matrix", cut_after_the_first_picture(cluster.observer().unwrap().1).await);
    let look = move || {
        let mut browser = Browser::start();
        let page = browser.open(&url);
        browser.dom_when(&page, |dom| {
            let lost = dom.contains("data-connection=\"lost\"") && dom.contains("NO CONNECTION since ");
            // The rows are still there to be read, as past; nothing else may be concluded from them.
            if lost && rows(dom) > 0 { Ok(()) } else { Err("not lost, or no rows".into()) }
        })
    };
    let dom = tokio::task::spawn_blocking(look).await.unwrap();
    assert!(dom.contains("<title>? no connection"), "{dom}");
    cluster.stop().await;
}

/// A relay to the agent that ends for good once the page has asked for the guests, which it does after it has drawn
/// its first rows. Gives its address.
async fn cut_after_the_first_picture(agent: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (drawn, mut enough) = tokio::sync::mpsc::channel(1);
        let mut pages = JoinSet::new();
        loop {
            tokio::select! {
                _ = enough.recv() => break,
                page = listener.accept() => {
                    pages.spawn(relay(page.unwrap().0, agent, drawn.clone()));
                }
            }
        }
        // Listener and connections end here.
        drop((listener, pages));
    });
    at
}

async fn relay(
    page: TcpStream,
    agent: SocketAddr,
    drawn: tokio::sync::mpsc::Sender<()>,
) -> std::io::Result<()> {
    let agent = TcpStream::connect(agent).await?;
    let (mut from_agent, mut to_agent) = agent.into_split();
    let (mut from_page, mut to_page) = page.into_split();
    let answers = async move { tokio::io::copy(&mut from_agent, &mut to_page).await.map(|_| ()) };
    let requests = async move {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let got = from_page.read(&mut buffer).await?;
            let said = &buffer[..got];
            if said.starts_with(b"GET /api2/json/cluster/multipath/guests ") {
                drawn.send(()).await.ok();
            }
            if got == 0 {
                return Ok(());
            }
            to_agent.write_all(said).await?;
        }
    };
    tokio::select! { end = answers => end, end = requests => end }
}
