// The form of new jobs: every axis of a jobs.toml; how many jobs it stands for, and what is wrong,
// is asked of the lab while it is typed.

import { ask, byId, element, link, say, seconds } from "./parts.js";

const LATER_MS = 250;
const OF_SCENARIO = {
  min_queries: "", min_duration: "such as 10m", target_qps: "arrivals in a second, of a server",
  deadline: "seconds in which a server answers", streams: "inputs of a query, of multi-stream",
};
const FIELDS = {
  // [key, words, hint, kind]: "choice" is one or several of what there is, "list" is typed.
  "What is run": [
    ["task", "task", "each chosen one is a job", "choice"],
    ["mode", "mode", "none chosen: all", "choice"],
    ["profile", "profile of rules", "", "choice"],
    ["model", "models in place of the task's own", ".tflite files; their bytes are sent with the job", "files"],
    ["with.limit", "inputs at most", "a number; empty: all", "word"],
  ],
  "On which boards": [
    ["board", "board", "each chosen one is a job; none chosen: any board that fits", "choice"],
    ["core", "core", "any board with this core", "choice"],
    ["tags", "tags", "of its bench.toml; a board has them all", "choice"],
    ["other_board", "other boards", "kinds that were here before: they are waited for", "list"],
    ["clock", "clocks", "such as 40MHz, 80MHz; of boards that are chosen", "list"],
    ["emulate", "emulate", "in the emulator of a board, by its kind", "check"],
  ],
  "Scenario, division, engine": [
    ["scenario", "scenario", "in place of a mode", "choice"],
    ["division", "division", "", "choice"],
    ["engine", "engine", "none chosen: tinybench's own", "choice"],
    ...Object.keys(OF_SCENARIO).map((name) => [`with.${name}`, name, OF_SCENARIO[name], "word"]),
  ],
  "A study in place of a run": [
    ["study", "study", "its options are words below; it takes no mode, profile or scenario but by them", "choice"],
    ["parts", "parts", "jobs that it is dealt out into; of a board that is chosen", "number"],
    ["csv", "rows of your own", "a .csv to learn from in place of a task; its bytes are sent", "files"],
  ],
  "When, and how often": [
    ["repeat", "times each", "", "number"],
    ["priority", "priority", "-8 to 8; a step counts as half of a job's length", "number"],
    ["deadline", "to be done within", "such as 2h, from now", "text"],
    ["quiet", "kept quiet beside it", "by default where a monitor is named", "select"],
    ["who", "your name", "shown to others in the queue", "text"],
    ["name", "name of these jobs", "", "text"],
  ],
  "Further words of a run": [
    ["with.monitor", "energy monitor", "such as lpm01a, of a board that has one", "word"],
    ["with.iterations", "iterations", "of a window, to begin with", "word"],
    ["with.seed", "seed", "", "word"],
    ["with", "others", "name = value, one a line; what may be said several times, on several lines", "area"],
  ],
};
const OPEN = 2; // groups that are open at first
const FIRST = { task: ["kws"], profile: ["quick"], name: "by hand", repeat: "1", priority: "0" };

let choices = null;
let planned = null;

const field = (key) => byId("new").querySelector(`[data-field="${CSS.escape(key)}"]`);
const split = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

function value(text) {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+$/.test(text) ? Number(text) : /^-?\d*\.\d+(e-?\d+)?$/i.test(text) ? Number(text) : text;
}

function control(key, kind, id) {
  const made = document.createElement(kind === "area" ? "textarea" : kind === "select" ? "select" : "input");
  made.name = key;
  made.id = id;
  if (kind === "select") made.append(new Option("by default", ""), new Option("yes", "true"), new Option("no", "false"));
  else if (kind === "area") made.rows = 3;
  else if (kind === "files") Object.assign(made, { type: "file", multiple: true, accept: key === "csv" ? ".csv" : ".tflite" });
  else if (kind === "check") made.type = "checkbox";
  else {
    made.type = kind === "number" ? "number" : "text";
    made.maxLength = 1000;
    made.value = key === "who" ? localStorage.getItem("who") || "" : FIRST[key] || "";
  }
  return made;
}

// A field with its hint, and a place for what is wrong with it.
function built(group, [key, words, hint, kind], number) {
  const id = `new-${group}-${number}`;
  const made = element(kind === "choice" ? "fieldset" : "div", undefined, `field ${kind}`);
  made.dataset.field = key;
  made.dataset.kind = kind;
  const wrong = element("p", "", "fault");
  wrong.id = `${id}-wrong`;
  const told = element("p", hint, "hint");
  told.id = `${id}-hint`;
  if (kind === "choice") {
    made.setAttribute("aria-describedby", `${told.id} ${wrong.id}`);
    const box = element("div", undefined, "choices");
    for (const one of choices[key]) {
      const label = element("label", undefined, "check");
      const check = Object.assign(document.createElement("input"), { type: "checkbox", name: key, value: one });
      check.checked = (FIRST[key] || []).includes(one);
      label.append(check, one);
      box.append(label);
    }
    made.append(element("legend", words), box);
    made.hidden = !choices[key].length;
  } else {
    const input = control(key, kind, id);
    input.setAttribute("aria-describedby", `${told.id} ${wrong.id}`);
    const label = element("label", words, kind === "check" ? "check" : "");
    if (kind === "check") label.prepend(input);
    else label.append(input);
    if (key === "other_board") {
      input.setAttribute("list", "new-others");
      const others = document.createElement("datalist");
      others.id = "new-others";
      others.append(...choices.other_board.map((one) => Object.assign(document.createElement("option"), { value: one })));
      made.append(others);
    }
    made.append(label);
  }
  if (hint) made.append(told);
  made.append(wrong);
  return made;
}

export async function form() {
  if (choices) return look();
  choices = await ask("/api/choices");
  const groups = Object.entries(FIELDS).map(([title, fields], n) => {
    const made = document.createElement("details");
    made.open = n < OPEN;
    const box = element("div", undefined, "fields");
    box.append(...fields.map((one, m) => built(n, one, m)));
    made.append(element("summary", title), box);
    return made;
  });
  const text = document.createElement("details");
  text.id = "new-as-toml";
  text.append(element("summary", "The same as jobs.toml"), element("pre", ""));
  const sure = element("label", undefined, "check");
  sure.id = "new-sure";
  sure.hidden = true;
  sure.append(Object.assign(document.createElement("input"), { type: "checkbox" }), element("span", ""));
  const last = element("div", undefined, "send");
  const told = element("p", "");
  told.id = "new-plan";
  told.setAttribute("role", "status");
  const send = element("button", "submit");
  send.id = "new-send";
  last.append(told, sure, send);
  byId("new").replaceChildren(...groups, text, last);
  return look();
}

// What is said so far, as a series of a jobs.toml.
function series() {
  const said = {}, more = {};
  for (const one of byId("new").querySelectorAll("[data-field]")) {
    const { field: key, kind } = one.dataset;
    const input = one.querySelector("input, select, textarea");
    if (kind === "choice") {
      const chosen = [...one.querySelectorAll("input:checked")].map((box) => box.value);
      if (chosen.length) said[key] = key !== "tags" && chosen.length === 1 ? chosen[0] : chosen;
    } else if (kind === "files") {
      if (input.files.length) said[key] = [...input.files].map((file) => file.name);
    } else if (kind === "check") {
      if (input.checked) said[key] = true;
    } else if (kind === "area") {
      for (const line of input.value.split("\n")) {
        const [name, ...rest] = line.split("=");
        if (!line.trim()) continue;
        const key = name.trim(), words = value(rest.join("=").trim().replace(/^"(.*)"$/, "$1"));
        more[key] = key in more ? [more[key], words].flat().map(String) : words;
      }
    } else if (input.value.trim() && key !== "who") {
      const words = input.value.trim();
      if (kind === "word") more[key.slice("with.".length)] = value(words);
      else if (kind === "list") said[key] = split(words);
      else said[key] = kind === "number" ? Number(words) : kind === "select" ? words === "true" : words;
    }
  }
  if (said.other_board) said.board = [said.board || [], said.other_board].flat();
  delete said.other_board;
  if (Object.keys(more).length) said.with = more;
  return { name: "by hand", ...said };
}

const quoted = (what) => (Array.isArray(what) ? `[${what.map(quoted).join(", ")}]` : JSON.stringify(what));

function toml(said) {
  const lines = Object.entries(said).map(([key, what]) => (key !== "with" ? `${key} = ${quoted(what)}`
    : `with = { ${Object.entries(what).map(([name, word]) => `${name} = ${quoted(word)}`).join(", ")} }`));
  return ["[[jobs]]", ...lines].join("\n");
}

function blame(faults) {
  for (const one of byId("new").querySelectorAll("[data-field]")) {
    const key = one.dataset.field;
    const own = Object.keys(faults).filter((name) => name === key ||
      (key === "with" && name.startsWith("with.") && !field(name)) || (key === "other_board" && name === "board"));
    const why = own.map((name) => faults[name].replace(/^job '.*?': /, "")).join("; ");
    one.querySelector(".fault").textContent = why;
    for (const input of one.querySelectorAll("input, select, textarea")) {
      if (why) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    if (why) one.closest("details").open = true;
  }
}

const jobs = (number) => `${number.toLocaleString("en")} job${number === 1 ? "" : "s"}`;

function words(plan) {
  if (Object.keys(plan.faults).length) return "not yet: see what is marked";
  if (plan.jobs > plan.most) return `${jobs(plan.jobs)} are more than ${plan.most.toLocaleString("en")}`;
  const said = [jobs(plan.jobs)];
  if (plan.boards) said.push(`about ${seconds(plan.work_s)} of work on ${plan.boards} board${plan.boards === 1 ? "" : "s"}`, `done in about ${seconds(plan.done_s)}`);
  if (plan.nowhere) said.push(`${plan.nowhere} fit no board that is here, and wait for one`);
  return said.join(", ");
}

async function look() {
  const said = series();
  byId("new-as-toml").querySelector("pre").textContent = toml(said);
  const asked = JSON.stringify(said);
  const plan = await ask(`/api/plan?series=${encodeURIComponent(asked)}`);
  if (JSON.stringify(series()) !== asked) return; // it was typed on
  planned = plan;
  blame(plan.faults);
  byId("new-plan").textContent = words(plan);
  const many = plan.jobs > plan.asked_from;
  byId("new-sure").hidden = !many;
  byId("new-sure").querySelector("span").textContent = many ? `yes, all ${jobs(plan.jobs)}` : "";
}

let timer = 0;
byId("new").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => look().catch((error) => { byId("new-plan").textContent = error.message; }), LATER_MS);
});

async function models() {
  const found = {};
  const chosen = [...byId("new").querySelectorAll('[data-kind="files"] input')];
  for (const file of chosen.flatMap((input) => [...input.files])) {
    const data = await file.arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    const text = await new Promise((go) => {
      const reader = new FileReader();
      reader.addEventListener("load", () => go(reader.result.split(",")[1] || ""));
      reader.readAsDataURL(new Blob([data]));
    });
    found[file.name] = [[...hash].map((one) => one.toString(16).padStart(2, "0")).join(""), text];
  }
  return found;
}

async function send() {
  clearTimeout(timer);
  await look();
  const first = byId("new").querySelector("[aria-invalid]");
  if (first) return first.focus();
  if (!byId("new-sure").hidden && !byId("new-sure").querySelector("input").checked) {
    return byId("new-sure").querySelector("input").focus();
  }
  const who = field("who").querySelector("input").value.trim();
  localStorage.setItem("who", who);
  const query = new URLSearchParams({ count: planned.jobs, ...(who && { who }) });
  const told = await ask(`/api/jobs?${query}`, { series: [series()], needs: {}, models: await models() });
  say(`submission ${told.submission}: ${jobs(told.jobs)} queued. `, link("See the queue", "#queue"));
  scrollTo(0, 0);
}

byId("new").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("new-send").disabled = true; // a second press sends nothing twice
  try {
    await send();
  } catch (error) {
    byId("new-plan").textContent = error.message;
  } finally {
    byId("new-send").disabled = false;
  }
});
