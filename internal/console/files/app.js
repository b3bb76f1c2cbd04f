// The frame of the console: who is signed in, the menu, and the page that the
// address names. Pages are objects with
//
//   path    after the "#", such as "/config/system/user"
//   crumbs  what the menu says, outermost first
//   may     whether a role sees the page
//   open    fills host.root; host.signal ends when the page is left

import { connect } from "./api.js";
import { audit } from "./audit.js";
import { given, h } from "./dom.js";
import { overview } from "./overview.js";
import { policy } from "./policy.js";
import { signIn } from "./signin.js";
import { users } from "./users.js";
import { explain, left } from "./words.js";

const pages = [overview, users, policy, audit];

const bar = document.getElementById("bar");
const menu = document.getElementById("menu");
const main = document.getElementById("main");
const said = document.getElementById("said");
const warned = document.getElementById("warned");

// The API is beside the console: /console/ and /login.
const api = connect(new URL("..", document.baseURI).pathname.replace(/\/$/, ""), (reason) => begin(reason, who));

let visit = new AbortController();

// who was signed in, so that they need not type it again when a session ends by
// itself.
let who = {};

// say tells what happened; warn, what went wrong, which is heard at once. Either
// stays until the next; "" takes a warning away and leaves what was said.
function say(text) {
  warned.replaceChildren();
  said.replaceChildren(...[text].flat());
}

function warn(text) {
  if (text) said.replaceChildren();
  warned.replaceChildren(...[text].flat());
}

// voice is say and warn for as long as a visit lasts: what comes of it later is
// nobody's, and somebody else may sit there.
const voice = (signal) => ({
  say: (text) => { if (!signal.aborted) say(text); },
  warn: (text) => { if (!signal.aborted) warn(text); },
});

function leave() {
  visit.abort();
  visit = new AbortController();
  for (const dialog of document.querySelectorAll("dialog:not(.kept)")) dialog.remove();
  main.replaceChildren();
}

// begin asks who it is, with a reason if there was a session before.
function begin(reason = "", known = {}) {
  leave();
  say("");
  bar.hidden = menu.hidden = true;
  document.title = "Sign in – Portcullis";
  signIn({ root: main, api, reason, known, signal: visit.signal, enter });
}

// enter shows the console to whoever has signed in, or why it cannot.
function enter() {
  who = api.user;
  const mine = pages.filter((page) => page.may(api.user.role));
  bar.replaceChildren(
    h("span", { class: "brand" }, "Portcullis"),
    h("span", { class: "who" }, given(api.user.client), " / ", given(api.user.username), h("span", { class: "role" }, api.user.role)),
    h("button", { type: "button", class: "quiet", onclick: signOut }, "Sign out"));
  bar.hidden = false;
  drawMenu(mine);
  menu.hidden = mine.length === 0;
  show();
  main.focus();
}

function turnAway() {
  leave();
  document.title = "Not for this role – Portcullis";
  main.append(h("h1", {}, "Not for this role"),
    h("p", {}, `The console is for Sysadmins and Superusers. You are signed in as ${article(api.user.role)}, and may use the portal.`),
    h("p", {}, "If you need to see or unlock users here, ask a Sysadmin of ", given(api.user.client), "."));
}

const article = (role) => (/^[AEIO]/.test(role) ? `an ${role}` : `a ${role}`);

async function signOut() {
  const ending = api.signOut();
  begin("You have signed out.");
  const door = voice(visit.signal);
  try {
    await ending;
  } catch {
    door.warn("You have signed out here. Portcullis did not answer, so the session ends by itself within hours.");
  }
}

// drawMenu writes the pages as the tree that their crumbs are.
function drawMenu(mine) {
  const top = h("ul", {});
  const lists = new Map([["", top]]);
  for (const page of mine) {
    let key = "";
    for (const crumb of page.crumbs.slice(0, -1)) {
      const parent = lists.get(key);
      key += `/${crumb}`;
      if (lists.has(key)) continue;
      const list = h("ul", {});
      parent.append(h("li", {}, h("span", { class: "branch" }, crumb), list));
      lists.set(key, list);
    }
    lists.get(key).append(h("li", {}, h("a", { href: `#${page.path}` }, page.crumbs.at(-1))));
  }
  menu.replaceChildren(top);
}

// show opens the page that the address names, or the first one there is.
function show() {
  const wanted = location.hash.slice(1).split("?")[0];
  const mine = pages.filter((page) => page.may(api.user.role));
  const page = mine.find((one) => one.path === wanted) ?? mine[0];
  if (!page) return turnAway();
  leave();
  say("");
  for (const link of menu.querySelectorAll("a")) {
    if (link.getAttribute("href") === `#${page.path}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = page.crumbs.at(-1);
  document.title = `${title} – Portcullis`;
  const root = h("div", { class: "page" });
  main.append(page.crumbs.length > 1 ? h("p", { class: "crumbs" }, page.crumbs.join(" › ")) : "", h("h1", {}, title), root);
  const host = { root, api, signal: visit.signal, ...voice(visit.signal) };
  Promise.resolve(page.open(host)).catch((error) => {
    if (!left(error)) host.warn(explain(error));
  });
}

addEventListener("hashchange", () => {
  if (api.user && location.hash.startsWith("#/")) {
    show();
    main.focus();
  }
});

// What no page caught is told, rather than lost in the browser's console.
addEventListener("unhandledrejection", (event) => {
  if (left(event.reason)) event.preventDefault();
  else warn(explain(event.reason));
});

begin();
