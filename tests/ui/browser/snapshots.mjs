// How views are heard, stored in tests/ui/snapshots/ and compared. `node tests/ui/run.mjs --snapshots` writes them anew; read the diff,
// for each line of it is what somebody hears.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../snapshots");
const write = process.env.UPDATE_SNAPSHOTS === "1";

/** Without what is another at each run: times, ages, versions, and which event came first. @param {string} text */
export function settled(text) {
  const plain = text
    .replace(/\b\d\d:\d\d:\d\d\b/g, "HH:MM:SS")
    .replace(/\((at least )?(\d+[smhd])+\)/g, "(AGE)")
    .replace(/(?<![\w.-])(\d+d)?(\d+h)?(\d+m)?\d+[smhd](?![\w.-])/g, "AGE")
    .replace(/(kernel\s+|definition: )\d+\.\d+\.\d+-[\w.-]+/g, "$1KERNEL");
  const lines = [];
  let cut = null;
  for (const line of plain.split("\n")) {
    const depth = line.search(/\S/);
    if (cut !== null && depth > cut.depth) {
      if (cut.list === null && /^\s*- list:/.test(line)) {
        cut.list = depth;
        lines.push(`${line} EVENTS`);
        continue;
      }
      if (cut.list !== null && depth > cut.list) continue;
    } else cut = null;
    if (/- region "(Recent events|Timeline)":/.test(line)) cut = { depth, list: null };
    lines.push(line);
  }
  return `${lines.join("\n")}\n`;
}

/** Compares, or writes. @param {string} name @param {import("playwright-core").Locator} locator */
export async function sameAsStored(name, locator) {
  const file = join(folder, `${name}.aria.yml`);
  const heard = settled(await locator.ariaSnapshot());
  if (write) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, heard);
    return;
  }
  assert.ok(existsSync(file), `${file} is absent: node tests/ui/run.mjs --snapshots writes it`);
  assert.equal(heard, readFileSync(file, "utf8"), `${name} is heard otherwise than stored; if that is wanted: node tests/ui/run.mjs --snapshots`);
}
