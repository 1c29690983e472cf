// Real agents for the tests of the pages: a process of `pathkeeper agent` for each node, an etcd between them, and below each of
// them a machine of `pathkeeper sim-multipathd`, to which a test says what happens and which obeys its agent.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { program, until } from "./lib.mjs";

const PATHS = 4;
/** So many more paths to the last LUN are remembered. */
export const LOST = 2;
/** The shortest that the settings allow: a loss waits for the lease, and nobody tells an agent of a simulated fault before it polls. */
const [LEASE_S, POLL_S] = [5, 2];
/** What plays `multipath -t`: it does not understand one word. */
const JUDGE = "#!/bin/sh\ngrep -Hn no_such_keyword ROOT/etc/multipath/conf.d/*.conf >&2\nexit 0\n";

/** Why they cannot run here: drop-ins are judged in a mount namespace, which needs root. @returns {string | false} */
export function obstacle() {
  if (process.getuid() !== 0) return "not root";
  return spawnSync("etcd", ["--version"], { stdio: "ignore" }).status === 0 ? false : "etcd is not installed";
}

/** An address of this machine that is no loopback, if it has one. */
export const outside = Object.values(networkInterfaces()).flat().find((address) => !address.internal && address.family === "IPv4")?.address;

async function freePort(host = "127.0.0.1") {
  const server = createServer();
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, host, resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Without what the tests' own environment says of Pathkeeper. */
const environment = (own) => ({ ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PATHKEEPER"))), ...own });

/** What a node remembers of yesterday: each LUN with its paths, the last one with two more than there are now. */
function ledger(node, wwids) {
  const since = Math.floor(Date.now() / 1000) - 86_400;
  const ports = [["host6", "0x200100a098025cc1"], ["host6", "0x200200a098025cc1"], ["host7", "0x200300a098025cc1"], ["host7", "0x200400a098025cc1"]];
  const lun = (more) => ({ since, seen: since, paths: ports.map((_, port) => [port, port === 0 ? 1 + more : 1]) });
  return JSON.stringify({ v: 1, node, ports, luns: Object.fromEntries(wwids.map((wwid) => [wwid, lun(wwid === wwids.at(-1) ? LOST : 0)])) });
}

/** Starts everything; `tls`: the last node is served by TLS on an address that is no loopback. LUNs are `vm-prod-01`, …, carried and allowed everywhere. */
export async function agents({ nodes = 3, luns = 4, tls = false }) {
  const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  // A socket's path has at most 107 bytes.
  const dir = mkdtempSync(join(memory, "pk-ui-"));
  const running = new Set();
  const start = (command, args, { log, ...options }) => {
    const file = openSync(join(dir, log), "a");
    const child = spawn(command, args, { stdio: ["pipe", "pipe", file], ...options });
    closeSync(file);
    running.add(child);
    child.once("exit", () => running.delete(child));
    return child;
  };
  const end = (child, signal = "SIGKILL") => new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.once("exit", resolve);
    child.kill("SIGCONT");
    child.kill(signal);
  });
  const stop = async () => {
    await Promise.all([...running].map((child) => end(child)));
    rmSync(dir, { recursive: true });
  };
  try {
    return await whole();
  } catch (error) {
    for (const name of readdirSync(dir).filter((name) => name.endsWith(".log"))) console.error(`${name}: ${readFileSync(join(dir, name), "utf8").slice(-2_000)}`);
    await stop();
    throw error;
  }

  async function whole() {
    const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
    const startEtcd = () => start("etcd", ["--name", "one", "--data-dir", join(dir, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
      "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `one=${peer}`, "--unsafe-no-fsync"], { log: "etcd.log" });
    let etcd = startEtcd();
    const names = new Map([...await lunNames()].sort());
    const members = [];
    for (let n = 1; n <= nodes; n += 1) members.push(await member(n));
    await Promise.all(members.map((member) => member.start()));
    const [first] = members;
    const cluster = {
      members, names, url: first.url, token: first.token, outside: tls ? members.at(-1) : null,
      get: async (path) => (await (await fetch(`${first.url}api2/json/${path}`)).json()).data,
      status: () => cluster.get("cluster/multipath/status"),
      until: (holds) => until(() => cluster.status(), holds),
      /** To the SAN as all nodes see it, as `pve1 path vm-prod-01 2 fail`. */
      happens: (...steps) => Promise.all(steps.flatMap((step) => members.map((member) => member.happens(step)))),
      stopStore: () => end(etcd),
      startStore: () => (etcd = startEtcd()),
      stop,
    };
    await cluster.until((status) => status.view["nodes-fresh"] === nodes && status.summary.luns === luns && status.summary.degraded === 1);
    return cluster;

    /** WWIDs by the names that the simulator gives them. */
    async function lunNames() {
      const machine = await simulated(1, join(dir, "look"), []);
      await end(machine);
      const blocks = join(dir, "look/sys/block");
      const read = (block, file) => readFileSync(join(blocks, block, file), "utf8").trim();
      const maps = readdirSync(blocks).filter((block) => block.startsWith("dm-"));
      return new Map(maps.map((block) => [read(block, "dm/name"), read(block, "dm/uuid").replace("mpath-", "")]));
    }

    async function simulated(n, root, args) {
      const machine = start(program, ["sim-multipathd", "--root", root, "--maps", String(luns), "--paths", String(PATHS), "--nodes", String(nodes), "--node", String(n), ...args], { log: `machine${n}.log` });
      const lines = createInterface({ input: machine.stdout });
      await new Promise((resolve, reject) => {
        lines.once("line", resolve);
        machine.once("exit", (code) => reject(new Error(`sim-multipathd ended with ${code}`)));
      });
      machine.lines = lines;
      return machine;
    }

    async function member(n) {
      const [name, root] = [`pve${n}`, join(dir, String(n))];
      const wwids = [...names.values()];
      const put = (file, text) => {
        mkdirSync(join(root, file, ".."), { recursive: true, mode: 0o755 });
        writeFileSync(join(root, file), text, { mode: 0o644 });
      };
      // It is managed, all LUNs are Pathkeeper's already and have the names of the simulator.
      put("etc/systemd/system/pathkeeper.service.d/50-manage.conf", "[Service]\nEnvironment=PATHKEEPER_MODE=manage\n");
      put("etc/multipath/conf.d/10-names.conf", `multipaths {\n${[...names].map(([name, wwid]) => `\tmultipath {\n\t\twwid ${wwid}\n\t\talias ${name}\n\t}\n`).join("")}}\n`);
      put("state/config/wwids-added", `# ours\n${wwids.join("\n")}\n`);
      put("state/ledger.json", ledger(name, wwids));
      put("sbin/multipath", JUDGE.replaceAll("ROOT", root));
      chmodSync(join(root, "sbin/multipath"), 0o755);
      put("clock-offset", "0");
      mkdirSync(join(root, "run-agent"));
      const machine = await simulated(n, root, ["--obey", "--script", "-"]);
      const encrypted = tls && n === nodes;
      const host = encrypted ? outside : "127.0.0.1";
      const port = await freePort(host);
      const env = environment({
        PATHKEEPER_NODE: name, PATHKEEPER_CLUSTER: "lab", PATHKEEPER_STATE_DIR: join(root, "state"), PATHKEEPER_RUN_DIR: join(root, "run-agent"), PATHKEEPER_LISTEN: `${host}:${port}`,
        ...(encrypted ? { PATHKEEPER_TLS_USE: "own" } : {}),
        PATHKEEPER_SOCKET_GROUP: "none", PATHKEEPER_POLL_INTERVAL_S: String(POLL_S), PATHKEEPER_MULTIPATHD_SOCKET: join(root, "run/multipathd.socket"),
        PATHKEEPER_ROOTS_SYSFS: join(root, "sys"), PATHKEEPER_ROOTS_PROC: join(root, "proc"), PATHKEEPER_ROOTS_ETC: join(root, "etc"), PATHKEEPER_ROOTS_USR: join(root, "usr"),
        PATHKEEPER_ROOTS_CLOCK_OFFSET: join(root, "clock-offset"), PATHKEEPER_STORE_KIND: "etcd", PATHKEEPER_STORE_ETCD_ENDPOINTS: client, PATHKEEPER_STORE_ETCD_LEASE_TTL_S: String(LEASE_S),
      });
      const added = spawnSync(program, ["token", "add", "tester", "--privilege", "modify", "-o", "json"], { env, encoding: "utf8" });
      assert.equal(added.status, 0, added.stderr);
      const token = JSON.parse(added.stdout);
      let agent;
      return {
        name, root, url: `${encrypted ? "https" : "http"}://${host}:${port}/`, token: `${token.id}=${token.secret}`,
        happens: (step) => new Promise((resolve, reject) => {
          machine.lines.once("line", (line) => (line.startsWith("not played") ? reject(new Error(`${step}: ${line}`)) : resolve()));
          machine.stdin.write(`+0s ${step}\n`);
        }),
        async start() {
          agent = start(program, ["agent"], { log: `${name}.log`, env, cwd: "/" });
          agent.stdout.resume();
        },
        kill: () => end(agent),
        setClock: (seconds) => writeFileSync(join(root, "clock-offset"), String(seconds)),
      };
    }
  }
}
