// The page of a lab: shows what the lab says, as text, and asks it for what a person wants.

import { ended, show } from "./now.js";
import { ask, byId, headers, say, tell, token } from "./parts.js";
import { explore } from "./published.js";
import { leaders, results } from "./results.js";

const VIEWS = { now: ended, queue: null, new: null, results, leaders, published: explore };

function view() {
  const wanted = location.hash.slice(1);
  return wanted in VIEWS ? wanted : "now";
}

function refresh() {
  VIEWS[view()]?.().catch((error) => say(error.message));
}

function turn() {
  const open = view();
  for (const name of Object.keys(VIEWS)) byId(`view-${name}`).hidden = name !== open;
  for (const one of document.querySelectorAll("nav a")) {
    if (one.hash === `#${open}`) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  say("");
  refresh();
}

window.addEventListener("hashchange", () => {
  if (location.hash === "#content") return;
  turn();
  byId("content").focus({ preventScroll: true });
});

byId("new").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = Object.fromEntries(new FormData(event.target));
  const series = { name: "by hand", task: said.task, mode: said.mode, profile: said.profile };
  for (const name of ["board", "core", "clock"]) if (said[name]) series[name] = said[name];
  if (said.limit) series.with = { limit: Number(said.limit) };
  series.repeat = Number(said.repeat || 1);
  series.priority = Number(said.priority || 0);
  tell("/api/jobs", { series: [series], needs: {}, models: {} },
    (told) => `submission ${told.submission}: ${told.jobs} jobs queued`);
});

// The token goes with each question; reports, which the browser opens by itself, take a cookie.
async function mayLook() {
  sessionStorage.setItem("token", token.value);
  if (!token.value) return;
  try {
    await ask("/api/look", {});
  } catch (error) {
    say(error.message);
  }
}
token.addEventListener("change", mayLook);
byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  mayLook().then(refresh);
});

// Server-sent events, read by fetch: a header can go with it, which EventSource cannot send.
async function listen() {
  for (;;) {
    try {
      const answer = await fetch("/api/events", { headers: headers() });
      if (answer.status === 401) byId("with-token").open = true;
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
        if (last) show(JSON.parse(last.slice(6)), refresh);
      }
      throw new Error("the lab has ended");
    } catch (error) {
      byId("line").textContent = `${error.message}; trying again`;
      await new Promise((go) => setTimeout(go, 3000));
    }
  }
}

if (token.value) mayLook();
turn();
listen();
