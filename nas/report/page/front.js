"use strict";
// The front: two charts that never mix proxy and final accuracy, and the filter beside them.

const RUN_COLOURS = ["var(--run0)", "var(--run1)", "var(--run2)", "var(--run3)", "var(--run4)", "var(--run5)"];
const RUN_SHAPES = ["dot", "square", "triangle", "diamond", "dot", "square"];
const colourOf = (run) => (page.runs.length > 1 ? RUN_COLOURS[run % RUN_COLOURS.length] : "var(--accent)");

function metricOptions(select, chosen) {
  select.replaceChildren(...page.metrics.map((metric) => make("option", { value: metric.key, selected: metric.key === chosen }, metric.label)));
}

const EXACT = { count: (value) => value.toLocaleString("en"), bytes: (value) => `${value.toLocaleString("en")} B` };
function axisOf(metric) {
  return { exact: EXACT[metric.style], log: !metric.maximize && metric.style !== "seconds" && metric.style !== "number", format: (value) => (metric.style === "share" ? `${Number((100 * value).toPrecision(4))} %` : brief(write(metric, value))), label: metric.label };
}

function linesFor(one) {
  const metrics = page.runs[one.run].metrics.filter((metric) => one.values[metric.key] !== null);
  const score = page.metric(page.score), value = one.values[score.key];
  const said = value === null ? `${share(lastRung(one) ?? 0)}` : write(score, value);
  const head = make("div", {}, make("b", {}, said), ` ${value === null ? "on the last rung it reached" : `${score.key === "accuracy" ? "" : `${score.label}, `}validation, proxy`}${one.badge ? ` · ${proxyBadge(one)}` : ""}`);
  const costs = metrics.filter((metric) => !metric.measured && ["params", "macs", "peak_activation_bytes", "latency"].includes(metric.key));
  return [
    head,
    make("div", {}, costs.map((metric) => `${metric.label.replace(/, .*/, "")} ${write(metric, one.values[metric.key])}`).join(" · ")),
    make("div", {}, one.description),
    make("div", { class: "id" }, `${page.runs.length > 1 ? `${page.runs[one.run].name}: ` : ""}trial ${one.trial}, ${one.id}`),
  ];
}

/** `best` and `knee` of the proxies' front; said so where a final front has its own. */
const proxyBadge = (one) => (one.badge && Object.keys(page.runs[one.run].final_picks).length ? `proxy ${one.badge}` : one.badge);
const finalOf = (one) => (one.id ? page.finals.find((final) => final.run === one.run && final.id === one.id) : undefined);
const scoreLabel = (final) => page.metric(final.score)?.label || final.score.replaceAll("_", " ");
function finalWords(final, split) {
  const { mean, deviation } = final[split], metric = page.metric(final.score);
  const isShare = !metric || metric.style === "share";
  const spread = final.count > 1 ? ` ± ${isShare ? (100 * deviation).toFixed(2) : Number(deviation.toPrecision(2))}` : "";
  return isShare ? `${(100 * mean).toFixed(2)}${spread} %` : `${write(metric, mean)}${spread}`;
}

/** Whether a metric says how good a trained network is; such values differ between trainings. */
const isScore = (metric) => metric.measured && metric.maximize;
const lastRung = (one) => (one.rungs.length ? one.rungs[one.rungs.length - 1] : null);

/** A network's value, a pruned one's accuracy from the last rung it reached. */
function valueOf(one, key) {
  if (key === "accuracy" && one.values.accuracy === null) return lastRung(one);
  return one.values[key];
}

function passes(one) {
  for (const [key, bound] of Object.entries(state.bounds)) {
    const value = valueOf(one, key), metric = page.metric(key);
    if (value === null || value === undefined) return false;
    if (metric.maximize ? value < bound : value > bound) return false;
  }
  if (state.kinds.size && ![...state.kinds].every((kind) => one.blocks.includes(kind))) return false;
  return !(state.scopes.size && !state.scopes.has(one.sharing));
}

function pointsOf(rows, x, y) {
  return rows.map((row) => ({ x: valueOf(row, x), y: valueOf(row, y), row })).filter((one) => one.x !== null && one.y !== null && one.x !== undefined && one.y !== undefined);
}

/** Take points worse than the front and than half of all networks off the picture; how many. */
function zoomed(layers, x, y) {
  const key = isScore(y) ? "y" : isScore(x) ? "x" : null;
  if (!key) return 0;
  const values = layers.flatMap((layer) => layer.points.map((point) => point[key])).sort((a, b) => a - b);
  const front = layers.filter((layer) => layer.walk).flatMap((layer) => layer.points.map((point) => point[key]));
  const least = Math.min(values[Math.floor(values.length / 2)] ?? 0, ...front);
  for (const layer of layers) layer.points = layer.points.filter((point) => point[key] >= least);
  return values.filter((value) => value < least).length;
}

function drawProxy() {
  const [x, y] = [page.metric(state.x), page.metric(state.y)];
  const several = page.runs.length > 1, layers = [], legend = [];
  const kept = page.rows.filter(passes);
  const trained = kept.filter((one) => one.state === "complete"), pruned = kept.filter((one) => one.state === "pruned");
  if (state.pruned && pruned.length) {
    layers.push({ points: pointsOf(pruned, x.key, y.key), shape: "cross", size: 2.6, style: { fill: "none", stroke: "var(--dot)", "stroke-width": 1.1, "stroke-opacity": 0.75 } });
    legend.push(legendItem("cross", { fill: "none", stroke: "var(--dot)", "stroke-width": 1.5 }, "pruned: accuracy of a shorter training"));
  }
  page.runs.forEach((run, number) => {
    const points = pointsOf(trained.filter((one) => one.run === number), x.key, y.key);
    const colour = several ? colourOf(number) : "var(--dot)";
    const edge = new Set(pareto(points, x.maximize, y.maximize));
    const front = points.filter((_, place) => edge.has(place)), rest = points.filter((one, place) => !edge.has(place) && !one.row.front), other = points.filter((one, place) => !edge.has(place) && one.row.front);
    const shape = several ? RUN_SHAPES[number % RUN_SHAPES.length] : "dot";
    for (const point of front) if (point.row.badge) point.name = proxyBadge(point.row);
    layers.push({ points: rest, shape, size: 2.7, style: { fill: colour, "fill-opacity": several ? 0.3 : 0.65 } });
    layers.push({ points: other, shape, size: 4.2, walk: true, style: { fill: "var(--paper)", stroke: colourOf(number), "stroke-width": 1.6 } });
    layers.push({ points: front, shape, size: 4.6, walk: true, join: x.maximize ? "before" : "after", steps: { stroke: colourOf(number), "stroke-width": 1.4, "stroke-opacity": 0.7 }, style: { fill: colourOf(number), stroke: "var(--paper)", "stroke-width": 1 } });
    if (several) legend.push(legendItem(shape, { fill: colourOf(number) }, run.name));
  });
  if (!several) {
    legend.unshift(legendItem("dot", { fill: "var(--dot)" }, "trained"), legendItem("dot", { fill: "var(--accent)" }, "front of these two"), legendItem("dot", { fill: "var(--paper)", stroke: "var(--accent)", "stroke-width": 1.6 }, `front of ${page.runs[0].objectives.map((key) => page.metric(key).label).join(", ")}`));
  }
  const hidden = state.zoom ? zoomed(layers, x, y) : 0;
  if (hidden) legend.push(make("span", {}, `${plural(hidden, "network")} below the picture`));
  const proxy = [...new Set(page.runs.map((run) => run.trainings.at(-1)))];
  const measured = isScore(y) ? y : isScore(x) ? x : null;
  byId("proxy-caption").replaceChildren(measured ? `Proxy: validation ${measured.label} after ${proxy.join(" or ")}` : `${y.label} against ${x.label}`, make("small", {}, measured ? " short trainings, comparable with each other only" : ""));
  scatter(byId("proxy-chart"), { layers, x: axisOf(x), y: axisOf(y), title: `${y.label} against ${x.label}, ${trained.length} networks. Left and right walk along the front, Enter opens a network.`, empty: page.rows.some((one) => one.state === "complete") ? "No network passes the filter." : "No network has been trained in full yet.", describe: (point) => linesFor(point.row), open: (point) => openDetail(point.row) });
  byId("proxy-legend").replaceChildren(...legend);
  byId("remarks").replaceChildren(...page.runs.flatMap((run) => run.remarks.map((text) => make("p", { class: "note warn" }, several ? `${run.name}: ${text}` : text))));
  byId("shown").textContent = `${trained.length.toLocaleString("en")} of ${plural(page.rows.filter((one) => one.state === "complete").length, "network")}`;
}

function drawFinal() {
  const [x, y] = [page.metric(state.x), page.metric(state.y)];
  const figure = byId("final-figure"), cost = x.key === "accuracy" ? y : x;
  const finals = page.finals.map((final) => ({ final, row: page.find(final.run, final.id) })).filter(({ row }) => row && passes(row));
  const references = cost.key === "params" || cost.key === "macs" ? page.references : [];
  figure.hidden = !(x.key === "accuracy" || y.key === "accuracy") || !(page.finals.length || page.references.length);
  if (figure.hidden) return;
  const spot = (value, accuracy) => (x.key === "accuracy" ? { x: accuracy, y: value } : { x: value, y: accuracy });
  const ours = finals.map(({ final, row }) => {
    // What was best as a proxy need not be so here; the choice is by validation, as exports make it.
    const point = { ...spot(row.values[cost.key], final.mean), row, final, name: row.picked || null };
    if (final.count > 1 && x.key !== "accuracy") Object.assign(point, { low: final.mean - final.deviation, high: final.mean + final.deviation });
    return point;
  });
  const theirs = references.map((one) => ({ ...spot(one[cost.key], one.accuracy), reference: one, name: one.model, open: false }));
  const split = [...new Set(page.finals.map((one) => one.split))].join(" and ") || "test";
  byId("final-caption").replaceChildren(`Fully trained: ${split} accuracy`, make("small", {}, " the only accuracies to hold against published ones"));
  const layers = [
    { points: theirs, shape: "star", size: 4.2, walk: true, style: { fill: "none", stroke: "var(--published)", "stroke-width": 1.5 } },
    { points: ours, shape: "square", size: 4.4, walk: true, style: { fill: "var(--final)", stroke: "var(--final)" } },
  ];
  scatter(byId("final-chart"), {
    layers, x: axisOf(x), y: axisOf(y), title: `Fully trained networks: ${ours.length} of this run, ${theirs.length} published`, empty: "Nothing to show for these two metrics.",
    describe: (point) => (point.reference ? referenceLines(point.reference) : finalLines(point)), open: (point) => point.row && openDetail(point.row),
  });
  byId("final-legend").replaceChildren(...(ours.length ? [legendItem("square", { fill: "var(--final)" }, "this run, mean over seeds with their standard deviation")] : []), ...(theirs.length ? [legendItem("star", { fill: "none", stroke: "var(--published)", "stroke-width": 1.5 }, "published, test accuracy as reported")] : []));
  byId("final-note").textContent = page.finals.length ? "" : `No network of this run has been trained in full yet. Published networks stand alone here, because proxy accuracy is not comparable with theirs: ${page.runs[state.run].commands.front} trains the front in full.`;
}

function referenceLines(one) {
  return [make("div", {}, make("b", {}, share(one.accuracy)), ` ${one.model}, published`), make("div", {}, `${count(one.params)} parameters · ${count(one.macs)} MACs at ${one.macs_px} pixels`), make("div", {}, one.source)];
}

function finalLines({ final, row }) {
  const spread = final.count > 1 ? ` ± ${(100 * final.deviation).toFixed(2)}, ${final.count} seeds` : ", one seed";
  const picked = row.picked ? ` · ${row.picked}` : "";
  return [make("div", {}, make("b", {}, share(final.mean)), `${spread}, ${final.split}, ${final.recipe}${picked}`), ...linesFor(row).slice(1)];
}

function buildFilters() {
  const sliders = byId("sliders");
  const trained = page.rows.filter((one) => one.state === "complete");
  const wanted = page.metrics.filter((metric) => metric.key !== "train_s");
  sliders.replaceChildren(...wanted.map((metric) => slider(metric, trained)).filter(Boolean));
  chips("kinds", [...new Set(trained.flatMap((one) => one.blocks))].sort(), state.kinds);
  chips("scopes", [...new Set(trained.map((one) => one.sharing))].sort(), state.scopes);
}

const POSITIONS = 400;

function slider(metric, rows) {
  const values = rows.map((one) => one.values[metric.key]).filter((value) => value !== null && value !== undefined);
  if (values.length < 2) return null;
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  if (low === high) return null;
  const log = !metric.maximize && low > 0;
  const [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
  const real = (place) => { const value = from + (place / POSITIONS) * (to - from); return log ? Math.exp(value) : value; };
  const kept = state.bounds[metric.key], free = metric.maximize ? 0 : POSITIONS;
  const start = kept === undefined ? free : Math.round((POSITIONS * ((log ? Math.log(kept) : kept) - from)) / (to - from));
  const output = make("output", {});
  const input = make("input", { type: "range", min: 0, max: POSITIONS, value: start, "data-metric": metric.key, "aria-label": `${metric.label} ${metric.maximize ? "at least" : "at most"}` });
  const say = () => {
    const place = Number(input.value);
    if (place === free) delete state.bounds[metric.key]; else state.bounds[metric.key] = real(place);
    output.textContent = place === free ? "any" : `${metric.maximize ? "≥" : "≤"} ${write(metric, metric.style === "share" ? real(place) : Math.round(real(place)))}`;
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => { say(); redrawSoon(); });
  say();
  return make("div", { class: "slider" }, make("label", {}, make("span", {}, metric.label, output), input));
}

function chips(id, names, chosen) {
  const field = byId(id);
  field.hidden = names.length < 2;
  field.replaceChildren(field.querySelector("legend"), ...names.map((name) => {
    const chip = make("button", { type: "button", class: "chip", "aria-pressed": String(chosen.has(name)) }, name);
    chip.addEventListener("click", () => {
      if (!chosen.delete(name)) chosen.add(name);
      chip.setAttribute("aria-pressed", String(chosen.has(name)));
      redrawSoon();
    });
    return chip;
  }));
}
