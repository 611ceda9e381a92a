// The page of one job: what it is, how far it is, what came of it, and the files of its run.

import { ask, byId, bytes, cancel, cell, element, facts, fill, link, microjoules, milliseconds, moment, of, quality, seconds } from "./parts.js";

let shown = "";

function words(one) {
  return Object.entries(one.words).filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} = ${value}`).join(", ");
}

function verdict(one) {
  if (one.valid) return element("span", one.mlperf ? "valid" : `valid under ${one.profile}`, "good");
  return element("span", `breaks: ${one.broken_rules.join(", ")}`, "bad");
}

function latency(one) {
  if (one.scenario) return one.rate_per_s === null ? "" : of(`${one.rate_per_s.toPrecision(4)} /s`, one.scenario);
  if (one.emulated && one.estimated_latency_s !== null) {
    return of(milliseconds(one.estimated_latency_s),
      `estimated, ${milliseconds(one.estimated_latency_low_s)} to ${milliseconds(one.estimated_latency_high_s)}`);
  }
  return one.latency_s === null ? "" : of(milliseconds(one.latency_s), one.emulated ? "emulated" : "measured");
}

function came(one) {
  const found = one.result;
  if (!found) return element("p", one.state === "done" ? "Its result cannot be read." : "It has no result.", "none");
  const energy = found.energy_per_inference_j;
  return facts([
    ["verdict", verdict(found)],
    ["quality", quality(found) && of(quality(found), `${found.inputs} ${found.dataset} inputs`)],
    ["an inference", latency(found)],
    ["its energy", energy === null ? "" : of(microjoules(energy), found.energy_modelled ? "modelled" : "measured")],
    ["flash", found.flash_b === null ? "" : bytes(found.flash_b)],
  ]);
}

// What a study has found: a line for each thing that it compares.
function study(one) {
  const { rows, count, why } = one.found;
  if (why) return element("p", why, "none");
  const table = element("table"), head = element("tr"), body = element("tbody");
  table.setAttribute("aria-label", `what job ${one.id} has found`);
  const heads = ["what", "score", "figures are", "of the", "time", "instructions", "est. cycles", "weights", "flash", "RAM"];
  head.append(...heads.map((words) => Object.assign(element("th", words), { scope: "col" })));
  table.append(element("thead", head), body);
  body.id = "job-study";
  fill(body, rows, (row, line) => {
    cell(line, row.name);
    cell(line, row.score === null ? "" : `${row.metric} ${row.score.toFixed(4)}`);
    cell(line, row.kind);
    cell(line, row.scope);
    cell(line, milliseconds(row.latency_s));
    cell(line, row.instructions);
    cell(line, row.cycles);
    for (const size of [row.weights_b, row.flash_b, row.ram_b]) cell(line, size === null ? "" : bytes(size));
  });
  const made = element("div");
  const wide = element("div", table, "wide");
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", "rows of the study");
  made.append(wide);
  if (count > rows.length) made.append(element("p", `the first ${rows.length} of ${count} rows`, "note"));
  return made;
}

function files(one) {
  const list = element("ul", undefined, "files");
  for (const file of one.files) {
    const line = element("li");
    line.append(link(file.name, `/api/jobs/${one.id}/files/${file.name.split("/").map(encodeURIComponent).join("/")}`), " ",
      element("span", bytes(file.bytes), "kind"));
    list.append(line);
  }
  if (one.files_more) list.append(element("li", `and ${one.files_more} more: the zip has all of them`));
  return list;
}

function progress(one) {
  const made = element("div");
  const runs = one.runs;
  if (runs.total) {
    const bar = document.createElement("progress");
    bar.max = runs.total;
    bar.value = runs.done;
    bar.setAttribute("aria-label", `how far job ${one.id} is`);
    made.append(bar);
  }
  const left = runs.left_s === null ? "longer than thought" : `about ${seconds(runs.left_s)} left`;
  const far = runs.total ? `${runs.done} of ${runs.total}, ` : "";
  made.append(element("p", `${far}${runs.note || "begun"}, ${left}`));
  return made;
}

export async function job(number) {
  const box = byId("job");
  let one;
  try {
    if (!/^\d{1,15}$/.test(number || "")) throw new Error(`'${number || ""}' is no number of a job`);
    one = await ask(`/api/jobs/${number}`);
  } catch (error) {
    shown = "";
    byId("job-title").textContent = "Job";
    box.replaceChildren(element("p", error.message, "none"));
    return;
  }
  const now = JSON.stringify(one);
  if (now === shown && box.dataset.job === number) return;
  shown = now;
  box.dataset.job = number;
  byId("job-title").textContent = `Job ${one.id}: ${one.title}`;
  const open = ["held", "queued", "running"].includes(one.state);
  const begins = one.starts_s === null ? "" : `${one.turn}. on ${one.waits_for}, in about ${seconds(one.starts_s)}`;
  const said = [facts([
    ["state", one.why ? `${one.state}: ${one.why}` : one.state],
    ["begins", begins],
    ["board", one.place],
    ["wants", one.wants],
    ["of", `${one.who}, submission ${one.submission}, series ${one.series}`],
    ["submitted", moment(one.submitted)],
    ["began", moment(one.started)],
    ["ended", moment(one.ended)],
    ["ran", seconds(one.run_s)],
    ["words", words(one)],
    [one.words.csv ? "rows" : "model", one.model_sha256 && element("code", one.model_sha256)],
    ["priority", one.priority || ""],
    ["begun", one.attempt > 1 ? `${one.attempt} times` : ""],
  ])];
  if (one.runs) said.push(progress(one));
  if (open) said.push(cancel(one.id));
  else if (one.found) said.push(element("h3", "Study"), study(one));
  else said.push(element("h3", "Result"), came(one));
  if (one.files.length) {
    const does = element("p", undefined, "does");
    if (!one.found?.why) does.append(link("report", `/api/jobs/${one.id}/report`, `report of job ${one.id}`), " ");
    does.append(link(one.study ? "all files as zip" : "all files and the report as zip", `/api/jobs/${one.id}/run.zip`));
    said.push(does, element("h3", one.study ? "Files of the study" : "Files of the run"), files(one));
  }
  const kept = box.contains(document.activeElement);
  box.replaceChildren(...said);
  if (kept) box.querySelector("button")?.focus();
}
