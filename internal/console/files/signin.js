// Signing in. Each answer of POST /login is said in the words of whoever
// waits at the door.

import { busy, field, h } from "./dom.js";
import { count, seconds } from "./format.js";
import { reasonOf } from "./words.js";

// signIn shows the form, and calls enter once somebody is in. reason is why the
// last session ended, if there was one, and known what its user need not type.
export function signIn(host) {
  new Door(host).draw();
}

class Door {
  constructor(host) {
    this.host = host; // root, api, reason, known, signal and enter
  }

  draw() {
    const { root, reason, known } = this.host;
    const { client, username, password } = this.fields = {
      client: nameField("Client", { name: "client", maxlength: "32", autocomplete: "organization", value: known.client }),
      username: nameField("User name", { name: "username", maxlength: "256", autocomplete: "username", value: known.username }),
      password: field("Password", h("input", {
        name: "password", type: "password", required: true, maxlength: "256", autocomplete: "current-password",
      })),
    };
    this.message = h("p", { class: "message", role: "alert" });
    this.countdown = h("p", { class: "hint", id: "countdown" });
    this.button = h("button", { class: "main", "aria-describedby": "countdown" }, "Sign in");
    root.append(h("form", { class: "door", novalidate: true, onsubmit: (event) => this.submit(event) },
      h("h1", {}, "Portcullis"), h("p", { class: "hint" }, "Sign in as a Sysadmin or Superuser."),
      reason && h("p", { class: "notice", role: "status" }, reason),
      client.node, username.node, password.node, this.message, this.countdown, this.button));
    (known.username ? password : client).control.focus();
  }

  async submit(event) {
    event.preventDefault();
    if (!this.complete()) return;
    this.message.textContent = "";
    const { api, signal, enter } = this.host;
    const { client, username, password } = this.fields;
    try {
      await busy(this.button, () => api.signIn(client.control.value.trim(), username.control.value.trim(), password.control.value));
    } catch (error) {
      if (!signal.aborted) this.refused(error);
      return;
    }
    if (!signal.aborted) enter();
  }

  // complete marks what is empty, and leads there.
  complete() {
    const empty = Object.values(this.fields).filter((one) => {
      one.set(one.control.value ? "" : "Fill this in.");
      return !one.control.value;
    });
    empty[0]?.control.focus();
    return empty.length === 0;
  }

  // refused says why, and leads to where to go on. A password that was compared
  // is dropped; one that was not may be the right one.
  refused(error) {
    if (error.kind === "invalid-request" && this.mark(error.document.errors ?? [])) return;
    const { control } = this.fields.password;
    this.message.textContent = sentence(error);
    if (["invalid-credentials", "user-locked"].includes(error.kind)) control.value = "";
    control.focus();
    if (error.retryAfter) this.wait(error.retryAfter);
  }

  // mark shows at the fields what cannot be, and returns whether it is there.
  mark(faults) {
    const known = faults.filter((fault) => this.fields[fault.field]);
    for (const fault of known) this.fields[fault.field].set(`This ${fault.message}.`);
    if (known.length) this.fields[known[0].field].control.focus();
    return known.length > 0;
  }

  // wait counts down until the form may be sent again. Only its end is heard.
  wait(time) {
    const until = Date.now() + time * 1000;
    this.button.disabled = true;
    const tick = () => {
      const left = (until - Date.now()) / 1000;
      if (this.host.signal.aborted) return;
      if (left > 0) {
        this.countdown.textContent = `You can try again in ${seconds(left)}.`;
        setTimeout(tick, 1000 * (left % 1) + 1);
        return;
      }
      this.button.disabled = false;
      this.countdown.textContent = "";
      this.message.textContent = "You can try again now.";
    };
    tick();
  }
}

// nameField is a field for a name that no keyboard should improve.
function nameField(label, properties) {
  return field(label, h("input", { required: true, autocapitalize: "none", spellcheck: "false", ...properties }));
}

// sentence is what a refusal means at the door.
function sentence(error) {
  if (error.kind === "user-locked") return `You are locked out, and the right password does not help now. ${error.message}`;
  if (error.kind !== "invalid-credentials") return reasonOf(error);
  const left = error.document.attempts_remaining;
  return `The user name or the password is wrong. ${left === 1
    ? "One more wrong password locks you out."
    : `You can try ${count(left, "more time")}, then you are locked out.`}`;
}
