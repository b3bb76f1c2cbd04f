// The audit trail: what was done to whom, by whom, from where and why.

import { busy, field, given, h } from "./dom.js";
import { count, instant, when } from "./format.js";
import { explain, left } from "./words.js";

const pageSize = 50;

// A filtered page may hold few entries, or none, and go on all the same. So
// many requests are made before it is shown as it is.
const mostRequests = 20;

const typingPause = 300; // ms

const actions = {
  authn_login_lock: "Locked",
  authn_login_unlock: "Unlocked",
  policy_changed: "Policy changed",
  user_created: "User created",
  user_updated: "User changed",
  user_deleted: "User deleted",
  password_set: "Password set",
  client_created: "Client created",
};

export const audit = {
  path: "/audit",
  crumbs: ["Audit trail"],
  may: (role) => role === "Sysadmin",
  open: (host) => new AuditPage(host).start(),
};

class AuditPage {
  constructor(host) {
    this.host = host;
    this.api = host.api;
    this.entries = []; // those shown
    this.filters = {}; // what they were found by
    this.next = undefined; // the cursor behind them
    this.loading = null; // what would cancel the request under way
  }

  start() {
    this.draw();
    return this.load();
  }

  draw() {
    this.action = field("Action", h("select", { onchange: () => this.load() },
      h("option", { value: "" }, "All actions"), Object.entries(actions).map(([value, words]) => h("option", { value }, words))));
    this.username = field("User name", h("input", { type: "search", autocomplete: "off", autocapitalize: "none", spellcheck: "false", oninput: () => this.typed() }),
      "The whole name, in upper and lower case as it is spelt");
    this.refresh = h("button", { type: "button", onclick: () => busy(this.refresh, () => this.load()) }, "Refresh");
    this.save = h("button", { type: "button", disabled: true, onclick: () => this.download() }, "Save as CSV");
    this.caption = h("caption", {});
    this.body = h("tbody", {});
    this.more = h("button", { type: "button", hidden: true, onclick: () => busy(this.more, () => this.goOn()) }, "Show older");
    this.host.root.append(
      h("p", {}, "What was done to the users and the policy of ", given(this.api.user.client), ", by whom and why. Nothing here can be changed or deleted."),
      h("div", { class: "tools" }, this.action.node, this.username.node, h("div", { class: "end tools" }, this.refresh, this.save)),
      h("div", { class: "table" }, h("table", { class: "cards audit" }, this.caption,
        h("thead", {}, h("tr", {}, ["When", "What", "User", "Who", "From", "Why and how"].map((name) => h("th", { scope: "col" }, name)))),
        this.body)),
      h("div", { class: "actions" }, this.more));
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.load(), typingPause);
  }

  // load begins anew with the filters as they are.
  async load() {
    this.loading?.abort();
    const mine = this.loading = new AbortController();
    this.save.disabled = this.more.hidden = true;
    const filters = { action: this.action.control.value, username: this.username.control.value.trim() };
    this.username.set("");
    try {
      const found = await this.fetch(filters, undefined, AbortSignal.any([mine.signal, this.host.signal]));
      this.entries = [];
      this.filters = filters;
      this.body.replaceChildren();
      this.add(found);
      this.host.warn("");
    } catch (error) {
      if (!mine.signal.aborted) this.failed(error);
    } finally {
      if (this.loading === mine) {
        this.more.hidden = !this.next;
        this.save.disabled = this.entries.length === 0;
      }
    }
  }

  // goOn adds older entries, and leads to them where the button is gone.
  async goOn() {
    const { signal } = this.loading;
    try {
      const found = await this.fetch(this.filters, this.next, AbortSignal.any([signal, this.host.signal]));
      const first = this.entries.length;
      this.add(found);
      this.host.say(found.entries.length ? `${count(found.entries.length, "older entry", "older entries")} shown.` : "Nothing older found.");
      if (this.more.hidden) this.body.rows[Math.min(first, this.body.rows.length - 1)].focus();
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    }
  }

  failed(error) {
    if (this.host.signal.aborted || left(error)) return;
    const fault = error.document?.errors?.find((one) => one.field === "username");
    if (fault) this.username.set(`This ${fault.message}.`);
    else this.host.warn(`${explain(error)} What is shown is as it was before.`);
  }

  // fetch reads entries behind a cursor until there is a page of them.
  async fetch(filters, cursor, signal) {
    const entries = [];
    for (let asked = 0; asked < mostRequests; asked++) {
      const answer = await this.api.audit({ ...filters, limit: pageSize - entries.length, cursor }, signal);
      entries.push(...answer.entries);
      cursor = answer.next_cursor;
      if (!cursor || entries.length === pageSize) break;
    }
    return { entries, next: cursor };
  }

  // add shows entries beneath those shown, which stay as they are, unfolded
  // evidence too.
  add({ entries, next }) {
    if (this.entries.length === 0) this.body.replaceChildren();
    this.entries.push(...entries);
    this.next = next;
    this.body.append(...entries.map(rowOf));
    if (this.entries.length === 0) this.body.append(emptyRow(next));
    this.caption.textContent = `${count(this.entries.length, "entry", "entries")}, newest first${next ? "; older ones follow" : ""}.`;
    this.more.hidden = !next;
    this.save.disabled = this.entries.length === 0;
  }

  // download saves what is shown.
  download() {
    const name = `audit-${this.api.user.client}-${new Date().toISOString().slice(0, 10)}.csv`;
    const address = URL.createObjectURL(new Blob(["\ufeff", csvOf(this.entries)], { type: "text/csv;charset=utf-8" }));
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    this.host.say(`Saved ${count(this.entries.length, "entry", "entries")} as ${name}.${this.next ? " Older ones are not in it: show them first." : ""}`);
  }
}

function emptyRow(next) {
  return h("tr", { tabindex: "-1" }, h("td", { colspan: "6", class: "none" },
    next ? "None found so far. Older entries have not been looked at yet." : "There is no such entry."));
}

function rowOf(entry) {
  return h("tr", { tabindex: "-1" },
    h("td", { "data-label": "When" }, when(entry.at)),
    h("th", { scope: "row" }, actions[entry.action] ?? given(entry.action)),
    h("td", { "data-label": "User" }, entry.username && given(entry.username)),
    h("td", { "data-label": "Who" }, entry.actor === "portcullis" ? "Portcullis itself" : given(entry.actor)),
    h("td", { "data-label": "From" }, entry.source_ip && given(entry.source_ip)),
    h("td", { "data-label": "Why and how" }, detailsOf(entry)));
}

const fields = { role: "role", name: "name", email: "email address" };

// outcomes are those of a change whose store failed after its entry was written.
const outcomes = {
  not_applied: "This change did not take effect",
  unknown: "Whether this change took effect is not known",
};

// detailsOf tells the particulars of an entry, with the evidence folded away.
function detailsOf(entry) {
  const details = entry.details ?? {};
  const evidence = details.evidence ?? [];
  const facts = [
    details.break_glass && [h("span", { class: "badge bad" }, "Break-glass"), " Done with rights in AWS, not by a Sysadmin"],
    entry.reason && given(entry.reason),
    details.identity_confirmed_by && ["Identity confirmed by ", given(details.identity_confirmed_by)],
    ...particularsOf(entry.action, details),
    details.outcome && (outcomes[details.outcome] ?? given(details.outcome)),
  ].filter(Boolean).map((fact) => h("p", {}, fact));
  if (evidence.length === 0) return facts;
  return [facts, h("details", {}, h("summary", {}, count(evidence.length, "failed attempt")),
    h("ul", {}, evidence.map((one) => h("li", {}, instant(one.at), " from ", orNone(one.source_ip), " with ", orNone(one.user_agent)))))];
}

const orNone = (text) => (text ? given(text) : h("span", { class: "none" }, "nothing said"));

function particularsOf(action, details) {
  switch (action) {
    case "authn_login_lock":
      return [`At a maximum of ${count(details.max_failed_login_attempts_portal ?? 0, "failed login")}`];
    case "authn_login_unlock":
      return [!details.lock_id && "Was not locked; the count of failed logins was cleared"];
    case "policy_changed":
      return [`Failed logins that lock: ${details.previous_max_failed_login_attempts_portal} → ${details.max_failed_login_attempts_portal}`];
    default:
      return [
        details.role && ["Role: ", details.previous_role && [given(details.previous_role), " → "], given(details.role)],
        details.changed?.some((name) => name !== "role") && ["Changed: ", details.changed.filter((name) => name !== "role").map((name) => fields[name] ?? name).join(", ")],
      ];
  }
}

const columns = ["id", "at", "action", "actor", "username", "source_ip", "request_id", "reason", "details"];

// csvOf writes entries as CSV (RFC 4180), for a spreadsheet; details are JSON.
function csvOf(entries) {
  const rows = entries.map((entry) => columns.map((name) => (name === "details" ? JSON.stringify(entry.details ?? {}) : entry[name] ?? "")));
  return [columns, ...rows].map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");
}

// cellOf quotes a value. What a spreadsheet would take for a formula gets an
// apostrophe before it (OWASP, "CSV Injection", which names the wide signs too).
function cellOf(value) {
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
