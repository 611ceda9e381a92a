// What moves in a page: words beside a mark, inputs of a cell, sliders of ROC and power, search, sorting.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);

  const show = (mark) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = mark.getBoundingClientRect();
    const left = Math.min(box.left + box.width / 2, innerWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 6;
    tip.style.left = `${Math.max(8, left) + scrollX}px`;
    tip.style.top = `${(above > 0 ? above : box.bottom + 6) + scrollY}px`;
  };
  const onMark = (event, act) => {
    const mark = event.target.closest?.(".mark");
    if (mark) act(mark);
    else tip.hidden = true;
  };
  document.addEventListener("pointerover", (event) => onMark(event, show));

  const cell = (mark) => {
    const card = mark.closest(".card");
    if (!mark.dataset.cell) return;
    const inputs = JSON.parse(card.dataset.inputs)[mark.dataset.cell] ?? [];
    card.querySelector(".inputs").textContent = `${mark.dataset.tip}\n${inputs.join(", ")}`;
  };
  document.addEventListener("click", (event) => onMark(event, (mark) => { show(mark); cell(mark); }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });

  for (const slider of document.querySelectorAll("input.threshold")) {
    const card = slider.closest(".card");
    const points = JSON.parse(card.dataset.points);
    const move = () => {
      const [threshold, falsely, truly] = points[Number(slider.value)];
      const at = card.querySelector("polyline").points.getItem(Number(slider.value));
      const dot = card.querySelector(".moved");
      dot.setAttribute("cx", at.x);
      dot.setAttribute("cy", at.y);
      const limit = threshold === null ? "above all scores" : `${threshold.toPrecision(6)} or more`;
      card.querySelector(".at").textContent =
        `anomalous from ${limit}: ${(100 * truly).toFixed(1)} % of the anomalous found, ` +
        `${(100 * falsely).toFixed(1)} % of the normal called so`;
    };
    slider.addEventListener("input", move);
    move();
  }

  for (const slider of document.querySelectorAll("input.when")) {
    const card = slider.closest(".card");
    const [points, unit] = [JSON.parse(card.dataset.power), JSON.parse(card.dataset.unit)];
    const line = card.querySelector(".moment");
    if (!points.length) continue;
    const move = () => {
      const [at, low, mean, high] = points[Number(slider.value)];
      const [first, last] = [points[0][0], points[points.length - 1][0]];
      const [left, right] = [Number(line.dataset.left), Number(line.dataset.right)];
      const x = left + (last > first ? (at - first) / (last - first) : 0) * (right - left);
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      const said = mean === null ? "no samples" : `${mean} ${unit}, ${low} to ${high}`;
      card.querySelector(".at").textContent = `${at.toFixed(3)} s: ${said}`;
    };
    slider.addEventListener("input", move);
    const svg = card.querySelector("svg");
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const [left, right] = [Number(line.dataset.left), Number(line.dataset.right)];
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const share = Math.min(1, Math.max(0, (x - left) / (right - left)));
      slider.value = Math.round(share * (points.length - 1));
      move();
    });
    move();
  }

  for (const filter of document.querySelectorAll("input.filter")) {
    const card = filter.closest(".card");
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      let hits = 0;
      for (const line of card.querySelectorAll(".lines div")) {
        line.hidden = !line.textContent.toLowerCase().includes(wanted);
        hits += !line.hidden;
      }
      card.querySelector(".hits").textContent = wanted ? `${hits} lines` : "";
    });
  }

  for (const table of document.querySelectorAll("table.runs")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const key = (row, column) => {
      const cell = row.cells[column];
      return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent;
    };
    table.tHead.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const head = button.closest("th");
      const down = head.ariaSort === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.ariaSort = down ? "descending" : "ascending";
      const column = Number(button.dataset.column);
      const missing = (value) => value === "-" || value === "";
      rows.sort((a, b) => {
        const [one, two] = [key(a, column), key(b, column)];
        if (missing(one) !== missing(two)) return missing(one) ? 1 : -1; // at the end, both ways
        const order = typeof one === "number" && typeof two === "number" ? one - two : String(one).localeCompare(two);
        return down ? -order : order;
      });
      body.append(...rows);
    });
    const only = document.querySelector("input.only");
    only.addEventListener("input", () => {
      const words = only.value.toLowerCase().split(/\s+/).filter(Boolean);
      const kept = new Set();
      for (const row of rows) {
        const said = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => said.includes(word));
        if (!row.hidden) kept.add(row.dataset.run);
      }
      for (const mark of document.querySelectorAll(".mark[data-run]"))
        mark.classList.toggle("left-out", !kept.has(mark.dataset.run));
      document.querySelector(".hits").textContent = `${kept.size} of ${rows.length} runs`;
    });
  }
})();
