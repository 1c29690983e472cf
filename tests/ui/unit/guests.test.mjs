import assert from "node:assert/strict";
import { test } from "node:test";
import { guestWords, guestsByLun } from "../../../crates/pathkeeper/ui/model/guests.js";

test("who needs a LUN has it as a disk, or a disk on what lies there", () => {
  const guest = (id, storages, luns, more = {}) => ({ id, kind: "vm", node: "pve1", ha: false, storages, luns, ...more });
  const told = {
    known: true,
    guests: [guest(103, ["vms"], ["w1"]), guest(101, ["vms", "more"], []), guest(102, [], ["w2"], { kind: "ct", name: "<img src=x>", ha: true })],
    luns: { w1: ["vms", "more"], w3: ["nobody's"] },
  };
  const of = guestsByLun(told);
  assert.deepEqual([...of].map(([wwid, guests]) => [wwid, guests.map(({ id }) => id)]).sort(), [["w1", [101, 103]], ["w2", [102]]]);
  assert.equal(guestsByLun(told), of, "what was told once is looked through once");
  assert.equal(guestWords(told.guests[0]), "VM 103 on pve1");
  assert.equal(guestWords(told.guests[2]), "CT 102 <img src=x> on pve1, HA");
});
