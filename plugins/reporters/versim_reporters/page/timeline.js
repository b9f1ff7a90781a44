// Timelines on a canvas: lanes per rank class, the reference above the other instance, zoom and hover.
"use strict";

const PS_UNITS = [["s", 1e12], ["ms", 1e9], ["µs", 1e6], ["ns", 1e3], ["ps", 1]];

function unitOf(ps) {
  return PS_UNITS.find(([, size]) => Math.abs(ps) >= size) || PS_UNITS[4];
}

function spell(ps, digits = 6) {
  if (!ps) return "0";
  const [name, size] = unitOf(ps);
  return `${Number((ps / size).toPrecision(digits))} ${name}`;
}

// The integers of a column, as versim_reporters.lanes.packed wrote them.
async function column(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(inflated).arrayBuffer());
  const count = planes.length / 8;
  const values = new Float64Array(count);
  let [low, high] = [0, 0];
  for (let i = 0; i < count; i++) {
    const word = (first) => planes[first * count + i] | (planes[(first + 1) * count + i] << 8) | (planes[(first + 2) * count + i] << 16) | (planes[(first + 3) * count + i] << 24);
    // In two halves: a sum of numbers as large as an int64 would be rounded.
    low += word(0) >>> 0;
    high += word(4) + (low >= 2 ** 32 ? 1 : 0);
    low %= 2 ** 32;
    high |= 0;
    values[i] = high * 2 ** 32 + low;
  }
  return values;
}

async function unpack(prediction) {
  const names = ["lane", "start", "wait", "taken", "busy", "count", "name", "category", "critical"];
  const read = { label: prediction.label, end_ps: prediction.end_ps, slack: prediction.slack && (await column(prediction.slack)), first: new Map() };
  (await Promise.all(names.map((name) => column(prediction[name])))).forEach((values, i) => { read[names[i]] = values; });
  read.active = read.start.map((start, i) => start + read.wait[i]);
  read.end = read.active.map((active, i) => active + read.taken[i]);
  // Where each lane begins, and up to each block the latest end in its lane: what a search backwards needs.
  read.reach = new Float64Array(read.lane.length);
  for (let i = 0; i < read.lane.length; i++) {
    const begins = i === 0 || read.lane[i] !== read.lane[i - 1];
    if (begins) read.first.set(read.lane[i], [i, i]);
    read.first.get(read.lane[i])[1] = i + 1;
    read.reach[i] = begins ? read.end[i] : Math.max(read.reach[i - 1], read.end[i]);
  }
  return read;
}

function lowest(from, to, holds) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(middle)) to = middle; else from = middle + 1;
  }
  return from;
}

class TimelineView {
  static CLASSES = 12;
  static HEAD = 22;
  static AXIS = 26;
  static COMPUTE = 15;
  static TRAFFIC = 11;
  static GUTTER = 20;

  constructor(root, data, predictions) {
    this.data = data;
    this.predictions = predictions;
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.tip = root.querySelector(".tip");
    this.page = 0;
    this.path = true;
    this.shown = [0];
    this.whole();
    new ResizeObserver(() => this.draw()).observe(root);
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointerup", (event) => this.released(event));
    this.canvas.addEventListener("dblclick", () => { this.whole(); this.draw(); });
    this.canvas.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  get pages() { return Math.ceil(this.data.lanes.length / TimelineView.CLASSES); }

  whole() {
    this.from = 0;
    this.to = Math.max(1, ...this.predictions.map((p) => p.end_ps));
  }

  show(shown) {
    this.shown = shown;
    this.draw();
  }

  zoom(factor, at = (this.from + this.to) / 2) {
    const end = Math.max(1, ...this.predictions.map((p) => p.end_ps));
    const length = Math.max(10, Math.min(end, (this.to - this.from) * factor));
    const share = (at - this.from) / (this.to - this.from);
    this.from = Math.max(0, Math.min(end - length, at - share * length));
    this.to = this.from + length;
    this.draw();
  }

  pan(share) {
    const end = Math.max(1, ...this.predictions.map((p) => p.end_ps));
    const length = this.to - this.from;
    this.from = Math.max(0, Math.min(end - length, this.from + share * length));
    this.to = this.from + length;
    this.draw();
  }

  key(event) {
    const actions = {
      ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2), "+": () => this.zoom(0.5), "=": () => this.zoom(0.5),
      "-": () => this.zoom(2), "0": () => { this.whole(); this.draw(); },
    };
    if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
  }

  wheeled(event) {
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.pan((event.deltaX || event.deltaY) / this.canvas.clientWidth);
    } else if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY / 300), this.time(event.offsetX));
    }
  }

  time(x) { return this.from + ((x - TimelineView.GUTTER) / (this.width - TimelineView.GUTTER)) * (this.to - this.from); }
  x(time) { return TimelineView.GUTTER + ((time - this.from) / (this.to - this.from)) * (this.width - TimelineView.GUTTER); }

  pressed(event) { if (event.pointerType !== "touch") this.press = event.offsetX; }

  released(event) {
    const from = this.press;
    this.press = undefined;
    if (from !== undefined && Math.abs(event.offsetX - from) > 4) {
      const times = [this.time(from), this.time(event.offsetX)].sort((a, b) => a - b);
      if (times[1] - times[0] >= 10) { this.from = Math.max(0, times[0]); this.to = times[1]; }
    }
    this.draw();
  }

  rows() {
    const V = TimelineView;
    const rows = [];
    let y = V.AXIS;
    const first = this.page * V.CLASSES;
    this.data.lanes.slice(first, first + V.CLASSES).forEach((lane, offset) => {
      rows.push({ y, title: lane.label });
      y += V.HEAD;
      for (const which of this.shown) {
        const pair = [(first + offset) * 2, (first + offset) * 2 + 1];
        rows.push({ y, lane: pair[0], height: V.COMPUTE, which });
        rows.push({ y: y + V.COMPUTE + 1, lane: pair[1], height: V.TRAFFIC, which });
        y += V.COMPUTE + V.TRAFFIC + 6;
      }
      y += 4;
    });
    this.height = y + 4;
    return rows;
  }

  visible(prediction, lane) {
    const [first, last] = prediction.first.get(lane) || [0, 0];
    const begin = lowest(first, last, (i) => prediction.reach[i] >= this.from);
    return [begin, lowest(begin, last, (i) => prediction.start[i] > this.to)];
  }

  draw() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const colours = Array.from({ length: 8 }, (_, i) => colour(`--c${i}`));
    this.laid = this.rows();
    this.width = this.root.clientWidth;
    if (!this.width) return;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.height = `${this.height}px`;
    const g = this.canvas.getContext("2d");
    g.scale(ratio, ratio);
    g.fillStyle = colour("--paper");
    g.fillRect(0, 0, this.width, this.height);
    this.axis(g, colour);
    g.textBaseline = "middle";
    for (const row of this.laid) {
      if (row.title !== undefined) {
        g.fillStyle = colour("--soft");
        g.font = "12px system-ui, sans-serif";
        g.fillText(row.title, 6, row.y + TimelineView.HEAD / 2 + 1, this.width - 12);
        continue;
      }
      if (row.height === TimelineView.COMPUTE) {
        g.fillStyle = colour("--ink");
        g.font = "bold 11px system-ui, sans-serif";
        g.fillText(row.which === this.shown[0] ? "A" : "B", 6, row.y + 13);
      }
      g.fillStyle = colour("--panel");
      g.fillRect(TimelineView.GUTTER, row.y, this.width - TimelineView.GUTTER, row.height);
      this.lane(g, row, colours, colour("--ink"));
    }
    if (this.press !== undefined && this.drag !== undefined) {
      g.fillStyle = colour("--accent");
      g.globalAlpha = 0.2;
      g.fillRect(Math.min(this.press, this.drag), 0, Math.abs(this.drag - this.press), this.height);
      g.globalAlpha = 1;
    }
  }

  lane(g, row, colours, ink) {
    const p = this.predictions[row.which];
    const [first, last] = this.visible(p, row.lane);
    g.save();
    g.beginPath();
    g.rect(TimelineView.GUTTER, row.y - 2, this.width - TimelineView.GUTTER, row.height + 4);
    g.clip();
    // What is narrower than a pixel is added up per pixel and drawn as high as the lane is busy there, so that cost
    // follows the width of the screen and nothing looks busier than it is.
    const columns = Math.ceil(this.width);
    const busy = new Float64Array(columns);
    const most = new Float64Array(columns);
    const codes = new Int8Array(columns);
    const perPixel = (this.to - this.from) / (this.width - TimelineView.GUTTER);
    let waited = -1e9;
    let marked = -1e9;
    for (let i = first; i < last; i++) {
      const code = Math.min(p.category[i], 7);
      const left = this.x(p.start[i]);
      const right = this.x(p.end[i]);
      const active = p.count[i] > 1 ? left : this.x(p.active[i]);
      g.fillStyle = colours[code];
      if (active - Math.max(left, waited) >= 1) {
        g.globalAlpha = 0.25;
        g.fillRect(Math.max(left, waited), row.y + row.height * 0.35, active - Math.max(left, waited), row.height * 0.3);
        waited = active;
      }
      if (p.count[i] === 1 && right - active >= 1) {
        g.globalAlpha = 0.92;
        g.fillRect(active, row.y, right - active - (right - active > 4 ? 0.6 : 0), row.height);
        if (right - active > 60 && row.height >= TimelineView.COMPUTE) this.label(g, row, this.data.names[p.name[i]], active, right);
      } else {
        const from = Math.max(0, Math.floor(active));
        const to = Math.min(columns - 1, Math.floor(right));
        const share = p.busy[i] / perPixel / Math.max(1, Math.floor(right) - Math.floor(active) + 1);
        for (let x = from; x <= to; x++) {
          busy[x] += share;
          if (share >= most[x]) { most[x] = share; codes[x] = code + 1; }
        }
      }
      if (this.path && p.critical[i] && right > marked) {
        g.globalAlpha = 1;
        g.fillStyle = ink;
        g.fillRect(Math.max(active, marked), row.y + row.height - 2, Math.max(1, right - Math.max(active, marked)), 2);
        marked = right;
      }
    }
    g.globalAlpha = 0.92;
    for (let x = 0; x < columns; x++) {
      if (!codes[x]) continue;
      const high = Math.max(2, row.height * Math.min(1, busy[x]));
      g.fillStyle = colours[codes[x] - 1];
      g.fillRect(x, row.y + (row.height - high) / 2, 1, high);
    }
    g.restore();
  }

  label(g, row, text, active, right) {
    const at = Math.max(active, TimelineView.GUTTER) + 4;
    const room = Math.min(right, this.width) - at - 4;
    g.font = "10.5px system-ui, sans-serif";
    if (room < 40 || g.measureText(text).width > room) return;
    g.globalAlpha = 1;
    g.fillStyle = "#ffffff";
    g.lineWidth = 2.2;
    g.strokeStyle = "rgba(0,0,0,.45)";
    g.lineJoin = "round";
    g.strokeText(text, at, row.y + row.height / 2 + 0.5);
    g.fillText(text, at, row.y + row.height / 2 + 0.5);
  }

  axis(g, colour) {
    const span = this.to - this.from;
    const [name, size] = unitOf(span);
    const wanted = span / Math.max(2, (this.width - 40) / 110);
    const power = 10 ** Math.floor(Math.log10(wanted));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= wanted);
    const decimals = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      const x = this.x(t);
      g.fillStyle = colour("--grid");
      g.fillRect(x, TimelineView.AXIS - 4, 1, this.height);
      g.fillStyle = colour("--soft");
      const text = `${(t / size).toFixed(decimals)} ${name}`;
      const wide = g.measureText(text).width;
      g.fillText(text, Math.max(2, Math.min(this.width - wide - 3, x - wide / 2)), 12);
    }
  }

  hit(x, y) {
    const row = this.laid.find((r) => r.title === undefined && y >= r.y - 1 && y <= r.y + r.height + 1);
    if (!row) return null;
    const p = this.predictions[row.which];
    const time = this.time(x);
    const slack = (this.to - this.from) / this.width;
    const [first, last] = this.visible(p, row.lane);
    let best = -1;
    for (let i = lowest(first, last, (k) => p.reach[k] >= time - slack); i < last && p.start[i] <= time + slack; i++) {
      if (p.end[i] >= time - slack && (best < 0 || p.end[i] - p.start[i] < p.end[best] - p.start[best])) best = i;
    }
    return best < 0 ? null : [row, p, best];
  }

  moved(event) {
    if (this.press !== undefined) {
      this.drag = event.offsetX;
      requestAnimationFrame(() => this.draw());
    }
    const found = this.hit(event.offsetX, event.offsetY);
    this.tip.hidden = !found;
    if (!found) return;
    const [row, p, i] = found;
    const lane = this.data.lanes[row.lane >> 1];
    const lines = [p.count[i] > 1 ? `${p.count[i]} executions, the longest: ${this.data.names[p.name[i]]}` : this.data.names[p.name[i]]];
    lines.push(this.data.categories[p.category[i]] || "other");
    lines.push(`${p.label}, ${lane.label}`);
    lines.push(`${spell(p.start[i], 12)} – ${spell(p.end[i], 12)}`);
    if (p.count[i] > 1) lines.push(`busy ${spell(p.busy[i])}`);
    else {
      lines.push(`takes ${spell(p.end[i] - p.active[i], 8)}`);
      if (p.active[i] > p.start[i]) lines.push(`after waiting ${spell(p.active[i] - p.start[i])} for its partners`);
    }
    if (p.critical[i]) lines.push("on the critical path");
    else if (p.slack) lines.push(`${p.count[i] > 1 ? "least slack" : "slack"} ${spell(p.slack[i])}`);
    this.tip.textContent = lines.join("\n");
    const left = event.offsetX + 14 + this.tip.offsetWidth > this.width ? event.offsetX - this.tip.offsetWidth - 14 : event.offsetX + 14;
    this.tip.style.left = `${Math.max(2, left)}px`;
    this.tip.style.top = `${Math.min(event.offsetY + 14, Math.max(2, this.height - this.tip.offsetHeight - 2))}px`;
  }
}
