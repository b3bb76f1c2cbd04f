// Config › System › User: who there is, who is locked, and what to do about it.

import { busy, field, given, h, lock, plain } from "./dom.js";
import { createUser, editUser } from "./editor.js";
import { count, momentOf, when } from "./format.js";
import { unlockMany, unlockOne } from "./unlock.js";
import { explain, left } from "./words.js";

const roles = ["Sysadmin", "Superuser", "Manager", "ITUser"];

const pageSize = 50;

// A search may answer with fewer users than asked for and a cursor to go on
// from. So many requests are made for one page before it is shown as it is.
const mostRequests = 20;

const typingPause = 250; // ms
const refreshEvery = 15_000; // ms
const mostCounted = 100; // the API's largest page

export const users = {
  path: "/config/system/user",
  crumbs: ["Config", "System", "User"],
  may: (role) => role === "Sysadmin" || role === "Superuser",
  open: (host) => new UserPage(host).start(),
};

const columns = [
  { name: "User", key: (user) => user.username },
  { name: "Name", key: (user) => user.name ?? "" },
  { name: "Role", key: (user) => String(roles.indexOf(user.role)) },
  { name: "Failed", key: (user) => user.failed_attempts, number: true },
  { name: "Since", key: (user) => user.locked_at ?? user.last_failed_at ?? "" },
  { name: "Sources", key: (user) => user.sources ?? 0, number: true },
];

const collator = new Intl.Collator();

class UserPage {
  constructor(host) {
    this.host = host;
    this.api = host.api;
    this.mayUnlock = host.api.user.role === "Sysadmin";
    this.starts = [undefined]; // the cursors of this page and those before it
    this.next = undefined;
    this.filter = {}; // what is asked for; the fields may be ahead of it
    this.turning = false;
    this.shown = []; // the users on the page, as the API orders them
    this.rows = new Map(); // by username
    this.chosen = new Set(); // usernames
    this.sort = { column: columns[0], down: false };
    this.loading = null; // what would cancel the request under way
  }

  async start() {
    this.draw();
    const tick = setInterval(() => this.refresh(), refreshEvery);
    this.host.signal.addEventListener("abort", () => clearInterval(tick));
    document.addEventListener("visibilitychange", () => this.refresh(), { signal: this.host.signal });
    await this.load();
  }

  // What is drawn once.

  draw() {
    this.search = field("Search", h("input", {
      type: "search", maxlength: "64", autocomplete: "off", spellcheck: "false", oninput: () => this.typed(),
    }), "Part of a user name, name or email address");
    this.role = field("Role", h("select", { onchange: () => this.filtered() },
      h("option", { value: "" }, "All roles"), roles.map((role) => h("option", {}, role))));
    this.lockedOnly = h("input", { type: "checkbox", onchange: () => this.filtered() });
    this.unlockChosen = h("button", { type: "button", hidden: !this.mayUnlock, disabled: true, onclick: () => this.unlockAll() }, "Unlock selected");
    this.refreshing = h("button", { type: "button", onclick: () => busy(this.refreshing, () => this.load(this.starts, true)) }, "Refresh");
    this.stamp = h("span", { class: "hint" });
    this.caption = h("caption", {});
    this.head = h("tr", {}, this.mayUnlock && h("th", { scope: "col" }, this.chooseAll()), columns.map((column) => this.header(column)),
      h("th", { scope: "col" }, h("span", { class: "only-heard" }, "What to do")));
    this.body = h("tbody", { onkeydown: (event) => this.key(event), ondblclick: (event) => this.doubleClicked(event) });
    this.back = h("button", { type: "button", onclick: () => this.turn(-1) }, "Previous page");
    this.forth = h("button", { type: "button", onclick: () => this.turn(1) }, "Next page");
    this.host.root.append(
      h("div", { class: "tools" },
        withClass(this.search.node, "wide"), this.role.node,
        h("label", { class: "choice" }, this.lockedOnly, "Locked only"),
        h("button", { type: "button", class: "end", onclick: () => this.create() }, "New user")),
      h("div", { class: "tools" }, this.unlockChosen, this.refreshing, this.stamp),
      h("div", { class: "table" }, h("table", { class: "cards users" }, this.caption, h("thead", {}, this.head), this.body)),
      h("div", { class: "actions" }, this.back, this.forth),
      h("p", { class: "hint" }, this.mayUnlock
        ? "Double-click a locked user, or press Enter on the row, to unlock. Arrow keys move between rows, Space selects one."
        : "Only a Sysadmin can unlock. Double-click a user, or press Enter on the row, to change them."));
  }

  header(column) {
    const button = h("button", { type: "button", onclick: () => this.sortBy(column) }, column.name);
    return h("th", { scope: "col", class: column.number && "number", "aria-sort": column === this.sort.column ? "ascending" : null }, button);
  }

  chooseAll() {
    this.all = h("input", { type: "checkbox", "aria-label": "Select all on this page", onchange: () => {
      const { checked } = this.all; // which choosing the first changes
      for (const user of this.shown) this.choose(user.username, checked && !this.oneself(user.username));
    } });
    return this.all;
  }

  // oneself is left out of all, since nobody unlocks themselves.
  oneself(username) {
    return username === this.api.user.username;
  }

  // What is asked of the API.

  fields() {
    return { q: this.search.control.value.trim(), role: this.role.control.value, locked: this.lockedOnly.checked ? "true" : undefined };
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.filtered(), typingPause);
  }

  filtered() {
    clearTimeout(this.typing);
    this.filter = this.fields();
    this.starts = [undefined];
    this.next = undefined; // the cursors of another filter lead nowhere
    this.drawTurns();
    this.chosen.clear();
    this.drawChoice();
    return this.load(this.starts, true);
  }

  // turn goes to another page, or stays where it cannot be read. One at a time:
  // what a second one starts from is not known yet.
  async turn(step) {
    if (this.turning || (step > 0 ? !this.next : this.starts.length === 1)) return;
    this.turning = true;
    const there = await this.load(step > 0 ? [...this.starts, this.next] : this.starts.slice(0, -1), true);
    this.turning = false;
    if (!there) return;
    const row = this.body.querySelector("tr[data-username]");
    if (row) this.rove(row);
    row?.focus();
  }

  // refresh looks again, unless somebody is in the middle of something.
  refresh() {
    if (document.hidden || this.loading || document.querySelector("dialog[open]")) return;
    return this.load();
  }

  // load fetches the page that starts lead to, instead of any that is still on
  // its way. It returns whether the page is there; asked is whether somebody
  // waits for it.
  async load(starts = this.starts, asked = false) {
    if (this.host.signal.aborted) return false;
    this.loading?.abort();
    const mine = this.loading = new AbortController();
    const signal = AbortSignal.any([mine.signal, this.host.signal]);
    this.body.setAttribute("aria-busy", "true");
    try {
      const [page, locked] = await Promise.all([this.page(starts.at(-1), signal), this.api.users({ locked: "true", limit: mostCounted }, signal)]);
      this.starts = starts;
      this.shown = page.users;
      this.next = page.next;
      this.tell(locked);
      this.drawRows();
      if (this.failing) this.host.say("The list is up to date again.");
      this.failing = "";
      return true;
    } catch (error) {
      if (!signal.aborted && !left(error)) this.failed(error, asked);
      return false;
    } finally {
      if (this.loading === mine) {
        this.loading = null;
        this.body.removeAttribute("aria-busy");
      }
    }
  }

  // failed says so once, not at each try but those that somebody asked for. That
  // the list is old stands beside it all the while.
  failed(error, asked) {
    const kind = error.kind ?? error.name;
    this.stamp.textContent = `Not answered${this.at ? `; as of ${momentOf(this.at)}` : ""}.`;
    if (this.failing === kind && !asked) return;
    this.failing = kind;
    this.host.warn(`${explain(error)} ${this.at ? `The list is as it was at ${momentOf(this.at)}.` : "The list could not be read yet."} It tries again by itself.`);
  }

  // page asks on until the page is full: one answer to a search may hold few.
  async page(cursor, signal) {
    const users = [];
    for (let asked = 0; asked < mostRequests; asked++) {
      const answer = await this.api.users({ ...this.filter, limit: pageSize - users.length, cursor }, signal);
      users.push(...answer.users);
      cursor = answer.next_cursor;
      if (!cursor || users.length === pageSize) break;
      this.stamp.textContent = `Searching; ${count(users.length, "user")} found so far.`;
    }
    return { users, next: cursor };
  }

  // tell writes what the table shows, and when.
  tell(locked) {
    this.at = new Date().toISOString();
    this.stamp.textContent = `Updated ${new Date().toLocaleTimeString()}. It looks again every ${refreshEvery / 1000} seconds.`;
    const n = locked.users.length;
    const lockedNow = `${locked.next_cursor ? `More than ${n} users are` : n === 0 ? "Nobody is" : `${count(n, "user")} ${n === 1 ? "is" : "are"}`} locked.`;
    this.caption.replaceChildren(`Users of `, given(this.api.user.client), `, page ${this.starts.length}: ${count(this.shown.length, "user")}${this.next ? "; more follow" : ""}. ${lockedNow}`);
    this.drawTurns();
  }

  drawTurns() {
    this.back.disabled = this.starts.length === 1;
    this.forth.disabled = !this.next;
  }

  // What is drawn each time. Rows stay the same elements, so that a refresh
  // moves neither the focus nor the page.

  drawRows() {
    const before = this.rows;
    this.rows = new Map(this.sorted().map((user) => [user.username, this.row(user, before.get(user.username))]));
    const wanted = [...this.rows.values()].map((row) => row.element);
    if (wanted.length === 0) wanted.push(this.emptyRow());
    if (wanted.some((element, i) => this.body.children[i] !== element) || this.body.children.length !== wanted.length) {
      keepingFocus(() => this.body.replaceChildren(...wanted));
    }
    for (const name of this.chosen) if (!this.rows.has(name)) this.chosen.delete(name);
    this.drawChoice();
    this.rove();
  }

  emptyRow() {
    const filtered = Object.values(this.filter).some(Boolean);
    return h("tr", {}, h("td", { colspan: columns.length + 2, class: "none" },
      filtered ? "No user is like this." : "There is nobody yet."));
  }

  sorted() {
    const { column, down } = this.sort;
    const order = (a, b) => (column.number ? column.key(a) - column.key(b) : collator.compare(column.key(a), column.key(b)));
    const users = column === columns[0] ? [...this.shown] : [...this.shown].sort(order);
    return down ? users.reverse() : users;
  }

  sortBy(column) {
    this.sort = { column, down: this.sort.column === column && !this.sort.down };
    const headers = [...this.head.querySelectorAll("th button")].map((button) => button.parentElement);
    headers.forEach((header, i) => {
      if (columns[i] === column) header.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
    this.drawRows();
    if (this.starts.length > 1 || this.next) this.host.say(`Sorted by ${column.name}, within this page.`);
  }

  // row draws a user anew only if something about them has changed.
  row(user, old) {
    const state = JSON.stringify([user, new Date().toDateString()]); // "today" is written in it
    if (old?.state === state) return old;
    const element = old?.element ?? h("tr", { tabindex: "-1", "data-username": user.username });
    keepingFocus(() => element.replaceChildren(...this.cells(user)));
    element.classList.toggle("locked", user.locked);
    return { element, state, user };
  }

  cells(user) {
    const username = plain(user.username);
    const choice = this.mayUnlock && h("td", {}, h("input", {
      type: "checkbox", "data-act": "choose", "aria-label": `Select ${username}`, onchange: (event) => this.choose(user.username, event.target.checked),
    }));
    const act = (name, words, does) => h("button", { type: "button", "data-act": name, "aria-label": `${words} ${username}`, onclick: does }, words);
    const since = user.locked ? user.locked_at : user.last_failed_at;
    return [
      choice,
      h("th", { scope: "row" }, user.locked && lock("Locked"), given(user.username)),
      h("td", { "data-label": "Name" }, user.name && given(user.name)),
      h("td", { "data-label": "Role" }, user.role),
      h("td", { "data-label": "Failed", class: "number" }, `${user.failed_attempts}/${user.max_failed_attempts}`),
      h("td", { "data-label": "Since" }, since ? when(since) : ""),
      h("td", { "data-label": "Sources", class: "number" }, user.sources ? String(user.sources) : ""),
      h("td", { class: "acts" },
        this.mayUnlock && user.locked && act("unlock", "Unlock", () => this.unlock(user)),
        this.mayEdit(user) && act("edit", "Edit", () => this.edit(user))),
    ].filter(Boolean);
  }

  mayEdit(user) {
    return this.mayUnlock || user.role !== "Sysadmin";
  }

  // Choosing and moving.

  choose(username, chosen) {
    if (chosen) this.chosen.add(username);
    else this.chosen.delete(username);
    this.drawChoice();
  }

  drawChoice() {
    for (const [username, { element }] of this.rows) {
      const box = element.querySelector("[data-act=choose]");
      if (box) box.checked = this.chosen.has(username);
      element.classList.toggle("chosen", this.chosen.has(username));
    }
    const n = this.chosen.size;
    this.unlockChosen.disabled = n === 0;
    this.unlockChosen.textContent = n ? `Unlock ${count(n, "selected user")}` : "Unlock selected";
    if (this.all) {
      const all = [...this.rows.keys()].every((name) => this.chosen.has(name) || this.oneself(name));
      this.all.checked = n > 0 && all;
      this.all.indeterminate = n > 0 && !all;
    }
  }

  // rove leaves one row in the order of the Tab key; the arrows lead to others.
  rove(to) {
    const rows = [...this.body.querySelectorAll("tr[data-username]")];
    const current = to ?? rows.find((row) => row === document.activeElement) ?? rows.find((row) => row.tabIndex === 0) ?? rows[0];
    for (const row of rows) row.tabIndex = row === current ? 0 : -1;
  }

  key(event) {
    const row = event.target;
    if (!row.matches("tr[data-username]")) return;
    const step = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: this.body.firstElementChild, End: this.body.lastElementChild }[event.key];
    if (step) {
      this.rove(step);
      step.focus();
    } else if (event.key === "Enter") {
      this.opened(this.rows.get(row.dataset.username).user);
    } else if (event.key === " " && this.mayUnlock) {
      this.choose(row.dataset.username, !this.chosen.has(row.dataset.username));
    } else {
      return;
    }
    event.preventDefault();
  }

  doubleClicked(event) {
    if (event.target.closest("button, input")) return;
    const row = event.target.closest("tr[data-username]");
    if (!row) return;
    getSelection()?.removeAllRanges();
    this.rove(row);
    this.opened(this.rows.get(row.dataset.username).user);
  }

  // opened is what a double-click and Enter mean.
  opened(user) {
    if (user.locked && this.mayUnlock) return this.unlock(user);
    if (user.locked) return this.host.warn([given(user.username), " is locked. Only a Sysadmin can unlock."]);
    if (this.mayEdit(user)) return this.edit(user);
    this.host.warn(["Only a Sysadmin can change ", given(user.username), ", who is one."]);
  }

  // What is done.

  async unlock(user) {
    await unlockOne(this.host, user);
    await this.after(user.username);
  }

  async unlockAll() {
    const users = this.sorted().filter((user) => this.chosen.has(user.username));
    for (const done of await unlockMany(this.host, users)) this.chosen.delete(done);
    await this.after();
  }

  async edit(user) {
    await editUser(this.host, user);
    await this.after(user.username);
  }

  async create() {
    const made = await createUser(this.host);
    await this.after(made);
  }

  // after shows what has become of it, and leads back to the row, or to where it
  // was.
  async after(username) {
    const rows = [...this.rows.keys()];
    await this.load();
    if (this.host.signal.aborted || document.activeElement !== document.body) return;
    const near = rows.slice(Math.max(rows.indexOf(username), 0)).find((name) => this.rows.has(name));
    const row = (this.rows.get(username) ?? this.rows.get(near))?.element ?? this.body.querySelector("tr[data-username]");
    if (!row) return this.search.control.focus();
    this.rove(row);
    row.focus();
  }
}

function withClass(node, name) {
  node.classList.add(name);
  return node;
}

// keepingFocus changes rows, and finds the focus again: on the same control of
// the same row, or on the row, or on the one that came after it.
function keepingFocus(change) {
  const focused = document.activeElement;
  const row = focused?.closest?.("tr[data-username]");
  if (!row) return change();
  const { act } = focused.dataset;
  const others = [row, ...siblings(row, "nextElementSibling"), ...siblings(row, "previousElementSibling")];
  change();
  if (document.activeElement === focused) return;
  const near = others.find((one) => one.isConnected);
  ((near === row && act && row.querySelector(`[data-act=${act}]`)) || near)?.focus({ preventScroll: true });
}

// siblings lists the rows on one side of a row, nearest first.
function siblings(row, side) {
  const all = [];
  for (let one = row[side]; one; one = one[side]) all.push(one);
  return all;
}
