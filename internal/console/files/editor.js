// The user editor: creating and changing users, setting a password, deleting.

import { ask, confirm } from "./dialog.js";
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
  const made = await ask({
    title: "New user", signal: host.signal,
    first: (dialog) => dialog.querySelector("input"),
    draw: (close) => {
      const username = textField("User name", { name: "username", required: true, maxlength: "64", autocapitalize: "none" }, "1 to 64 characters, without / \\ % ? #; upper and lower case differ");
      const person = personFields(host, { role: "ITUser" });
      const password = passwordField();
      const fields = { username, ...person.fields, password: password.field };
      return formOf({
        fields, close, yes: "Create",
        body: [username.node, ...person.nodes, ...password.nodes],
        does: () => host.api.createUser({ username: username.control.value, ...person.values(), password: password.field.control.value }),
      });
    },
  });
  if (!made) return undefined;
  host.say([given(made.username), " is there now. Give them their password; it is not shown again."]);
  return made.username;
}

// editUser shows what may be changed of a user, and says what was.
export async function editUser(host, user) {
  const done = await ask({
    title: `Edit ${plain(user.username)}`, signal: host.signal,
    first: (dialog) => dialog.querySelector("select"),
    draw: (close) => {
      const person = personFields(host, user);
      return formOf({
        fields: person.fields, close, yes: "Save",
        body: person.nodes,
        more: [
          h("button", { type: "button", onclick: () => close("password") }, "Set password…"),
          h("button", { type: "button", onclick: () => close("delete") }, "Delete…"),
        ],
        does: async () => {
          const changes = person.changes(user);
          if (Object.keys(changes).length === 0) return { ...user, same: true };
          return host.api.updateUser(user.username, changes);
        },
      });
    },
  });
  if (done === "password") return setPassword(host, user);
  if (done === "delete") return deleteUser(host, user);
  if (done?.same) return host.say(["Nothing of ", given(user.username), " was changed."]);
  if (done) host.say([given(user.username), done.role === user.role ? " is changed." : ` is a ${done.role} now, and has to sign in again.`]);
}

async function setPassword(host, user) {
  const set = await ask({
    title: `Password of ${plain(user.username)}`, signal: host.signal,
    first: (dialog) => dialog.querySelector("input"),
    draw: (close) => {
      const password = passwordField();
      return formOf({
        fields: { password: password.field }, close, yes: "Set password",
        body: [...password.nodes, h("p", { class: "hint" }, "Their sessions end. This does not unlock.")],
        does: async () => { await host.api.setPassword(user.username, password.field.control.value); return true; },
      });
    },
  });
  if (set) host.say(["The password of ", given(user.username), user.locked ? " is set. They are still locked." : " is set."]);
}

async function deleteUser(host, user) {
  const sure = await confirm({
    question: ["Delete ", given(user.username), "? Their sessions end. What they did stays in the audit trail."], yes: "Delete", signal: host.signal,
  });
  if (!sure) return;
  try {
    await host.api.deleteUser(user.username);
    host.say([given(user.username), " is deleted."]);
  } catch (error) {
    if (error.kind === "not-found") host.say([given(user.username), " was not there any more."]);
    else if (!left(error)) host.warn(explain(error));
  }
}

// formOf is a form in a window: it sends once, marks the fields that the API
// does not take, and keeps what was typed when there is no answer.
function formOf({ fields, body, more = [], yes, does, close }) {
  const message = h("p", { class: "message", role: "alert" });
  const send = h("button", { class: "main" }, yes);
  const submit = async (event) => {
    event.preventDefault();
    if (!complete(fields)) return;
    message.textContent = "";
    try {
      close(await busy(send, does));
    } catch (error) {
      if (!left(error)) refused(error, fields, message);
    }
  };
  return h("form", { novalidate: true, onsubmit: submit }, body, message,
    h("div", { class: "actions" }, more, send, h("button", { type: "button", onclick: () => close() }, "Cancel")));
}

function complete(fields) {
  const empty = Object.values(fields).filter((one) => {
    const missing = one.control.required && !one.control.value;
    one.set(missing ? "Fill this in." : "");
    return missing;
  });
  empty[0]?.control.focus();
  return empty.length === 0;
}

function refused(error, fields, message) {
  const faults = (error.document?.errors ?? []).filter((fault) => fields[fault.field]);
  for (const fault of faults) fields[fault.field].set(`This ${fault.message}.`);
  if (faults.length) return fields[faults[0].field].control.focus();
  const taken = error.kind === "conflict" && fields.username;
  if (taken) {
    fields.username.set("There is a user of this name already.");
    return fields.username.control.focus();
  }
  message.textContent = explain(error);
}

function textField(label, properties, hint) {
  return field(label, h("input", { autocomplete: "off", spellcheck: "false", ...properties }), hint);
}

// personFields are the role, name and email address.
function personFields(host, user) {
  const offered = rolesFor(host.api.user.role);
  const role = field("Role", h("select", { name: "role" }, offered.map((one) => h("option", { selected: one === user.role }, one))),
    "Changing it ends their sessions");
  const name = textField("Name", { name: "name", maxlength: "128" });
  const email = textField("Email address", { name: "email", type: "email", maxlength: "254" });
  name.control.value = user.name ?? "";
  email.control.value = user.email ?? "";
  const values = () => ({ role: role.control.value, name: name.control.value.trim(), email: email.control.value.trim() });
  return {
    fields: { role, name, email }, nodes: [role.node, name.node, email.node], values,
    changes: (before) => Object.fromEntries(Object.entries(values()).filter(([key, value]) => value !== (before[key] ?? ""))),
  };
}

// passwordField is a password with a way to make one up, and to see it.
function passwordField() {
  const password = field("Password", h("input", {
    name: "password", type: "password", required: true, maxlength: "128", autocomplete: "new-password", spellcheck: "false",
  }), "8 to 128 characters with a letter and a digit");
  const show = h("input", { type: "checkbox", onchange: () => { password.control.type = show.checked ? "text" : "password"; } });
  const make = h("button", { type: "button", onclick: () => {
    password.control.value = generatePassword();
    password.control.type = "text";
    show.checked = true;
    password.control.select();
  } }, "Generate");
  return { field: password, nodes: [password.node, h("div", { class: "tools" }, make, h("label", { class: "choice" }, show, "Show"))] };
}
