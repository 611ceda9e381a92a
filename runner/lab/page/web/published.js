// The view of published results: all of them, filtered here, each with the verdict of its audit.

import { ask, byId, cell, element, fill, link, microjoules, milliseconds, of, quality } from "./parts.js";

const STEP = 50;
const LATER_MS = 2000;
let rows = [];
let shown = STEP;
let again = 0;

function matches(one, said) {
  const words = `${one.submitter} ${one.system} ${one.processor}`.toLowerCase();
  return ["task", "round", "division"].every((name) => !said[name] || one[name] === said[name]) &&
    (!said.grade || (one.grade || "none") === said.grade) && words.includes(said.text.toLowerCase().trim());
}

function published(one, row) {
  cell(row, `v${one.round} ${one.division}`);
  cell(row, one.submitter);
  cell(row, one.system);
  cell(row, one.processor);
  cell(row, one.task);
  cell(row, one.latency_s === null ? "" : of(milliseconds(one.latency_s), "published"));
  cell(row, one.energy_j === null ? "" : of(microjoules(one.energy_j), "published"));
  cell(row, quality(one));
  if (one.verdict === null) return cell(row, "");
  const said = element("span");
  said.append(link(one.verdict, `/api/published/${one.audit}`, `audit of ${one.system}: ${one.verdict}`));
  if (one.worst) said.append(` ${one.worst.slice(0, 160)}`);
  return cell(row, said, one.grade === "sound" ? "good" : one.grade === "paperwork" ? "mark" : "bad");
}

function filtered() {
  const said = Object.fromEntries(new FormData(byId("look")));
  const found = rows.filter((one) => matches(one, said));
  byId("published-said").textContent = rows.length ? `${found.length} of ${rows.length} published results`
    : "Published results are not at hand: tinybench fetch published";
  fill(byId("published"), found.slice(0, shown), published);
  byId("published-more").hidden = found.length <= shown;
}

export async function explore() {
  clearTimeout(again);
  try {
    const told = await ask("/api/published");
    rows = told.rows.sort((a, b) => Number(b.verdict !== null) - Number(a.verdict !== null) || b.round.localeCompare(a.round));
    for (const name of ["task", "round", "division"]) {
      const select = byId("look").elements[name];
      const values = [...new Set(rows.map((one) => one[name]))].sort();
      if (select.options.length !== values.length + 1) {
        select.replaceChildren(new Option("all", ""), ...values.map((value) => new Option(value)));
      }
    }
    const audits = told.audits.map((one, n) => link(`audit of ${one.tree}, systems: ${one.systems}`, `/api/published/${n}`));
    byId("audits").replaceChildren(...audits.flatMap((one) => [one, " "]), told.doing ? `${told.doing} ...`
      : audits.length ? "" : "Audits are of the trees that lab.toml names as published.");
    filtered();
    if (told.doing && location.hash === "#published") again = setTimeout(explore, LATER_MS);
  } catch (error) {
    byId("published-said").textContent = error.message;
  }
}

byId("look").addEventListener("input", () => {
  shown = STEP;
  filtered();
});
byId("look").addEventListener("submit", (event) => event.preventDefault());
byId("published-more").addEventListener("click", () => {
  shown += STEP;
  filtered();
});
