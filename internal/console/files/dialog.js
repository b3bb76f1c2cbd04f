// Windows over the page: the native <dialog>, which keeps the focus inside and
// gives it back to where it was.

import { h } from "./dom.js";

// ask opens a window and returns, once it is closed, what it was closed with;
// undefined when it was left by Escape. draw gets the function that closes it,
// which returns whether it was still open, and returns what is in it. What has
// the class "lead" is the question. first finds what has the focus to begin with.
export function ask({ title, draw, first, signal }) {
  return new Promise((resolve) => {
    let answer;
    const name = h("h2", { id: "dialog-title" }, title);
    const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => { dialog.remove(); resolve(answer); } });
    const close = (value) => {
      const open = dialog.open;
      if (open) answer = value;
      dialog.close();
      return open;
    };
    dialog.append(name, draw(close, dialog));
    const lead = dialog.querySelector(".lead");
    if (lead) {
      lead.id = "dialog-lead";
      dialog.setAttribute("aria-describedby", lead.id); // heard though the focus is on No
    }
    document.body.append(dialog);
    signal?.addEventListener("abort", () => close(undefined), { once: true });
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
