// A made-up agent for figures: it gives the pages as they are in their folder, and what a large cluster would tell. Nothing of it is
// judged, and no rows are made until somebody asks for them.

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ui = process.env.PATHKEEPER_UI ?? join(dirname(fileURLToPath(import.meta.url)), "../../../crates/pathkeeper/ui");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const EPOCH = "0000000000000001";
const TAG = 0x1234n;
const epochS = Math.floor(Date.now() / 1000);
const CAUSE = "HBA_DOWN pve7/host7";
const EXPLAINED = 0x20;

/** Numbers that look like chance and are the same each time. */
function dice(seed) {
  let at = seed;
  return (below) => {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((at / 2 ** 32) * below);
  };
}

const wwid = (n) => `3600a0980383044793${String(n).padStart(15, "0")}`;
const cell = (bad) => (bad
  ? { state: "degraded", "paths-active": 2, "paths-total": 4, "paths-expected": 4, transport: "fc", causes: [CAUSE] }
  : { state: "optimal", "paths-active": 4, "paths-total": 4, "paths-expected": 4, transport: "fc" });

/** The least that a page can be here: one module, one event of the stream, one element. What it takes is the browser's own. */
const LEAST = {
  "/least": ["text/html", '<!doctype html><title>least</title><script type="module" src="/least.js"></script><body>'],
  "/least.js": ["text/javascript", `new EventSource("/events?rows=none").addEventListener("snapshot", ({ data }) => requestAnimationFrame(() => {
    const line = document.createElement("p");
    line.className = "least";
    line.textContent = JSON.parse(data).findings[0].summary;
    document.body.append(line);
  }));`],
};

/** @param {{nodes: number, luns: number, faults?: number, between?: (stream: import("node:http").ServerResponse, last: string | undefined) => Promise<void>}} size
 * `between` is waited for after the first part of a snapshot; it is given the stream and the id with which its reader came */
export async function agent({ nodes, luns, faults = 0, between }) {
  const names = Array.from({ length: nodes }, (_, n) => `pve${n + 1}`);
  const row = (n, bad) => ({
    wwid: wwid(n), name: `vm-prod-${n}`, "used-by": `store-${n % 20}`, "expected-by": "active", size: 1 << 30,
    "cluster-state": bad >= 0 ? "degraded" : "optimal", nodes: Object.fromEntries(names.map((name, at) => [name, cell(at === bad)])),
  });
  const ill = Math.ceil(luns / 3);
  const view = { partial: false, cluster: "figures", observer: "pve1", store: "embedded", mode: "observe", "nodes-known": nodes, "nodes-fresh": nodes, "multipathd-running": nodes, made: epochS };
  const beside = {
    nodes: {}, view,
    summary: { health: "HEALTH_WARN", "exit-status": 1, luns, clean: luns - ill, doubt: 0, optimal: luns - ill, degraded: ill, missing: 0, failed: 0, unknown: 0, places: nodes * luns, "paths-active": 4 * nodes * luns - 2 * ill, "paths-total": 4 * nodes * luns },
    findings: [{ code: "HBA_DOWN", severity: "warning", scope: { node: "pve7", object: "host7" }, fingerprint: CAUSE, summary: "pve7/host7: link down", since: epochS,
      explains: { luns: ill, cells: ill, paths: 2 * ill, nodes: ["pve7"], codes: { LUN_DEGRADED: ill } } }],
  };
  const answers = {
    "/api2/json/nodes": names.map((node) => ({ node, type: "node", status: "online", report: "fresh", "report-age-s": 3, multipathd: "running", mode: "observe", cells: {} })),
    "/api2/json/session": { name: "anonymous", privilege: "Sys.Audit" },
    "/api2/json/cluster/multipath/history": { node: "pve1", events: [], "kept-since": epochS },
    "/api2/json/cluster/multipath/guests": { known: false, guests: [], luns: {} },
    "/api2/json/cluster/multipath/mutes": { mutes: [], digest: "", problems: [] },
    "/api2/json/cluster/multipath/windows": { windows: [], digest: "", problems: [] },
  };
  /** A row whose equal cells are written once. */
  const packed = (json) => {
    const { nodes: cells, ...row } = JSON.parse(json);
    const alike = new Map();
    for (const [name, cell] of Object.entries(cells)) {
      const key = JSON.stringify(cell);
      if (!alike.has(key)) alike.set(key, { cell, on: [] });
      alike.get(key).on.push(name);
    }
    return JSON.stringify({ ...row, nodes: {}, alike: [...alike.values()] });
  };
  /** Rows as JSON, made once, as the agent has them. @type {{of: number, ill: boolean, json: string, packed: string}[] | undefined} */
  let made;
  const rows = () => (made ??= Array.from({ length: luns }, (_, n) => ({ of: n, ill: n % 3 === 0, json: JSON.stringify(row(n, n % 3 === 0 ? 6 : -1)) })).map((one) => ({ ...one, packed: packed(one.json) })));
  const snapshot = (asked) => {
    const { luns: none, ...rest } = { ...beside, luns: [] };
    return `{"luns":[${asked === "all" ? rows().map(({ json }) => json).join() : none}],${JSON.stringify(rest).slice(1)}`;
  };
  /** In parts, in the order in which they are shown (crates/pathkeeper/src/app/parts.rs): the first rows, then a quarter of a megabyte at a time. */
  function* parts(first, group) {
    const storage = ({ of }) => (group === "none" ? 0 : of % 20);
    const clean = ({ ill }) => (first === "unclean" && !ill ? 1 : 0);
    const ordered = [...rows()].sort((a, b) => clean(a) - clean(b) || b.ill - a.ill || a.of - b.of);
    const groups = new Map();
    for (const one of ordered) groups.set(`${clean(one)} ${storage(one)}`, [...(groups.get(`${clean(one)} ${storage(one)}`) ?? []), one.packed]);
    const all = [...groups.values()].flat();
    for (let at = 0; at === 0 || at < all.length; ) {
      const begin = at;
      const part = [];
      for (let bytes = 0; at < all.length && (begin === 0 ? at < 48 : bytes < 256 * 1024); at += 1) bytes += part[part.push(all[at]) - 1].length;
      const json = `"luns":[${part.join()}],"rest":${all.length - at}`;
      yield { name: begin === 0 ? "snapshot" : "rows", last: at === all.length, json: begin === 0 ? `{"columns":${JSON.stringify(names)},${json},${JSON.stringify(beside).slice(1)}` : `{${json}}` };
    }
  }
  let bytes;
  const map = () => {
    if (bytes) return bytes;
    const random = dice(7);
    bytes = Buffer.alloc(40 + luns + luns * nodes, 1);
    bytes.write("PKMP", 0, "latin1");
    bytes.writeUInt16LE(1, 4);
    bytes.writeUInt16LE(40, 6);
    bytes.writeBigUInt64LE(BigInt(`0x${EPOCH}`), 8);
    bytes.writeBigUInt64LE(1n, 16);
    bytes.writeBigUInt64LE(TAG, 24);
    bytes.writeUInt32LE(luns, 32);
    bytes.writeUInt32LE(nodes, 36);
    const at = (lun, node) => 40 + luns + lun * nodes + node;
    // Every seventh LUN belongs to one half of the nodes.
    for (let lun = 0; lun < luns; lun += 7) for (let node = nodes >> 1; node < nodes; node += 1) bytes[at(lun, node)] = 0;
    for (let n = 0; n < faults; n += 1) bytes[at(random(luns), random(nodes))] = 2 + random(4) + (random(2) ? EXPLAINED : 0x40);
    return bytes;
  };
  let zipped;
  let named;

  /** @type {Map<string, Buffer>} */
  const files = new Map();
  const streams = new Set();
  let revision = 1;
  const tell = (response, data) => response.write(`event: delta\nid: ${EPOCH}-${(revision += 1)}\ndata: ${JSON.stringify(data)}\n\n`);
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const json = (data) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ data }));
    if (pathname === "/events") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const first = searchParams.get("first");
      const all = first ? parts(first, searchParams.get("group")) : [{ name: "snapshot", last: true, json: snapshot(searchParams.get("rows") ?? "all") }];
      for (const { name, last, json } of all) {
        response.write(`event: ${name}\nid: ${last ? `${EPOCH}-${revision}` : ""}\ndata: ${json}\n\n`);
        if (name === "snapshot" && !last) await between?.(response, request.headers["last-event-id"]);
      }
      streams.add(response);
      request.on("close", () => streams.delete(response));
    } else if (pathname === "/healthz") response.end("ok\n");
    else if (pathname === "/api2/json/cluster/multipath/map") {
      // As the agent zips it.
      zipped ??= gzipSync(map(), { level: 6 });
      response.writeHead(200, { "content-type": "application/octet-stream", "content-encoding": "gzip" }).end(zipped);
    } else if (pathname === "/api2/json/cluster/multipath/map/names") {
      named ??= gzipSync(JSON.stringify({ data: {
        names: TAG.toString(16).padStart(16, "0"), columns: [...names].sort(),
        rows: Array.from({ length: luns }, (_, n) => ({ wwid: wwid(n), name: `vm-prod-${n}`, "used-by": `store-${n % 20}` })),
      } }), { level: 1 });
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(named);
    } else if (pathname in answers) json(answers[pathname]);
    else if (pathname in LEAST) response.writeHead(200, { "content-type": LEAST[pathname][0] }).end(LEAST[pathname][1]);
    else {
      const file = join(ui, normalize(pathname === "/" ? "index.html" : pathname.replace(/^\/ui\//, "")));
      if (!file.startsWith(ui) || !existsSync(file)) return void response.writeHead(404).end("{}");
      // The agent has its files in itself.
      if (!files.has(file)) files.set(file, readFileSync(file));
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" }).end(files.get(file));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

  /** So many changed cells a second, as ten deltas; `made` makes one of so many cells. */
  const change = async (seconds, cells, made) => {
    for (let turn = 0; turn < seconds * 10; turn += 1) {
      for (const response of streams) tell(response, made(turn, cells / 10));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const told = () => {
    for (const response of streams) tell(response, { view: { ...view, observer: `told-at-${Date.now()}` } });
  };
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    bytes: () => ({ whole: snapshot("all").length, parts: [...parts("all", "storage")].map(({ json }) => json.length) }),
    /** As rows, to who follows all. */
    changeRows: async (seconds, cells) => {
      await change(seconds, cells, (turn, count) => ({ luns: Array.from({ length: count }, (_, n) => row((turn * count + n) % luns, turn % 2 === 0 ? (turn * 7 + n) % nodes : -1)) }));
      told();
    },
    /** As rows of the map, one cell in each; at the end a mark. */
    changeMap: async (seconds, cells) => {
      const random = dice(11);
      const all = map();
      await change(seconds, cells, (_, count) => {
        const rows = {};
        for (let n = 0; n < count; n += 1) {
          const lun = random(luns);
          all[40 + luns + lun * nodes + random(nodes)] = 1 + random(5);
          rows[wwid(lun)] = Buffer.concat([all.subarray(40 + lun, 41 + lun), all.subarray(40 + luns + lun * nodes, 40 + luns + (lun + 1) * nodes)]).toString("base64");
        }
        return { map: { names: TAG.toString(16).padStart(16, "0"), rows } };
      });
      told();
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
