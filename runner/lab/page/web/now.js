// The views of now: boards with what runs on them, jobs that ended, the queue.

import { ask, button, byId, cancel, cell, element, fill, focus, milliseconds, moment, ofJob, report, seconds, tell, watts } from "./parts.js";

const POINTS = 60;
const SVG = "http://www.w3.org/2000/svg";
const seen = new Map();

// What a job has told of a figure while this page is open, the newest last.
function course(job, attempt, name, value) {
  const key = `${job}-${attempt}-${name}`;
  const values = seen.get(key) || [];
  if (value !== null && value !== undefined) {
    values.push(value);
    values.splice(0, values.length - POINTS);
    seen.set(key, values);
    if (seen.size > 1000) seen.delete(seen.keys().next().value);
  }
  return values;
}

function spark(values, words) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", "0 0 100 20");
  made.setAttribute("preserveAspectRatio", "none");
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", words);
  const low = Math.min(...values), high = Math.max(...values);
  const points = values.map((value, n) =>
    `${(100 * n) / Math.max(1, values.length - 1)},${high > low ? 18 - (16 * (value - low)) / (high - low) : 10}`);
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", points.join(" "));
  line.setAttribute("class", "spark");
  made.append(line);
  return made;
}

function live(card, one, name, words, shown, kind) {
  const { job, attempt } = one.runs;
  const values = course(job, attempt, name, one.runs[name]);
  if (!values.length) return;
  const figure = element("p", `${words} `);
  figure.append(element("span", shown(values.at(-1)), "big"), " ", element("span", kind, "kind"));
  card.append(figure);
  if (values.length > 1) card.append(spark(values, `${words} of job ${job}, the latest ${values.length}`));
}

const MARKS = { free: "good", busy: "mark", quiet: "mark", silent: "bad", absent: "bad" };

function holder(runs) {
  const made = element("p", `of ${runs.who || "somebody"}, since `);
  made.append(moment(runs.since));
  if (runs.left_s === null) made.append(", longer than thought");
  else made.append(", until about ", moment(Date.now() / 1000 + runs.left_s), ` (${seconds(runs.left_s)})`);
  return made;
}

function board(one) {
  const card = element("li", undefined, one.state === "absent" ? "card away" : "card");
  const top = element("div", undefined, "top");
  top.append(element("h3", one.name), element("span", one.state, MARKS[one.state]));
  card.append(top, element("p", [...new Set([one.kind, one.core, ...one.tags])].join(", "), "kind"));
  if (one.why) card.append(element("p", one.why, MARKS[one.state]));
  if (Math.abs(one.clock_apart_s) > 60) {
    card.append(element("p", `its computer's clock is ${seconds(Math.abs(one.clock_apart_s))} off`, "mark"));
  }
  if (one.runs) {
    const runs = one.runs;
    const what = element("p");
    what.append(ofJob(runs.job, `job ${runs.job}`), `: ${runs.title}`);
    card.append(what, holder(runs));
    const bar = document.createElement("progress");
    if (runs.total) {
      bar.max = runs.total;
      bar.value = runs.done;
    }
    bar.setAttribute("aria-label", `how far job ${runs.job} is`);
    const far = runs.total ? `${runs.note}: ${runs.done} of ${runs.total}` : runs.note || "begun";
    card.append(bar, element("p", far, "line"));
    live(card, one, "latency_s", "latency", milliseconds, one.emulated ? "emulated" : "measured");
    live(card, one, "power_w", "power", watts, runs.modelled ? "modelled" : "measured");
    card.append(cancel(runs.job));
  }
  if (one.state !== "absent") {
    const waits = `${one.waiting} job${one.waiting === 1 ? "" : "s"} (${seconds(one.waiting_s)})`;
    card.append(element("p", one.waiting ? `queue: ${waits}` : "nothing waits", "kind"));
  }
  return card;
}

function prioritised(one, priority) {
  const wanted = Math.max(-8, Math.min(8, Math.round(priority)));
  return tell(`/api/jobs/${one.id}/priority`, { priority: wanted },
    (told) => `job ${one.id} has priority ${told.priority}`);
}

function priority(one) {
  const made = document.createElement("input");
  made.type = "number";
  made.min = -8;
  made.max = 8;
  made.value = one.priority;
  made.dataset.key = `priority-${one.id}`;
  made.setAttribute("aria-label", `priority of job ${one.id}`);
  const set = () => {
    if (Number(made.value) !== one.priority && made.value !== "") prioritised(one, Number(made.value));
  };
  made.addEventListener("keydown", (event) => {
    if (event.key === "Enter") made.blur();
    if (event.key === "Escape") {
      made.value = one.priority;
      made.blur();
    }
  });
  made.addEventListener("blur", set);
  return made;
}

function queued(one, row) {
  cell(row, ofJob(one.id));
  cell(row, one.title);
  cell(row, one.who);
  cell(row, one.why || one.waits_for, one.waits_for || one.state === "held" ? "" : "mark");
  cell(row, one.starts_s === null ? "" : one.starts_s ? seconds(one.starts_s) : "now");
  cell(row, seconds(one.estimate_s));
  cell(row, priority(one));
  const does = element("span", undefined, "buttons");
  for (const [words, step] of [["sooner", 1], ["later", -1]]) {
    does.append(button(words, `${words}-${one.id}`, () => prioritised(one, one.priority + step),
      `job ${one.id} ${words}`));
  }
  does.append(cancel(one.id));
  cell(row, does);
}

let endedBefore = -1;

export function show(now, changed) {
  byId("trouble").hidden = !now.trouble;
  byId("trouble").textContent = now.trouble;
  const busy = now.boards.filter((one) => one.runs).length;
  byId("line").textContent = `${busy} of ${now.boards.length} boards busy, ${now.counts.queued + now.counts.held} wait`;
  byId("waiting").textContent = now.counts.queued + now.counts.held || "";
  const boards = byId("boards");
  const kept = boards.contains(document.activeElement) ? document.activeElement.dataset.key : "";
  boards.replaceChildren(...now.boards.map(board));
  if (kept) focus(boards, kept);
  byId("no-boards").hidden = now.boards.length > 0;
  byId("refused").replaceChildren(...now.refused.map((words) => element("li", `refused: ${words}`, "bad")));
  const counts = Object.entries(now.counts).filter(([, n]) => n);
  const more = now.counts.queued + now.counts.held - now.queue.length;
  byId("counts").textContent = counts.map(([k, v]) => `${v} ${k}`).join(", ") + (more > 0 ? `; ${more} more wait than are shown` : "");
  fill(byId("queue"), now.queue, queued);
  const finished = now.counts.done + now.counts.failed + now.counts.cancelled + now.counts.skipped;
  if (finished !== endedBefore) {
    endedBefore = finished;
    changed();
  }
}

const STEP = 20;
let shown = STEP;

export async function ended() {
  const told = await ask(`/api/jobs?state=done,failed,cancelled,skipped&most=${shown + 1}`);
  byId("ended-more").hidden = told.jobs.length <= shown;
  fill(byId("ended"), told.jobs.slice(0, shown), (one, row) => {
    cell(row, ofJob(one.id));
    cell(row, one.title);
    cell(row, one.place);
    cell(row, one.who);
    cell(row, moment(one.ended));
    cell(row, seconds(one.run_s));
    if (one.state === "done") cell(row, one.verdict, one.status === 0 ? "good" : "bad");
    else cell(row, one.why && one.why !== one.state ? `${one.state}: ${one.why.slice(0, 200)}` : one.state, one.state === "failed" ? "bad" : "");
    cell(row, one.state === "done" ? report(one.id, "open") : "");
  });
}

byId("ended-more").addEventListener("click", () => {
  shown += STEP;
  ended();
});
