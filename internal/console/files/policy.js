// Config › Services › Client › Security: how many failed logins lock a user,
// and what a change of that number will mean before it is made.

import { Problem, Unreachable } from "./api.js";
import { confirm } from "./dialog.js";
import { busy, field, given, h } from "./dom.js";
import { count, momentOf } from "./format.js";
import { explain, left } from "./words.js";

const smallest = 1;
const largest = 9;
const usual = 5; // the default
const pageSize = 100; // users read at once; the API's largest page
const countedFor = 30_000; // ms; what was counted earlier is counted again

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
    this.census = null; // of the users, once it is there
  }

  async start() {
    this.draw();
    if (this.mayChange) this.recount();
    await this.load();
  }

  draw() {
    this.state = h("p", { class: "lead" }, "Looking…");
    this.maximum = field("Max Failed Login Attempts Portal", h("input", {
      type: "number", name: "maximum", min: smallest, max: largest, step: "1", required: true, inputmode: "numeric", oninput: () => this.typed(),
    }), `A whole number from ${smallest} to ${largest}`);
    this.meaning = h("p", { role: "status" });
    this.progress = h("p", { class: "hint" }); // beside the status, which would read out every step
    this.save = h("button", { class: "main" }, "Save");
    this.reset = h("button", { type: "button", hidden: true, onclick: () => this.clear() }, "Back to the default");
    this.form = h("form", { class: "narrow", novalidate: true, hidden: true, onsubmit: (event) => this.submit(event) },
      this.maximum.node, this.meaning, this.progress, h("div", { class: "actions" }, this.save, this.reset));
    this.host.root.append(this.state, this.form,
      h("p", { class: "hint" }, "A change is in force everywhere within 60 seconds. By itself it locks nobody and unlocks nobody."),
      this.mayChange ? "" : h("p", {}, "Only a Sysadmin can change it."));
  }

  // load shows the policy, or says why it cannot and how to go on.
  async load() {
    try {
      this.show(await this.api.policy(this.host.signal));
    } catch (error) {
      if (this.host.signal.aborted || left(error)) return;
      const again = h("button", { type: "button", onclick: () => {
        this.state.replaceChildren("Looking…");
        return this.load();
      } }, "Try again");
      this.state.replaceChildren(h("span", { class: "message", role: "alert" }, explain(error)), " ", again);
      return;
    }
    this.form.hidden = !this.mayChange;
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

  typed() {
    this.maximum.set("");
    this.recount();
    this.foresee();
  }

  // recount takes a new census, unless there is one of just now.
  recount() {
    if (this.counting || Date.now() - (this.census?.at ?? 0) < countedFor) return;
    this.census = this.unknown = null;
    this.counting = this.countUsers()
      .then((census) => { this.census = census; })
      .catch((error) => { if (!left(error)) this.unknown = explain(error); })
      .finally(() => { this.counting = null; this.foresee(); });
  }

  // countUsers reads all users, page by page, to tell beforehand whom a number
  // will be close to: how many are locked, and how many others have how many
  // failures.
  async countUsers() {
    const census = { at: Date.now(), looked: 0, locked: 0, failures: Array(largest + 1).fill(0) };
    let cursor;
    do {
      this.foresee(census.looked);
      const page = await this.api.users({ limit: pageSize, cursor }, this.host.signal);
      for (const user of page.users) {
        if (user.locked) census.locked += 1;
        else census.failures[Math.min(user.failed_attempts, largest)] += 1;
      }
      census.looked += page.users.length;
      cursor = page.next_cursor;
    } while (cursor);
    return census;
  }

  // foresee says what the number typed will mean, or how far the counting is.
  foresee(looked = this.looked) {
    this.looked = looked;
    const wanted = this.value();
    const change = wanted !== null && this.policy && wanted !== this.policy.max_failed_login_attempts_portal;
    this.meaning.textContent = change && this.census ? this.foreseen(wanted) : "";
    this.progress.textContent = change && !this.census ? this.uncounted() : "";
  }

  uncounted() {
    if (this.unknown) return `What this will mean could not be counted. ${this.unknown}`;
    return `Counting whom this will be close to: ${count(this.looked ?? 0, "user")} looked at.`;
  }

  foreseen(maximum) {
    const { locked, failures } = this.census;
    const atLeast = maximum - 1;
    const close = failures.slice(atLeast).reduce((sum, n) => sum + n, 0);
    const one = close === 1;
    const stay = locked ? ` ${count(locked, "user")} ${locked === 1 ? "is" : "are"} locked now and ${locked === 1 ? "stays" : "stay"} so.` : "";
    if (maximum === 1) return `Every failed login will lock, the first one too.${stay}`;
    const failed = atLeast === 1 ? "1 or more failures" : `${atLeast} or more failures`;
    if (close === 0) return `No unlocked user has ${failed} now.${stay}`;
    return `${count(close, "user")} ${one ? "has" : "have"} ${failed} now; their next failure locks them.${stay}`;
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
    if (wanted === null) return this.refuse();
    await this.change(this.save, wanted, () => this.api.setPolicy({ max_failed_login_attempts_portal: wanted, version: this.policy.version }));
  }

  refuse() {
    this.maximum.set(`This must be a whole number from ${smallest} to ${largest}.`);
    this.maximum.control.focus();
  }

  async clear() {
    const meaning = this.census && this.policy.max_failed_login_attempts_portal !== usual ? ` ${this.foreseen(usual)}` : "";
    const sure = await confirm({ question: `Go back to the default of ${usual}?${meaning}`, signal: this.host.signal });
    if (!sure) return;
    const { version } = this.policy;
    await this.change(this.reset, usual, () => this.clearIf(version), "it was kept. Press Back to the default again if you still want that.");
  }

  // clearIf clears the number that was shown. The DELETE names no version, so
  // the policy is read just before it, and another number is kept.
  async clearIf(version) {
    const current = await this.api.policy(this.host.signal);
    if (current.version === version) return this.api.clearPolicy();
    if (current.source !== "client") return current; // there is nothing left to clear
    throw new Problem(409, { type: "conflict", current });
  }

  async change(button, wanted, does, kept = `your ${wanted} was not saved. Press Save again if you still want it.`) {
    try {
      this.saved(await busy(button, does));
    } catch (error) {
      if (left(error)) return;
      if (error.kind === "conflict") return this.overtaken(error.document.current, wanted, kept);
      if (error.kind === "invalid-request") return this.refuse();
      this.host.warn(`${explain(error)}${this.afterwards(error)}`);
    }
  }

  saved(policy) {
    this.show(policy);
    const n = policy.max_failed_login_attempts_portal;
    this.maximum.control.value = n;
    this.foresee();
    const lock = `${count(n, "failed login")} ${n === 1 ? "locks" : "lock"} a user`;
    this.host.say(policy.source === "client" ? `Saved. ${lock}, everywhere within 60 seconds.` : `Back to the default. ${lock}, everywhere within 60 seconds.`);
    if (this.reset.hidden && [this.reset, document.body].includes(document.activeElement)) this.maximum.control.focus();
  }

  // afterwards says what else there is to know of a change without an answer.
  // Parameter Store asks for 30 seconds between deleting a parameter and making
  // it again.
  afterwards(error) {
    if (!(error instanceof Unreachable) && error.status < 500) return "";
    const early = error.status === 503 && this.policy.source === "default"
      ? " Just after going back to the default, it takes half a minute until a number can be set." : "";
    return `${early} Your change may have been made or not; you can send it again.`;
  }

  // overtaken explains that somebody else was faster; what was typed stays, and
  // saving again is a decision made on what is shown now. What was faster may be
  // an earlier try of one's own whose answer was lost.
  async overtaken(current, wanted, kept) {
    const now = current ?? await this.api.policy(this.host.signal);
    const n = now.max_failed_login_attempts_portal;
    if (n === wanted && now.updated_by === `${this.api.user.client}/${this.api.user.username}`) return this.saved(now);
    this.show(now);
    this.foresee();
    const by = now.updated_by ? given(now.updated_by) : "Somebody";
    const what = now.source === "client" ? ` set it to ${n} meanwhile` : ` went back to the default of ${n} meanwhile`;
    this.host.warn([by, `${what}, so ${kept}`]);
  }
}
