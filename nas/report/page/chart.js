"use strict";
// Charts: points, steps and lines in SVG. Points that only give the background are one path, so
// that thousands of them cost no more than one.

const SHAPES = {
  dot: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  square: (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
  diamond: (x, y, r) => `M${x} ${y - 1.3 * r}l${1.3 * r} ${1.3 * r}l${-1.3 * r} ${1.3 * r}l${-1.3 * r} ${-1.3 * r}z`,
  triangle: (x, y, r) => `M${x} ${y - 1.2 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}z`,
  cross: (x, y, r) => `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x + r} ${y - r}l${-2 * r} ${2 * r}`,
  star: (x, y, r) => {
    const corners = Array.from({ length: 10 }, (_, step) => {
      const angle = (Math.PI * step) / 5 - Math.PI / 2, far = step % 2 ? 0.6 * r : 1.5 * r;
      return `${(x + far * Math.cos(angle)).toFixed(1)} ${(y + far * Math.sin(angle)).toFixed(1)}`;
    });
    return `M${corners.join("L")}z`;
  },
};

function legendItem(shape, style, words) {
  const mark = make("svg:svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, make("svg:path", { d: SHAPES[shape](7, 7, 4), ...style }));
  return make("span", {}, mark, words);
}

/** Width in pixels that a chart may take, and its height. */
function extent(host, ratio = 0.52, most = 460) {
  const width = Math.max(280, Math.floor(host.clientWidth || 600));
  return { width, height: Math.min(most, Math.max(230, Math.round(width * ratio))) };
}

/** What an axis writes at its ticks: in full where the short form would say the same twice. */
function namesOf(ticks, axis) {
  const words = ticks.map((tick) => axis.format(tick));
  return axis.exact && new Set(words).size < words.length ? ticks.map(axis.exact) : words;
}

function frame(host, { width, height, title, x, y, left = 58 }) {
  const plot = make("svg:svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": title, tabindex: "0" });
  const [right, top, bottom] = [14, 10, 40];
  const across = scale(x.low, x.high, left, width - right, x.log, x.whole);
  const up = scale(y.low, y.high, height - bottom, top, y.log);
  let last = -99;
  const words = namesOf(across.ticks, x);
  for (const [number, tick] of across.ticks.entries()) {
    const place = across(tick);
    if (place < left - 1 || place > width - right + 1) continue;
    plot.append(make("svg:line", { class: "grid", x1: place, x2: place, y1: top, y2: height - bottom }));
    if (place - last < 52) continue;
    plot.append(make("svg:text", { x: place, y: height - bottom + 16, "text-anchor": "middle" }, words[number]));
    last = place;
  }
  const names = namesOf(up.ticks, y);
  for (const [number, tick] of up.ticks.entries()) {
    const place = up(tick);
    if (place < top - 1 || place > height - bottom + 1) continue;
    plot.append(make("svg:line", { class: "grid", x1: left, x2: width - right, y1: place, y2: place }));
    plot.append(make("svg:text", { x: left - 7, y: place + 4, "text-anchor": "end" }, names[number]));
  }
  plot.append(make("svg:line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  plot.append(make("svg:text", { class: "label", x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" }, x.label));
  host.replaceChildren(plot);
  return { plot, across, up, left, right, top, bottom, width, height };
}

/**
 * Points with hover, click and keys. `layers`: {points, shape, size, style, steps, join, pick}.
 * A point has x, y and whatever `describe(point)` and `open(point)` want.
 */
function scatter(host, options) {
  const all = options.layers.flatMap((layer) => layer.points);
  if (!all.length) { host.replaceChildren(make("p", { class: "note" }, options.empty)); return null; }
  const { width, height } = extent(host);
  const ends = (values) => values.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
  const [xLow, xHigh] = ends(all.map((point) => point.x));
  const [yLow, yHigh] = ends(all.flatMap((point) => [point.low ?? point.y, point.high ?? point.y]));
  const area = frame(host, { width, height, title: options.title, x: { ...options.x, low: xLow, high: xHigh }, y: { ...options.y, low: yLow, high: yHigh } });
  const { plot, across, up } = area;
  const placed = [];
  for (const layer of options.layers) {
    const spots = layer.points.map((point) => ({ point, x: across(point.x), y: up(point.y), walk: layer.walk }));
    if (layer.steps && spots.length) plot.append(make("svg:path", { d: staircase(spots, layer.join), fill: "none", ...layer.steps }));
    for (const { point, x } of spots) {
      if (point.low === undefined) continue;
      plot.append(make("svg:path", { d: `M${x} ${up(point.low)}V${up(point.high)}`, ...layer.style, "stroke-width": 1.5 }));
    }
    const d = spots.map(({ x, y }) => SHAPES[layer.shape](+x.toFixed(1), +y.toFixed(1), layer.size)).join("");
    if (d) plot.append(make("svg:path", { d, ...layer.style }));
    placed.push(...spots);
  }
  nameSpots(area, placed);
  pickable(area, placed, options);
  return area;
}

function staircase(spots, join) {
  const sorted = [...spots].sort((a, b) => a.x - b.x);
  return sorted.map(({ x, y }, place) => (place === 0 ? `M${x} ${y}` : join === "before" ? `V${y}H${x}` : `H${x}V${y}`)).join("");
}

/** Names beside points that have one, where there is room; left out where there is none. */
function nameSpots({ plot, width, left, top }, placed) {
  const taken = [], marks = placed.filter((spot) => spot.walk);
  for (const spot of placed) {
    const { point, x, y } = spot;
    if (!point.name) continue;
    const size = 6.9 * point.name.length;
    const places = [[x - 8 - size, y - 7, "end", x - 8], [x + 9, y + 4, "start", x + 9], [x - 9 - size, y + 4, "end", x - 9], [x + 8, y + 16, "start", x + 8]];
    const free = places.find(([from, base]) => from >= left && from + size <= width - 4 && base > top + 8 &&
      !taken.some((other) => Math.abs(other.base - base) < 14 && from < other.from + other.size && other.from < from + size) &&
      !marks.some((other) => other !== spot && other.x > from - 6 && other.x < from + size + 6 && Math.abs(other.y - base + 4) < 10));
    if (!free) continue;
    taken.push({ from: free[0], base: free[1], size });
    plot.append(make("svg:text", { class: "name", x: free[3], y: free[1], "text-anchor": free[2] }, point.name));
  }
}

function pickable({ plot, width }, placed, options) {
  plot.spots = placed;
  const ring = make("svg:circle", { class: "ring", r: 8, visibility: "hidden" });
  plot.append(ring);
  const walk = placed.filter((spot) => spot.walk).sort((a, b) => a.x - b.x);
  let current = null;
  const leave = () => { current = null; ring.setAttribute("visibility", "hidden"); plot.style.cursor = ""; tip.hide(); };
  const enter = (spot, speak) => {
    if (spot === current) return;
    current = spot;
    ring.setAttribute("cx", spot.x); ring.setAttribute("cy", spot.y); ring.setAttribute("visibility", "visible");
    plot.style.cursor = options.open && spot.point.open !== false ? "pointer" : "";
    const box = plot.getBoundingClientRect(), zoom = box.width / width;
    const lines = options.describe(spot.point);
    tip.show(box.left + spot.x * zoom, box.top + spot.y * zoom, ...lines);
    if (speak) byId("spoken").textContent = lines.map((line) => line.textContent).join(", ");
  };
  const nearest = (event) => {
    const box = plot.getBoundingClientRect(), zoom = width / box.width;
    const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
    let [found, least] = [null, 22 * 22];
    for (const spot of placed) {
      // What can be walked to lies on top of the others.
      const far = (spot.x - x) ** 2 + (spot.y - y) ** 2 - (spot.walk ? 30 : 0);
      if (far < least) { least = far; found = spot; }
    }
    return found;
  };
  plot.addEventListener("pointermove", (event) => { const spot = nearest(event); if (spot) enter(spot); else leave(); });
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("click", (event) => { const spot = nearest(event); if (spot && options.open) { leave(); options.open(spot.point); } });
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step && walk.length) {
      event.preventDefault();
      const place = walk.indexOf(current);
      enter(walk[place < 0 ? (step > 0 ? 0 : walk.length - 1) : (place + step + walk.length) % walk.length], true);
    } else if ((event.key === "Enter" || event.key === " ") && current && options.open) {
      event.preventDefault();
      const { point } = current;
      leave();
      options.open(point);
    } else if (event.key === "Escape") leave();
  });
}

/** Lines over one axis: `lines` are {name, colour, dash, points: [[x, y], ...], stepped}. */
function lineChart(host, options) {
  const { width, height } = extent(host, 0.36, 330);
  const all = options.lines.flatMap((line) => line.points);
  const [xs, ys] = [all.map((one) => one[0]), all.map((one) => one[1])];
  const low = options.zero ? 0 : Math.min(...ys);
  const area = frame(host, { width, height, title: options.title, x: { ...options.x, low: Math.min(...xs), high: Math.max(...xs) }, y: { ...options.y, low, high: Math.max(...ys) } });
  const placed = [];
  for (const line of options.lines) {
    const spots = line.points.map(([x, y]) => ({ x: area.across(x), y: area.up(y), walk: true, point: { x, y, line } }));
    const d = line.stepped ? staircase(spots) : spots.map(({ x, y }, place) => `${place ? "L" : "M"}${x} ${y}`).join("");
    area.plot.append(make("svg:path", { d, fill: "none", stroke: line.colour, "stroke-width": 2, "stroke-dasharray": line.dash }));
    if (spots.length < 40 && !line.stepped) area.plot.append(make("svg:path", { d: spots.map(({ x, y }) => SHAPES.dot(x, y, 3)).join(""), fill: line.colour }));
    placed.push(...spots);
  }
  pickable(area, placed, { describe: options.describe });
}

/** One vertical axis a metric, one line a network; the better end of every axis is up. */
function parallel(host, { metrics, rows, marked, colour, describe, open }) {
  const { width, height } = extent(host, 0.42, 380);
  const plot = make("svg:svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, height, role: "img", tabindex: "0", "aria-label": `Parallel coordinates of ${rows.length} networks over ${metrics.map((one) => one.label).join(", ")}` });
  const [bottom, side] = [26, Math.min(70, width / 8)];
  const room = Math.floor((width - 2 * side) / Math.max(metrics.length - 1, 1) / 6.6);
  const titles = metrics.map((metric) => metric.label.split(", ").flatMap((part) => wrapped(part, room)));
  const values = 13 + 14 * Math.max(...titles.map((lines) => lines.length)) + 6, top = values + 7;
  const axes = metrics.map((metric, place) => {
    const values = rows.map((row) => row.values[metric.key]);
    const [low, high] = [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
    const x = side + (place * (width - 2 * side)) / Math.max(metrics.length - 1, 1);
    const ends = metric.maximize ? [height - bottom, top] : [top, height - bottom];
    return { metric, x, low, high, place: scale(low, high, ends[0], ends[1], !metric.maximize) };
  });
  const path = (row) => axes.map(({ metric, x, place }, step) => `${step ? "L" : "M"}${x.toFixed(1)} ${place(row.values[metric.key]).toFixed(1)}`).join("");
  plot.append(make("svg:path", { d: rows.filter((row) => !marked(row)).map(path).join(""), fill: "none", stroke: "var(--dot)", "stroke-width": 1, "stroke-opacity": rows.length > 1000 ? 0.12 : 0.35 }));
  for (const row of rows.filter(marked)) plot.append(make("svg:path", { d: path(row), fill: "none", stroke: colour(row), "stroke-width": 1.8, "stroke-opacity": 0.85 }));
  axes.forEach(({ metric, x, low, high }, place) => {
    const anchor = "middle";
    plot.append(make("svg:line", { class: "axis", x1: x, x2: x, y1: top, y2: height - bottom }));
    titles[place].forEach((word, line) => plot.append(make("svg:text", { class: "name", x, y: 13 + 14 * line, "text-anchor": anchor }, word)));
    plot.append(make("svg:text", { x, y: values, "text-anchor": anchor }, write(metric, metric.maximize ? high : low)));
    plot.append(make("svg:text", { x, y: height - 8, "text-anchor": anchor }, write(metric, metric.maximize ? low : high)));
  });
  const over = make("svg:path", { fill: "none", stroke: "var(--ink)", "stroke-width": 3, "pointer-events": "none" });
  plot.append(over);
  host.replaceChildren(plot);
  pickLines(plot, { axes, rows, path, over, width, describe, open, walk: rows.filter(marked) });
}

function pickLines(plot, { axes, rows, path, over, width, describe, open, walk }) {
  let current = null;
  const leave = () => { current = null; over.removeAttribute("d"); plot.style.cursor = ""; tip.hide(); };
  const enter = (row, x, y, speak) => {
    current = row;
    over.setAttribute("d", path(row));
    plot.style.cursor = "pointer";
    const lines = describe(row);
    tip.show(x, y, ...lines);
    if (speak) byId("spoken").textContent = lines.map((line) => line.textContent).join(", ");
  };
  const nearest = (event) => {
    const box = plot.getBoundingClientRect(), zoom = width / box.width;
    const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
    const right = Math.max(1, axes.findIndex((axis) => axis.x >= x)), [one, two] = [axes[right - 1], axes[right]];
    if (!two) return null;
    const part = Math.min(1, Math.max(0, (x - one.x) / (two.x - one.x)));
    let [found, least] = [null, 14];
    for (const row of rows) {
      const far = Math.abs((1 - part) * one.place(row.values[one.metric.key]) + part * two.place(row.values[two.metric.key]) - y);
      if (far < least) { least = far; found = row; }
    }
    return found;
  };
  plot.addEventListener("pointermove", (event) => { const row = nearest(event); if (row) enter(row, event.clientX, event.clientY); else leave(); });
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("click", (event) => { const row = nearest(event); if (row) { leave(); open(row); } });
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], box = plot.getBoundingClientRect();
    if (step && walk.length) {
      event.preventDefault();
      const place = walk.indexOf(current);
      enter(walk[(place + step + walk.length) % walk.length], box.left + 40, box.top + 40, true);
    } else if (event.key === "Enter" && current) { const row = current; leave(); open(row); } else if (event.key === "Escape") leave();
  });
}
