// Signing in. Each answer of POST /login is said in the words of whoever
// waits at the door.

import { busy, field, h } from "./dom.js";
import { count, seconds } from "./format.js";
import { reasonOf } from "./words.js";

// signIn shows the form, and calls enter once somebody is in. reason is why the
// last session ended, if there was one, and known what its user need not type.
export function signIn({ root, api, reason, known, signal, enter }) {
  const fields = {
    client: field("Client", h("input", {
      name: "client", required: true, maxlength: "32", autocomplete: "organization", autocapitalize: "none", spellcheck: "false",
      value: known.client,
    })),
    username: field("User name", h("input", {
      name: "username", required: true, maxlength: "256", autocomplete: "username", autocapitalize: "none", spellcheck: "false",
      value: known.username,
    })),
    password: field("Password", h("input", {
      name: "password", type: "password", required: true, maxlength: "256", autocomplete: "current-password",
    })),
  };
  const { client, username, password } = fields;
  const message = h("p", { class: "message", role: "alert" });
  const countdown = h("p", { class: "hint", id: "countdown" });
  const button = h("button", { class: "main", "aria-describedby": "countdown" }, "Sign in");
  root.append(h("form", { class: "door", novalidate: true, onsubmit: submit },
    h("h1", {}, "Portcullis"), h("p", { class: "hint" }, "Sign in as a Sysadmin or Superuser."),
    reason && h("p", { class: "notice", role: "status" }, reason),
    client.node, username.node, password.node, message, countdown, button));
  (known.username ? password : client).control.focus();

  async function submit(event) {
    event.preventDefault();
    if (!complete()) return;
    message.textContent = "";
    try {
      await busy(button, () => api.signIn(client.control.value.trim(), username.control.value.trim(), password.control.value));
    } catch (error) {
      if (!signal.aborted) refused(error);
      return;
    }
    if (!signal.aborted) enter();
  }

  // complete marks what is empty, and leads there.
  function complete() {
    const empty = Object.values(fields).filter((one) => {
      one.set(one.control.value ? "" : "Fill this in.");
      return !one.control.value;
    });
    empty[0]?.control.focus();
    return empty.length === 0;
  }

  // refused says why, and leads to where to go on. A password that was compared
  // is dropped; one that was not may be the right one.
  function refused(error) {
    if (error.kind === "invalid-request" && mark(error.document.errors ?? [])) return;
    message.textContent = sentence(error);
    if (["invalid-credentials", "user-locked"].includes(error.kind)) password.control.value = "";
    password.control.focus();
    if (error.retryAfter) wait(error.retryAfter);
  }

  // mark shows at the fields what cannot be, and returns whether it is there.
  function mark(faults) {
    const known = faults.filter((fault) => fields[fault.field]);
    for (const fault of known) fields[fault.field].set(`This ${fault.message}.`);
    if (known.length) fields[known[0].field].control.focus();
    return known.length > 0;
  }

  // wait counts down until the form may be sent again. Only its end is heard.
  function wait(time) {
    const until = Date.now() + time * 1000;
    button.disabled = true;
    const tick = () => {
      const left = (until - Date.now()) / 1000;
      if (signal.aborted) return;
      if (left > 0) {
        countdown.textContent = `You can try again in ${seconds(left)}.`;
        setTimeout(tick, 1000 * (left % 1) + 1);
        return;
      }
      button.disabled = false;
      countdown.textContent = "";
      message.textContent = "You can try again now.";
    };
    tick();
  }
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
