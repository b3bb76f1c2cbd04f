// How times and numbers are written: in the reader's own language and zone.

import { h } from "./dom.js";

const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const second = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const wholeSecond = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const numbers = new Intl.NumberFormat();

// when shows a moment, given as the API writes it. Today's is only its time.
export function when(stamp) {
  if (!stamp) return h("span", { class: "none" }, "–");
  const moment = new Date(stamp);
  const today = moment.toDateString() === new Date().toDateString();
  return h("time", { datetime: stamp, title: exact.format(moment) }, (today ? clock : whole).format(moment));
}

// instant is when, to the second, for what happens within one minute.
export function instant(stamp) {
  const moment = new Date(stamp);
  const today = moment.toDateString() === new Date().toDateString();
  return h("time", { datetime: stamp, title: exact.format(moment) }, (today ? second : wholeSecond).format(moment));
}

// momentOf writes a moment in words, for sentences.
export function momentOf(stamp) {
  const moment = new Date(stamp);
  const today = moment.toDateString() === new Date().toDateString();
  return today ? clock.format(moment) : whole.format(moment);
}

// number writes a number: "2,000".
export function number(n) {
  return numbers.format(n);
}

// count writes a number with its noun: "1 user", "2,000 users".
export function count(n, one, many = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : many}`;
}

// seconds writes a wait: "1 second", "12 seconds".
export function seconds(n) {
  return count(Math.max(1, Math.ceil(n)), "second");
}
