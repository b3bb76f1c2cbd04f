// Windows over the page: the native <dialog>, which keeps the focus inside and
// gives it back to where it was.

import { h } from "./dom.js";

// ask opens a window and returns, once it is closed, what it was closed with;
// undefined when it was left by Escape. draw gets the function that closes it,
// which returns whether it was still open, and returns what is in it. What has
// the class "lead" is the question. first finds what has the focus to begin with.
// A window that is kept stays until it is closed with an answer.
export function ask({ title, draw, first, signal, kept }) {
  return new Promise((resolve) => {
    let answer;
    const life = new AbortController();
    const closed = () => {
      if (kept && answer === undefined) return dialog.showModal(); // Chromium heeds a second Escape, whatever cancel says
      life.abort();
      dialog.remove();
      resolve(answer);
    };
    const dialog = h("dialog", { class: kept && "kept", "aria-label": title, onclose: closed, oncancel: (event) => kept && event.preventDefault() });
    const close = (value) => {
      const open = dialog.open;
      if (open) answer = value;
      dialog.close();
      return open;
    };
    dialog.append(h("h2", {}, title), draw(close, dialog));
    const lead = dialog.querySelector(".lead");
    if (lead) {
      lead.id = "dialog-lead";
      dialog.setAttribute("aria-describedby", lead.id); // heard though the focus is on No
    }
    document.body.append(dialog);
    signal?.addEventListener("abort", () => close(undefined), { signal: life.signal });
    dialog.showModal();
    first?.(dialog)?.focus();
  });
}

// confirm asks a question that is answered by No, which has the focus, or Yes.
export async function confirm({ title = "Confirm", question, yes = "Yes", signal }) {
  return await ask({
    title, signal,
    first: (dialog) => dialog.querySelector("[data-answer=no]"),
    draw: (close) => h("div", {}, h("p", { class: "lead" }, question), h("div", { class: "actions" },
      h("button", { type: "button", class: "danger", onclick: () => close(true) }, yes),
      h("button", { type: "button", "data-answer": "no", onclick: () => close(false) }, "No"))),
  }) === true;
}
