// The audit trail: what was done to whom, by whom, from where and why.

import { busy, field, given, h } from "./dom.js";
import { count, when } from "./format.js";
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
    this.entries = [];
    this.loading = null;
  }

  start() {
    this.draw();
    return this.load();
  }

  draw() {
    this.action = field("Action", h("select", { onchange: () => this.load() },
      h("option", { value: "" }, "All actions"), Object.entries(actions).map(([value, words]) => h("option", { value }, words))));
    this.username = field("User name", h("input", { type: "search", maxlength: "64", autocomplete: "off", spellcheck: "false", oninput: () => this.typed() }),
      "The whole name, as it is spelt");
    this.refresh = h("button", { type: "button", onclick: () => busy(this.refresh, () => this.load()) }, "Refresh");
    this.save = h("button", { type: "button", onclick: () => download(this.entries, this.api.user.client) }, "Save as CSV");
    this.caption = h("caption", {});
    this.body = h("tbody", {});
    this.more = h("button", { type: "button", hidden: true, onclick: () => busy(this.more, () => this.goOn()) }, "Show older");
    this.host.root.append(
      h("div", { class: "tools" }, this.action.node, this.username.node, h("div", { class: "end tools" }, this.refresh, this.save)),
      h("div", { class: "table" }, h("table", { class: "cards" }, this.caption,
        h("thead", {}, h("tr", {}, ["When", "What", "User", "Who", "From", "Why and how"].map((name) => h("th", { scope: "col" }, name)))),
        this.body)),
      h("div", { class: "actions" }, this.more));
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.load(), typingPause);
  }

  async load() {
    this.loading?.abort();
    const mine = this.loading = new AbortController();
    try {
      await this.fetch(undefined, AbortSignal.any([mine.signal, this.host.signal]), () => { this.entries = []; });
    } catch (error) {
      if (!mine.signal.aborted && !this.host.signal.aborted && !left(error)) this.host.warn(explain(error));
    }
  }

  async goOn() {
    try {
      await this.fetch(this.next, AbortSignal.any([this.loading.signal, this.host.signal]), () => {});
    } catch (error) {
      if (!this.host.signal.aborted && !left(error)) this.host.warn(explain(error));
    }
  }

  // fetch reads entries behind a cursor until there is a page of them, and adds
  // them to those shown.
  async fetch(cursor, signal, begin) {
    const found = [];
    for (let asked = 0; asked < mostRequests; asked++) {
      const answer = await this.api.audit({
        action: this.action.control.value, username: this.username.control.value.trim(), limit: pageSize - found.length, cursor,
      }, signal);
      found.push(...answer.entries);
      cursor = answer.next_cursor;
      if (!cursor || found.length === pageSize) break;
    }
    begin();
    this.entries.push(...found);
    this.next = cursor;
    this.show();
  }

  show() {
    this.body.replaceChildren(...this.entries.map(rowOf));
    if (this.entries.length === 0) this.body.append(h("tr", {}, h("td", { colspan: "6", class: "none" }, "Nothing of the kind is in the trail.")));
    this.caption.textContent = `${count(this.entries.length, "entry", "entries")}, newest first${this.next ? "; older ones follow" : ""}.`;
    this.more.hidden = !this.next;
    this.save.disabled = this.entries.length === 0;
  }
}

function rowOf(entry) {
  return h("tr", {},
    h("td", { "data-label": "When" }, when(entry.at)),
    h("th", { scope: "row" }, actions[entry.action] ?? given(entry.action)),
    h("td", { "data-label": "User" }, entry.username && given(entry.username)),
    h("td", { "data-label": "Who" }, entry.actor === "portcullis" ? "Portcullis itself" : given(entry.actor)),
    h("td", { "data-label": "From" }, entry.source_ip && given(entry.source_ip)),
    h("td", { "data-label": "Why and how" }, entry.reason && h("p", { class: "reason" }, given(entry.reason)), detailsOf(entry)));
}

// detailsOf tells the particulars of an entry, with the evidence folded away.
function detailsOf(entry) {
  const details = entry.details ?? {};
  const facts = [
    details.break_glass && "Break-glass: made round the API",
    details.identity_confirmed_by && ["Identity confirmed by ", given(details.identity_confirmed_by)],
    details.previous_role && `${details.previous_role} → ${details.role}`,
    !details.previous_role && details.role,
    entry.action === "policy_changed" && details.max_failed_login_attempts_portal &&
      `${details.previous_max_failed_login_attempts_portal ?? "default"} → ${details.max_failed_login_attempts_portal}`,
    details.outcome && `Outcome: ${details.outcome.replaceAll("_", " ")}`,
    details.changed?.length && `Changed: ${details.changed.join(", ")}`,
  ].filter(Boolean).map((fact) => h("p", {}, fact));
  const evidence = details.evidence ?? [];
  if (evidence.length === 0) return facts;
  return [facts, h("details", {}, h("summary", {}, count(evidence.length, "failed attempt")),
    h("ul", {}, evidence.map((one) => h("li", {}, when(one.at), " from ", given(one.source_ip), " with ", given(one.user_agent)))))];
}

// download saves entries as CSV (RFC 4180), for a spreadsheet.
function download(entries, client) {
  const columns = ["id", "at", "action", "actor", "username", "source_ip", "request_id", "reason", "details"];
  const rows = entries.map((entry) => columns.map((name) => (name === "details" ? JSON.stringify(entry.details ?? {}) : entry[name] ?? "")));
  const text = [columns, ...rows].map((row) => row.map(cellOf).join(",")).join("\r\n");
  const address = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv;charset=utf-8" }));
  h("a", { href: address, download: `audit-${client}-${new Date().toISOString().slice(0, 10)}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// cellOf quotes a value. What a spreadsheet would take for a formula begins with
// an apostrophe instead (OWASP, "CSV Injection").
export function cellOf(value) {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
