// The page of a lab: shows what the lab says, as text, and asks it for what a person wants.

import { ended, show } from "./now.js";
import { askToken, byId, headers, keep, say } from "./parts.js";
import { explore } from "./published.js";
import { leaders, results } from "./results.js";

const form = async () => (await import("./form.js")).form();
const job = async (number) => (await import("./job.js")).job(number);

const VIEWS = {
  now: [ended, "Now"], queue: [null, "Queue"], new: [form, "New job"], job: [job, "Job"],
  results: [results, "Results"], leaders: [leaders, "Leaderboard"], published: [explore, "Published"],
};

function view() {
  const [wanted, more] = location.hash.slice(1).split("/");
  return wanted in VIEWS ? [wanted, more] : ["now", ""];
}

function refresh() {
  const [open, more] = view();
  VIEWS[open][0]?.(more).catch((error) => say(error.message));
}

function turn() {
  const [open, more] = view();
  for (const name of Object.keys(VIEWS)) byId(`view-${name}`).hidden = name !== open;
  for (const one of document.querySelectorAll("nav a")) {
    if (one.hash === `#${open}`) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  document.title = `${VIEWS[open][1]}${open === "job" ? ` ${Number(more)}` : ""} - tinybench lab`;
  say("");
  refresh();
}

window.addEventListener("hashchange", () => {
  if (location.hash === "#content") return;
  turn();
  scrollTo(0, 0);
  byId("content").focus({ preventScroll: true });
});

// Server-sent events, read by fetch: a header can go with it, which EventSource cannot send.
async function listen() {
  for (let tried = 0; ; tried += 1) {
    try {
      const answer = await fetch("/api/events", { headers: headers() });
      if (!answer.ok) {
        const why = (await answer.json()).error;
        if (answer.status === 401 && tried === 0 && (await askToken(why))) {
          refresh();
          continue;
        }
        throw new Error(why);
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let held = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        held += value;
        const events = held.split("\n\n");
        held = events.pop();
        const last = events.filter((one) => one.startsWith("data: ")).pop();
        if (last) {
          show(JSON.parse(last.slice(6)), refresh);
          if (view()[0] === "job") refresh();
        }
      }
      throw new Error("the lab has ended");
    } catch (error) {
      byId("line").textContent = `${error.message}; trying again`;
      await new Promise((go) => setTimeout(go, 3000));
    }
  }
}

keep(sessionStorage.getItem("token") || "").finally(() => {
  turn();
  listen();
});
