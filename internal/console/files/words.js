// What went wrong, in the words of whoever sits before the screen.

import { Ended, Problem, Unreachable } from "./api.js";
import { seconds } from "./format.js";

const sentences = {
  "invalid-request": "Something in this form is not as it must be.",
  "unauthorized": "Your session is over. Sign in again.",
  "forbidden": "You are not allowed to do this.",
  "not-found": "That is not there any more.",
  "conflict": "Somebody changed this since you looked.",
  "payload-too-large": "That is too long.",
  "too-many-attempts": "Several sign-ins of this user came at once.",
  "internal": "Portcullis made a mistake.",
  "unavailable": "Portcullis cannot answer at the moment.",
};

// explain says what an error means, and how long to wait. Give it only what came
// of the API.
export function explain(error) {
  const wait = error.retryAfter ? ` Try again in ${seconds(error.retryAfter)}.` : "";
  return `${reasonOf(error)}${wait}`;
}

// reasonOf is explain without the wait.
export function reasonOf(error) {
  if (error instanceof Unreachable) {
    return "No answer. Check your network; nothing you typed is lost.";
  }
  if (error instanceof Ended) return error.message || sentences.unauthorized;
  if (!(error instanceof Problem)) return "This page made a mistake. Reload it, and tell whoever runs Portcullis.";
  const said = sentences[error.kind] ?? `The answer was HTTP ${error.status}.`;
  const id = error.status >= 500 && error.document.request_id ? ` Request ${error.document.request_id}.` : "";
  const detail = ["forbidden", "conflict", "not-found"].includes(error.kind) && error.document.detail;
  return `${detail || said}${id}`;
}

// left reports whether an error only means that the page was left.
export function left(error) {
  return error?.name === "AbortError" || error instanceof Ended;
}
