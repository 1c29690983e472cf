// The API as this page asks it: Proxmox's envelope, errors by parameter, digests against the loss of other people's edits.

import { askedAtOnce } from "./early.js";

/** An answer that never comes is an error after so long. */
const TIMEOUT_MS = 10_000;
const BASE = "/api2/json/cluster/multipath/";

/** What went wrong with a request, in the server's words. */
export class ApiError extends Error {
  /** @param {number} status HTTP's status; 0 where nobody answered @param {string} message @param {Record<string, string>} [errors] */
  constructor(status, message, errors = {}) {
    super(message);
    this.status = status;
    /** What is wrong with which parameter. */
    this.errors = errors;
  }

  /** Whether somebody else changed the document meanwhile. */
  get isConflict() {
    return this.status === 409;
  }

  /** The message and what is wrong with which parameter, a line each. */
  get lines() {
    return [this.message, ...Object.entries(this.errors).map(([name, why]) => `${name}: ${why}`)];
  }
}

/** @type {string | null} The token against forged requests; the session's answer gives it. */
let csrf = null;
/** @param {string | null} token */
export function useCsrf(token) {
  csrf = token;
}

/** Called when the server wants to know who asks. @type {() => void} */
let onUnauthorized = () => {};
/** @param {() => void} listener */
export function whenUnauthorized(listener) {
  onUnauthorized = listener;
}

/**
 * An address with its parameters. A path without a leading slash is the cluster's.
 * @param {string} path @param {Record<string, string | number | undefined>} [params]
 */
export function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) query.set(name, String(value));
  }
  const whole = path.startsWith("/") ? path : `${BASE}${path}`;
  return query.size > 0 ? `${whole}?${query}` : whole;
}

/** A part of a path. @param {string} name */
export const part = (name) => encodeURIComponent(name);

/**
 * Asks. @param {string} path @param {Record<string, string | number | undefined>} [params] @returns {Promise<any>} the data
 */
export function get(path, params) {
  return answered(address(path, params), { method: "GET" });
}

/**
 * Changes something. @param {"POST" | "PUT" | "DELETE"} method @param {string} path @param {unknown} [body]
 * @param {Record<string, string | number | undefined>} [params] @returns {Promise<any>} the data
 */
export function send(method, path, body, params) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (csrf !== null) headers["CSRFPreventionToken"] = csrf;
  /** @type {RequestInit} */
  const request = { method, headers };
  if (body !== undefined) request.body = JSON.stringify(body);
  return answered(address(path, params), request);
}

/** @param {string} url @param {RequestInit} request */
async function answered(url, request) {
  const body = await (await asked(url, request)).json().catch(() => null);
  return body?.data;
}

/** A good answer, however it is to be read. @param {string} url @param {RequestInit} request */
export async function asked(url, request) {
  let answer;
  try {
    answer = (request.method === "GET" ? await askedAtOnce(url) : undefined) ?? await fetch(url, { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS), ...request });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, late ? "the agent did not answer in time" : "the agent cannot be reached");
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  if (answer.status === 401) onUnauthorized();
  const said = typeof body?.message === "string" ? body.message.trim() : `the agent answered with status ${answer.status}`;
  const message = answer.status === 401 ? `not logged in, or the session is over (${said})` : said;
  throw new ApiError(answer.status, message, body?.errors ?? {});
}
