// What the views of the page are made of: cells, buttons, words for figures, and asking the lab.

export const byId = (id) => document.getElementById(id);
export const token = byId("token");
token.value = sessionStorage.getItem("token") || "";

export const headers = () => (token.value ? { Authorization: `Bearer ${token.value}` } : {});

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

// Rows of a table; whoever had the focus, or was being typed into, keeps it.
export function fill(body, items, cells) {
  const active = document.activeElement;
  const kept = active && body.contains(active) ? active : null;
  if (kept?.tagName === "INPUT" && kept.type === "number") return;
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

export function seconds(value) {
  if (empty(value)) return "";
  if (value < 90) return `${value.toFixed(1)} s`;
  return value < 5400 ? `${(value / 60).toFixed(0)} min` : `${(value / 3600).toFixed(1)} h`;
}

const digits = (value) => Number(value.toPrecision(4)).toString();
export const milliseconds = (value) => (empty(value) ? "" : `${digits(1000 * value)} ms`);
export const microjoules = (value) => (empty(value) ? "" : `${digits(1e6 * value)} uJ`);
export function watts(value) {
  if (empty(value)) return "";
  return value < 1e-3 ? `${digits(1e6 * value)} uW` : value < 1 ? `${digits(1000 * value)} mW` : `${digits(value)} W`;
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

export async function ask(path, body) {
  const answer = await fetch(path, body === undefined ? { headers: headers() } : {
    method: "POST",
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (answer.status === 401) byId("with-token").open = true;
  if (!answer.ok) throw new Error(told.error);
  return told;
}

export function say(words) {
  byId("said").textContent = words;
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

export const report = (job, words) =>
  link(words || `report of job ${job}`, `/api/jobs/${job}/report`, `report of job ${job}`);
