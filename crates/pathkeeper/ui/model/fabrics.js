// Which fabrics a LUN's usable paths run over, on each node. No DOM here.

import { colons } from "./paths.js";

/**
 * @typedef {import("../api-types.js").NodeDisks} NodeDisks
 * @typedef {import("../api-types.js").Names} Names
 * @typedef {object} Fabrics
 * @property {string[]} all in order
 * @property {Map<string, Map<string, Map<string, number>>>} usable node → WWID → fabric → usable paths; a node that is not believed is not in it
 */

/** What an adapter without a link says. */
const NO_FABRIC = /^(0x)?(f{16}|0{16})$/i;

/** @param {NodeDisks[]} nodes @param {Names | null} names @returns {Fabrics} */
export function fabrics(nodes, names) {
  const said = (/** @type {string | null | undefined} */ port) => (port ? names?.ports[colons(port)]?.fabric ?? names?.ports[port]?.fabric ?? null : null);
  const paths = nodes.flatMap((disks) => {
    const own = new Map(disks.adapters.map((adapter) => [adapter.name, adapter.fabric]));
    return disks.maps.flatMap((map) => map.groups.flatMap((group) => group.paths.map((path) => {
      const adapter = own.get(path.adapter ?? "");
      const fabric = said(path["adapter-port"]) ?? said(path["target-port"]) ?? (adapter && !NO_FABRIC.test(adapter) ? colons(adapter) : null);
      return { disks, wwid: map.wwid, path, fabric };
    })));
  });
  // An adapter that lost its link has no fabric; the target port behind it has the one that others reach it by.
  /** @type {Map<string, string>} */
  const byTarget = new Map();
  for (const { path, fabric } of paths) if (fabric && path["target-port"]) byTarget.set(path["target-port"], fabric);
  /** @type {Fabrics["usable"]} */
  const usable = new Map(nodes.filter((disks) => disks.detail === "live" || disks.believed === true).map((disks) => [disks.node, new Map()]));
  const all = new Set();
  for (const { disks, wwid, path, fabric } of paths) {
    const name = fabric ?? byTarget.get(path["target-port"] ?? "") ?? "?";
    all.add(name);
    const luns = usable.get(disks.node);
    if (!luns) continue;
    const counts = luns.get(wwid) ?? new Map();
    counts.set(name, (counts.get(name) ?? 0) + (path.usable ? 1 : 0));
    luns.set(wwid, counts);
  }
  return { all: [...all].sort(), usable };
}
