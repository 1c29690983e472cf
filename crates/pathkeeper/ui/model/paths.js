// Paths by the ports that they run over. No DOM here.

/**
 * @typedef {import("../api-types.js").NodeDisks} NodeDisks
 * @typedef {import("../api-types.js").Path} Path
 * @typedef {import("../api-types.js").Names} Names
 */

/** `0x200100a098025cc1` as people and switches write it. @param {string} text */
export function colons(text) {
  const hex = /^(?:0x)?([0-9a-f]{16})$/i.exec(text)?.[1];
  return hex ? hex.toLowerCase().replace(/(..)(?=.)/g, "$1:") : text;
}

/** A port by the name that people gave it, else as it is called. @param {string | null | undefined} port @param {Names | null} names */
export function portName(port, names) {
  if (!port) return "?";
  const plain = colons(port);
  return names?.ports[plain]?.name ?? names?.ports[port]?.name ?? plain;
}

/**
 * Usable paths and all paths for each pair of adapter and target port.
 * Paths that should be there and that no port has any more are counted apart: nobody knows any more over which they ran.
 * @param {NodeDisks} disks
 */
export function portGrid(disks) {
  /** @type {Map<string, {usable: number, known: number}>} */
  const pairs = new Map();
  const adapters = new Set(disks.adapters.map((adapter) => adapter.name));
  const targets = new Set();
  for (const path of disks.maps.flatMap((map) => map.groups).flatMap((group) => group.paths)) {
    const adapter = path.adapter ?? "?";
    const target = path["target-port"] ?? "?";
    adapters.add(adapter);
    targets.add(target);
    const pair = pairs.get(key(adapter, target)) ?? { usable: 0, known: 0 };
    pair.known += 1;
    if (path.usable) pair.usable += 1;
    pairs.set(key(adapter, target), pair);
  }
  const gone = disks.maps.map((map) => Math.max(0, (map["paths-expected"] ?? 0) - (map["paths-total"] ?? 0)));
  const rows = [...adapters].sort();
  const columns = [...targets].sort();
  return {
    rows,
    columns,
    absent: gone.reduce((sum, n) => sum + n, 0),
    /** @param {string} adapter @param {string} target */
    at: (adapter, target) => {
      const pair = pairs.get(key(adapter, target));
      return pair ? { usable: pair.usable, expected: pair.known } : null;
    },
  };
}

/** @param {string} adapter @param {string} target */
const key = (adapter, target) => `${adapter}\n${target}`;
