// The live status page: listens to /events and shows the LUN by node matrix. It never says more than it knows: what it
// has not heard is unknown, and without a connection everything on the page is past.

/** Rows on the page at most; the rest is counted. */
const ROWS_MAX = 500;
/** How often the agent is asked whether it still lives: a dead connection can be silent for ever. */
const PROBE_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;
/** The wait before a stream that the browser gave up is opened again. */
const REOPEN_MS = 3_000;
/** Worst first. A row that is optimal but in doubt stands between unknown and optimal. */
const BADNESS = { failed: 5, missing: 4, degraded: 3, unknown: 2, doubt: 1, optimal: 0 };

const at = (id) => document.getElementById(id);
const page = {
  status: null, // the last ClusterStatus, kept up to date by deltas
  nodes: new Map(), // name -> row of /api2/json/nodes
  rows: new Map(), // wwid -> { tr, key }
  lostSince: null,
  stream: null,
};

/** An element with text; never markup. */
function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const clock = (epochS) => new Date(epochS * 1000).toLocaleTimeString();
const moment = (epochS) => {
  const then = new Date(epochS * 1000);
  return then.toDateString() === new Date().toDateString() ? then.toLocaleTimeString() : then.toLocaleString();
};
const now = () => Math.floor(Date.now() / 1000);
const plural = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

/** `13m`, `1h32m`, `3d4h`. */
function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
  return `${Math.floor(s / 86400)}d${Math.floor((s % 86400) / 3600)}h`;
}

const known = new Set(["optimal", "degraded", "missing", "failed"]);
const stateOf = (cell) => (known.has(cell.state) ? cell.state : "unknown");
const isClean = (row) =>
  row["cluster-state"] === "optimal" && Object.values(row.nodes).every((cell) => cell.state === "optimal");

/** The state a row reads as: `doubt` for optimal with a cell that nobody knows. */
function reading(row) {
  const state = known.has(row["cluster-state"]) ? row["cluster-state"] : "unknown";
  return state === "optimal" && !isClean(row) ? "doubt" : state;
}

function stateWords(row) {
  if (reading(row) !== "doubt") return row["cluster-state"];
  const cells = Object.values(row.nodes);
  const seen = cells.filter((cell) => stateOf(cell) !== "unknown").length;
  return `optimal, ${seen} of ${cells.length} nodes known`;
}

/** `2/4`: usable of those that should be there, or of those that are known. */
function counts(cell) {
  const active = cell["paths-active"];
  const total = Math.max(cell["paths-total"] ?? -1, cell["paths-expected"] ?? -1);
  if (active == null && total < 0) return "";
  return `${active ?? "?"}/${total < 0 ? "?" : total}`;
}

function cellText(cell) {
  const state = stateOf(cell);
  if (state === "missing") return "none";
  return counts(cell) || (state === "optimal" ? "ok" : state);
}

const label = (row) => row.alias ?? row.name ?? row.wwid;
const shortWwid = (wwid) => (wwid.length > 20 ? `${wwid.slice(0, 4)}…${wwid.slice(-8)}` : wwid);

// ---- what is heard ------------------------------------------------------------------------------------------------

function open() {
  page.stream?.close();
  const stream = new EventSource("/events");
  page.stream = stream;
  stream.addEventListener("snapshot", (event) => heard(() => (page.status = JSON.parse(event.data))));
  stream.addEventListener("delta", (event) => heard(() => page.status && apply(page.status, JSON.parse(event.data))));
  stream.addEventListener("error", () => {
    lose("the agent does not answer");
    if (stream.readyState === EventSource.CLOSED) setTimeout(open, REOPEN_MS);
  });
}

/** Takes an event in. A stream that says what we cannot read is no knowledge. */
function heard(take) {
  try {
    take();
  } catch (error) {
    lose(`the agent said something unreadable: ${error.message}`);
    return;
  }
  if (!page.status) return;
  page.lostSince = null;
  document.body.dataset.connection = "live";
  at("lost").hidden = true;
  draw();
  askNodes();
}

function lose(why) {
  page.lostSince ??= now();
  document.body.dataset.connection = "lost";
  const lost = at("lost");
  lost.textContent = `NO CONNECTION since ${clock(page.lostSince)}: ${why}. What is shown was true then; nothing of it is known now.`;
  lost.hidden = false;
  document.title = "? no connection - Pathkeeper";
}

/** A delta: whole rows, removed WWIDs, and each other part whole where it changed. */
function apply(status, delta) {
  const rows = new Map(status.luns.map((row) => [row.wwid, row]));
  for (const wwid of delta.removed ?? []) rows.delete(wwid);
  for (const row of delta.luns ?? []) rows.set(row.wwid, row);
  status.luns = [...rows.values()];
  for (const part of ["nodes", "view", "summary", "findings"]) {
    if (delta[part] !== undefined) status[part] = delta[part];
  }
}

/** The comments that keep a stream alive are not shown to scripts, so a silent end is looked for. */
async function probe() {
  try {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    // It lives, and the stream was given up: a new one brings a snapshot.
    if (page.lostSince !== null && page.stream?.readyState === EventSource.OPEN) open();
  } catch {
    lose("the agent does not answer");
  }
}

let asking = false;
async function askNodes() {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch("/api2/json/nodes", { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    const { data } = await answer.json();
    page.nodes = new Map(data.map((node) => [node.node, node]));
    drawColumns();
  } catch {
    // Headings then say nothing about freshness; the cells still do.
    page.nodes = new Map();
  } finally {
    setTimeout(() => (asking = false), 1000);
  }
}

// ---- what is shown ------------------------------------------------------------------------------------------------

function draw() {
  drawVerdict();
  drawFindings();
  drawColumns();
  drawRows();
}

function drawVerdict() {
  const { view, summary } = page.status;
  const health = at("health");
  const cluster = view.cluster ? `${view.cluster} ` : "";
  health.dataset.health = view.partial ? "PARTIAL" : summary.health;
  if (view.partial) {
    const since = view.since == null ? "" : ` since ${moment(view.since)}`;
    health.textContent = `${cluster}PARTIAL${since}`;
    const dark = [...page.nodes.values()].filter((node) => node.report !== "fresh").map((node) => node.node);
    at("seen").textContent =
      `seen from ${view.observer}: ${view.why ?? "it cannot see the whole cluster"}` +
      (dark.length ? `, ${dark.join(" ")} unknown` : "");
  } else {
    health.textContent = `${cluster}${summary.health}`;
    at("seen").textContent =
      `${clock(now())} seen from ${view.observer}, ${view["nodes-fresh"]} of ${view["nodes-known"]} nodes fresh`;
  }
  document.title = `${health.textContent} - Pathkeeper`;
  at("counts").textContent = tally(view, summary);
  const mode = view.mode === "observe" ? "observe (nothing is written)" : view.mode;
  at("mode").textContent =
    `multipathd ${view["multipathd-running"]}/${view["nodes-known"]} running, mode: ${mode}, store: ${view.store}`;
}

function tally(view, s) {
  if (s.luns === 0) {
    const silent = view["nodes-known"] - view["nodes-fresh"];
    return silent > 0 || view.partial
      ? `no LUN is known, and ${plural(silent, "node")} cannot be seen`
      : "nothing to watch: no node has a multipath map";
  }
  if (s.clean === s.luns) {
    return `${plural(s.luns, "LUN")} optimal in all ${plural(s.places, "place")}, ` +
      `${s["paths-active"]} of ${s["paths-total"]} paths usable`;
  }
  const parts = ["failed", "missing", "degraded", "unknown"].filter((word) => s[word] > 0).map((word) => `${s[word]} ${word}`);
  if (s.doubt > 0) parts.push(`${s.doubt} optimal but in doubt`);
  parts.push(`${s.clean} optimal`);
  return `${plural(s.luns, "LUN")}: ${parts.join(", ")}`;
}

function drawFindings() {
  const section = at("findings");
  const words = { error: "ERROR", warning: "WARN" };
  section.replaceChildren(
    ...page.status.findings.map((finding) => {
      const article = make("article", undefined, { "data-severity": finding.severity, "data-code": finding.code });
      const node = finding.scope.node;
      const about = node && !finding.summary.includes(node) ? `${node}: ` : "";
      article.append(make("h2", `${words[finding.severity] ?? "INFO"} ${about}${finding.summary}`));
      if (finding.since != null) {
        const atLeast = finding["since-first-seen"] ? "at least " : "";
        const age = `since ${moment(finding.since)} (${atLeast}${span(now() - finding.since)}), ${finding.code}`;
        article.append(make("p", age, { class: "since" }));
      }
      for (const line of finding.evidence ?? []) article.append(make("p", line, { class: "beneath" }));
      for (const line of finding.advice ?? []) article.append(make("p", `do: ${line}`, { class: "beneath" }));
      return article;
    }),
  );
  section.hidden = page.status.findings.length === 0;
}

/** The nodes that have a cell in any row, in order of their names. */
function columns() {
  const names = new Set(page.status.luns.flatMap((row) => Object.keys(row.nodes)));
  return [...names].sort();
}

function drawColumns() {
  if (!page.status) return;
  const heads = columns().map((name) => {
    const node = page.nodes.get(name);
    const fresh = !node || node.report === "fresh";
    const th = make("th", fresh ? name : `${name} ?`, { scope: "col", "data-fresh": fresh ? "yes" : "no" });
    if (node) th.title = `${node.status}, report ${node.report}, multipathd ${node.multipathd ?? "unknown"}`;
    return th;
  });
  at("columns").replaceChildren(make("th", "LUN", { scope: "col" }), make("th", "state", { scope: "col" }), ...heads);
}

function wanted(row) {
  const name = at("name").value.trim().toLowerCase();
  if (at("unclean").checked && isClean(row)) return false;
  return !name || label(row).toLowerCase().includes(name) || row.wwid.toLowerCase().includes(name);
}

function drawRows() {
  const names = columns();
  const rows = page.status.luns.filter(wanted);
  rows.sort((a, b) => BADNESS[reading(b)] - BADNESS[reading(a)] || label(a).localeCompare(label(b)));
  const shown = rows.slice(0, ROWS_MAX);
  const kept = new Map();
  for (const row of shown) {
    // A row whose text did not change keeps its element.
    const key = JSON.stringify([names, row]);
    const old = page.rows.get(row.wwid);
    kept.set(row.wwid, old?.key === key ? old : { tr: rowElement(row, names), key });
  }
  page.rows = kept;
  at("rows").replaceChildren(...[...kept.values()].map(({ tr }) => tr));
  at("matrix").hidden = shown.length === 0;
  const empty = at("empty");
  empty.hidden = shown.length > 0 || page.status.luns.length === 0;
  empty.textContent = `none of ${plural(page.status.luns.length, "LUN")} matches this filter`;
  at("more").hidden = rows.length <= ROWS_MAX;
  at("more").textContent = `${rows.length - shown.length} more rows are not shown: filter by name`;
}

function rowElement(row, names) {
  const state = reading(row);
  const tr = make("tr", undefined, { "data-wwid": row.wwid, "data-lun": label(row), "data-cluster-state": state });
  const head = make("th", label(row), { scope: "row", title: row.wwid });
  if (label(row) === row.wwid) head.textContent = shortWwid(row.wwid);
  else head.append(make("span", shortWwid(row.wwid), { class: "wwid" }));
  tr.append(head, make("td", stateWords(row), { "data-state": state === "doubt" ? "unknown" : state }));
  for (const name of names) {
    const cell = row.nodes[name];
    if (!cell) {
      tr.append(make("td"));
      continue;
    }
    const cellState = stateOf(cell);
    const text = cellText(cell);
    const td = make("td", text, { "data-node": name, "data-state": cellState });
    const said = `${label(row)} on ${name}: ${cellState}${counts(cell) ? `, ${counts(cell)} paths` : ""}`;
    td.title = said;
    td.setAttribute("aria-label", said);
    tr.append(td);
  }
  return tr;
}

// ---- the filter is in the address, so that it can be sent -------------------------------------------------------

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  at("unclean").checked = asked.has("unclean");
  at("name").value = asked.get("name") ?? "";
}

function writeAddress() {
  const asked = new URLSearchParams();
  if (at("unclean").checked) asked.set("unclean", "1");
  if (at("name").value) asked.set("name", at("name").value);
  history.replaceState(null, "", asked.size ? `#${asked}` : location.pathname);
  if (page.status) drawRows();
}

readAddress();
at("filter").addEventListener("input", writeAddress);
at("filter").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", () => {
  readAddress();
  if (page.status) drawRows();
});
setInterval(() => {
  // The clock runs only while somebody answers.
  if (page.status && page.lostSince === null) drawVerdict();
}, 1000);
setInterval(probe, PROBE_MS);
open();
