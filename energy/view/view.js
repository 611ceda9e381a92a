
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, attributes, words) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
    if (words !== undefined) one.textContent = words;
    return one;
  };
  const [LEFT, BOTTOM, TOP] = [64, 26, 8];
  const UNITS = [["", 1], ["m", 1e-3], ["µ", 1e-6], ["n", 1e-9], ["p", 1e-12]];
  const si = (value, unit, digits = 4) => {
    if (value === null || value === undefined) return "not known";
    if (value === 0) return `0 ${unit}`;
    const [prefix, scale] = UNITS.find(([, one]) => Math.abs(value) >= one) ?? UNITS.at(-1);
    return `${Number((value / scale).toPrecision(digits))} ${prefix}${unit}`;
  };
  /* Value and uncertainty, to two significant digits of the latter. */
  const uncertain = (value, spread, unit) => {
    if (value === null) return "none";
    if (!spread) return si(value, unit);
    const [prefix, scale] = UNITS.find(([, one]) => Math.abs(value) >= one) ?? UNITS.at(-1);
    const decimals = Math.max(0, 1 - Math.floor(Math.log10(spread / scale)));
    return `${(value / scale).toFixed(decimals)} ± ${(spread / scale).toFixed(decimals)} ${prefix}${unit}`;
  };
  const ask = async (name, words = {}) => {
    const answer = await fetch(`${name}?${new URLSearchParams(words)}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  const ticks = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5, 10].find((one) => power * one >= rough) ?? 10);
    const found = [];
    for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(at);
    return [found, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
  };

  /* A picture with axes: x and y from a value to its place. */
  const axes = (svg, left, right, low, high, xUnit, yUnit, log = false) => {
    const [width, height] = [svg.clientWidth || 600, svg.clientHeight || 200];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    const flat = log ? Math.log10 : (value) => value;
    const x = (value) => LEFT + ((flat(value) - flat(left)) / (flat(right) - flat(left) || 1)) * (width - LEFT - 8);
    const y = (value) => height - BOTTOM - ((value - low) / (high - low || 1)) * (height - BOTTOM - TOP);
    const [ys] = ticks(low, high || 1, 5);
    for (const at of ys) {
      svg.append(make("line", { class: "grid", x1: LEFT, x2: width - 8, y1: y(at), y2: y(at) }));
      svg.append(make("text", { x: LEFT - 4, y: y(at) + 4, "text-anchor": "end" }, yUnit ? si(at, yUnit, 3) : Number(at.toPrecision(3)).toLocaleString("en")));
    }
    const steps = Math.max(2, Math.floor(width / 110));
    const xs = log ? [...Array(5)].map((_, n) => left * (right / left) ** ((n + 0.5) / 5)) : ticks(left, right, steps)[0];
    const decimals = log ? 0 : ticks(left, right, steps)[1];
    for (const at of xs)
      svg.append(make("text", { x: x(at), y: height - 8, "text-anchor": "middle" }, log ? si(at, xUnit, 2) : `${at.toFixed(decimals)} ${xUnit}`));
    return { x, y, width, height, back: (place) => left + ((place - LEFT) / (width - LEFT - 8)) * (right - left) };
  };
  const line = (points, x, y) => {
    let path = "", down = true;
    for (const [at, value] of points) {
      if (value === null) down = true;
      else { path += `${down ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`; down = false; }
    }
    return path;
  };
  const band = (points, x, y) => {
    let path = "";
    let run = [];
    const close = () => {
      if (run.length) {
        const there = run.map(([at, , high]) => `${x(at).toFixed(1)} ${y(high).toFixed(1)}`);
        const back = run.reverse().map(([at, low]) => `${x(at).toFixed(1)} ${y(low).toFixed(1)}`);
        path += `M${there.join("L")}L${back.join("L")}Z`;
      }
      run = [];
    };
    for (const point of points) point[1] === null || point[2] === null ? close() : run.push(point);
    close();
    return path;
  };

  let told, view, picture, drawn = 0, asked = 0, later;
  let cursor = 0;
  const marks = { a: null, b: null };
  const svg = $("power");

  const draw = async () => {
    const number = ++asked;
    const columns = Math.max(50, Math.min(2000, Math.floor(svg.clientWidth - LEFT)));
    const found = await ask("power", { from: view[0], to: view[1], columns });
    if (number < drawn) return;
    drawn = number;
    const highs = found.points.map((point) => point[3]).filter((value) => value !== null);
    const high = Math.max(...highs, 1e-12) * 1.06;
    picture = axes(svg, view[0], view[1], 0, high, "s", "W");
    const { x, y, height } = picture;
    const clip = (at) => Math.max(LEFT, Math.min(picture.width - 8, x(at)));
    for (const one of told.windows)
      if (one.stop_s > view[0] && one.start_s < view[1]) {
        const left = clip(one.start_s);
        svg.append(make("rect", { class: "window", x: left, y: TOP, width: clip(one.stop_s) - left, height: height - BOTTOM - TOP }));
        svg.append(make("text", { x: left + 3, y: TOP + 11 }, `${one.number}`));
      }
    svg.append(make("path", { class: "band", d: band(found.points.map(([at, low, , most]) => [at, low, most]), x, y) }));
    svg.append(make("path", { class: "mean", d: line(found.points.map(([at, , mean]) => [at, mean]), x, y) }));
    for (const at of found.edges) svg.append(make("line", { class: "edge", x1: x(at), x2: x(at), y1: TOP, y2: height - BOTTOM }));
    for (const name of ["cursor", "a", "b"]) {
      const at = name === "cursor" ? cursor : marks[name];
      if (at === null || at < view[0] || at > view[1]) continue;
      svg.append(make("line", { class: name, x1: x(at), x2: x(at), y1: TOP, y2: height - BOTTOM }));
      if (name !== "cursor") svg.append(make("text", { class: name, x: x(at) + 3, y: height - BOTTOM - 4 }, name.toUpperCase()));
    }
    const near = found.points.reduce((best, point) => Math.abs(point[0] - cursor) < Math.abs(best[0] - cursor) ? point : best, found.points[0] ?? [0, null, null, null]);
    $("cursor").textContent = `cursor at ${cursor.toFixed(6)} s: ` +
      (near[2] === null ? "no samples" : `${si(near[2], "W")}, ${si(near[1], "W")} to ${si(near[3], "W")}`) +
      `; in view ${view[0].toFixed(4)} to ${view[1].toFixed(4)} s`;
    clearTimeout(later);
    later = setTimeout(() => panels().catch(said), 250);
  };
  const said = (error) => { $("cursor").textContent = `${error.message ?? error}`; };
  const redraw = () => draw().catch(said);

  const look = (from, to) => {
    const least = Math.min(told.length_s, 8 / told.rate_hz);
    const size = Math.max(least, Math.min(told.length_s, to - from));
    const start = Math.max(0, Math.min(told.length_s - size, from));
    view = [start, start + size];
    redraw();
  };
  const zoom = (factor, at = cursor) => {
    const middle = at < view[0] || at > view[1] ? (view[0] + view[1]) / 2 : at;
    look(middle - (middle - view[0]) * factor, middle + (view[1] - middle) * factor);
  };
  const pan = (share) => look(view[0] + share * (view[1] - view[0]), view[1] + share * (view[1] - view[0]));
  const place = (at) => { cursor = Math.max(0, Math.min(told.length_s, at)); redraw(); };
  const next = () => {
    if (!told.windows.length) return;
    const found = told.windows.find((one) => one.start_s > view[0] + 1e-9) ?? told.windows[0];
    const size = found.stop_s - found.start_s;
    cursor = found.start_s;
    look(found.start_s, found.start_s + size);
  };

  const mark = async (name) => {
    marks[name] = cursor;
    redraw();
    const both = [marks.a, marks.b].filter((at) => at !== null).sort((one, two) => one - two);
    const rows = Object.entries(marks).filter(([, at]) => at !== null).map(([one, at]) => [`marker ${one.toUpperCase()}`, `${at.toFixed(6)} s`]);
    if (both.length === 2 && both[1] > both[0]) {
      const found = await ask("sums", { from: both[0], to: both[1] });
      rows.push(
        ["duration", si(found.duration_s, "s", 6)],
        ["mean", `${si(found.mean_a, "A")}, ${si(found.mean_w, "W")}`],
        ["charge", `${si(found.charge_c, "C", 5)}` + (found.charge_c === null ? "" : ` (${si(found.charge_c / 3600, "Ah", 5)})`)],
        ["energy", `${si(found.energy_j, "J", 5)}` + (found.energy_j === null ? "" : ` (${si(found.energy_j / 3600, "Wh", 5)})`)],
        ["samples", `${found.samples}, ${found.lost} lost`],
      );
    }
    $("sums").replaceChildren(...rows.map(([what, value]) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = what;
      const cell = document.createElement("td");
      cell.textContent = value;
      row.append(head, cell);
      return row;
    }));
  };

  const panels = async () => {
    const words = { from: view[0], to: view[1] };
    const found = await ask("levels", words);
    if (found.counts.length) {
      const shown = axes($("levels"), found.edges_w[0], found.edges_w.at(-1), 0, Math.max(...found.counts) * 1.05, "W", "", true);
      found.counts.forEach((count, n) => {
        const [left, right] = [shown.x(found.edges_w[n]), shown.x(found.edges_w[n + 1])];
        if (count) $("levels").append(make("rect", { class: "bar", x: left, width: Math.max(1, right - left - 0.5), y: shown.y(count), height: shown.y(0) - shown.y(count) }));
      });
      const most = found.counts.indexOf(Math.max(...found.counts));
      $("levelled").textContent = `most of the time ${si(found.edges_w[most], "W", 3)} to ${si(found.edges_w[most + 1], "W", 3)}; samples in view`;
    }
    const middle = (view[0] + view[1]) / 2;
    const one = told.windows.find((window) => window.start_s <= middle && middle <= window.stop_s) ?? told.windows[0];
    if (!one || !one.iterations) { $("folded").textContent = "no window with a known number of inferences"; return; }
    const folded = await ask("fold", { from: one.start_s, to: one.stop_s, count: one.iterations });
    if (!folded) { $("folded").textContent = "an inference is but a few samples long"; return; }
    const at = (n) => (n + 0.5) * folded.period_s / folded.mean.length;
    const shown = axes($("fold"), 0, folded.period_s, 0, Math.max(...folded.high) * 1.06, "s", "W");
    $("fold").append(make("path", { class: "band", d: band(folded.mean.map((_, n) => [at(n), folded.low[n], folded.high[n]]), shown.x, shown.y) }));
    $("fold").append(make("path", { class: "mean", d: line(folded.mean.map((value, n) => [at(n), value]), shown.x, shown.y) }));
    const spread = Math.max(...folded.deviation);
    $("folded").textContent = `${folded.count} of ${one.iterations} inferences of window ${one.number}, each ${si(folded.period_s, "s")}: mean, and from the lowest to the highest; they deviate by at most ${si(spread, "W", 2)}`;
  };
  const density = async () => {
    const found = await ask("spectrum", { from: view[0], to: view[1] });
    if (!found.density.length) { $("peak").textContent = "fewer samples in view than a spectrum needs"; return; }
    const db = found.density.map((value) => 10 * Math.log10(Math.max(value, 1e-30)));
    const shown = axes($("spectrum"), found.frequency_hz[0], found.frequency_hz.at(-1), Math.min(...db), Math.max(...db), "Hz", "", true);
    $("spectrum").append(make("path", { class: "mean", d: line(found.frequency_hz.map((hz, n) => [hz, db[n]]), shown.x, shown.y) }));
    const peak = db.indexOf(Math.max(...db));
    $("peak").textContent = `dB of W²/Hz; the highest at ${si(found.frequency_hz[peak], "Hz", 3)}`;
  };

  const KEYS = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2),
    0: () => look(0, told.length_s), Home: () => look(0, told.length_s), ",": () => place(cursor - 0.01 * (view[1] - view[0])),
    ".": () => place(cursor + 0.01 * (view[1] - view[0])), a: () => mark("a").catch(said), b: () => mark("b").catch(said), w: next };
  svg.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, picture.back(event.offsetX));
  }, { passive: false });
  const fingers = new Map();
  let moved = 0;
  svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); fingers.set(event.pointerId, event.offsetX); moved = 0; });
  svg.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    fingers.set(event.pointerId, event.offsetX);
    const after = [...fingers.values()];
    if (after.length === 1) {
      moved += Math.abs(after[0] - before[0]);
      const by = ((before[0] - after[0]) / (picture.width - LEFT - 8)) * (view[1] - view[0]);
      if (moved > 3) look(view[0] + by, view[1] + by);
    } else {
      moved = 9;
      const size = (two) => Math.max(10, Math.abs(two[0] - two[1]));
      zoom(size(before) / size(after), picture.back((after[0] + after[1]) / 2));
    }
  });
  const up = (event) => {
    if (fingers.delete(event.pointerId) && moved <= 3 && event.type === "pointerup") place(picture.back(event.offsetX));
  };
  svg.addEventListener("pointerup", up);
  svg.addEventListener("pointercancel", up);
  for (const [id, act] of Object.entries({ in: () => zoom(0.5), out: () => zoom(2), whole: () => look(0, told.length_s), next,
    a: () => mark("a").catch(said), b: () => mark("b").catch(said), ask: () => density().catch(said) }))
    $(id).addEventListener("click", act);
  addEventListener("resize", redraw);

  ask("trace").then((found) => {
    told = found;
    $("name").textContent = found.name || "a trace";
    $("kind").textContent = found.modelled ? "modelled" : "measured";
    $("kind").classList.add($("kind").textContent);
    $("about").textContent = `${found.monitor}, ${found.samples.toLocaleString("en")} samples in ${found.length_s.toFixed(3)} s at ${si(found.rate_hz, "Hz")}, ${found.edges} edges`;
    $("windows").replaceChildren(...found.windows.map((one) => {
      const row = document.createElement("tr");
      for (const [name, words] of [["window", one.number], ["from, s", one.start_s.toFixed(6)], ["to, s", one.stop_s.toFixed(6)],
        ["inferences", one.iterations ?? "not known"], ["energy", uncertain(one.energy_j, one.uncertainty_j, "J")], ["faults", one.faults.join("; ") || "none"]]) {
        const cell = document.createElement("td");
        cell.dataset.name = name;
        cell.textContent = words;
        row.append(cell);
      }
      return row;
    }));
    look(0, found.length_s);
  }).catch(said);
})();
