// Over which controller of its array a LUN's I/O runs, on each node, and whether that is the one that the array prefers. No DOM here.

import { colons } from "./paths.js";
import { mostly } from "./tint.js";

/**
 * @typedef {import("../api-types.js").NodeDisks} NodeDisks
 * @typedef {import("../api-types.js").Names} Names
 * @typedef {import("../api-types.js").Path} Path
 *
 * @typedef {object} Use
 * @property {string[]} names the controllers: as people named them, else ALUA's target port groups, else what tells the target ports
 *   apart; none without a usable path
 * @property {string[]} ports that I/O runs over
 * @property {"preferred" | "other" | "unknown"} how `other`: a path that the array prefers is usable, and I/O runs elsewhere
 * @property {boolean} lost no path that the array prefers is usable, though it has some
 *
 * @typedef {object} Controllers
 * @property {Map<string, Map<string, Use>>} on node → WWID; a node that is not believed, or whose multipathd does not answer, is not in it
 * @property {Map<string, string[]>} usual WWID → the controllers that most nodes use
 */

/** @param {NodeDisks[]} nodes @param {Names | null} names @returns {Controllers} */
export function controllers(nodes, names) {
  const heard = nodes.filter((disks) => disks.source === "multipathd" && (disks.detail === "live" || disks.believed === true));
  /** @type {Map<string, Set<string>>} */
  const ports = new Map();
  for (const map of heard.flatMap((disks) => disks.maps)) {
    const of = ports.get(map.wwid) ?? new Set();
    for (const path of map.groups.flatMap((group) => group.paths)) if (path["target-port"]) of.add(colons(path["target-port"]));
    ports.set(map.wwid, of);
  }
  const shortOf = new Map([...ports].map(([wwid, of]) => [wwid, shortened([...of])]));
  /** @type {Controllers["on"]} */
  const on = new Map();
  /** @type {Map<string, string[]>} */
  const all = new Map();
  for (const disks of heard) {
    const luns = new Map();
    for (const map of disks.maps) {
      const use = used(map, names, shortOf.get(map.wwid) ?? ((port) => port));
      luns.set(map.wwid, use);
      if (use.names.length > 0) all.set(map.wwid, [...(all.get(map.wwid) ?? []), JSON.stringify(use.names)]);
    }
    on.set(disks.node, luns);
  }
  return { on, usual: new Map([...all].map(([wwid, said]) => [wwid, JSON.parse(mostly(said) ?? "[]")])) };
}

/** The parts in which ports differ: of `20:01:…:c1` and `20:02:…:c1` these are `01` and `02`. @param {string[]} ports */
function shortened(ports) {
  const parts = ports.map((port) => port.split(":"));
  const first = parts[0] ?? [];
  const alike = parts.every((of) => of.length === first.length);
  const differing = first.flatMap((_, at) => (alike && parts.some((of) => of[at] !== first[at]) ? [at] : []));
  return (/** @type {string} */ port) => `port ${differing.length > 0 ? differing.map((at) => port.split(":")[at]).join(":") : port.slice(-8)}`;
}

/** @param {import("../api-types.js").Map} map @param {Names | null} names @param {(port: string) => string} short @returns {Use} */
function used(map, names, short) {
  const groups = map.groups.map((group) => ({ ...group, usable: group.paths.filter((path) => path.usable) }));
  const usable = groups.filter((group) => group.usable.length > 0);
  // A group that has seen no I/O yet is `enabled`; the first one will be used.
  const now = usable.find((group) => group.status === "active") ?? usable[0];
  if (!now) return { names: [], ports: [], how: "unknown", lost: false };
  const is = (/** @type {Path} */ path) => path["access-state"] === "optimized";
  const speaksAlua = groups.some((group) => group.paths.some((path) => path["access-state"] != null));
  const best = Math.max(...usable.map((group) => group.prio));
  // Where nobody speaks ALUA multipath's own ranks say what is preferred.
  const elsewhere = speaksAlua ? !now.usable.some(is) && usable.some((group) => group.usable.some(is)) : now.prio < best;
  const lost = !elsewhere && (speaksAlua ? !now.usable.some(is) && groups.some((group) => group.paths.some(is)) : groups.some((group) => group.prio > now.prio));
  const ports = [...new Set(now.usable.map((path) => path["target-port"] ?? "?"))].sort();
  const known = speaksAlua || usable.length > 1 || now.prio > 0;
  return { names: [...new Set(now.usable.map((path) => controller(path, names, short)))].sort(), ports: ports.map(colons), how: elsewhere ? "other" : known ? "preferred" : "unknown", lost };
}

/** @param {Path} path @param {Names | null} names @param {(port: string) => string} short */
function controller(path, names, short) {
  const port = path["target-port"];
  const named = port ? names?.ports[colons(port)]?.controller ?? names?.ports[port]?.controller : null;
  if (named) return named;
  if (path["port-group"] != null) return `TPG ${path["port-group"]}`;
  return port ? short(colons(port)) : "?";
}
