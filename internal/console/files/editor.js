// The user editor: creating and changing users, setting a password, deleting.

import { Unreachable } from "./api.js";
import { ask } from "./dialog.js";
import { busy, field, given, h, plain } from "./dom.js";
import { explain, left } from "./words.js";

// What a role may give others: a Superuser does not administer Sysadmins.
const rolesFor = (role) => ["Sysadmin", "Superuser", "Manager", "ITUser"].filter((one) => role === "Sysadmin" || one !== "Sysadmin");

// A generated password: 20 characters of 31, which is 99 bits, in groups that
// can be read out. Letters and digits that look alike are left out.
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789";
const groups = 4;
const groupSize = 5;

// generatePassword returns a password that has a letter and a digit.
export function generatePassword() {
  for (;;) {
    const parts = Array.from({ length: groups }, () => Array.from({ length: groupSize }, letter).join(""));
    const password = parts.join("-");
    if (/[a-z]/.test(password) && /[0-9]/.test(password)) return password;
  }
}

// letter draws one character without favouring any.
function letter() {
  const fair = 256 - (256 % alphabet.length);
  const drawn = new Uint8Array(1);
  do crypto.getRandomValues(drawn); while (drawn[0] >= fair);
  return alphabet[drawn[0] % alphabet.length];
}

// createUser asks for a new user, and returns the name of who was made.
export async function createUser(host) {
  const made = await askForm(host, {
    title: "New user", first: "input",
    draw: () => {
      const username = textField("User name", { name: "username", required: true, autocapitalize: "none" }, "1 to 64 characters, without spaces or / \\ % ? #. Upper and lower case differ.");
      const person = personFields(host, { role: "ITUser" }, "What they may do in the portal");
      const password = passwordField();
      return {
        subject: () => username.control.value, fields: { username, ...person.fields, password: password.field }, yes: "Create",
        body: [username.node, ...person.nodes, ...password.nodes],
        does: async () => {
          const body = { username: username.control.value, ...person.values(), password: password.field.control.value };
          const generated = password.isGenerated() && body.password;
          const user = await host.api.createUser(body);
          return { username: user.username, generated };
        },
      };
    },
  });
  if (!made) return undefined;
  const done = [given(made.username), " is created."];
  if (made.generated) await hand(made.username, made.generated, done);
  host.say(made.generated ? done : [...done, " Give them the password you typed: nobody can look it up."]);
  return made.username;
}

// hand shows a generated password, this once. Nobody can look it up, so it stays
// until Done, even when the session ends.
async function hand(username, password, done) {
  await ask({
    title: `Password of ${plain(username)}`, kept: true,
    first: (dialog) => dialog.querySelector("input"),
    draw: (close) => {
      const shown = field("Password", h("input", { readonly: true, autocomplete: "off", spellcheck: "false", onfocus: () => shown.control.select() }),
        "Copy it now and hand it over safely: it is not shown again.");
      shown.control.value = password;
      const copied = h("p", { class: "hint", role: "status" });
      return h("div", {}, h("p", {}, done), shown.node, copied, h("div", { class: "actions" },
        h("button", { type: "button", onclick: () => copy(shown.control, copied) }, "Copy"),
        h("button", { type: "button", class: "main", onclick: () => close(true) }, "Done")));
    },
  });
}

async function copy(control, copied) {
  try {
    await navigator.clipboard.writeText(control.value);
    copied.textContent = "Copied.";
  } catch {
    control.select();
    copied.textContent = "The browser does not let this page copy. The password is selected: press Ctrl+C, or ⌘C.";
  }
}

// editUser shows what may be changed of a user, and says what was.
export async function editUser(host, user) {
  const done = await askForm(host, {
    title: `Edit ${plain(user.username)}`, first: "select",
    draw: (close) => {
      const person = personFields(host, user, `Another role signs ${whomOut(host, user)} at once.`);
      return {
        subject: () => user.username, fields: person.fields, yes: "Save",
        body: person.nodes,
        more: [
          h("button", { type: "button", onclick: () => close("password") }, "Set password…"),
          h("button", { type: "button", onclick: () => close("delete") }, "Delete…"),
        ],
        does: async () => {
          const changes = person.changes(user);
          if (Object.keys(changes).length === 0) return "same";
          return await unlessGone(host.api.updateUser(user.username, changes)) === "gone" ? "gone" : changes;
        },
      };
    },
  });
  if (done === "password") return setPassword(host, user);
  if (done === "delete") return deleteUser(host, user);
  if (done) host.say([given(user.username), ...changed(done)]);
}

// changed says what was sent, which a row of some time ago would not tell.
function changed(done) {
  if (done === "gone") return goneWords;
  if (done === "same") return [" is as before: you changed nothing."];
  return [done.role ? ` is a ${done.role} now, and has to sign in again.` : " is changed."];
}

async function setPassword(host, user) {
  const set = await askForm(host, {
    title: `Password of ${plain(user.username)}`, first: "input",
    draw: () => {
      const password = passwordField();
      return {
        subject: () => user.username, fields: { password: password.field }, yes: "Set password",
        body: [...password.nodes, h("p", { class: "hint" }, `It signs ${whomOut(host, user)} at once. It does not unlock.`)],
        does: async () => {
          const value = password.field.control.value;
          const generated = password.isGenerated() && value;
          return (await unlessGone(host.api.setPassword(user.username, value))) ?? { generated };
        },
      };
    },
  });
  if (!set) return;
  if (set === "gone") return host.say([given(user.username), ...goneWords]);
  const done = ["The password of ", given(user.username), user.locked ? " is set. They are still locked." : " is set."];
  if (set.generated) await hand(user.username, set.generated, done);
  host.say(done);
}

async function deleteUser(host, user) {
  const done = await askForm(host, {
    title: "Confirm", first: "[data-answer=no]",
    draw: () => ({
      subject: () => user.username, fields: {}, yes: "Delete", no: "No", kind: "danger",
      body: [h("p", { class: "lead" }, "Delete ", given(user.username), "?"),
        h("p", {}, `This signs ${whomOut(host, user)} at once, and cannot be undone. What was done stays in the audit trail.`)],
      does: async () => (await unlessGone(host.api.deleteUser(user.username))) ?? "deleted",
    }),
  });
  if (done) host.say([given(user.username), ...(done === "gone" ? goneWords : [" is deleted."])]);
}

// whomOut says whose sessions end, which is worth a warning where it is the
// reader's.
const whomOut = (host, user) => (user.username === host.api.user.username ? "you out (this is you)" : "them out");

const goneWords = [" is not there any more."];

// unlessGone waits for the answer, or "gone" where the user is.
async function unlessGone(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error.kind === "not-found") return "gone";
    throw error;
  }
}

// askForm asks by the form that draw describes, and returns what came of it, also
// when the window was left before the answer came.
async function askForm(host, { title, first, draw }) {
  const work = { pending: null, subject: null };
  const answer = await ask({
    title, signal: host.signal,
    first: (dialog) => dialog.querySelector(first),
    draw: (close) => formOf({ ...draw(close), host, work, close }),
  });
  if (answer !== undefined || !work.pending) return answer;
  host.say(["Waiting for what becomes of ", given(work.subject), "…"]);
  return work.pending;
}

// formOf is a form in a window: it sends once, marks the fields that the API
// does not take, and keeps what was typed when there is no answer. The work under
// way is left in work, with whom it is about.
function formOf({ host, work, subject, fields, body, more = [], yes, no = "Cancel", kind = "main", does, close }) {
  const message = h("p", { class: "message", role: "alert" });
  const send = h("button", { class: kind }, yes);
  let unknown = false; // whether an earlier try took effect
  const attempt = async () => {
    for (const other of more) other.disabled = true;
    try {
      const done = await busy(send, does);
      close(done);
      return done;
    } catch (error) {
      work.pending = null;
      if (left(error)) return;
      const faults = faultsOf(error, fields, unknown);
      if (message.closest("dialog")?.open) show(faults, message);
      else host.warn([given(work.subject), ": ", faults.map((fault) => fault.text).join(" ")]);
      unknown ||= isUnknown(error);
    } finally {
      for (const other of more) other.disabled = false;
    }
  };
  const submit = (event) => {
    event.preventDefault();
    if (!complete(fields)) return;
    message.textContent = "";
    work.subject = subject();
    work.pending = attempt();
  };
  return h("form", { novalidate: true, onsubmit: submit }, body, message,
    h("div", { class: "actions" }, more, send, h("button", { type: "button", "data-answer": "no", onclick: () => close() }, no)));
}

// isUnknown reports whether an error leaves open what became of the request.
const isUnknown = (error) => error instanceof Unreachable || error.status >= 500;

function complete(fields) {
  const empty = Object.values(fields).filter((one) => {
    const missing = one.control.required && !one.control.value;
    one.set(missing ? "Fill this in." : "");
    return missing;
  });
  empty[0]?.control.focus();
  return empty.length === 0;
}

// faultsOf says what is wrong, and at which fields if it is in some.
function faultsOf(error, fields, unknown) {
  const faults = (error.document?.errors ?? []).filter((fault) => fields[fault.field]);
  if (faults.length) return faults.map((fault) => ({ at: fields[fault.field], text: `This ${fault.message}.` }));
  if (error.kind === "conflict" && fields.username) {
    return [{ at: fields.username, text: unknown
      ? "There is a user of this name now, perhaps by your earlier try. Cancel, and look at the list."
      : "There is a user of this name already." }];
  }
  return [{ text: explain(error) + (isUnknown(error) ? " It may have been done all the same; you can send it again." : "") }];
}

function show(faults, message) {
  for (const { at, text } of faults) {
    if (at) at.set(text);
    else message.textContent = text;
  }
  faults[0].at?.control.focus();
}

function textField(label, properties, hint) {
  return field(label, h("input", { autocomplete: "off", spellcheck: "false", ...properties }), hint);
}

// personFields are the role, name and email address.
function personFields(host, user, hint) {
  const offered = rolesFor(host.api.user.role);
  const role = field("Role", h("select", { name: "role" }, offered.map((one) => h("option", { selected: one === user.role }, one))), hint);
  const name = textField("Name (optional)", { name: "name" });
  const email = textField("Email address (optional)", { name: "email", type: "email" });
  name.control.value = user.name ?? "";
  email.control.value = user.email ?? "";
  const values = () => ({ role: role.control.value, name: name.control.value.trim(), email: email.control.value.trim() });
  return {
    fields: { role, name, email }, nodes: [role.node, name.node, email.node], values,
    changes: (before) => Object.fromEntries(Object.entries(values()).filter(([key, value]) => value !== (before[key] ?? ""))),
  };
}

// passwordField is a password with a way to make one up, and to see it. It has
// no maxlength, which would cut a pasted password without a word.
function passwordField() {
  const password = field("Password", h("input", {
    name: "password", type: "password", required: true, autocomplete: "new-password", autocapitalize: "none", spellcheck: "false",
  }), "8 to 128 characters with a letter and a digit, and not the user name");
  const show = h("input", { type: "checkbox", onchange: () => { password.control.type = show.checked ? "text" : "password"; } });
  let generated = null;
  const make = h("button", { type: "button", onclick: () => {
    generated = password.control.value = generatePassword();
    password.control.type = "text";
    show.checked = true;
    password.set("");
    password.control.focus();
    password.control.select();
  } }, "Generate");
  return {
    field: password, nodes: [password.node, h("div", { class: "tools" }, make, h("label", { class: "choice" }, show, "Show"))],
    isGenerated: () => password.control.value === generated,
  };
}
