"use strict";
(() => {
  // What a reader has chosen outlives the page's loading itself again.
  const memory = {
    get(key) { try { return sessionStorage.getItem(location.pathname + key); } catch { return null; } },
    set(key, value) { try { sessionStorage.setItem(location.pathname + key, value); } catch { } },
  };

  // Curves: one cursor over all panels.
  const panels = JSON.parse(document.getElementById("curves").textContent);
  const svgName = "http" + "://www.w3.org/2000/svg";
  const short = value => value === null ? "no number"
    : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));

  function nearest(values, x) {
    let low = 0, high = values.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - values[low - 1] < values[low] - x ? low - 1 : low;
  }

  function scaled(panel, value) {
    if (panel.scale === "linear") return value;
    if (panel.scale === "log") return value > 0 ? Math.log10(value) : NaN;
    const limit = Number(panel.scale), size = Math.abs(value);
    return size <= limit ? value / limit : Math.sign(value) * (1 + Math.log10(size / limit));
  }

  function place(panel, x, y) {
    const [left, top, right, bottom] = panel.plot;
    const share = (value, ends) => (value - ends[0]) / (ends[1] - ends[0]);
    return [left + share(x, panel.x) * (right - left),
      bottom - share(scaled(panel, y), panel.y) * (bottom - top)];
  }

  function add(parent, name, attributes) {
    const element = document.createElementNS(svgName, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return parent.appendChild(element);
  }

  function showCursor(x, speaker) {
    for (const panel of panels) {
      panel.cursor.replaceChildren();
      panel.readout.replaceChildren();
      panel.readout.setAttribute("aria-live", panel === speaker ? "polite" : "off");
      if (x === null) continue;
      let iteration = null;
      for (const line of panel.lines) {
        if (line.x.length === 0) continue;
        const index = nearest(line.x, x);
        if (iteration === null || Math.abs(line.x[index] - x) < Math.abs(iteration - x)) {
          iteration = line.x[index];
        }
      }
      if (iteration === null) continue;
      const [column] = place(panel, iteration, 1);
      add(panel.cursor, "line", {
        x1: column, x2: column, y1: panel.plot[1], y2: panel.plot[3], stroke: "var(--quiet)",
      });
      panel.readout.append("iteration " + iteration + ":");
      for (const line of panel.lines) {
        const index = line.x.length ? nearest(line.x, iteration) : -1;
        if (index < 0 || line.x[index] !== iteration) continue;
        const value = line.y[index];
        const key = document.createElement("i");
        key.style.background = "var(" + line.colour + ")";
        panel.readout.append(key, (line.name ? line.name + " " : "") + short(value));
        const [px, py] = value === null ? [NaN, NaN] : place(panel, iteration, value);
        if (Number.isFinite(py)) {
          add(panel.cursor, "circle", { cx: px, cy: py, r: 3.5, fill: "var(" + line.colour + ")" });
        }
      }
    }
  }

  for (const panel of panels) {
    const svg = document.getElementById(panel.name);
    const figure = svg.parentElement;
    panel.cursor = add(svg, "g", { "pointer-events": "none" });
    panel.readout = figure.querySelector(".readout");
    const longest = panel.lines.reduce((a, b) => (b.x.length > a.x.length ? b : a), { x: [] }).x;
    let at = longest.length - 1;
    const read = event => {
      if (longest.length === 0) return;
      const box = svg.getBoundingClientRect();
      const column = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const share = (column - panel.plot[0]) / (panel.plot[2] - panel.plot[0]);
      const x = panel.x[0] + Math.min(1, Math.max(0, share)) * (panel.x[1] - panel.x[0]);
      at = nearest(longest, x);
      showCursor(longest[at], null);
    };
    svg.addEventListener("pointermove", read);
    svg.addEventListener("pointerdown", read);
    figure.addEventListener("keydown", event => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };
      if (event.key === "Escape") return showCursor(null, null);
      if (!(event.key in steps) || longest.length === 0) return;
      event.preventDefault();
      at = Math.min(longest.length - 1, Math.max(0, at + steps[event.key]));
      showCursor(longest[at], panel);
    });
  }

  // Samples over time.
  for (const figure of document.querySelectorAll(".frames")) {
    const frames = [...figure.querySelectorAll(".frame")];
    const slider = figure.querySelector(".slider");
    if (!slider) continue;
    const input = slider.querySelector("input");
    const show = () => {
      frames.forEach((frame, index) => { frame.hidden = index !== Number(input.value); });
      input.setAttribute("aria-valuetext", frames[Number(input.value)].innerText);
    };
    const kept = memory.get(figure.id);
    if (kept !== null && Number(kept) < frames.length) input.value = kept;
    input.addEventListener("input", () => {
      show();
      // At the end it stays at the end, wherever that is then.
      memory.set(figure.id, Number(input.value) === frames.length - 1 ? "1e9" : input.value);
    });
    slider.hidden = false;
    show();
  }

  // Tables that sort by a column.
  for (const table of document.querySelectorAll(".sortable")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const isUp = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
        const value = row => {
          const cell = row.cells[column];
          return "value" in cell.dataset ? Number(cell.dataset.value) : cell.innerText;
        };
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          // What has no number stays below.
          if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
          const order = typeof x === "number" ? x - y : x.localeCompare(y);
          return isUp ? order : -order;
        });
        body.append(...rows);
      });
    });
  }
})();
