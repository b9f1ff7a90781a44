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

// As wide and high as its place, said outright: paper has another width than the screen on which it is drawn for it.
function layout(div, more) {
  const { colour } = theme();
  return {
    width: div.clientWidth, height: div.clientHeight,
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

// A legend in as many rows as it takes, under the axis and its title; from the third on the chart grows by them.
function legendBelow(div, names) {
  const entry = 52 + 6.2 * Math.max(0, ...names.map((name) => name.length));
  const rows = Math.ceil(names.length / Math.max(1, Math.floor(div.clientWidth / entry)));
  div.style.height = "";
  if (rows > 2) div.style.height = `${div.clientHeight + 20 * (rows - 2)}px`;
  return { margin: 50 + 20 * rows, legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", entrywidth: entry - 40, font: { size: 11 } } };
}

const CONFIG = { displayModeBar: false, displaylogo: false };

// From the lowest to the highest that a waterfall comes, with room for labels beside it.
function reach(changes) {
  const sums = [0];
  changes.slice(0, -1).forEach((change) => sums.push(sums[sums.length - 1] + change));
  const [low, high] = [Math.min(...sums), Math.max(...sums)];
  const room = 0.2 * (high - low || 1);
  return [low < 0 ? low - room : 0, high > 0 ? high + room : 0];
}

// Where each bar of a waterfall begins: where the one before ended; the last, their sum, at nothing.
function begins(changes) {
  let sum = 0;
  return changes.map((change, i) => {
    const start = i === changes.length - 1 ? 0 : sum;
    sum += change;
    return start;
  });
}

// What is not shown has no size to be drawn in.
const hidden = (div) => !div.clientWidth;

function waterfall(div, found) {
  if (hidden(div)) return;
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
  const largest = Math.max(...rows.map((row) => Math.abs(row[1])));
  const wide = div.clientWidth > 430 ? 36 : 24;
  // Where there is little room, the phase of a term stands under it.
  const label = (text) => (div.clientWidth > 430 ? [text] : text.split(", ")).map((part) => safe(short(part, wide))).join(",<br>");
  Plotly.react(div, [{
    type: "bar", orientation: "h",
    y: rows.map((_, i) => i), x: rows.map((row) => row[1] / size), base: begins(rows.map((row) => row[1] / size)),
    marker: { color: rows.map((row, i) => (i === rows.length - 1 ? colour("--soft") : colours[row[1] > 0 ? 3 : 0])) },
    text: rows.map((row) => `${row[1] > 0 ? "+" : ""}${spell(row[1], 4)}`), textposition: rows.map((row) => (Math.abs(row[1]) < largest / 20 ? "outside" : "auto")), constraintext: "none", cliponaxis: false,
    hovertext: rows.map((row) => `${safe(row[0])}<br>${row[1] > 0 ? "+" : ""}${spell(row[1], 12)}${row[2] ? `<br>${safe(row[2])}` : ""}`), hoverinfo: "text",
    outsidetextfont: { color: colour("--ink") }, insidetextfont: { color: colour("--on") },
  }], layout(div, {
    margin: { l: 10, r: 64, t: 8, b: 40 },
    yaxis: axis({ autorange: "reversed", zeroline: false, tickmode: "array", tickvals: rows.map((_, i) => i), ticktext: rows.map((row) => label(row[0])), tickfont: { size: div.clientWidth > 430 ? 12 : 10 } }),
    xaxis: axis({ title: { text: `change of the makespan [${unit}]` }, zeroline: true, range: reach(rows.map((row) => row[1] / size)) }), showlegend: false,
  }), CONFIG);
}

// How much later it could end without a later end of the step, in both predictions.
function slackOf(found, i, before) {
  if (!found.one_slack_ps || !found.other_slack_ps) return "";
  return `${before}slack ${spell(found.one_slack_ps[i], 4)} in A, ${spell(found.other_slack_ps[i], 4)} in B`;
}

// Where beside a point a number may stand without lying over another: nearer places first, away from the diagonal.
function freePlace(taken, wide, high, x, y, side) {
  for (let reach = 22; reach < 160; reach += 14) {
    for (const turn of [0, 0.5, -0.5, 1, -1, 2, -2, 3]) {
      const angle = Math.PI / 4 + (turn * Math.PI) / 4;
      const [ax, ay] = [side * reach * Math.cos(angle), side * reach * Math.sin(angle)];
      const within = x + ax > 12 && x + ax < wide - 12 && y + ay < -12 && y + ay > 12 - high;
      if (within && taken.every(([tx, ty]) => Math.abs(tx - x - ax) > 22 || Math.abs(ty - y - ay) > 22)) {
        taken.push([x + ax, y + ay]);
        return [ax, ay];
      }
    }
  }
  return [side * 22, side * 22];
}

function scatter(div, data, found, labels) {
  if (hidden(div)) return;
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
      marker: { color: colours[Math.min(code, 7)], size: at.map((i) => Math.min(20, 7 + 2 * Math.log10(found.executions[i]))), opacity: 0.8, line: { width: 0.5, color: colour("--paper") }, symbol: SYMBOLS[Math.min(code, 7)] },
      text: at.map((i) => `<b>${safe(short(data.names[found.name[i]], 60))}</b><br>${safe(category)}<br>A ${safe(labels[0])}: ${spell(found.one_ps[i], 8)}<br>B ${safe(labels[1])}: ${spell(found.other_ps[i], 8)}<br>${found.executions[i]} alike${slackOf(found, i, "<br>")}`),
      hoverinfo: "text",
    });
  });
  // Numbers on the chart and names below it: names would lie over one another.
  const below = legendBelow(div, traces.slice(1).map((trace) => trace.name));
  const taken = [];
  const annotations = found.worst.map((i, rank) => {
    const side = y[i] >= x[i] ? -1 : 1;
    const [wide, tall] = [div.clientWidth - 70, div.clientHeight - below.margin - 10];
    const at = (value) => Math.log10(value / low) / Math.log10(high / low);
    const [ax, ay] = freePlace(taken, wide, tall, at(x[i]) * wide, -at(y[i]) * tall, side);
    return {
      x: Math.log10(x[i]), y: Math.log10(y[i]), text: `<b>${rank + 1}</b>`, showarrow: true, arrowhead: 0, arrowwidth: 1, arrowcolor: colour("--soft"), ax, ay,
      font: { size: 11, color: colour("--ink") }, bgcolor: colour("--panel"), bordercolor: colour("--line"), borderpad: 2,
    };
  });
  const list = div.parentElement.querySelector("ol.worst");
  list.replaceChildren(...found.worst.map((i) => {
    const item = document.createElement("li");
    const change = 100 * (found.other_ps[i] / found.one_ps[i] - 1);
    item.textContent = `${data.names[found.name[i]]}, ${data.categories[found.category[i]]}, ${found.executions[i]} alike: ${spell(found.one_ps[i], 5)} → ${spell(found.other_ps[i], 5)} (${change > 0 ? "+" : ""}${Number(change.toPrecision(3))} %)${slackOf(found, i, "; ")}`;
    return item;
  }));
  const name = (label) => safe(short(label, 24));
  Plotly.react(div, traces, layout(div, {
    margin: { l: 10, r: 14, t: 8, b: below.margin }, annotations,
    xaxis: axis({ type: "log", title: { text: `A: ${name(labels[0])} [${unit}]` }, range: [Math.log10(low), Math.log10(high)], dtick: 1, exponentformat: "power", tickfont: { size: 10 } }),
    yaxis: axis({ type: "log", title: { text: `B: ${name(labels[1])} [${unit}]` }, range: [Math.log10(low), Math.log10(high)], dtick: 1, exponentformat: "power", tickfont: { size: 10 } }),
    legend: below.legend,
  }), CONFIG);
}

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "star", "pentagon", "hexagon", "x"];
const SIZES = [["B", 0], ["KiB", 10], ["MiB", 20], ["GiB", 30], ["TiB", 40], ["PiB", 50]];

function spellSize(bytes) {
  const [name, power] = [...SIZES].reverse().find(([, p]) => bytes >= 2 ** p) || SIZES[0];
  return `${Number((bytes / 2 ** power).toPrecision(4))} ${name}`;
}

// A tick per power of ten with its unit; between them where there are few, fewer where there are many.
function timeTicks(seconds) {
  const first = Math.floor(Math.log10(Math.min(...seconds)));
  const last = Math.ceil(Math.log10(Math.max(...seconds)));
  const values = [];
  for (let p = first; p <= last; p += last - first > 9 ? 3 : 1) values.push(...(last - first < 3 ? [1, 2, 5] : [1]).map((digit) => digit * 10 ** p));
  return { tickmode: "array", tickvals: values, ticktext: values.map((value) => spell(value * 1e12, 3)) };
}

function sweepChart(div, swept, what) {
  if (hidden(div)) return;
  const { colour, colours } = theme();
  const known = swept.curves.flatMap((curve) => curve.times_s.filter((t) => t > 0));
  if (!known.length) { Plotly.purge(div); div.textContent = "Nobody answered."; return; }
  const bus = what === "bus";
  // A model has one colour; dashes tell apart its algorithms, or else the models once more.
  const several = swept.curves.some((curve) => curve.algorithm);
  const traces = swept.curves.map((curve, n) => ({
    x: swept.sizes_bytes, y: bus ? curve.bus_bytes_per_s.map((v) => v && v / 1e9) : curve.times_s, name: safe(short(curve.name, 30)),
    mode: "lines+markers", connectgaps: false, line: { color: colours[curve.model % 7], width: 2, dash: DASHES[(several ? curve.algorithm : n) % 8] },
    // Curves that coincide: markers of later ones are smaller, so that all are seen.
    marker: { symbol: SYMBOLS[n % 8], size: Math.max(5, 10 - 1.5 * n) },
    text: curve.times_s.map((t, i) => `<b>${safe(short(curve.name, 60))}</b><br>${spellSize(swept.sizes_bytes[i])}<br>${t === null ? "" : spell(t * 1e12, 6)}<br>${curve.bus_bytes_per_s[i] ? `${Number((curve.bus_bytes_per_s[i] / 1e9).toPrecision(4))} GB/s bus bandwidth` : ""}`),
    hoverinfo: "text",
  }));
  const low = swept.sizes_bytes[0];
  const high = swept.sizes_bytes[swept.sizes_bytes.length - 1];
  const powers = SIZES.flatMap(([, p]) => [p, p + 5]).filter((p) => 2 ** p >= low / 2 && 2 ** p <= high * 2);
  const ticks = powers.length > 7 ? powers.filter((p) => p % 10 === 0) : powers;
  const below = legendBelow(div, traces.map((trace) => trace.name));
  Plotly.react(div, traces, layout(div, {
    margin: { l: 10, r: 14, t: 8, b: below.margin },
    xaxis: axis({ type: "log", title: { text: "size" }, tickmode: "array", tickvals: ticks.map((p) => 2 ** p), ticktext: ticks.map((p) => spellSize(2 ** p)), tickfont: { size: 10 } }),
    yaxis: axis({ type: "log", title: { text: bus ? "bus bandwidth [GB/s]" : "time" }, ...(bus ? { exponentformat: "none" } : timeTicks(known)), tickfont: { size: 10 } }),
    shapes: swept.in_step.map(([size]) => ({ type: "line", xref: "x", yref: "paper", x0: size, x1: size, y0: 0, y1: 1, line: { color: colour("--soft"), width: 1, dash: "dot" } })),
    legend: below.legend,
  }), CONFIG);
}

class Sweeps {
  constructor(root, swept) {
    this.root = root;
    this.swept = swept;
    this.chosen = root.parentElement.querySelector("select.what");
    this.chosen.addEventListener("change", () => this.draw());
  }

  draw() {
    this.root.querySelectorAll(".plot").forEach((div, n) => sweepChart(div, this.swept[n], this.chosen.value));
  }
}

class Figures {
  constructor(section, data, predictions) {
    this.section = section;
    this.data = data;
    this.chosen = section.querySelector("select.other");
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

const whys = [...document.querySelectorAll(".why")].map((div) => ({
  draw: () => waterfall(div, report.comparisons[Number(div.dataset.comparison)].waterfalls[Number(div.dataset.other)]),
}));
const sweeps = report.sweeps.map((swept, i) => [document.getElementById(`sweep-${i}`), swept]).filter(([root]) => root).map((pair) => new Sweeps(...pair));
let drawn = [...whys, ...sweeps];
const redraw = () => drawn.forEach((figures) => figures.draw());

async function begin() {
  // The first screen does not wait for the timelines, which are unpacked.
  redraw();
  const unpacked = await Promise.all(report.comparisons.map((data) => Promise.all(data.predictions.map(unpack))));
  const figures = report.comparisons.map((data, i) => new Figures(document.getElementById(`figures-${i}`), data, unpacked[i]));
  drawn = [...whys, ...figures, ...sweeps];
  redraw();
  document.documentElement.dataset.drawn = "yes";
}

begin();
// Charts choose ticks, labels and rows of the legend by their width.
let wide = document.body.clientWidth;
new ResizeObserver(() => {
  if (document.body.clientWidth === wide) return;
  wide = document.body.clientWidth;
  requestAnimationFrame(redraw);
}).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
// Paper is narrower than a screen, and has what is folded away opened.
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  document.documentElement.classList.add("paper");
  redraw();
});
addEventListener("afterprint", () => { document.documentElement.classList.remove("paper"); redraw(); });
