"use strict";
// Small tools: elements, formats, scales, and the data that the page was written with.

const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; strings become text, never markup. */
function make(name, attributes = {}, ...children) {
  const [space, plain] = name.startsWith("svg:") ? [SVG, name.slice(4)] : [null, name];
  const element = space ? document.createElementNS(space, plain) : document.createElement(plain);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** What was packed by the report: JSON, compressed, in base 64. */
async function unpack(id) {
  const bytes = Uint8Array.from(atob(byId(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

const PREFIXES = ["", " k", " M", " G", " T"];
function count(value) {
  let step = 0;
  while (Math.abs(value) >= (step ? 999.5 : 1000) && step < PREFIXES.length - 1) { value /= 1000; step += 1; }
  const digits = step === 0 ? (Number.isInteger(value) ? 0 : 2) : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return value.toFixed(digits) + PREFIXES[step];
}
function bytes(value) { const text = count(value); return text.includes(" ") ? `${text}B` : `${text} B`; }
function seconds(value) {
  if (value < 100) return `${value.toFixed(1)} s`;
  const [minutes, rest] = [Math.floor(value / 60), Math.round(value % 60)];
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
/** A count as an axis shows it: 5 k, not 5.00 k. */
const brief = (text) => text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
const share = (value, digits = 2) => `${(100 * value).toFixed(digits)} %`;
const FORMATS = {
  share, count, bytes, seconds,
  latency_us: (value) => `${(value / 1000).toPrecision(3)} ms`,
  number: (value) => Number(value.toPrecision(4)).toString(),
};
const write = (metric, value) => (value === null ? "–" : FORMATS[metric.style](value));
const plural = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

/** Maps values to pixels; logarithmic where ratios count; `whole` allows ticks at whole numbers only. */
function scale(low, high, from, to, log, whole = false) {
  if (log && low <= 0) log = false;
  const turn = log ? Math.log10 : (value) => value;
  let [first, last] = [turn(low), turn(high)];
  if (first === last) { const room = log ? 0.5 : whole ? 1 : Math.abs(first) / 20 || 0.5; first -= room; last += room; }
  const pad = 0.04 * (last - first);
  const place = (value) => from + ((turn(value) - first + pad) / (last - first + 2 * pad)) * (to - from);
  const back = log ? (value) => 10 ** value : (value) => value;
  const shown = [back(first - pad), back(last + pad)];
  place.ticks = log ? logTicks(...shown) : linearTicks(...shown, 5, whole);
  return place;
}
function linearTicks(low, high, wanted = 5, whole = false) {
  const span = high - low || Math.abs(high) || 1;
  const raw = span / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw && (!whole || Number.isInteger(one))) || 1;
  const ticks = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) ticks.push(Number(value.toPrecision(12)));
  return ticks;
}
function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const bases = decades > 3 ? [1] : decades > 1.2 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const ticks = [];
  if (decades < 0.5) return linearTicks(low, high, 6);  // 1, 2 and 5 would be too few
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
    for (const base of bases) {
      const value = base * 10 ** power;
      if (value >= low && value <= high) ticks.push(value);
    }
  return ticks;
}

/** Positions of the points that no other one dominates, in order of x. */
function pareto(points, xUp, yUp) {
  const order = points.map((_, index) => index).sort((a, b) =>
    (xUp ? points[b].x - points[a].x : points[a].x - points[b].x) || (yUp ? points[b].y - points[a].y : points[a].y - points[b].y));
  const front = [];
  let best = null;
  for (const index of order) {
    const y = points[index].y;
    if (best === null || (yUp ? y > best : y < best)) { front.push(index); best = y; }
  }
  return front;
}

/** Rows of one run with everything that charts and tables ask for. */
function networksOf(run, number) {
  const table = run.networks;
  const front = new Set(run.front);
  return table.trial.map((trial, index) => {
    const one = { run: number, index, trial, id: table.id[index], state: run.states[table.state[index]], description: table.description[index],
      blocks: table.blocks[index].map((kind) => run.kinds[kind]), sharing: run.scopes[table.sharing[index]], rungs: table.rungs[index],
      reason: run.reasons[table.reason[index]] || null, duplicate: table.duplicate[index], front: front.has(index), values: {} };
    for (const metric of run.metrics) one.values[metric.key] = table.values[metric.key][index];
    one.picked = one.id ? Object.keys(run.final_picks).filter((name) => run.final_picks[name] === one.id).join(", ") : "";
    one.badge = index === run.best && index === run.knee ? "best, knee" : index === run.best ? "best" : index === run.knee ? "knee" : "";
    return one;
  });
}

/** Text in lines of at most so many characters, cut at spaces; a longer word keeps its line. */
function wrapped(text, most) {
  return text.split(" ").reduce((lines, word) => {
    const longer = `${lines.at(-1)} ${word}`;
    return lines.length && longer.length <= most ? [...lines.slice(0, -1), longer] : [...lines, word];
  }, []);
}

function copyable(command) {
  const button = make("button", { type: "button" }, "copy");
  button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(command); button.textContent = "copied"; } catch { getSelection().selectAllChildren(code); button.textContent = "selected"; }
  });
  const code = make("code", {}, command);
  return make("pre", {}, code, button);
}

const tip = {
  show(x, y, ...lines) {
    const box = byId("tip");
    box.replaceChildren(...lines);
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - width - 6))}px`;
    box.style.top = `${y + height + 20 > innerHeight ? Math.max(6, y - height - 14) : y + 14}px`;
  },
  hide() { byId("tip").hidden = true; },
};
