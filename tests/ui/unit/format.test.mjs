import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, list, moment, plural, shortWwid, size, span, utc } from "../../../crates/pathkeeper/ui/format.js";

test("spans, sizes and lists as people say them", () => {
  const check = (got, expect) => assert.equal(got, expect);
  check(span(-3), "0s");
  check(span(59), "59s");
  check(span(780), "13m");
  check(span(5520), "1h32m");
  check(span(90_000), "1d1h");
  check(size(null), "");
  check(size(0), "0 B");
  check(size(536870912000), "500 GiB");
  check(size(4398046511104), "4 TiB");
  check(size(1610612736), "1.50 GiB");
  check(size(2 ** 63), "8 EiB");
  check(plural(1, "LUN"), "1 LUN");
  check(plural(0, "LUN"), "0 LUNs");
  check(list(["a", "b", "c"], 2), "a, b and 1 more");
  check(shortWwid("3600a098038304479363f4c4870455a7c"), "3600…70455a7c");
  check(utc(1796018595), "2026-11-30 06:03:15 UTC");
});

test("times are local, with their day where it is not today", () => {
  const then = new Date(2026, 10, 3, 4, 5, 6);
  const epochS = Math.floor(then.getTime() / 1000);
  assert.equal(clock(epochS), "04:05:06");
  assert.equal(moment(epochS, epochS + 60), "04:05:06");
  assert.match(moment(epochS, epochS + 86_400), /^(?!04:05:06).+ 04:05$/);
});
