"use strict";
// One network: drawing, costs by stage, training curves, how to export and train it.

async function openDetail(one) {
  const dialog = byId("detail"), run = page.runs[one.run];
  tip.hide();
  page.drawings ??= await unpack("drawings");
  const picture = page.drawings[one.run]?.[one.id];
  const command = (name) => run.commands[name].replace("{id}", one.id);
  const drawing = make("div", { class: "drawing" });
  // The only markup that is not made here: written by nas.drawing, which escapes every name.
  if (picture) drawing.innerHTML = picture.svg;
  else drawing.append(make("p", { class: "note" }, `The page holds drawings of ${Object.keys(page.drawings[one.run] || {}).length} networks, the front first; this one is not among them.`));
  const left = make("div", {}, facts(one, run), stages(one, picture), curves(one, run), reasons(one), make("h3", {}, "Take it with you"), commands(one, run, command));
  dialog.replaceChildren(make("button", { type: "button", class: "close", autofocus: true, onclick: () => dialog.close() }, "Close"),
    make("div", { class: "inside" }, make("h2", { id: "detail-title" }, one.id, one.badge ? make("span", { class: `badge ${one.badge}` }, proxyBadge(one)) : "", one.picked ? make("span", { class: "badge final" }, one.picked) : ""), make("p", { class: "hint" }, one.description), make("div", { class: "columns" }, left, make("div", {}, make("h3", {}, "Drawing"), drawing))));
  dialog.showModal();
  dialog.scrollTop = 0;
  drawCurves(one, run);
}

function facts(one, run) {
  const list = [["trial", `${one.trial}${page.runs.length > 1 ? ` of ${run.name}` : ""}, ${one.state}${one.front ? ", on the front" : ""}`]];
  for (const final of page.finals.filter((final) => final.run === one.run && final.id === one.id))
    list.push(["fully trained", `${(100 * final.mean).toFixed(2)}${final.count > 1 ? ` ± ${(100 * final.deviation).toFixed(2)}` : ""} % ${final.split}, ${plural(final.count, "seed")}, recipe ${final.recipe}${final.validation ? `; ${scoreLabel(final)} ${finalWords(final, "validation")} validation` : ""}`]);
  if (one.values.accuracy !== null) list.push(["proxy accuracy", `${share(one.values.accuracy)} validation, one seed, ${run.trainings.at(-1)}`]);
  for (const metric of run.metrics) if (metric.key !== "accuracy" && one.values[metric.key] !== null) list.push([metric.label, metric.style === "count" ? `${one.values[metric.key].toLocaleString("en")}` : write(metric, one.values[metric.key])]);
  for (const latency of run.latencies.filter((latency) => latency.id === one.id)) list.push(["latency, measured", `${latency.median_ms.toPrecision(3)} ms (${latency.low_ms.toPrecision(3)} to ${latency.high_ms.toPrecision(3)}), ${latency.device}`]);
  if (one.duplicate !== null && one.duplicate !== undefined) list.push(["same as", `trial ${one.duplicate}`]);
  return make("dl", { class: "facts" }, list.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function stages(one, picture) {
  if (!picture) return "";
  const most = Math.max(...picture.stages.map((stage) => stage[2]), 1);
  const rows = picture.stages.map(([title, params, macs, peak]) => [title, count(params), make("span", {}, make("span", { class: "bar", style: `width:${Math.round((56 * macs) / most)}px` }), count(macs)), bytes(peak)]);
  if (picture.ring) rows.push(["rings", count(picture.ring), "", ""]);
  return make("div", {}, make("h3", {}, "Costs by stage"), simpleTable(["", "parameters", "MACs", "peak memory"], rows, [1, 3]));
}

function courses(one, run) {
  const lines = run.finals.filter((final) => final.id === one.id).flatMap((final) => final.curves.map((curve) => ({ name: `${final.recipe}, ${curve.label}`, points: curve.epochs.map((epoch, place) => [epoch, curve.accuracy[place]]) })));
  return lines.filter((line) => line.points.length > 1);
}

function curves(one, run) {
  const rungs = [...one.rungs.map((accuracy, place) => [run.trainings[place], accuracy]), ...(one.values.accuracy !== null ? [[run.trainings.at(-1), one.values.accuracy]] : [])];
  if (rungs.length < 2 && !courses(one, run).length) return "";
  const table = rungs.length > 1 ? simpleTable(["proxy training", "validation accuracy"], rungs.map(([name, accuracy]) => [name, share(accuracy)]), [1]) : "";
  return make("div", {}, make("h3", {}, "Training"), table, courses(one, run).length ? make("figure", { class: "chart", style: "margin-top:8px" }, make("figcaption", {}, "full training: validation accuracy by epoch"), make("div", { id: "curve-chart" })) : "");
}

function drawCurves(one, run) {
  const host = byId("curve-chart");
  if (!host) return;
  const lines = courses(one, run).map((line, place) => ({ ...line, colour: RUN_COLOURS[place % RUN_COLOURS.length], dash: place ? `${4 + 2 * place} 3` : null }));
  lineChart(host, { lines, title: "Validation accuracy by epoch", x: { log: false, whole: true, format: String, label: "epoch" }, y: { log: false, format: (value) => `${Number((100 * value).toPrecision(4))} %`, label: "" }, describe: ({ x, y, line }) => [make("div", {}, make("b", {}, share(y)), ` at epoch ${x}`), make("div", {}, line.name)] });
}

function reasons(one) {
  return one.reason ? make("div", {}, make("h3", {}, one.state === "failed" ? "Why it failed" : "Why it was not trained"), make("p", { class: "hint" }, one.reason)) : "";
}

function commands(one, run, command) {
  const blocks = [];
  if (one.front) blocks.push(make("p", { class: "hint" }, "Export as PyTorch code, weights and ONNX:"), copyable(command("export")));
  blocks.push(make("p", { class: "hint" }, "Train it in full:"), copyable(command("train")));
  return blocks;
}
