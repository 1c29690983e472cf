import assert from "node:assert/strict";
import { test } from "node:test";
import { href, orderOf, parse, rowsOf } from "../../../crates/pathkeeper/ui/model/route.js";

test("an address leads where it says, and nonsense to the overview", () => {
  const check = (hash, view, name = "") => {
    const route = parse(hash);
    assert.deepEqual([route.view, route.name], [view, name], hash);
  };
  check("", "overview");
  check("#/", "overview");
  check("#/matrix?state=failed", "matrix");
  check("#/map?cause=x", "map");
  check("#/map/x", "overview");
  check("#/lun/3600a0980", "lun", "3600a0980");
  check("#/lun/a%2Fb", "lun", "a/b");
  check("#/node/pve%2", "node", "pve%2");
  check("#/lun/", "overview");
  check("#/matrix/pve1", "overview");
  check("#/nothing", "overview");
  check("#unclean=1", "overview");
});

test("what is written is read again", () => {
  for (const name of ["pve1", "a/b?c&d", "<img src=x>", "ä ö"]) {
    assert.equal(parse(href("node", name)).name, name);
  }
  const route = parse(href("matrix", "", { cause: "HBA_DOWN pve2/host7", state: "", node: undefined }));
  assert.deepEqual([...route.query], [["cause", "HBA_DOWN pve2/host7"]]);
});

test("a view asks for the rows that it shows, and for no others", () => {
  const check = (hash, expect) => assert.equal(rowsOf(parse(hash)), expect, hash);
  check("", "rows=none");
  check("#/node/pve1", "rows=none");
  check("#/config", "rows=none");
  check("#/matrix?state=failed", "");
  check("#/matrix?wwid=3600a", "wwid=3600a");
  check("#/lun/a%2Fb", "wwid=a%2Fb");
  check("#/map?wwid=3600a", "rows=map");
});

test("what a matrix shows first is asked for first", () => {
  const check = (hash, expect) => assert.equal(orderOf(parse(hash)), expect, hash);
  check("#/matrix", "first=unclean");
  check("#/matrix?unclean=1&name=x", "first=unclean");
  check("#/matrix?unclean=0&group=none", "first=all&group=none");
  check("#/matrix?state=optimal", "first=all");
  check("#/matrix?name=vm", "first=all");
  check("#/matrix?cause=HBA_DOWN%20x&group=storage", "first=unclean");
});
