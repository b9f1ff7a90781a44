// Draws the figures from the JSON in the page; every number in them was computed before.
"use strict";

const report = JSON.parse(document.getElementById("report-data").textContent);

// Plotly reads a little HTML in labels, so what comes from names is text first.
const safe = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 8)}…${text.slice(-7)}`);

function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { colour, colours: Array.from({ length: 8 }, (_, i) => colour(`--c${i}`)) };
}

function layout(more) {
  const { colour } = theme();
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: colour("--ink") },
    hoverlabel: { align: "left", font: { family: "system-ui, sans-serif" } },
    ...more,
  };
}

const axis = (more) => {
  const { colour } = theme();
  return { gridcolor: colour("--grid"), zerolinecolor: colour("--soft"), linecolor: colour("--line"), automargin: true, ...more };
};

const CONFIG = { displayModeBar: false, responsive: true, displaylogo: false };

function waterfall(div, found) {
  if (!found) { Plotly.purge(div); div.textContent = "It did not complete, so there is no difference to explain."; return; }
  const { colour, colours } = theme();
  const [unit, size] = unitOf(Math.max(...found.bars.map((bar) => Math.abs(bar[1])), Math.abs(found.difference_ps)));
  // The terms of most effect by name, all others together: every bar counts, none is left out.
  let bars = found.bars.filter((bar) => bar[1]);
  const least = Math.max(...bars.map((bar) => Math.abs(bar[1])), 0) / 500;
  const named = new Set([...bars].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 8).filter((bar) => Math.abs(bar[1]) >= least));
  const rest = bars.filter((bar) => !named.has(bar));
  if (rest.length > 1) {
    bars = [...bars.filter((bar) => named.has(bar)), [`${rest.length} smaller terms`, rest.reduce((sum, bar) => sum + bar[1], 0), ""]];
  }
  const rows = [...bars, ["difference", found.difference_ps, ""]];
  const wide = div.clientWidth > 430 ? 30 : 20;
  Plotly.react(div, [{
    type: "waterfall", orientation: "h",
    y: rows.map((_, i) => i), x: rows.map((row) => row[1] / size),
    measure: rows.map((_, i) => (i === rows.length - 1 ? "total" : "relative")),
    text: rows.map((row) => `${row[1] > 0 ? "+" : ""}${spell(row[1], 4)}`), textposition: "auto", constraintext: "none", cliponaxis: false,
    hovertext: rows.map((row) => `${safe(row[0])}<br>${row[1] > 0 ? "+" : ""}${spell(row[1], 12)}${row[2] ? `<br>${safe(row[2])}` : ""}`), hoverinfo: "text",
    increasing: { marker: { color: colours[3] } }, decreasing: { marker: { color: colours[0] } }, totals: { marker: { color: colour("--soft") } },
    connector: { line: { color: colour("--line"), width: 1 } },
  }], layout({
    margin: { l: 10, r: 64, t: 8, b: 40 },
    yaxis: axis({ autorange: "reversed", tickmode: "array", tickvals: rows.map((_, i) => i), ticktext: rows.map((row) => safe(short(row[0], wide))) }),
    xaxis: axis({ title: { text: `change of the makespan [${unit}]` }, zeroline: true }), showlegend: false,
  }), CONFIG);
}

function scatter(div, data, found, labels) {
  if (!found || !found.name.length) { Plotly.purge(div); div.textContent = "There is no operation that takes time in both."; return; }
  const { colour, colours } = theme();
  const [unit, size] = unitOf(Math.max(...found.one_ps));
  const x = found.one_ps.map((v) => v / size);
  const y = found.other_ps.map((v) => v / size);
  const traces = [];
  const low = Math.min(...x, ...y) / 2;
  const high = Math.max(...x, ...y) * 2.5;
  traces.push({ x: [low, high], y: [low, high], mode: "lines", line: { color: colour("--soft"), width: 1, dash: "dot" }, hoverinfo: "skip", showlegend: false });
  data.categories.forEach((category, code) => {
    const at = found.category.map((c, i) => [c, i]).filter(([c]) => c === code).map(([, i]) => i);
    if (!at.length) return;
    traces.push({
      x: at.map((i) => x[i]), y: at.map((i) => y[i]), mode: "markers", name: safe(short(category, 34)),
      marker: { color: colours[Math.min(code, 7)], size: at.map((i) => Math.min(20, 7 + 2 * Math.log10(found.executions[i]))), opacity: 0.8, line: { width: 0.5, color: colour("--paper") }, symbol: ["circle", "square", "diamond", "triangle-up", "star", "pentagon", "hexagon", "x"][Math.min(code, 7)] },
      text: at.map((i) => `<b>${safe(short(data.names[found.name[i]], 60))}</b><br>${safe(category)}<br>A ${safe(labels[0])}: ${spell(found.one_ps[i], 8)}<br>B ${safe(labels[1])}: ${spell(found.other_ps[i], 8)}<br>${found.executions[i]} alike`),
      hoverinfo: "text",
    });
  });
  // Numbers on the chart and names below it: names would lie over one another.
  const annotations = found.worst.map((i, rank) => ({
    x: Math.log10(x[i]), y: Math.log10(y[i]), text: `<b>${rank + 1}</b>`, showarrow: true, arrowhead: 0, arrowwidth: 1, arrowcolor: colour("--soft"),
    ax: y[i] >= x[i] ? -16 - 11 * (rank % 2) : 16 + 11 * (rank % 2), ay: (y[i] >= x[i] ? -1 : 1) * (16 + 9 * (rank % 3)),
    font: { size: 11, color: colour("--ink") }, bgcolor: colour("--panel"), bordercolor: colour("--line"), borderpad: 2,
  }));
  const list = div.parentElement.querySelector("ol.worst");
  list.replaceChildren(...found.worst.map((i) => {
    const item = document.createElement("li");
    const change = 100 * (found.other_ps[i] / found.one_ps[i] - 1);
    item.textContent = `${data.names[found.name[i]]}: ${spell(found.one_ps[i], 5)} → ${spell(found.other_ps[i], 5)} (${change > 0 ? "+" : ""}${Number(change.toPrecision(3))} %)`;
    return item;
  }));
  const name = (label) => safe(short(label, 24));
  Plotly.react(div, traces, layout({
    margin: { l: 10, r: 14, t: 8, b: 40 }, annotations,
    xaxis: axis({ type: "log", title: { text: `A: ${name(labels[0])} [${unit}]` }, range: [Math.log10(low), Math.log10(high)], dtick: 1, exponentformat: "power", tickfont: { size: 10 } }),
    yaxis: axis({ type: "log", title: { text: `B: ${name(labels[1])} [${unit}]` }, range: [Math.log10(low), Math.log10(high)], dtick: 1, exponentformat: "power", tickfont: { size: 10 } }),
    legend: { orientation: "h", y: -0.2, font: { size: 11 } },
  }), CONFIG);
}

class Figures {
  constructor(section, data) {
    this.section = section;
    this.data = data;
    this.chosen = section.querySelector("select.other");
    const predictions = data.predictions.map(unpack);
    this.timeline = new TimelineView(section.querySelector(".timeline"), data, predictions);
    this.on("select.other", "change", () => this.draw());
    this.on("button.in", "click", () => this.timeline.zoom(0.5));
    this.on("button.out", "click", () => this.timeline.zoom(2));
    this.on("button.all", "click", () => { this.timeline.whole(); this.timeline.draw(); });
    this.on("button.before", "click", () => this.turn(-1));
    this.on("button.after", "click", () => this.turn(1));
    this.on("input.path", "change", (event) => { this.timeline.path = event.target.checked; this.timeline.draw(); });
    this.turn(0);
  }

  on(selector, event, action) {
    const found = this.section.querySelector(selector);
    if (found) found.addEventListener(event, action);
  }

  turn(by) {
    const view = this.timeline;
    view.page = Math.max(0, Math.min(view.pages - 1, view.page + by));
    const where = this.section.querySelector(".where");
    const first = view.page * TimelineView.CLASSES;
    if (where) where.textContent = `rank classes ${first + 1}–${Math.min(first + TimelineView.CLASSES, this.data.lanes.length)} of ${this.data.lanes.length}`;
    view.draw();
  }

  draw() {
    const { data } = this;
    const other = this.chosen ? Number(this.chosen.value) : data.reference;
    const pair = other === data.reference ? [other] : [data.reference, other];
    this.timeline.show(pair);
    const labels = pair.map((i) => data.predictions[i].label);
    if (pair.length < 2) return;
    waterfall(this.section.querySelector(".waterfall"), data.waterfalls[other]);
    scatter(this.section.querySelector(".scatter"), data, data.scatters[other], labels);
    this.section.querySelectorAll(".name-a").forEach((e) => { e.textContent = labels[0]; });
    this.section.querySelectorAll(".name-b").forEach((e) => { e.textContent = labels[1]; });
  }
}

const all = report.comparisons.map((data, i) => new Figures(document.getElementById(`figures-${i}`), data));
const redraw = () => all.forEach((figures) => figures.draw());
redraw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
matchMedia("print").addEventListener("change", redraw);
addEventListener("beforeprint", () => { document.querySelectorAll("details").forEach((d) => { d.open = true; }); redraw(); });
addEventListener("afterprint", redraw);
document.documentElement.dataset.drawn = "yes";
