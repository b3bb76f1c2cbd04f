// Signing in. Each answer of POST /login is said in the words of whoever
// waits at the door.

import { busy, field, h } from "./dom.js";
import { count, seconds } from "./format.js";
import { explain } from "./words.js";

// signIn shows the form, and calls enter once somebody is in.
export function signIn({ root, api, reason, signal, enter }) {
  const client = field("Client", h("input", {
    name: "client", required: true, maxlength: "32", autocomplete: "organization", autocapitalize: "none", spellcheck: "false",
  }));
  const username = field("User name", h("input", {
    name: "username", required: true, maxlength: "256", autocomplete: "username", autocapitalize: "none", spellcheck: "false",
  }));
  const password = field("Password", h("input", {
    name: "password", type: "password", required: true, maxlength: "256", autocomplete: "current-password",
  }));
  const message = h("p", { class: "message", role: "alert" });
  const button = h("button", { class: "main" }, "Sign in");
  const form = h("form", { class: "door", novalidate: true, onsubmit: submit },
    h("h1", {}, "Portcullis"), h("p", { class: "hint" }, "Sign in as a Sysadmin or Superuser."),
    client.node, username.node, password.node, message, button);
  root.append(form);
  message.textContent = reason;
  client.control.focus();

  async function submit(event) {
    event.preventDefault();
    if (!complete()) return;
    message.textContent = "";
    try {
      await busy(button, () => api.signIn(client.control.value.trim(), username.control.value, password.control.value));
    } catch (error) {
      if (!signal.aborted) refused(error);
      return;
    }
    if (!signal.aborted) enter();
  }

  // complete marks what is empty, and leads there.
  function complete() {
    const empty = [client, username, password].filter((one) => {
      one.set(one.control.value ? "" : "Fill this in.");
      return !one.control.value;
    });
    empty[0]?.control.focus();
    return empty.length === 0;
  }

  function refused(error) {
    if (error.kind === "invalid-credentials") {
      const left = error.document.attempts_remaining;
      message.textContent = `The user name or the password is wrong. You can try ${count(left, "more time")}, then you are locked out.`;
      if (left === 1) message.textContent = "The user name or the password is wrong. One more wrong password locks you out.";
    } else if (error.kind === "user-locked") {
      message.textContent = `You are locked out, and the right password does not help now. ${error.message}`;
    } else if (error.retryAfter) {
      return wait(explain(error).replace(/ Try again in .*$/, ""), error.retryAfter);
    } else {
      message.textContent = explain(error);
    }
    password.control.value = error.kind === "invalid-credentials" ? "" : password.control.value;
    password.control.focus();
  }

  // wait counts down until the form may be sent again.
  function wait(why, left) {
    button.disabled = true;
    const tick = () => {
      if (signal.aborted) return;
      if (left <= 0) {
        button.disabled = false;
        message.textContent = "You can try again now.";
        button.focus();
        return;
      }
      message.textContent = `${why} You can try again in ${seconds(left)}.`;
      left -= 1;
      setTimeout(tick, 1000);
    };
    tick();
  }
}
