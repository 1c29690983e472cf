// Pictures of the pages for the documents: `cargo xtask screenshots` writes docs/images anew, from a demo cluster with faults in place.

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { browser, demo } from "./browser/lib.mjs";

const images = join(dirname(fileURLToPath(import.meta.url)), "../../docs/images");
const FAULTS = `
+1s pve2 adapter host7 down
+1s pve3 lun vm-prod-03 unmap
+1s pve1 path vm-prod-01 2 fail
+1s pve4 lun vm-prod-05 forget
+60m array heal
`;

mkdirSync(images, { recursive: true });
const cluster = await demo({ nodes: 4, luns: 24, script: FAULTS });
const chrome = await browser();
try {
  const status = await cluster.until((status) => status.findings.some((finding) => finding.code === "HBA_DOWN")
    && status.findings.filter((finding) => finding.code === "LUN_DEGRADED").length === 1);
  const failed = status.luns.find((row) => row["cluster-state"] === "failed");
  // A moment at which one of the faults was not there yet.
  const before = Math.min(...status.findings.flatMap((finding) => (finding.severity === "error" && finding.since ? [finding.since] : [])));
  const views = [
    ["overview", "", ".events li", "light"],
    ["wall", "#/?wall=1", ".wall-clock .age", "dark"],
    ["as-of", `#/?at=${before}`, ".cause", "light"],
    ["matrix", `#/matrix?cell=${failed.wwid}/pve3`, "pk-cell .paths", "dark"],
    ["map", "#/map", ".map-counts li", "light"],
    ["lun", `#/lun/${failed.wwid}`, ".node-paths .paths", "light"],
    ["node", "#/node/pve2", ".ports", "dark"],
    ["config", "#/config", "pk-allow-list table", "light"],
    ["login", "", ".cause", "light"],
  ];
  for (const [name, hash, whole, colorScheme] of views) {
    const page = await chrome.page(`${cluster.url}${hash}`, { colorScheme, viewport: { width: 1366, height: 780 } });
    await page.locator(whole).first().waitFor();
    if (name === "login") {
      await page.getByRole("button", { name: "log in" }).click();
      await page.getByRole("dialog", { name: "Log in" }).waitFor();
    }
    await page.screenshot({ path: join(images, `${name}.png`) });
    await page.done();
    console.log(`wrote docs/images/${name}.png`);
  }
} finally {
  await chrome.close();
  await cluster.stop();
}
