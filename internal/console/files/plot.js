// Small plots as inline SVG, each with the same numbers as a table beneath.

import { h, svg } from "./dom.js";

const width = 720;
const height = 160;
const margin = { left: 32, right: 8, top: 8, bottom: 24 };

const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

// bars draws, for each day, one bar of each series beside the other. Rows are
// {day: Date, values: [number of each series]}.
export function bars({ rows, series, title }) {
  const top = niceTop(Math.max(1, ...rows.flatMap((row) => row.values)));
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const step = inner.width / rows.length;
  const y = (value) => margin.top + inner.height * (1 - value / top);
  const drawn = rows.flatMap((row, i) => row.values.map((value, s) => {
    const breadth = (step * 0.8) / series.length;
    return value > 0 && svg("rect", {
      class: `bar series-${s + 1}`, x: (margin.left + i * step + step * 0.1 + s * breadth).toFixed(1), y: y(value).toFixed(1),
      width: (breadth * 0.9).toFixed(1), height: (y(0) - y(value)).toFixed(1),
    });
  })).filter(Boolean);
  const marks = [0, top / 2, top].filter(Number.isInteger).map((value) => [
    svg("line", { class: "rule", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: margin.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)),
  ]);
  const dates = rows.filter((_, i) => i % 7 === rows.length % 7 || i === rows.length - 1).map((row) => svg("text", {
    class: "tick", x: margin.left + (rows.indexOf(row) + 0.5) * step, y: height - 6, "text-anchor": "middle",
  }, short.format(row.day)));
  return h("figure", { class: "plot" },
    h("figcaption", {}, title, series.map((name, s) => h("span", { class: "key" }, svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" },
      svg("rect", { class: `bar series-${s + 1}`, width: "10", height: "10" })), name))),
    svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. The table beneath has the numbers.` }, marks, drawn, dates),
    tableOf(rows, series));
}

// niceTop is the end of the scale: the next even number, or of ten, fifty …
function niceTop(most) {
  const size = 10 ** Math.floor(Math.log10(most));
  return [2, 4, 6, 8, 10].map((n) => n * size).find((n) => n >= most) ?? most;
}

// tableOf writes the days on which there was something.
function tableOf(rows, series) {
  const busyDays = rows.filter((row) => row.values.some(Boolean)).reverse();
  if (busyDays.length === 0) return h("p", {}, "There was nothing in these days.");
  return h("details", {}, h("summary", {}, "The numbers"),
    h("div", { class: "table" }, h("table", {},
      h("caption", {}, "Days with a lock or an unlock, newest first"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Day"), series.map((name) => h("th", { scope: "col", class: "number" }, name)))),
      h("tbody", {}, busyDays.map((row) => h("tr", {}, h("th", { scope: "row" }, long.format(row.day)), row.values.map((value) => h("td", { class: "number" }, String(value)))))))));
}
