// Config › Services › Client › Security: how many failed logins lock a user,
// and what a change of that number will mean before it is made.

import { confirm } from "./dialog.js";
import { busy, field, given, h } from "./dom.js";
import { count, momentOf } from "./format.js";
import { explain, left } from "./words.js";

const smallest = 1;
const largest = 9;
const pageSize = 100; // users read at once; the API's largest page

export const policy = {
  path: "/config/services/client/security",
  crumbs: ["Config", "Services", "Client", "Security"],
  may: (role) => role === "Sysadmin" || role === "Superuser",
  open: (host) => new PolicyPage(host).start(),
};

class PolicyPage {
  constructor(host) {
    this.host = host;
    this.api = host.api;
    this.mayChange = host.api.user.role === "Sysadmin";
    this.failures = null; // how many unlocked users have so many failures
    this.locked = 0;
    this.looked = 0;
  }

  async start() {
    this.draw();
    await this.load();
    if (this.mayChange) await this.countUsers();
  }

  draw() {
    this.state = h("p", { class: "lead" }, "Looking…");
    this.maximum = field("Max Failed Login Attempts Portal", h("input", {
      type: "number", name: "maximum", min: smallest, max: largest, step: "1", required: true, inputmode: "numeric", oninput: () => this.foresee(),
    }), `A whole number from ${smallest} to ${largest}`);
    this.meaning = h("p", { role: "status" });
    this.save = h("button", { class: "main" }, "Save");
    this.reset = h("button", { type: "button", onclick: () => this.clear() }, "Back to the default");
    this.form = h("form", { class: "narrow", novalidate: true, hidden: !this.mayChange, onsubmit: (event) => this.submit(event) },
      this.maximum.node, this.meaning, h("div", { class: "actions" }, this.save, this.reset));
    this.host.root.append(this.state, this.form,
      h("p", { class: "hint" }, "A change is in force everywhere within 60 seconds. It unlocks nobody, and locks nobody by itself."),
      this.mayChange ? "" : h("p", {}, "Only a Sysadmin can change it."));
  }

  async load() {
    this.show(await this.api.policy(this.host.signal));
    this.maximum.control.value = this.policy.max_failed_login_attempts_portal;
    this.foresee();
  }

  show(policy) {
    this.policy = policy;
    const n = policy.max_failed_login_attempts_portal;
    const from = policy.source === "client"
      ? ["Set", policy.updated_by ? [" by ", given(policy.updated_by)] : "", policy.updated_at ? ` at ${momentOf(policy.updated_at)}` : "", "."]
      : ["This is the default; ", given(this.api.user.client), " has set no number of its own."];
    this.state.replaceChildren(h("strong", {}, count(n, "failed login")), ` ${n === 1 ? "locks" : "lock"} a user. `, ...from.flat());
    this.reset.hidden = policy.source !== "client";
  }

  // What a change will mean.

  // countUsers reads all users once, page by page, to tell beforehand whom a
  // number will be close to.
  async countUsers() {
    const failures = Array(largest + 1).fill(0);
    let cursor;
    try {
      do {
        const page = await this.api.users({ limit: pageSize, cursor }, this.host.signal);
        for (const user of page.users) {
          if (user.locked) this.locked += 1;
          else failures[Math.min(user.failed_attempts, largest)] += 1;
        }
        this.looked += page.users.length;
        cursor = page.next_cursor;
        this.foresee();
      } while (cursor);
      this.failures = failures;
    } catch (error) {
      if (!left(error)) this.unknown = explain(error);
    }
    this.foresee();
  }

  foresee() {
    this.maximum.set("");
    const wanted = this.value();
    if (wanted === null || wanted === this.policy?.max_failed_login_attempts_portal) this.meaning.textContent = "";
    else if (this.unknown) this.meaning.textContent = `What this will mean could not be counted. ${this.unknown}`;
    else if (!this.failures) this.meaning.textContent = `Counting who is close to it; ${count(this.looked, "user")} looked at.`;
    else this.meaning.textContent = this.foreseen(wanted);
  }

  foreseen(maximum) {
    const atLeast = Math.max(1, maximum - 1);
    const close = this.failures.slice(atLeast).reduce((sum, n) => sum + n, 0);
    const stay = this.locked ? ` ${count(this.locked, "user")} ${this.locked === 1 ? "is" : "are"} locked and ${this.locked === 1 ? "stays" : "stay"} so.` : "";
    if (maximum === 1) return `Every failed login will lock.${stay}`;
    if (close === 0) return `Nobody has ${atLeast} or more failures now.${stay}`;
    return `${count(close, "user")} ${close === 1 ? "has" : "have"} ${atLeast} or more failures now; ${close === 1 ? "the" : "their"} next failure locks ${close === 1 ? "that user" : "them"}.${stay}`;
  }

  // value is the number typed, or null where it is not one that may be.
  value() {
    const text = this.maximum.control.value.trim();
    return /^[1-9]$/.test(text) ? Number(text) : null;
  }

  // What is done.

  async submit(event) {
    event.preventDefault();
    const wanted = this.value();
    if (wanted === null) {
      this.maximum.set(`This must be a whole number from ${smallest} to ${largest}.`);
      return this.maximum.control.focus();
    }
    await this.change(this.save, () => this.api.setPolicy({ max_failed_login_attempts_portal: wanted, version: this.policy.version }));
  }

  async clear() {
    const sure = await confirm({ question: "Go back to the default of 5?", signal: this.host.signal });
    if (sure) await this.change(this.reset, () => this.api.clearPolicy());
  }

  async change(button, does) {
    try {
      this.show(await busy(button, does));
      this.maximum.control.value = this.policy.max_failed_login_attempts_portal;
      this.foresee();
      this.host.say(`Saved: ${count(this.policy.max_failed_login_attempts_portal, "failed login")} from now on.`);
    } catch (error) {
      if (left(error)) return;
      if (error.kind === "conflict") return this.overtaken(error.document.current);
      if (error.kind === "invalid-request") return this.maximum.set(`This must be a whole number from ${smallest} to ${largest}.`);
      this.host.warn(explain(error));
    }
  }

  // overtaken explains that somebody else was faster; what was typed stays, and
  // saving again is a decision made on what is shown now.
  async overtaken(current) {
    this.show(current ?? await this.api.policy(this.host.signal));
    this.foresee();
    const by = this.policy.updated_by ? given(this.policy.updated_by) : "Somebody";
    this.host.warn([by, ` set it to ${this.policy.max_failed_login_attempts_portal} meanwhile, and your number was not saved. Press Save again if you still want it.`]);
  }
}
