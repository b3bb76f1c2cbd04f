// Elements, made one by one. No HTML is ever parsed, so what people typed into
// a name, a reason or a user agent stays text whatever it looks like.

const svgNamespace = "http://www.w3.org/2000/svg";

// h makes an element. A property whose name begins with "on" is a listener; one
// that is null, undefined or false is left out; true is an empty attribute.
// Children are nodes, strings, or lists of them; null and false are left out.
export function h(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

// svg makes an element of an SVG drawing, as h does.
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, name), properties, children);
}

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

// Characters that draw nothing, or that turn the direction of what follows: a
// name must not be able to look like another one.
const hidden = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu;

// given shows a text that somebody chose, kept apart from what stands around
// it, with characters that cannot be seen written out.
export function given(text) {
  const shown = h("bdi", { class: "given" });
  let from = 0;
  for (const found of String(text ?? "").matchAll(hidden)) {
    shown.append(text.slice(from, found.index), h("span", { class: "unseen" }, codeOf(found[0])));
    from = found.index + found[0].length;
  }
  shown.append(String(text ?? "").slice(from));
  return shown;
}

function codeOf(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

// plain is what given shows, as a string, for titles and labels.
export function plain(text) {
  return String(text ?? "").replace(hidden, (character) => `[${codeOf(character)}]`);
}

let fields = 0;

// field is a labelled control with room for a hint and an error. set shows the
// error, or takes it away when it is empty.
export function field(label, control, hint) {
  const id = `field-${++fields}`;
  control.id ||= id;
  const fault = h("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const help = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  control.setAttribute("aria-describedby", [help?.id, fault.id].filter(Boolean).join(" "));
  const node = h("div", { class: "field" }, h("label", { for: control.id }, label), control, help, fault);
  const set = (message) => {
    fault.textContent = message;
    fault.hidden = !message;
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  return { node, control, set };
}

// busy disables a button while the work goes on. A button that is disabled loses
// the focus, so it gets it back unless it has gone elsewhere.
export async function busy(button, work) {
  const focused = document.activeElement === button;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    const lost = [document.body, button.closest("dialog")].includes(document.activeElement);
    if (focused && lost) button.focus();
  }
}

// lock draws a closed lock, which says what it means to those who cannot see it.
export function lock(meaning) {
  return svg("svg", { class: "lock", viewBox: "0 0 16 16", role: "img", "aria-label": meaning },
    svg("title", {}, meaning),
    svg("path", { d: "M5 7V5a3 3 0 0 1 6 0v2", fill: "none", stroke: "currentColor", "stroke-width": "1.8" }),
    svg("rect", { x: "3", y: "7", width: "10", height: "7", rx: "1.5", fill: "currentColor" }));
}
