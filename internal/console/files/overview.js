// The overview: who is locked now, and what the last thirty days were like.

import { busy, given, h, lock } from "./dom.js";
import { count, number, when } from "./format.js";
import { bars } from "./plot.js";
import { explain, left } from "./words.js";

const days = 30;

// At most so many pages of a kind are read: of locked users, of locks, of
// unlocks. A client with more is under attack, and the page says that it shows a
// part.
const mostPages = 20;
const pageSize = 100;

const refreshEvery = 60_000; // ms

const topSources = 8;
const mostNamed = 10;

export const overview = {
  path: "/overview",
  crumbs: ["Overview"],
  may: (role) => role === "Sysadmin" || role === "Superuser",
  open: (host) => draw(host),
};

async function draw(host) {
  const now = section("now", "Locked now");
  const month = section("month", `The last ${days} days`);
  const sources = section("sources", "Where failed attempts came from");
  host.root.classList.add("board");
  const stamp = h("span", { class: "hint" });
  const refresh = h("button", { type: "button", onclick: () => busy(refresh, look) }, "Refresh");
  host.root.append(h("div", { class: "tools" }, refresh, stamp), now.node);
  const parts = [() => attempt(host, [now], () => lockedNow(host, now))];
  if (host.api.user.role === "Sysadmin") {
    host.root.append(sources.node, month.node);
    parts.push(() => attempt(host, [month, sources], () => lastDays(host, month, sources)));
  } else {
    host.root.append(h("p", { class: "hint" }, "Sysadmins see locks and unlocks of the last days here too, which come from the audit trail."));
  }
  const look = async () => {
    const good = await Promise.all(parts.map((part) => part()));
    if (good.every(Boolean)) stamp.textContent = `Updated ${new Date().toLocaleTimeString()}. It looks again every minute.`;
  };
  const tick = setInterval(() => { if (!document.hidden && !refresh.disabled) busy(refresh, look); }, refreshEvery);
  host.signal.addEventListener("abort", () => clearInterval(tick));
  await busy(refresh, look);
}

function section(id, title) {
  const body = h("div", {}, h("p", {}, "Looking…"));
  return { node: h("section", { "aria-labelledby": id }, h("h2", { id }, title), body), body };
}

// attempt fills sections, or says in the first what went wrong and how to go on.
// It returns whether they are filled.
async function attempt(host, sections, fill) {
  try {
    await fill();
    return true;
  } catch (error) {
    if (host.signal.aborted || left(error)) return false;
    const again = h("button", { type: "button", onclick: () => {
      for (const one of sections) one.body.replaceChildren(h("p", {}, "Looking…"));
      return attempt(host, sections, fill);
    } }, "Try again");
    for (const one of sections) one.body.replaceChildren();
    sections[0].body.append(h("p", { class: "message", role: "alert" }, explain(error)), again);
    return false;
  }
}

async function lockedNow(host, { body }) {
  const { found: users, cut } = await pages(async (cursor) => {
    const answer = await host.api.users({ locked: "true", limit: pageSize, cursor }, host.signal);
    return { found: answer.users, next: answer.next_cursor };
  });
  const n = users.length;
  const newest = [...users].sort((a, b) => (a.locked_at < b.locked_at ? 1 : -1)).slice(0, mostNamed);
  body.replaceChildren(
    h("p", { class: "lead" }, n === 0 ? "Nobody is locked." : `${cut ? "More than " : ""}${count(n, "user")} ${n === 1 ? "is" : "are"} locked.`),
    n > mostNamed ? h("p", {}, `The ${mostNamed} who were locked last:`) : "",
    n === 0 ? "" : h("ul", {}, newest.map((user) => h("li", {}, lock("Locked"), given(user.username), ", since ", when(user.locked_at)))),
    h("p", {}, h("a", { href: "#/config/system/user" }, "Go to the users")));
}

// pages reads page after page, to the end or the bound.
async function pages(read) {
  const found = [];
  let cursor;
  for (let asked = 0; asked < mostPages; asked++) {
    const page = await read(cursor);
    found.push(...page.found);
    cursor = page.next;
    if (!cursor) return { found, cut: false };
  }
  return { found, cut: true };
}

async function lastDays(host, month, sources) {
  const since = new Date();
  since.setHours(0, 0, 0, 0);
  since.setDate(since.getDate() - (days - 1));
  const [locks, unlocks] = await Promise.all(["authn_login_lock", "authn_login_unlock"].map((action) => entriesSince(host, action, since)));
  const rows = perDay(since, locks.found, unlocks.found.filter((entry) => entry.details?.lock_id));
  month.body.replaceChildren(
    bars({ rows, series: ["Locks", "Unlocks"], title: "Locks and unlocks per day" }),
    locks.cut || unlocks.cut ? h("p", {}, "There is more in the audit trail than this page reads, so older days show too few.") : "");
  drawSources(sources.body, locks.found);
}

function entriesSince(host, action, since) {
  return pages(async (cursor) => {
    const answer = await host.api.audit({ action, limit: pageSize, cursor }, host.signal);
    const found = answer.entries.filter((entry) => new Date(entry.at) >= since);
    return { found, next: found.length < answer.entries.length ? undefined : answer.next_cursor };
  });
}

// perDay counts by the reader's own days.
function perDay(since, locks, unlocks) {
  const rows = Array.from({ length: days }, (_, i) => {
    const day = new Date(since);
    day.setDate(day.getDate() + i);
    return { day, values: [0, 0] };
  });
  const byDay = new Map(rows.map((row) => [row.day.toDateString(), row]));
  for (const [i, entries] of [locks, unlocks].entries()) {
    for (const entry of entries) {
      const row = byDay.get(new Date(entry.at).toDateString());
      if (row) row.values[i] += 1;
    }
  }
  return rows;
}

// drawSources counts where the attempts came from that ended in these locks.
function drawSources(body, locks) {
  const counts = new Map();
  for (const { details } of locks) {
    for (const { source_ip: source } of details?.evidence ?? []) counts.set(source, (counts.get(source) ?? 0) + 1);
  }
  const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, topSources);
  const cut = counts.size > top.length ? `; the ${topSources} with the most attempts are shown` : "";
  body.replaceChildren(top.length === 0 ? h("p", {}, "There were no locks.") : h("div", { class: "table" }, h("table", {},
    h("caption", {}, `Attempts that led to a lock in the last ${days} days, from ${count(counts.size, "source address", "source addresses")}${cut}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Source address"), h("th", { scope: "col", class: "number" }, "Failed attempts"))),
    h("tbody", {}, top.map(([source, n]) => h("tr", {}, h("th", { scope: "row" }, source ? given(source) : "unknown"), h("td", { class: "number" }, number(n))))))));
}
