// The view of results: filters, what is compared, history; and the leaderboard.

import { ask, byId, bytes, cell, element, fill, headers, microjoules, milliseconds, moment, of, ofJob, quality } from "./parts.js";

const STEP = 100;
const chosen = new Set();
let shown = STEP;

function words() {
  const said = Object.fromEntries(new FormData(byId("filter")));
  return new URLSearchParams(Object.entries(said).filter(([, value]) => value));
}

function choice(one) {
  const made = document.createElement("input");
  made.type = "checkbox";
  made.checked = chosen.has(one.job);
  made.dataset.key = `choose-${one.job}`;
  made.setAttribute("aria-label", `compare job ${one.job}`);
  made.addEventListener("change", () => {
    if (made.checked) chosen.add(one.job);
    else chosen.delete(one.job);
    counted();
  });
  return made;
}

function counted() {
  byId("compare").disabled = chosen.size < 2;
  byId("compare").textContent = chosen.size ? `compare the ${chosen.size} chosen ones` : "compare the chosen ones";
}

function latency(one) {
  if (one.scenario) return one.rate_per_s === null ? "" : of(`${one.rate_per_s.toPrecision(4)} /s`, one.scenario);
  if (one.emulated && one.estimated_latency_s !== null) {
    const bounds = `${milliseconds(one.estimated_latency_low_s)} to ${milliseconds(one.estimated_latency_high_s)}`;
    return of(milliseconds(one.estimated_latency_s), `estimated, ${bounds}`);
  }
  return one.latency_s === null ? "" : of(milliseconds(one.latency_s), one.emulated ? "emulated" : "measured");
}

function result(one, row) {
  cell(row, choice(one));
  cell(row, ofJob(one.job));
  for (const name of ["task", "board", "core", "profile"]) cell(row, one[name]);
  cell(row, moment(Date.parse(one.started_at) / 1000));
  const broken = one.broken_rules.length;
  cell(row, one.valid ? (one.mlperf ? "valid" : `valid under ${one.profile}`) : `breaks ${broken} rule${broken === 1 ? "" : "s"}`,
    one.valid ? "good" : "bad");
  cell(row, one.inputs === null ? "" : of(quality(one), `${one.inputs} ${one.dataset} inputs`));
  cell(row, latency(one));
  cell(row, one.energy_per_inference_j === null ? ""
    : of(microjoules(one.energy_per_inference_j), one.energy_modelled ? "modelled" : "measured"));
  cell(row, one.flash_b === null ? "" : bytes(one.flash_b));
}

let known = false;

async function suggest() {
  if (known) return;
  known = true;
  const told = await ask("/api/choices");
  const lists = { "known-tasks": told.task, "known-kinds": [...told.board, ...told.other_board], "known-cores": told.core };
  for (const [id, words] of Object.entries(lists)) {
    byId(id).replaceChildren(...words.map((word) => Object.assign(document.createElement("option"), { value: word })));
  }
}

export async function results() {
  try {
    byId("count").textContent ||= "looking ...";
    const told = await ask(`/api/results?${words()}&brief=yes&most=${shown}`);
    byId("count").textContent = `${told.results.length} of ${told.count} results` +
      (told.count === told.of ? "" : `, of ${told.of} in all`);
    byId("more").hidden = told.results.length >= told.count || shown >= 500;
    fill(byId("results"), told.results, result);
    counted();
    await suggest();
  } catch (error) {
    byId("count").textContent = error.message;
  }
}

byId("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  shown = STEP;
  results();
});
byId("more").addEventListener("click", () => {
  shown += STEP;
  results();
});
byId("compare").addEventListener("click", () => {
  location.assign(`/api/compare?jobs=${[...chosen].join(",")}`);
});
byId("history").addEventListener("click", async () => {
  const said = words();
  said.delete("sort");
  if (byId("by-commit").checked) said.set("by", "commit");
  const answer = await fetch(`/api/history?${said}`, { headers: headers() });
  if (answer.ok) location.assign(`/api/history?${said}`);
  else byId("count").textContent = (await answer.json()).error;
});

const HEAD = ["", "who", "an inference", "quality", "energy of one", "comparable"];

function ranking(one) {
  const card = element("section");
  const title = element("h3", `${one.task} on ${one.core}`);
  title.id = `rank-${one.task}-${one.core}`;
  const wide = element("div", undefined, "wide");
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-labelledby", title.id);
  const table = element("table");
  table.setAttribute("aria-labelledby", title.id);
  const head = document.createElement("tr");
  head.append(...HEAD.map((words) => {
    const made = element("th", words || "place");
    made.scope = "col";
    return made;
  }));
  table.append(element("thead", head));
  const body = document.createElement("tbody");
  table.append(body);
  wide.append(table);
  card.append(title, wide);
  let place = 0;
  fill(body, one.rows, (row, line) => {
    if (row.job !== null && row.job !== undefined) line.className = "ours";
    cell(line, row.apart ? "none" : ++place);
    cell(line, line.className ? ofJob(row.job, `${row.who} (job ${row.job})`) : `${row.who} (v${row.round})`);
    const bounds = row.low_s === null ? "" : `, ${milliseconds(row.low_s)} to ${milliseconds(row.high_s)}`;
    cell(line, of(milliseconds(row.latency_s), row.kind + bounds));
    cell(line, row.score === null ? "" : row.score.toFixed(3));
    cell(line, microjoules(row.energy_j));
    cell(line, row.kind === "published" ? "" : row.apart ? `no: ${row.apart}` : "yes", row.apart ? "" : "good");
  });
  return card;
}

export async function leaders() {
  try {
    const told = await ask("/api/leaderboard");
    byId("leaders-said").textContent = (told.rankings.length ? "" : "No valid result of a microcontroller yet. ") +
      (told.published ? `${told.published} published results are at hand.`
        : "Published results are not at hand: tinybench fetch published");
    byId("leaders").replaceChildren(...told.rankings.map(ranking));
  } catch (error) {
    byId("leaders-said").textContent = error.message;
  }
}
