"use strict";
// Everything below the front: tables of networks, progress, effects, fates, rungs, latency.

const LISTS = [
  ["final", "trained in full", (one) => finalOf(one) && page.find(one.run, one.id) === one],
  ["front", "on the front", (one) => one.front],
  ["complete", "trained", (one) => one.state === "complete"],
  ["pruned", "pruned", (one) => one.state === "pruned"],
  ["duplicate", "duplicates", (one) => one.state === "duplicate"],
  ["rejected", "rejected before training", (one) => one.state === "rejected"],
  ["failed", "failed", (one) => one.state === "failed"],
];

function buildLists() {
  const counts = LISTS.map(([key, words, test]) => [key, `${words} (${page.rows.filter(test).length.toLocaleString("en")})`, page.rows.some(test)]);
  byId("which").replaceChildren(...counts.filter(([key, , any]) => any || key === "front").map(([key, words]) => make("option", { value: key, selected: key === state.list }, words)));
}

function drawTable() {
  const test = LISTS.find(([key]) => key === state.list)[2];
  const rows = page.rows.filter((one) => test(one) && (["duplicate", "rejected", "failed"].includes(state.list) || passes(one)));
  const columns = tableColumns();
  const sort = columns.find((column) => column.key === state.sort.key) || columns[0];
  rows.sort((a, b) => compare(sort.value(a), sort.value(b), state.sort.turn) || a.trial - b.trial);
  const head = columns.map((column) => {
    const active = column.key === state.sort.key;
    const button = make("button", { type: "button", onclick: () => { state.sort = { key: column.key, turn: active ? -state.sort.turn : column.down ? -1 : 1 }; drawTable(); } }, column.label, active ? (state.sort.turn > 0 ? " ↑" : " ↓") : "");
    return make("th", { scope: "col", class: column.number ? "n" : null, "aria-sort": active ? (state.sort.turn > 0 ? "ascending" : "descending") : null }, button);
  });
  const body = rows.slice(0, state.lines).map((one) => {
    const line = make("tr", { class: one.id ? "link" : null }, columns.map((column) => make("td", { class: column.wide ? "wide" : column.number ? "n" : null }, column.show(one))));
    if (one.id) line.addEventListener("click", () => openDetail(one));
    return line;
  });
  const empty = make("tr", {}, make("td", { colspan: columns.length }, "No network passes the filter."));
  byId("table").replaceChildren(make("thead", {}, make("tr", {}, head)), make("tbody", {}, body.length ? body : empty));
  byId("more").hidden = rows.length <= state.lines;
  byId("more").textContent = `Show more of ${rows.length.toLocaleString("en")}`;
}

/** What is not known comes last, whichever way the rest is turned. */
function compare(a, b, turn) {
  const [left, right] = [a ?? null, b ?? null];
  if (left === null || right === null) return (left === null) - (right === null);
  return turn * (left < right ? -1 : left > right ? 1 : 0);
}

/** Kept out of the table for width, unless it was searched for; a network's own page has it. */
const hiddenColumn = (key) => ["train_s", "stored_bytes", "int8_peak_activation_bytes", "loss"].includes(key) && !page.runs.some((run) => run.objectives.includes(key));

function tableColumns() {
  const open = (one) => (one.id ? make("button", { type: "button", class: "id", onclick: (event) => { event.stopPropagation(); openDetail(one); } }, one.id) : "");
  const badges = (one) => [one.badge && make("span", { class: `badge ${one.badge}` }, proxyBadge(one)), finalOf(one) && make("span", { class: "badge final" }, one.picked || "fully trained")].filter(Boolean);
  const columns = [{ key: "trial", label: "trial", number: true, value: (one) => one.trial, show: (one) => String(one.trial) }];
  if (page.runs.length > 1) columns.push({ key: "run", label: "run", value: (one) => page.runs[one.run].name, show: (one) => page.runs[one.run].name });
  columns.push({ key: "id", label: "network", value: (one) => one.id, show: (one) => [open(one), ...badges(one)] });
  const bare = ["rejected", "failed"].includes(state.list);
  if (!bare && page.finals.length) columns.push(...["test", "validation"].map(finalColumn));
  for (const metric of page.metrics) {
    if ((bare && metric.measured) || hiddenColumn(metric.key)) continue;
    const value = (one) => valueOf(one, metric.key) ?? null;
    columns.push({ key: metric.key, label: metric.key === "accuracy" ? (state.list === "pruned" ? "last rung" : "proxy accuracy") : metric.label, number: true, down: metric.maximize, value, show: (one) => write(metric, value(one)) });
  }
  if (bare) columns.push({ key: "reason", label: "reason", wide: true, value: (one) => one.reason, show: (one) => one.reason || "" });
  if (state.list === "duplicate") columns.push({ key: "same", label: "same as trial", number: true, value: (one) => one.duplicate, show: (one) => String(one.duplicate ?? "") });
  columns.push({ key: "description", label: "made of", wide: true, value: (one) => one.description, show: (one) => make("div", { class: "clamp", title: one.description }, one.description) });
  return columns;
}

/** Means over seeds after full training; nothing for networks that had none. */
function finalColumn(split) {
  const value = (one) => finalOf(one)?.[split]?.mean ?? null;
  const name = page.finals[0].score === "accuracy" ? "" : ` ${scoreLabel(page.finals[0])}`;
  return { key: `final-${split}`, label: `final ${split}${name}`, number: true, down: true, value, show: (one) => (value(one) === null ? "–" : finalWords(finalOf(one), split)) };
}

function drawProgress() {
  const minutes = state.progress === "minutes";
  const lines = page.runs.map((run, number) => ({ name: run.name, colour: colourOf(number), stepped: true, points: run.progression.map(([networks, time, value]) => [minutes ? time / 60 : networks, value]) })).filter((line) => line.points.length);
  byId("progress").hidden = !lines.some((line) => line.points.length > 1);
  if (byId("progress").hidden) return;
  lineChart(byId("progress-chart"), { lines, zero: true, title: "Hypervolume of the front during the search", x: { log: false, whole: !minutes, format: (value) => value.toLocaleString("en"), label: minutes ? "minutes since the first network, pauses included" : "networks evaluated" }, y: { log: false, format: (value) => String(Number(value.toPrecision(3))), label: "" }, describe: ({ x, y, line }) => [make("div", {}, make("b", {}, y.toFixed(4)), ` after ${minutes ? `${x.toFixed(1)} minutes` : plural(x, "network")}`), make("div", {}, line.name)] });
  byId("progress-legend").replaceChildren(...(page.runs.length > 1 ? page.runs.map((run, number) => legendItem("square", { fill: colourOf(number) }, run.name)) : []));
  const run = page.runs[0];
  byId("progress-hint").textContent = `Share of the space between worst and best (${run.objectives.map((key) => page.metric(key).label).join(", ")}; costs on a logarithmic scale) that the front dominates: ${page.runs.map((one) => one.hypervolume.toFixed(4)).join(" and ")} at the end.${page.runs.length > 1 ? (page.comparable ? " All runs are measured in one common box." : " These runs had different objectives or data: each is measured in its own box, do not compare heights.") : ""}`;
}

function drawParallel() {
  const keys = [...new Set([...page.runs.flatMap((run) => run.objectives), ...page.metrics.map((metric) => metric.key)])].filter((key) => key !== "train_s");
  const metrics = keys.map((key) => page.metric(key)).filter((metric) => metric);
  const room = innerWidth < 600 ? 4 : 7;
  const shown = metrics.slice(0, Math.max(room, page.runs[0].objectives.length));
  const rows = page.rows.filter((one) => one.state === "complete" && passes(one) && shown.every((metric) => one.values[metric.key] !== null));
  const host = byId("parallel-chart");
  if (rows.length < 2) { host.replaceChildren(make("p", { class: "note" }, "Fewer than two networks pass the filter.")); return; }
  parallel(host, { metrics: shown, rows, marked: (one) => one.front, colour: (one) => colourOf(one.run), describe: linesFor, open: openDetail });
}

function drawEffects() {
  const run = page.runs[state.run];
  byId("effects-hint").textContent = run.effects.length
    ? `Share of the spread in accuracy (by rank, after ${run.effects_of}) that goes along with each open value, over the networks in which it took part, less what chance would give. Each value is judged alone; values that vary together explain the same spread, so that the shares overlap and may add up to more than 100 %. The search tries what looks good more often, so this describes these networks; it proves no cause.`
    : `Too few networks (${run.counts.complete + run.counts.pruned}) to tell what the open values did.`;
  const table = byId("effects-table");
  table.parentElement.hidden = !run.effects.length;
  const line = (effect) => make("tr", {}, make("td", { class: "id" }, effect.gene), make("td", {}, make("span", { class: "bar", style: `width:${Math.round(110 * effect.share)}px` }), share(effect.share, 0)), make("td", { class: "n" }, String(effect.networks)),
    make("td", { class: "wide" }, effect.means.map(([option, mean, number], place) => [place ? " · " : "", make("b", {}, option), ` ${share(mean, 1)} (${number})`]).flat()));
  table.replaceChildren(make("thead", {}, make("tr", {}, ["open value", "share, alone", "networks", "option, mean accuracy (networks)"].map((word) => make("th", { scope: "col" }, word)))), make("tbody", {}, run.effects.slice(0, 15).map(line)));
}

function simpleTable(heads, rows, numbers = []) {
  const kind = (place) => (numbers.includes(place) ? "n" : null);
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, heads.map((head, place) => make("th", { scope: "col", class: kind(place) }, head)))), make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell, place) => make("td", { class: place === row.length - 1 && !kind(place) ? "wide" : kind(place) }, cell)))))));
}

const FATES = { complete: "trained in full proxy length; only these can be on the front", pruned: "stopped after a shorter training, not promising enough for a longer one; while a search runs they may yet climb", duplicate: "the same network as an earlier one; answered from the record, no training", rejected: "illegal or outside the limits by exact cost; no training", failed: "training ended with an error" };

function drawFates() {
  const run = page.runs[state.run], rows = page.rows.filter((one) => one.run === state.run);
  const states = Object.keys(FATES).filter((name) => run.counts[name]).map((name) => [name, run.counts[name].toLocaleString("en"), FATES[name]]);
  const groups = new Map();
  for (const one of rows.filter((row) => row.reason && (row.state === "rejected" || row.state === "failed"))) {
    const key = `${one.state}: ${one.reason.replace(/\d[\d,.]*/g, "#")}`;
    groups.set(key, [...(groups.get(key) || []), one]);
  }
  const reasons = [...groups.values()].sort((a, b) => b.length - a.length).slice(0, 20).map((group) => [group[0].state, String(group.length), `trial ${group[0].trial}: ${group[0].reason}`]);
  byId("fates-body").replaceChildren(simpleTable(["", "proposals", "meaning"], states, [1]), ...(reasons.length ? [make("h3", { style: "margin:16px 0 8px" }, "Reasons, most frequent first"), simpleTable(["", "times", "for instance"], reasons, [1])] : []));
}

function drawRungs() {
  const run = page.runs[state.run];
  byId("rungs").hidden = run.trainings.length < 2 && !run.finals.length;
  const rows = run.agreements.map((one) => [one.shorter, one.longer, String(one.networks), one.tau.toFixed(2), `${one.gain >= 0 ? "+" : ""}${(100 * one.gain).toFixed(1)} points`]);
  byId("rungs-body").replaceChildren(
    make("p", { class: "hint" }, rows.length ? "Kendall's tau between the accuracies of networks that had both trainings: 1 is the same order, 0 is no relation. Only promising networks climb, which lowers tau." : "Fewer than 8 networks had two of the trainings; tau would say nothing."),
    rows.length ? simpleTable(["shorter training", "longer training", "networks", "tau", "mean gain"], rows, [2, 3, 4]) : "");
}

function drawLatency() {
  const run = page.runs[state.run];
  byId("latency").hidden = !run.latencies.length;
  const ms = (value) => (value === null ? "–" : `${value.toPrecision(3)} ms`);
  const rows = run.latencies.map((one) => [one.id, ms(one.predicted_ms), ms(one.median_ms), `${ms(one.low_ms)} to ${ms(one.high_ms)}`, String(one.runs), one.device]);
  byId("latency-body").replaceChildren(simpleTable(["network", "predicted", "measured, median", "95 % interval", "rounds", "device"], rows, [1, 2, 3, 4]));
}

function drawEnvironment() {
  const run = page.runs[state.run], machine = run.environment;
  const facts = [["space", run.space], ["data", `${run.dataset}, ${run.shape.join(" × ")}, ${run.classes} classes`], ["objectives", run.objectives.map((key) => page.metric(key)?.label || key).join(", ")], ["limits", run.limits.join(", ") || "none"], ["sampler", `${run.sampler}, seed ${run.seed}`], ["budget", plural(run.budget, "network")], ["trainings", run.trainings.join(", then ")],
    ["processor", machine.processor && `${machine.processor}, ${machine.cpus} cores, load ${Number(machine.load_average ?? 0).toFixed(1)}`], ["platform", machine.platform], ["Python", machine.python], ["packages", machine.packages && Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`).join(", ")]];
  byId("environment-body").replaceChildren(run.commands.again ? copyable(run.commands.again) : "", make("dl", { class: "facts" }, facts.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))])), make("p", { class: "hint" }, "The same seed proposes the same networks if results come back in the same order; with several workers they may not."));
}
