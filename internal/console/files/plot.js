// Small plots as inline SVG, each with the same numbers as a table beneath.

import { h, svg } from "./dom.js";
import { number } from "./format.js";

const height = 168;
const margin = { left: 40, right: 8, top: 8, bottom: 24 };
const narrowest = 240; // below which it is scaled down
const labelWidth = 64; // room for a date

const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

// bars draws, for each day, one bar of each series beside the other. Rows are
// {day: Date, values: [number of each series]}. It is drawn in the pixels it
// has, and anew when they change, so that its text is always as large as text.
export function bars({ rows, series, title }) {
  const drawing = svg("svg", { role: "img", "aria-label": `${title}. The table beneath has the numbers.` });
  new ResizeObserver(() => drawInto(drawing, rows, series)).observe(drawing);
  return h("figure", { class: "plot" },
    h("figcaption", {}, title, series.map((name, s) => h("span", { class: "key" }, svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" },
      svg("rect", { class: `bar series-${s + 1}`, x: "1", y: "1", width: "8", height: "8" })), name))),
    drawing, tableOf(rows, series));
}

function drawInto(drawing, rows, series) {
  const width = Math.max(narrowest, Math.round(drawing.clientWidth));
  const viewBox = `0 0 ${width} ${height}`;
  if (drawing.getAttribute("viewBox") === viewBox) return;
  drawing.setAttribute("viewBox", viewBox);
  const top = niceTop(Math.max(1, ...rows.flatMap((row) => row.values)));
  const step = (width - margin.left - margin.right) / rows.length;
  const x = (i) => margin.left + i * step;
  const y = (value) => margin.top + (height - margin.top - margin.bottom) * (1 - value / top);
  drawing.replaceChildren(...marksOf(top, width, y), ...barsOf(rows, series, step, x, y), ...datesOf(rows, step, x));
}

function barsOf(rows, series, step, x, y) {
  const breadth = (step * 0.8) / series.length;
  return rows.flatMap((row, i) => row.values.map((value, s) => value > 0 && svg("rect", {
    class: `bar series-${s + 1}`, x: (x(i) + step * 0.1 + s * breadth).toFixed(1), y: y(value).toFixed(1),
    width: (breadth * 0.9).toFixed(1), height: (y(0) - y(value)).toFixed(1),
  }))).filter(Boolean);
}

function marksOf(top, width, y) {
  return [0, top / 2, top].flatMap((value) => [
    svg("line", { class: "rule", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: margin.left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)),
  ]);
}

// datesOf labels the last day, and back from it as many as there is room for.
function datesOf(rows, step, x) {
  const every = Math.ceil(labelWidth / step);
  return rows.map((row, i) => (rows.length - 1 - i) % every === 0 && svg("text", {
    class: "tick", x: i === rows.length - 1 ? x(i + 1) : x(i + 0.5), y: height - 6, "text-anchor": i === rows.length - 1 ? "end" : "middle",
  }, short.format(row.day))).filter(Boolean);
}

// niceTop is the end of the scale, an even number: 2, 4, 6, 8, 10, 20, 40 …
function niceTop(most) {
  const size = 10 ** Math.floor(Math.log10(most));
  return [2, 4, 6, 8, 10].map((n) => n * size).find((n) => n >= most);
}

// tableOf writes the days on which there was something.
function tableOf(rows, series) {
  const busyDays = rows.filter((row) => row.values.some(Boolean)).reverse();
  if (busyDays.length === 0) return h("p", {}, "There was nothing in these days.");
  const sums = series.map((_, s) => rows.reduce((sum, row) => sum + row.values[s], 0));
  const line = (name, values) => h("tr", {}, h("th", { scope: "row" }, name), values.map((value) => h("td", { class: "number" }, number(value))));
  return h("details", {}, h("summary", {}, "The numbers"),
    h("div", { class: "table" }, h("table", {},
      h("caption", {}, "Days with a lock or an unlock, newest first"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Day"), series.map((name) => h("th", { scope: "col", class: "number" }, name)))),
      h("tbody", {}, busyDays.map((row) => line(long.format(row.day), row.values))),
      h("tfoot", {}, line("Total", sums)))));
}
