// A map as `multipath -ll` has it: groups and paths in multipathd's order and words.

import { h } from "../h.js";
import { size, span } from "../format.js";
import { portName } from "../model/paths.js";

/**
 * @typedef {import("../api-types.js").Map} DiskMap
 * @typedef {import("../api-types.js").NodeDisks} NodeDisks
 * @typedef {import("../api-types.js").Names} Names
 */

/** How far what a node told may be believed, in words. @param {NodeDisks} disks */
export function belief(disks) {
  if (disks.detail === "live") return h("p", { class: "soft" }, "read by the answering node itself");
  const age = disks["age-s"] == null ? "" : `, published ${span(disks["age-s"])} ago`;
  const heard = disks["heard-s"] == null ? "" : `, heard ${span(disks["heard-s"])} ago`;
  if (disks.believed === true) return h("p", { class: "soft" }, `as ${disks.node} told${age}${heard}`);
  return h("p", { class: "doubtful" }, `as of then, not now${age}${heard}: ${disks["report-why"] ?? disks.report ?? "it is not known whether this still holds"}`);
}

/** @param {DiskMap} map @param {Names | null} names */
export function tree(map, names) {
  const queueing = map.queueing === "off" || map.queueing === "-" ? null : `without a path I/O waits: ${map.queueing === "on" ? "for ever" : map.queueing}`;
  const head = [map.name, map.dm, `${map.vendor},${map.product}`, size(map.size), map["write-prot"] === "ro" ? "READ-ONLY" : null,
    map.suspended ? "SUSPENDED" : null].filter(Boolean).join("  ");
  return h("div", { class: "tree", tabindex: "0", role: "group", "aria-label": `Paths of ${map.name}` },
    h("p", { class: "mono" }, head),
    h("p", { class: "mono soft" }, `features='${map.features}' hwhandler='${map.hwhandler}' failback=${map.failback}`),
    queueing ? h("p", { class: "soft" }, queueing) : null,
    map["report-differs"] ? h("p", { class: "doubtful" }, map["report-differs"]) : null,
    h("ul", {}, ...map.groups.map((group) => h("li", { class: "group-of-paths" },
      h("p", { class: "mono" }, `policy='${group.policy}' prio=${group.prio} status=${group.status}${group.marginal ? " marginal" : ""}`),
      h("table", { class: "paths" }, h("tbody", {}, ...group.paths.map((path) => pathRow(path, names))))))));
}

/** @param {import("../api-types.js").Path} path @param {Names | null} names */
export function pathRow(path, names) {
  const words = [path["dm-state"], path["check-state"], path["dev-state"]].join(" ");
  const target = portName(path["target-port"], names);
  return h("tr", { "data-usable": path.usable ? "yes" : "no" },
    h("td", {}, h("span", { class: "state", "data-state": path.usable ? "optimal" : "failed" }, h("span", { class: "unseen" }, path.usable ? "usable" : "not usable"))),
    h("td", { class: "mono" }, path.hctl ?? ""),
    h("td", { class: "mono" }, path.dev),
    h("td", { class: "mono" }, words),
    h("td", { title: path["target-port"] }, `${path.adapter ?? "?"} → ${target}`),
    h("td", { class: "number soft" }, (path.failures ?? 0) > 0 ? `${path.failures} failures` : ""));
}
