"use strict";
// Puts the page together: state, order of drawing, theme, and reloading while a search runs.

let page = null;
const KEPT = `nas-report:${location.pathname}`;
const state = { x: "params", y: null, bounds: {}, kinds: new Set(), scopes: new Set(), pruned: false, zoom: true, list: null, sort: { key: null, turn: -1 }, lines: 25, run: 0, progress: "networks" };

function keep() {
  try { sessionStorage.setItem(KEPT, JSON.stringify({ ...state, kinds: [...state.kinds], scopes: [...state.scopes], scroll: scrollY })); } catch { /* a page without storage forgets */ }
}
function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT));
    if (kept) { Object.assign(state, kept, { kinds: new Set(kept.kinds), scopes: new Set(kept.scopes) }); return kept.scroll || 0; }
  } catch { /* nothing kept */ }
  return 0;
}

let waiting = false;
function redrawSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; redraw(); });
}
function redraw() { drawProxy(); drawFinal(); drawTable(); drawParallel(); }
function redrawRun() { drawEffects(); drawFates(); drawRungs(); drawLatency(); drawEnvironment(); }

function gather(data) {
  const rows = data.runs.flatMap(networksOf);
  const seen = new Map();
  for (const run of data.runs) for (const metric of run.metrics) if (!seen.has(metric.key)) seen.set(metric.key, metric);
  const finals = data.runs.flatMap((run, number) => run.finals.map((final) => ({ ...final, run: number })));
  const byKey = new Map(rows.map((one) => [`${one.run}:${one.id}:${one.state}`, one]));
  const score = data.runs[0].objectives.find((key) => isScore(seen.get(key) || {})) || "accuracy";
  return { ...data, rows, finals, score, metrics: [...seen.values()], metric: (key) => seen.get(key), find: (run, id) => byKey.get(`${run}:${id}:complete`) || byKey.get(`${run}:${id}:pruned`) };
}

/** The fully trained network to show first: the final front's best, or the best so far by validation. */
function bestFinal(run) {
  const finals = page.finals.filter((final) => final.run === run.number && final.test && page.find(final.run, final.id));
  const order = (final) => (final.validation ? final.validation.mean : final.test.mean);
  return finals.find((final) => final.id === run.final_picks.best) || finals.sort((a, b) => order(b) - order(a))[0];
}

function finalHeadline(run) {
  const final = bestFinal(run);
  if (!final) return [];
  const row = page.find(final.run, final.id), by = final.validation ? ", chosen by validation images" : "";
  return ["Fully trained: ", make("b", {}, finalWords(final, "test")), ` test ${scoreLabel(final)} (${final.count > 1 ? `mean of ${plural(final.count, "seed")}` : "one seed"}) with ${count(row.values.params)} parameters${by}. Search: `];
}

function summarise() {
  const parts = page.runs.map((run) => {
    const words = [...finalHeadline(run), make("b", {}, plural(run.counts.complete, "network")), ` trained as proxies, ${run.front.length} on their front`];
    if (run.counts.pruned) words.push(`, ${run.counts.pruned.toLocaleString("en")} pruned`);
    if (run.counts.failed) words.push(`, ${run.counts.failed.toLocaleString("en")} failed`);
    const best = run.best === null ? null : page.rows.find((one) => one.run === run.number && one.index === run.best);
    if (best) words.push(`. Best proxy: ${write(page.metric(page.score), best.values[page.score])} validation ${page.metric(page.score).label}; it has ${count(best.values.params)} parameters and was trained for ${run.trainings.at(-1)}`);
    return [...(page.runs.length > 1 ? [`${run.name}: `] : []), ...words, ". "];
  });
  byId("summary").replaceChildren(...parts.flat());
  if (page.runs.some((run) => run.live)) byId("summary").append(make("span", { class: "badge" }, page.reload_s ? "live" : "was still running"));
}

function buildRuns() {
  const nav = byId("runs");
  nav.hidden = page.runs.length < 2;
  nav.replaceChildren(...page.runs.map((run, number) => make("button", { type: "button", "aria-pressed": String(number === state.run), onclick: () => { state.run = number; buildRuns(); redrawRun(); } }, make("i", { style: `background:${colourOf(number)}` }), make("span", {}, run.name, make("br"), make("small", {}, `${run.space} on ${run.dataset}, ${plural(run.counts.complete, "network")}`)))));
}

function wire() {
  const bind = (id, key, after) => { const select = byId(id); select.value = state[key]; select.addEventListener("change", () => { state[key] = select.value; after(); }); };
  metricOptions(byId("x-axis"), state.x); metricOptions(byId("y-axis"), state.y);
  bind("x-axis", "x", redraw); bind("y-axis", "y", redraw);
  bind("which", "list", () => { state.lines = 25; drawTable(); });
  bind("progress-x", "progress", drawProgress);
  const pruned = byId("show-pruned");
  pruned.parentElement.hidden = !page.rows.some((one) => one.state === "pruned" && one.rungs.length);
  pruned.checked = state.pruned;
  pruned.addEventListener("change", () => { state.pruned = pruned.checked; drawProxy(); });
  const zoom = byId("zoom");
  zoom.checked = state.zoom;
  zoom.addEventListener("change", () => { state.zoom = zoom.checked; drawProxy(); });
  byId("more").addEventListener("click", () => { state.lines += 200; drawTable(); });
  byId("reset").addEventListener("click", () => { state.bounds = {}; state.kinds.clear(); state.scopes.clear(); buildFilters(); redraw(); });
  byId("detail").addEventListener("click", (event) => { if (event.target === byId("detail")) byId("detail").close(); });
  byId("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(dark ? "light" : "dark");
  });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redrawSoon(); drawProgress(); } });
  addEventListener("pagehide", keep);
  if (innerWidth < 820) byId("filters").open = false;
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  try { localStorage.setItem("nas-report-theme", name); } catch { /* not kept */ }
}

/** While the search runs the file is written anew; look again unless somebody is reading. */
function reloadLater(after_s) {
  setTimeout(() => { if (byId("detail").open || document.hidden) reloadLater(2); else { keep(); location.reload(); } }, 1000 * after_s);
}

async function start() {
  try { const theme = localStorage.getItem("nas-report-theme"); if (theme) document.documentElement.dataset.theme = theme; } catch { /* follows the system */ }
  if (typeof DecompressionStream === "undefined") {
    byId("summary").textContent = "This browser is too old to open the data in this page (it lacks DecompressionStream); front.csv and report.json beside it hold the same figures.";
    return;
  }
  page = gather(await unpack("data"));
  const scroll = recall();
  state.y ??= page.score;
  state.list ??= page.rows.some(LISTS[0][2]) ? "final" : "front";
  state.sort.key ??= state.list === "final" ? "final-validation" : page.score;
  if (state.run >= page.runs.length) state.run = 0;
  if (!page.metric(state.x)) state.x = page.metrics.at(-1).key;
  if (!page.metric(state.y)) state.y = page.score;
  if (!page.rows.some((one) => LISTS.find(([key]) => key === state.list)[2](one))) state.list = "front";
  buildLists(); wire(); summarise(); buildRuns(); buildFilters(); redraw(); drawProgress(); redrawRun();
  byId("footer").textContent = `Made by nas report at ${page.made_at}. One file, no network needed.`;
  if (page.reload_s) reloadLater(page.reload_s);
  scrollTo(0, scroll);
  document.body.dataset.ready = "yes";
}
start();
