// What the views of the page are made of: cells, buttons, words for figures, and asking the lab.

export const byId = (id) => document.getElementById(id);
let token = sessionStorage.getItem("token") || "";

export const headers = () => (token ? { Authorization: `Bearer ${token}` } : {});

export function element(name, words, kind) {
  const made = document.createElement(name);
  if (words instanceof Node) made.append(words);
  else if (words !== undefined) made.textContent = words;
  if (kind) made.className = kind;
  return made;
}

const empty = (what) => what === null || what === undefined || what === "";

export function cell(row, what, kind) {
  const head = row.heads?.[row.childElementCount] || "";
  const made = element("td", empty(what) ? "-" : what instanceof Node ? what : String(what), kind);
  made.setAttribute("role", "cell");
  made.dataset.label = head;
  if (empty(what)) made.classList.add("empty");
  row.append(made);
  return made;
}

// Rows of a table; whoever had the focus, or was being typed into, keeps it. Without rows it is
// not there, but what says so, and what to do next.
export function fill(body, items, cells) {
  const active = document.activeElement;
  const kept = active && body.contains(active) ? active : null;
  if (kept?.tagName === "INPUT" && kept.type === "number") return;
  const none = byId(`${body.id}-none`);
  if (none) {
    none.hidden = items.length > 0;
    body.closest(".wide").hidden = !items.length;
  }
  const heads = [...body.parentElement.querySelectorAll("thead th")].map((one) => one.textContent);
  body.parentElement.setAttribute("role", "table");
  body.setAttribute("role", "rowgroup");
  body.replaceChildren(...items.map((one) => {
    const row = document.createElement("tr");
    row.setAttribute("role", "row");
    row.heads = heads;
    cells(one, row);
    return row;
  }));
  if (kept?.dataset.key) focus(body, kept.dataset.key);
}

export function focus(body, key) {
  [...body.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key)?.focus();
}

export function button(words, key, what, label) {
  const made = element("button", words);
  made.type = "button";
  made.dataset.key = key;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", what);
  return made;
}

export function link(words, address, label) {
  const made = element("a", words);
  made.href = address;
  if (label) made.setAttribute("aria-label", label);
  return made;
}

// A list of what something is: [[word, what it is], ...]; what is nothing is left out.
export function facts(pairs) {
  const made = element("dl", undefined, "facts");
  for (const [word, what] of pairs) {
    if (!empty(what)) made.append(element("dt", word), element("dd", what instanceof Node ? what : String(what)));
  }
  return made;
}

export function seconds(value) {
  if (empty(value)) return "";
  if (value < 90) return `${value.toFixed(0)} s`;
  return value < 5400 ? `${(value / 60).toFixed(0)} min` : `${(value / 3600).toFixed(1)} h`;
}

const two = (value) => String(value).padStart(2, "0");

// A moment as a clock here shows it; its title has it in UTC.
export function moment(value) {
  if (empty(value)) return "";
  const at = new Date(1000 * value), now = new Date();
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const made = element("time", at.toDateString() === now.toDateString() ? clock : `${day} ${clock}`);
  made.dateTime = at.toISOString();
  made.title = `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return made;
}

const digits = (value) => Number(value.toPrecision(4)).toString();
export const milliseconds = (value) => (empty(value) ? "" : `${digits(1000 * value)} ms`);
export const microjoules = (value) => (empty(value) ? "" : `${digits(1e6 * value)} uJ`);
export function watts(value) {
  if (empty(value)) return "";
  return value < 1e-3 ? `${digits(1e6 * value)} uW` : value < 1 ? `${digits(1000 * value)} mW` : `${digits(value)} W`;
}
export function bytes(value) {
  return value < 1000 ? `${value} B` : value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}
export function quality(one) {
  // Published logs have both: a task that has an AUC is judged by it.
  if (!empty(one.auc)) return `AUC ${one.auc.toFixed(3)}`;
  if (!empty(one.top1)) return `top-1 ${(100 * one.top1).toFixed(1)} %`;
  return empty(one.f1) ? "" : `F1 ${one.f1.toFixed(3)}`;
}

export function of(figure, kind) {
  const made = element("span", `${figure} `);
  made.append(element("span", kind, "kind"));
  return made;
}

async function asked(path, body) {
  const answer = await fetch(path, body === undefined ? { headers: headers() } : {
    method: "POST",
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return [answer.status, await answer.json()];
}

// What a person does asks for the token where the lab wants it; what the page does by itself, not.
export async function ask(path, body) {
  for (;;) {
    const [status, told] = await asked(path, body);
    if (status === 200) return told;
    if (status !== 401 || body === undefined || !(await askToken(told.error))) throw new Error(told.error);
  }
}

let waiting = null;

// Ask a person for the token; true once one is kept that the lab takes.
export function askToken(why) {
  if (waiting) return waiting.promise;
  byId("key-why").textContent = why;
  byId("key-wrong").textContent = "";
  byId("with-token").returnValue = ""; // of the last time, which Escape would leave
  byId("with-token").showModal();
  waiting = {};
  waiting.promise = new Promise((go) => { waiting.go = go; });
  return waiting.promise;
}

byId("with-token").addEventListener("close", () => {
  const done = waiting;
  waiting = null;
  done?.go(byId("with-token").returnValue === "kept");
});
byId("key-no").addEventListener("click", () => byId("with-token").close(""));
byId("key").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await keep(byId("token").value.trim())) byId("with-token").close("kept");
});
byId("sign").addEventListener("click", () => {
  if (!token) askToken("It lies in the lab's folder, as the file token, and is needed to submit, to cancel and to change.");
  else keep("");
});

// Keep the token, if it is the lab's; reports, which the browser opens by itself, take a cookie.
export async function keep(wanted) {
  token = wanted;
  const [status, told] = wanted ? await asked("/api/look", {}) : [200, {}];
  if (status !== 200) {
    token = "";
    byId("key-wrong").textContent = told.error;
  }
  sessionStorage.setItem("token", token);
  byId("sign").textContent = token ? "forget token" : "enter token";
  return status === 200;
}

export function say(...words) {
  byId("said").replaceChildren(...words.filter((one) => !empty(one)));
}

export async function tell(path, body, words) {
  try {
    say(words(await ask(path, body)));
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

export const cancel = (job) => button("cancel", `cancel-${job}`, () =>
  tell(`/api/jobs/${job}/cancel`, {}, () => `job ${job} is cancelled`), `cancel job ${job}`);

export const report = (job, words) => link(words || "report", `/api/jobs/${job}/report`, `report of job ${job}`);
export const ofJob = (job, words) => link(words || job, `#job/${job}`, `job ${job}`);
