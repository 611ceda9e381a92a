// The views of now: boards with what runs on them, jobs that ended, the queue.

import { ask, button, byId, cancel, cell, element, fill, focus, milliseconds, report, seconds, tell, watts } from "./parts.js";

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

function board(one) {
  const card = element("li", undefined, "card");
  const top = element("div", undefined, "top");
  top.append(element("h3", one.name), element("span", one.state, one.runs ? "mark" : "good"));
  card.append(top, element("p", [...new Set([one.kind, one.core, ...one.tags])].join(", "), "kind"));
  if (Math.abs(one.clock_apart_s) > 60) {
    card.append(element("p", `its computer's clock is ${seconds(Math.abs(one.clock_apart_s))} off`, "mark"));
  }
  if (one.runs) {
    const runs = one.runs;
    card.append(element("p", `job ${runs.job}: ${runs.title}`));
    if (runs.total) {
      const bar = document.createElement("progress");
      bar.max = runs.total;
      bar.value = runs.done;
      bar.setAttribute("aria-label", `how far job ${runs.job} is`);
      card.append(bar);
    }
    const far = runs.total ? `${runs.done} of ${runs.total}, ` : "";
    card.append(element("p", `${far}${runs.note || "begun"}, for ${seconds(runs.since_s)} of about ${seconds(runs.estimate_s)}`));
    live(card, one, "latency_s", "latency", milliseconds, one.emulated ? "emulated" : "measured");
    live(card, one, "power_w", "power", watts, runs.modelled ? "modelled" : "measured");
    card.append(cancel(runs.job));
  }
  const wait = one.waiting ? `${one.waiting} wait (${seconds(one.waiting_s)})` : "nothing waits";
  card.append(element("p", wait, "kind"));
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
  cell(row, one.id);
  cell(row, one.title);
  cell(row, one.waits_for || `nothing here is ${one.wants}`, one.waits_for ? "" : "bad");
  cell(row, seconds(one.estimate_s));
  cell(row, priority(one));
  const does = element("span");
  for (const [words, step] of [["sooner", 1], ["later", -1]]) {
    does.append(button(words, `${words}-${one.id}`, () => prioritised(one, one.priority + step),
      `job ${one.id} ${words}`), " ");
  }
  does.append(cancel(one.id));
  cell(row, does);
}

let endedBefore = -1;

export function show(now, changed) {
  byId("trouble").hidden = !now.trouble;
  byId("trouble").textContent = now.trouble;
  const busy = now.boards.filter((one) => one.runs).length;
  byId("line").textContent = `boards: ${now.boards.length}, busy: ${busy}, jobs that wait: ${now.counts.queued}`;
  byId("waiting").textContent = now.counts.queued || "";
  const boards = byId("boards");
  const kept = boards.contains(document.activeElement) ? document.activeElement.dataset.key : "";
  boards.replaceChildren(...now.boards.map(board));
  if (kept) focus(boards, kept);
  byId("no-boards").hidden = now.boards.length > 0;
  byId("refused").replaceChildren(...now.refused.map((words) => element("li", `refused: ${words}`, "bad")));
  byId("counts").textContent = Object.entries(now.counts).map(([k, v]) => `${v} ${k}`).join(", ");
  fill(byId("queue"), now.queue, queued);
  for (const [id, name] of [["known-boards", "name"], ["known-cores", "core"]]) {
    const words = [...new Set(now.boards.map((one) => one[name]))];
    if (byId(id).childElementCount !== words.length) {
      byId(id).replaceChildren(...words.map((word) => Object.assign(document.createElement("option"), { value: word })));
    }
  }
  const finished = now.counts.done + now.counts.failed + now.counts.cancelled + now.counts.skipped;
  if (finished !== endedBefore) {
    endedBefore = finished;
    changed();
  }
}

const VERDICTS = ["valid", "a rule is broken"];

export async function ended() {
  const told = await ask("/api/jobs?state=done,failed,cancelled,skipped&most=50");
  fill(byId("ended"), told.jobs, (one, row) => {
    cell(row, one.id);
    cell(row, one.title);
    cell(row, one.place);
    cell(row, one.why ? `${one.state}: ${one.why.slice(0, 200)}` : one.state, one.state === "failed" ? "bad" : "");
    cell(row, seconds(one.run_s));
    cell(row, VERDICTS[one.status] || (one.status === null ? "" : `status ${one.status}`), one.status === 0 ? "good" : "");
    cell(row, one.state === "done" ? report(one.id) : "");
  });
}
