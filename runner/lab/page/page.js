// The page of a lab: shows what the lab says, as text, and asks it for what a person wants.
"use strict";

const byId = (id) => document.getElementById(id);
const token = byId("token");
token.value = sessionStorage.getItem("token") || "";
token.addEventListener("change", () => sessionStorage.setItem("token", token.value));

const headers = () => (token.value ? { Authorization: `Bearer ${token.value}` } : {});

function cell(row, what, kind) {
  const made = document.createElement("td");
  if (what instanceof Node) made.append(what);
  else made.textContent = what === null || what === undefined || what === "" ? "-" : String(what);
  if (kind) made.className = kind;
  row.append(made);
}

function fill(id, items, cells) {
  const body = byId(id);
  const active = document.activeElement;
  const kept = active && body.contains(active) ? active.dataset.key : null;
  body.replaceChildren(...items.map((one) => {
    const row = document.createElement("tr");
    cells(one, row);
    return row;
  }));
  if (kept) [...body.querySelectorAll("[data-key]")].find((one) => one.dataset.key === kept)?.focus();
}

function button(words, key, what) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.dataset.key = key;
  made.addEventListener("click", what);
  return made;
}

function seconds(value) {
  if (value === null || value === undefined) return "-";
  if (value < 90) return `${value.toFixed(1)} s`;
  return value < 5400 ? `${(value / 60).toFixed(0)} min` : `${(value / 3600).toFixed(1)} h`;
}

async function ask(path, body) {
  const answer = await fetch(path, body === undefined ? { headers: headers() } : {
    method: "POST",
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

function say(words) {
  byId("said").textContent = words;
}

async function tell(path, body, words) {
  try {
    say(words(await ask(path, body)));
    await ended();
  } catch (error) {
    say(error.message);
  }
}

function howFar(runs) {
  if (!runs) return "-";
  const made = document.createElement("span");
  if (runs.total) {
    const bar = document.createElement("progress");
    bar.max = runs.total;
    bar.value = runs.done;
    bar.setAttribute("aria-label", `how far job ${runs.job} is`);
    made.append(bar, ` ${runs.done} of ${runs.total}, `);
  }
  made.append(`${runs.note || "begun"}, for ${seconds(runs.since_s)} of about ${seconds(runs.estimate_s)}`);
  return made;
}

const cancel = (job) => button("cancel", `cancel-${job}`, () =>
  tell(`/api/jobs/${job}/cancel`, {}, () => `job ${job} is cancelled`));

let endedBefore = -1;

function show(now) {
  byId("trouble").hidden = !now.trouble;
  byId("trouble").textContent = now.trouble;
  const busy = now.boards.filter((one) => one.runs).length;
  byId("line").textContent = `boards: ${now.boards.length}, busy: ${busy}, jobs that wait: ${now.counts.queued}`;
  fill("boards", now.boards, (one, row) => {
    cell(row, one.name);
    cell(row, one.emulated ? `${one.kind} (emulated)` : one.kind);
    cell(row, one.core);
    cell(row, one.state, one.runs ? "" : "good");
    const runs = document.createElement("span");
    if (one.runs) runs.append(`${one.runs.job}: ${one.runs.title} `, cancel(one.runs.job));
    cell(row, one.runs ? runs : "-");
    cell(row, howFar(one.runs));
    cell(row, `${one.waiting} (${seconds(one.waiting_s)})`);
  });
  byId("refused").replaceChildren(...now.refused.map((words) => {
    const made = document.createElement("li");
    made.textContent = `refused: ${words}`;
    return made;
  }));
  byId("counts").textContent = Object.entries(now.counts).map(([k, v]) => `${v} ${k}`).join(", ");
  fill("queue", now.queue, (one, row) => {
    cell(row, one.id);
    cell(row, one.title);
    cell(row, one.waits_for || `nothing here is ${one.wants}`, one.waits_for ? "" : "bad");
    cell(row, seconds(one.estimate_s));
    cell(row, one.priority);
    const does = document.createElement("span");
    for (const [words, step] of [["sooner", 1], ["later", -1]]) {
      does.append(button(words, `${words}-${one.id}`, () =>
        tell(`/api/jobs/${one.id}/priority`, { priority: one.priority + step },
          (told) => `job ${one.id} has priority ${told.priority}`)), " ");
    }
    does.append(cancel(one.id));
    cell(row, does);
  });
  const finished = now.counts.done + now.counts.failed + now.counts.cancelled + now.counts.skipped;
  if (finished !== endedBefore) {
    endedBefore = finished;
    ended().then(results).catch((error) => say(error.message));
  }
}

async function ended() {
  const told = await ask("/api/jobs?state=done,failed,cancelled,skipped&most=50");
  fill("ended", told.jobs, (one, row) => {
    cell(row, one.id);
    cell(row, one.title);
    cell(row, one.place);
    cell(row, one.why ? `${one.state}: ${one.why.slice(0, 120)}` : one.state, one.state === "failed" ? "bad" : "");
    cell(row, seconds(one.run_s));
    cell(row, one.status === 0 ? "valid" : one.status === 1 ? "a rule is broken" : one.status);
    cell(row, one.state === "done" ? report(one.id) : "-");
  });
}

function report(job) {
  const made = document.createElement("a");
  made.href = `/api/jobs/${job}/report`;
  made.textContent = `report of job ${job}`;
  return made;
}

async function results() {
  const said = Object.fromEntries(new FormData(byId("filter")));
  const order = said.order;
  delete said.order;
  const words = new URLSearchParams(Object.entries(said).filter(([, value]) => value));
  const told = await ask(`/api/results?${words}`);
  let rows = told.results;
  if (order === "fastest") {
    const key = (one) => `${one.task} ${one.core} ${one.emulated}`;
    rows = rows.filter((one) => one.valid && one.latency_s !== null)
      .sort((a, b) => key(a).localeCompare(key(b)) || a.latency_s - b.latency_s);
  }
  byId("count").textContent = `${rows.length} of ${told.count} results`;
  fill("results", rows, (one, row) => {
    const link = report(one.job);
    link.textContent = one.job;
    cell(row, link);
    for (const name of ["task", "board", "core", "profile"]) cell(row, one[name]);
    cell(row, one.valid ? "valid" : `breaks ${one.broken_rules.length} rules`, one.valid ? "good" : "bad");
    const score = one.top1 !== null ? `top-1 ${(100 * one.top1).toFixed(1)} %`
      : one.auc !== null ? `AUC ${one.auc.toFixed(3)}` : "-";
    cell(row, one.inputs === null ? "-" : `${score}, ${one.inputs} inputs`);
    cell(row, one.latency_s === null ? "-"
      : `${(1000 * one.latency_s).toPrecision(4)} ms ${one.emulated ? "emulated" : "measured"}`);
    cell(row, one.energy_per_inference_j === null ? "-"
      : `${(1e6 * one.energy_per_inference_j).toPrecision(4)} uJ ${one.energy_modelled ? "modelled" : "measured"}`);
  });
}

byId("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  results().catch((error) => { byId("count").textContent = error.message; });
});

byId("new").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = Object.fromEntries(new FormData(event.target));
  const series = { name: "by hand", task: said.task, mode: said.mode, profile: said.profile };
  for (const name of ["board", "core"]) if (said[name]) series[name] = said[name];
  if (said.limit) series.with = { limit: Number(said.limit) };
  series.repeat = Number(said.repeat || 1);
  tell("/api/jobs", { series: [series], needs: {}, models: {} },
    (told) => `submission ${told.submission}: ${told.jobs} jobs queued`);
});

// Server-sent events, read by fetch: a header can go with it, which EventSource cannot send.
async function listen() {
  for (;;) {
    try {
      const answer = await fetch("/api/events", { headers: headers() });
      if (!answer.ok) throw new Error((await answer.json()).error);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let held = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        held += value;
        const events = held.split("\n\n");
        held = events.pop();
        const last = events.filter((one) => one.startsWith("data: ")).pop();
        if (last) show(JSON.parse(last.slice(6)));
      }
      throw new Error("the lab has ended");
    } catch (error) {
      byId("line").textContent = `${error.message}; trying again`;
      await new Promise((go) => setTimeout(go, 3000));
    }
  }
}

listen();
