// Which guests need a LUN: by a storage that has its data there, or as a disk. No DOM here.

/**
 * @typedef {import("../api-types.js").Guests} Guests
 * @typedef {import("../api-types.js").Guest} Guest
 */

/** What was looked through already. @type {WeakMap<Guests, Map<string, Guest[]>>} */
const found = new WeakMap();

/** Guests by WWID, in order of their numbers. @param {Guests} told @returns {Map<string, Guest[]>} */
export function guestsByLun(told) {
  const known = found.get(told);
  if (known) return known;
  /** @type {Map<string, Set<Guest>>} */
  const of = new Map();
  /** @type {Map<string, Guest[]>} */
  const on = new Map();
  const add = (/** @type {string} */ wwid, /** @type {Guest} */ guest) => (of.get(wwid) ?? of.set(wwid, new Set()).get(wwid))?.add(guest);
  for (const guest of told.guests) {
    for (const wwid of guest.luns) add(wwid, guest);
    for (const storage of guest.storages) (on.get(storage) ?? on.set(storage, []).get(storage))?.push(guest);
  }
  for (const [wwid, storages] of Object.entries(told.luns)) for (const storage of storages) for (const guest of on.get(storage) ?? []) add(wwid, guest);
  const all = new Map([...of].map(([wwid, guests]) => [wwid, [...guests].sort((a, b) => a.id - b.id)]));
  found.set(told, all);
  return all;
}

/** `VM 101 web on pve1`. @param {Guest} guest */
export function guestWords(guest) {
  return `${guest.kind === "ct" ? "CT" : "VM"} ${guest.id}${guest.name ? ` ${guest.name}` : ""} on ${guest.node}${guest.ha ? ", HA" : ""}`;
}
