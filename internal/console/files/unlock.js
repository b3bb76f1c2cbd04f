// Unlocking: the Confirm window, and every way in which it can end.

import { Unreachable } from "./api.js";
import { ask } from "./dialog.js";
import { busy, field, given, h, lock } from "./dom.js";
import { count, instant, momentOf, when } from "./format.js";
import { explain, left } from "./words.js";

// How identity is usually confirmed; anything else may be typed.
const ways = ["call-back", "in person", "identity document", "manager confirmed"];

// The bounds of one request of POST …/unlocks.
const mostAtOnce = 100; // names
const longestNames = 7000; // bytes, of the 8 KiB that a body may have

const longestConfirmation = 100; // bytes, as the API takes

// Entries of the trail that are looked through for who was faster.
const lookedThrough = 20;

// unlockOne asks whether to unlock the user, and says what came of it, also when
// the window was left before the answer came.
export async function unlockOne(host, user) {
  let window;
  const outcome = await ask({
    title: "Confirm", signal: host.signal,
    first: (dialog) => dialog.querySelector("[data-answer=no]"),
    draw: (close) => {
      window = new OneWindow(host, user, close);
      return window.draw();
    },
  });
  if (outcome) return host.say(outcome);
  if (window.pending) host.say(["Waiting for what becomes of ", given(user.username), "…"]);
  await window.pending;
}

// A OneWindow is the window for one user. It shows the lock that it would
// clear, and clears that one only.
class OneWindow {
  constructor(host, user, close) {
    Object.assign(this, { host, user, close, api: host.api });
    this.pending = null; // the unlock under way
  }

  draw() {
    this.lead = h("p", { class: "lead" }, lock("Locked"), "Unlock ", given(this.user.username), "?");
    this.facts = h("div", { "aria-live": "polite" }, h("p", { class: "hint" }, "Looking at the evidence…"));
    this.why = whyFields();
    this.message = h("p", { class: "message", role: "alert" });
    this.yes = h("button", { class: "main", disabled: true }, "Yes");
    this.no = h("button", { type: "button", "data-answer": "no", onclick: () => this.close() }, "No");
    this.look();
    return h("form", { novalidate: true, onsubmit: (event) => this.submit(event) },
      this.lead, this.facts, this.why.nodes, this.message,
      h("div", { class: "actions" }, this.yes, this.no));
  }

  submit(event) {
    event.preventDefault();
    if (!this.why.fits()) return;
    this.message.textContent = "";
    return this.next();
  }

  // look reads the lock as it is now. Yes can be said once it is shown.
  async look() {
    const seen = this.user;
    try {
      this.user = await this.api.userNamed(seen.username, this.host.signal);
    } catch (error) {
      if (left(error)) return;
      if (error.kind === "not-found") return this.finish(this.gone());
      this.facts.replaceChildren(h("p", {}, "The evidence could not be read."));
      this.fail(explain(error), "Look again", () => busy(this.yes, () => this.look()));
      return;
    }
    if (!this.user.locked) return this.finish(await this.notLocked(seen.lock_id));
    this.facts.replaceChildren(...evidenceOf(this.user));
    this.ready();
  }

  ready() {
    this.next = () => this.unlock();
    this.yes.textContent = "Yes";
    this.yes.disabled = false;
  }

  // fail says what went wrong, and makes Yes the way to try again.
  fail(text, words, next) {
    this.tell(text);
    this.next = next;
    this.yes.textContent = words;
    this.yes.disabled = false;
  }

  // tell shows a text in the window, or on the page if the window was left.
  tell(text) {
    if (this.message.isConnected) this.message.textContent = text;
    else this.host.warn([given(this.user.username), `: ${text}`]);
  }

  // finish closes the window with what is to be said, and says it if the window
  // was left before.
  finish(outcome) {
    if (!this.close(outcome) && this.pending) this.host.say(outcome);
  }

  unlock() {
    this.pending = this.send().finally(() => { this.pending = null; });
    return this.pending;
  }

  async send() {
    try {
      const done = await busy(this.yes, () => this.api.unlock(this.user.username, { lock_id: this.user.lock_id, ...this.why.values() }));
      this.finish(this.success(done));
    } catch (error) {
      if (!left(error)) await this.refused(error);
    }
  }

  success(done) {
    const name = given(done.username);
    return done.was_locked
      ? [name, ` is unlocked, and has ${count(this.user.max_failed_attempts, "attempt")} again.`]
      : [name, " was not locked. Their count is cleared all the same."];
  }

  gone() {
    return [given(this.user.username), " is not there any more."];
  }

  async refused(error) {
    if (error.kind === "conflict" && error.document.current) return this.lockedAgain();
    if (error.kind === "conflict") return this.finish(await this.notLocked(this.user.lock_id));
    if (error.kind === "not-found") return this.finish(this.gone());
    if (error.kind === "forbidden") return this.forbidden(error);
    const unknown = error instanceof Unreachable || error.status >= 500;
    this.fail(`${explain(error)}${unknown ? " Whether the user is unlocked is not known yet." : ""}`, "Try again", () => this.unlock());
  }

  // forbidden leaves nothing to answer Yes to.
  forbidden(error) {
    this.tell(`Not allowed. ${explain(error)}`);
    this.yes.hidden = true;
    this.no.textContent = "Close";
    this.no.focus();
  }

  // lockedAgain shows the lock that has taken the place of the one seen.
  async lockedAgain() {
    this.tell("Locked again since you looked. Nothing was unlocked; above is the new lock.");
    this.yes.disabled = true;
    this.no.focus();
    if (this.no.isConnected) await this.look();
  }

  // notLocked finds out in the trail who cleared the lock that was seen. It may
  // have been this very window, whose answer was lost.
  async notLocked(lockID) {
    const name = given(this.user.username);
    try {
      const { entries } = await this.api.audit({ username: this.user.username, action: "authn_login_unlock", limit: lookedThrough }, this.host.signal);
      const entry = entries.find((one) => lockID && one.details?.lock_id === lockID);
      if (!entry) return [name, " was not locked any more. Nothing was done."];
      const { client, username } = this.api.user;
      const who = entry.actor === `${client}/${username}` ? "You" : given(entry.actor);
      return [name, " is not locked any more. ", who, ` unlocked at ${momentOf(entry.at)}.`];
    } catch {
      return [name, " was not locked any more. Who unlocked could not be read."];
    }
  }
}

// evidenceOf shows what a lock is made of.
function evidenceOf(user) {
  const rows = (user.evidence ?? []).map((one) => h("tr", {},
    h("td", { "data-label": "When" }, instant(one.at)), h("td", { "data-label": "From" }, given(one.source_ip)), h("td", { "data-label": "With" }, given(one.user_agent))));
  return [
    h("p", {}, "Locked ", when(user.locked_at), ` after ${count(user.failed_attempts, "failed attempt")} of ${user.max_failed_attempts}.`),
    h("div", { class: "table evidence", tabindex: "0", role: "region", "aria-label": "Evidence" }, h("table", { class: "cards" },
      h("caption", {}, "Failed attempts, oldest first"),
      h("thead", {}, h("tr", {}, ["When", "From", "With"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows))),
  ];
}

// reasonField may be left empty, and is short enough for the API in any script.
const reasonField = () => field("Reason (optional)", h("input", { maxlength: "120", autocomplete: "off" }));

// whyFields are the reason and how identity was confirmed; both may be empty.
function whyFields() {
  const reason = reasonField();
  const identity = field("How identity was confirmed (optional)", h("input", { list: "ways", autocomplete: "off", oninput: () => fits() }), "How you know that it is them");
  const fits = () => {
    const long = new TextEncoder().encode(typed(identity) ?? "").length > longestConfirmation;
    identity.set(long ? `This is too long: at most ${longestConfirmation} letters, fewer with accents.` : "");
    if (long) identity.control.focus();
    return !long;
  };
  const list = h("datalist", { id: "ways" }, ways.map((way) => h("option", { value: way })));
  return {
    nodes: [reason.node, identity.node, list],
    fits,
    values: () => ({ reason: typed(reason), identity_confirmed_by: typed(identity) }),
  };
}

const typed = (one) => one.control.value.trim() || undefined;

// unlockMany asks once for all the users, and shows what came of each. It
// returns the names of those for whom there is nothing left to do.
export async function unlockMany(host, users) {
  let window;
  await ask({
    title: "Confirm", signal: host.signal,
    first: (dialog) => dialog.querySelector("[data-answer=no]"),
    draw: (close) => {
      window = new ManyWindow(host, users, close);
      return window.draw();
    },
  });
  if (window.pending) {
    host.say("Waiting for the rest…");
    await window.pending;
    if (window.message.textContent) host.warn(window.message.textContent);
    else host.say(window.summary.textContent);
  }
  return window.done();
}

// chunks cuts names into requests that the API takes.
function chunks(usernames) {
  const all = [];
  let room = 0;
  for (const name of usernames) {
    const size = new TextEncoder().encode(JSON.stringify(name)).length + 1;
    if (all.length === 0 || all.at(-1).length === mostAtOnce || size > room) {
      all.push([]);
      room = longestNames;
    }
    all.at(-1).push(name);
    room -= size;
  }
  return all;
}

class ManyWindow {
  constructor(host, users, close) {
    Object.assign(this, { host, close, usernames: users.map((user) => user.username) });
    this.locked = users.filter((user) => user.locked).length; // as far as the list knows
    this.outcomes = new Map(); // by username
    this.pending = null; // the unlocking under way
  }

  draw() {
    this.cells = new Map(this.usernames.map((name) => [name, h("td", {}, "")]));
    this.why = whyFields();
    this.message = h("p", { class: "message", role: "alert" });
    this.summary = h("p", { role: "status" });
    this.yes = h("button", { class: "main" }, "Yes");
    this.no = h("button", { type: "button", "data-answer": "no", onclick: () => this.close() }, "No");
    return h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); if (this.why.fits()) this.unlock(); } },
      h("p", { class: "lead" }, `Unlock ${count(this.usernames.length, "user")}? ${this.locked} of ${this.usernames.length} ${this.locked === 1 ? "is" : "are"} locked.`),
      h("div", { class: "table evidence", tabindex: "0", role: "region", "aria-label": "Users to unlock" }, h("table", {},
        h("caption", { class: "only-heard" }, "Users to unlock"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "User"), h("th", { scope: "col" }, "Result"))),
        h("tbody", {}, this.usernames.map((name) => h("tr", {}, h("th", { scope: "row" }, given(name)), this.cells.get(name)))))),
      this.why.nodes, this.summary, this.message, h("div", { class: "actions" }, this.yes, this.no));
  }

  unlock() {
    this.pending = this.send().finally(() => { this.pending = null; });
  }

  async send() {
    this.message.textContent = "";
    try {
      await busy(this.yes, () => this.all());
    } catch (error) {
      if (!left(error)) this.message.textContent = `${explain(error)} Rows without a result are not known yet; press Yes to try them again.`;
      return;
    }
    const failed = this.usernames.some((name) => mayTryAgain(this.outcomes.get(name)));
    this.yes.hidden = !failed;
    this.yes.textContent = "Try again";
    this.no.textContent = "Close";
    this.no.focus();
  }

  // all unlocks those for whom there is something left to do, a request at a
  // time.
  async all() {
    const rest = this.usernames.filter((name) => !this.outcomes.has(name) || mayTryAgain(this.outcomes.get(name)));
    for (const names of chunks(rest)) {
      const { results } = await this.host.api.unlockMany({ usernames: names, ...this.why.values() });
      for (const row of results) {
        this.outcomes.set(row.username, row);
        this.cells.get(row.username)?.replaceChildren(wordsOf(row));
      }
      this.summarize();
    }
  }

  summarize() {
    const unlocked = [...this.outcomes.values()].filter((row) => row.outcome === "unlocked").length;
    this.summary.textContent = `${count(unlocked, "user")} unlocked of ${this.usernames.length}.`;
  }

  done() {
    return this.usernames.filter((name) => this.outcomes.has(name) && this.outcomes.get(name).outcome !== "failed");
  }
}

const mayTryAgain = (row) => row.outcome === "failed" && row.problem !== "forbidden";

const words = {
  unlocked: "Unlocked",
  not_locked: "Was not locked",
  not_found: "Is not there any more",
};

function wordsOf(row) {
  const good = words[row.outcome];
  if (good) return h("span", { class: row.outcome === "unlocked" ? "badge good" : "badge" }, good);
  return h("span", { class: "badge bad" }, row.problem === "forbidden" ? "Not allowed: nobody unlocks themselves" : "Failed");
}
