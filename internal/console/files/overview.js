// The overview: who is locked now, and what the last thirty days were like.

import { given, h, lock } from "./dom.js";
import { count, when } from "./format.js";
import { bars } from "./plot.js";

const days = 30;
const dayLength = 24 * 60 * 60 * 1000; // ms

// At most so many pages of each kind of entry are read. A client with more locks
// than that in a month is under attack, and the page says that it shows a part.
const mostPages = 20;
const pageSize = 100;

const topSources = 8;
const mostNamed = 10;

export const overview = {
  path: "/overview",
  crumbs: ["Overview"],
  may: (role) => role === "Sysadmin" || role === "Superuser",
  open: (host) => draw(host),
};

async function draw(host) {
  const now = h("section", { "aria-labelledby": "now" }, h("h2", { id: "now" }, "Locked now"), h("p", {}, "Looking…"));
  const month = h("section", { "aria-labelledby": "month" }, h("h2", { id: "month" }, `The last ${days} days`), h("p", {}, "Looking…"));
  const sources = h("section", { "aria-labelledby": "sources" }, h("h2", { id: "sources" }, "Where the failed attempts of these locks came from"));
  host.root.append(now);
  const parts = [lockedNow(host, now)];
  if (host.api.user.role === "Sysadmin") {
    host.root.append(month, sources);
    parts.push(lastDays(host, month, sources));
  }
  await Promise.all(parts);
}

async function lockedNow(host, section) {
  const { users, next_cursor: more } = await host.api.users({ locked: "true", limit: pageSize }, host.signal);
  const n = users.length;
  section.replaceChildren(section.firstElementChild,
    h("p", { class: "lead" }, n === 0 ? "Nobody is locked." : `${more ? "More than " : ""}${count(n, "user")} ${n === 1 ? "is" : "are"} locked.`),
    n === 0 ? "" : h("ul", {}, users.slice(0, mostNamed).map((user) => h("li", {}, lock("Locked"), given(user.username), ", since ", when(user.locked_at)))),
    n > mostNamed ? h("p", {}, `and ${count(n - mostNamed, "more", "more")}`) : "",
    h("p", {}, h("a", { href: "#/config/system/user" }, "Go to the users")));
}

async function lastDays(host, month, sources) {
  const since = new Date(Date.now() - (days - 1) * dayLength);
  since.setHours(0, 0, 0, 0);
  const [locks, unlocks] = await Promise.all(["authn_login_lock", "authn_login_unlock"].map((action) => entriesSince(host, action, since)));
  const rows = perDay(since, locks.entries, unlocks.entries.filter((entry) => entry.details?.lock_id));
  month.replaceChildren(month.firstElementChild,
    bars({ rows, series: ["Locks", "Unlocks"], title: `Locks and unlocks a day, the last ${days} days` }),
    locks.cut || unlocks.cut ? h("p", {}, `There were more; only the newest ${mostPages * pageSize} of a kind are counted.`) : "");
  drawSources(sources, locks.entries);
}

async function entriesSince(host, action, since) {
  const entries = [];
  let cursor;
  for (let pages = 0; pages < mostPages; pages++) {
    const answer = await host.api.audit({ action, limit: pageSize, cursor }, host.signal);
    const recent = answer.entries.filter((entry) => new Date(entry.at) >= since);
    entries.push(...recent);
    cursor = answer.next_cursor;
    if (!cursor || recent.length < answer.entries.length) return { entries, cut: false };
  }
  return { entries, cut: true };
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

function drawSources(section, locks) {
  const counts = new Map();
  for (const { details } of locks) {
    for (const { source_ip: source } of details?.evidence ?? []) counts.set(source, (counts.get(source) ?? 0) + 1);
  }
  const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, topSources);
  const rest = counts.size - top.length;
  section.append(top.length === 0 ? h("p", {}, "There were no locks.") : h("div", { class: "table" }, h("table", {},
    h("caption", {}, `${count(counts.size, "source")}${rest > 0 ? `, the ${topSources} with the most attempts shown` : ""}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Source address"), h("th", { scope: "col", class: "number" }, "Failed attempts"))),
    h("tbody", {}, top.map(([source, n]) => h("tr", {}, h("th", { scope: "row" }, given(source)), h("td", { class: "number" }, String(n))))))));
}
