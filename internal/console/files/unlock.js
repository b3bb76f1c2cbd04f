// Unlocking: the Confirm window, and every way in which it can end.

import { Unreachable } from "./api.js";
import { ask } from "./dialog.js";
import { busy, field, given, h, lock } from "./dom.js";
import { count, momentOf, when } from "./format.js";
import { explain, left } from "./words.js";

// How identity is usually confirmed; anything else may be typed.
const ways = ["call-back", "in person", "identity document", "manager confirmed"];

const mostAtOnce = 100; // names in one request of POST …/unlocks

// unlockOne asks whether to unlock the user, and says what came of it.
export async function unlockOne(host, user) {
  const outcome = await ask({
    title: "Confirm", signal: host.signal,
    first: (dialog) => dialog.querySelector("[data-answer=no]"),
    draw: (close) => new OneWindow(host, user, close).draw(),
  });
  if (outcome) host.say(outcome);
}

// A OneWindow is the window for one user. It shows the lock that it would
// clear, and clears that one only.
class OneWindow {
  constructor(host, user, close) {
    Object.assign(this, { host, user, close, api: host.api });
  }

  draw() {
    this.lead = h("p", { class: "lead" }, lock("Locked"), "Unlock ", given(this.user.username), "?");
    this.facts = h("div", { "aria-live": "polite" }, h("p", { class: "hint" }, "Looking at the evidence…"));
    this.why = whyFields();
    this.message = h("p", { class: "message", role: "alert" });
    this.yes = h("button", { class: "main", disabled: true }, "Yes");
    this.look();
    return h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); this.unlock(); } },
      this.lead, this.facts, this.why.nodes, this.message,
      h("div", { class: "actions" }, this.yes,
        h("button", { type: "button", "data-answer": "no", onclick: () => this.close() }, "No")));
  }

  // look reads the lock as it is now. Yes can be said once it is shown.
  async look() {
    try {
      this.user = await this.api.userNamed(this.user.username, this.host.signal);
    } catch (error) {
      if (left(error)) return;
      if (error.kind === "not-found") return this.close([given(this.user.username), " is not there any more."]);
      this.facts.replaceChildren(h("p", {}, "The evidence could not be read."));
      this.fail(explain(error), "Look again", () => this.look());
      return;
    }
    if (!this.user.locked) return this.close(await this.unlockedBySomebody());
    this.facts.replaceChildren(...evidenceOf(this.user));
    this.ready();
  }

  ready() {
    this.yes.disabled = false;
    this.yes.textContent = "Yes";
    this.again = null;
  }

  // fail says what went wrong, and makes Yes the way to try again.
  fail(text, words, again) {
    this.message.textContent = text;
    this.yes.disabled = false;
    this.yes.textContent = words;
    this.again = again;
  }

  async unlock() {
    if (this.again) {
      this.message.textContent = "";
      this.yes.disabled = true;
      return this.again();
    }
    this.message.textContent = "";
    try {
      const done = await busy(this.yes, () => this.api.unlock(this.user.username, { lock_id: this.user.lock_id, ...this.why.values() }));
      this.close(this.success(done));
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

  async refused(error) {
    if (error.kind === "conflict" && error.document.current) return this.lockedAgain();
    if (error.kind === "conflict") return this.close(await this.unlockedBySomebody());
    if (error.kind === "not-found") return this.close([given(this.user.username), " is not there any more."]);
    if (error.kind === "forbidden") return this.fail(`Not allowed. ${error.message}`, "Yes", null);
    const unknown = error instanceof Unreachable || error.status >= 500;
    this.fail(`${explain(error)}${unknown ? " Whether the user is unlocked is not known yet." : ""}`, "Try again", () => {
      this.ready();
      return this.unlock();
    });
  }

  // lockedAgain shows the lock that has taken the place of the one seen.
  async lockedAgain() {
    this.message.textContent = "Locked again since you looked. Below is the new lock; nothing was unlocked.";
    this.yes.disabled = true;
    this.facts.closest("dialog")?.querySelector("[data-answer=no]")?.focus();
    await this.look();
  }

  // unlockedBySomebody finds out in the trail who was faster. It may have been
  // this very request, whose answer was lost.
  async unlockedBySomebody() {
    const name = given(this.user.username);
    try {
      const { entries } = await this.api.audit({ username: this.user.username, action: "authn_login_unlock", limit: 1 }, this.host.signal);
      const [last] = entries;
      if (!last) return [name, " is not locked."];
      const me = `${this.api.user.client}/${this.api.user.username}`;
      const who = last.actor === me ? "You" : given(last.actor);
      return [name, " is not locked any more. ", who, ` unlocked at ${momentOf(last.at)}.`];
    } catch {
      return [name, " is not locked any more."];
    }
  }
}

// evidenceOf shows what a lock is made of.
function evidenceOf(user) {
  const rows = (user.evidence ?? []).map((one) => h("tr", {}, h("td", {}, when(one.at)), h("td", {}, given(one.source_ip)), h("td", {}, given(one.user_agent))));
  return [
    h("p", {}, "Locked ", when(user.locked_at), ` after ${count(user.failed_attempts, "failed attempt")} of ${user.max_failed_attempts}.`),
    h("div", { class: "table evidence", tabindex: "0", role: "region", "aria-label": "Evidence" }, h("table", {},
      h("caption", {}, "Failed attempts, oldest first"),
      h("thead", {}, h("tr", {}, ["When", "From", "With"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows))),
  ];
}

// whyFields are the reason and how identity was confirmed; both may be empty.
function whyFields() {
  const reason = field("Reason (optional)", h("input", { maxlength: "120", autocomplete: "off" }));
  const identity = field("Identity confirmed by (optional)", h("input", { maxlength: "25", list: "ways", autocomplete: "off" }), "How you know that it is them");
  const list = h("datalist", { id: "ways" }, ways.map((way) => h("option", { value: way })));
  return {
    nodes: [reason.node, identity.node, list],
    values: () => ({
      reason: reason.control.value.trim() || undefined,
      identity_confirmed_by: identity.control.value.trim() || undefined,
    }),
  };
}

// unlockMany asks once for all the names, and shows what came of each. It
// returns whether anything was tried.
export async function unlockMany(host, usernames) {
  let tried = false;
  await ask({
    title: "Confirm", signal: host.signal,
    first: (dialog) => dialog.querySelector("[data-answer=no]"),
    draw: (close) => new ManyWindow(host, usernames, close, () => { tried = true; }).draw(),
  });
  return tried;
}

class ManyWindow {
  constructor(host, usernames, close, trying) {
    Object.assign(this, { host, usernames, close, trying });
  }

  draw() {
    this.results = new Map(this.usernames.map((name) => [name, h("td", {}, "")]));
    this.why = whyFields();
    this.message = h("p", { class: "message", role: "alert" });
    this.summary = h("p", { role: "status" });
    this.yes = h("button", { class: "main" }, "Yes");
    this.no = h("button", { type: "button", "data-answer": "no", onclick: () => this.close() }, "No");
    return h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); this.unlock(); } },
      h("p", {}, `Unlock ${count(this.usernames.length, "user")}?`),
      h("div", { class: "table evidence", tabindex: "0", role: "region", "aria-label": "Users to unlock" }, h("table", {},
        h("caption", { class: "only-heard" }, "Users to unlock"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "User"), h("th", { scope: "col" }, "Result"))),
        h("tbody", {}, this.usernames.map((name) => h("tr", {}, h("th", { scope: "row" }, given(name)), this.results.get(name)))))),
      this.why.nodes, this.summary, this.message, h("div", { class: "actions" }, this.yes, this.no));
  }

  async unlock() {
    this.message.textContent = "";
    this.trying();
    try {
      await busy(this.yes, () => this.all());
    } catch (error) {
      if (!left(error)) this.message.textContent = `${explain(error)} Rows without a result were not confirmed; press Yes to try them again.`;
      return;
    }
    this.yes.hidden = true;
    this.no.textContent = "Close";
    this.no.focus();
  }

  // all unlocks those who have no result yet, a request at a time.
  async all() {
    const rest = this.usernames.filter((name) => !this.results.get(name).textContent);
    for (let i = 0; i < rest.length; i += mostAtOnce) {
      const { results } = await this.host.api.unlockMany({ usernames: rest.slice(i, i + mostAtOnce), ...this.why.values() });
      for (const row of results) this.results.get(row.username)?.replaceChildren(wordsOf(row));
      this.summarize();
    }
  }

  summarize() {
    const done = [...this.results.values()].filter((cell) => cell.textContent === words.unlocked).length;
    this.summary.textContent = `${count(done, "user")} unlocked of ${this.usernames.length}.`;
  }
}

const words = {
  unlocked: "Unlocked",
  not_locked: "Was not locked",
  not_found: "Is not there any more",
};

function wordsOf(row) {
  const good = words[row.outcome];
  if (good) return h("span", { class: row.outcome === "unlocked" ? "badge good" : "badge" }, good);
  return h("span", { class: "badge bad" }, row.problem === "forbidden" ? "Not allowed: nobody unlocks themselves" : "Failed; try again");
}
