"use strict";
(() => {
  // Taken from an element of the page, so that no address stands in this file.
  const SVG = document.getElementById("proto").namespaceURI;
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const colour = (index) => `var(--series-${index % 6})`;
  const short = (value) => String(Number(value.toPrecision(4)));

  function make(parent, name, attributes = {}, text = null) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== null) node.textContent = text;
    return parent.appendChild(node);
  }

  function html(parent, name, attributes = {}, text = null) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== null) node.textContent = text;
    return parent.appendChild(node);
  }

  function showTip(event, text) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
    const above = event.clientY - box.height - 12;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${above > 8 ? above : event.clientY + 18}px`;
  }
  const hideTip = () => { tip.hidden = true; };

  // Shapes of radius r around the origin, one per optimizer beside its colour.
  const shapes = [
    (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
    (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
    (r) => `M0,${-1.2 * r}L${1.2 * r},${r}H${-1.2 * r}z`,
    (r) => `M0,${-1.35 * r}L${1.35 * r},0L0,${1.35 * r}L${-1.35 * r},0z`,
    (r) => `M0,${1.2 * r}L${1.2 * r},${-r}H${-1.2 * r}z`,
    (r) => `M${-r / 2.5},${-1.2 * r}h${r / 1.25}v${0.8 * r}h${0.8 * r}v${r / 1.25}h${-0.8 * r}v${0.8 * r}h${-r / 1.25}v${-0.8 * r}h${-0.8 * r}v${-r / 1.25}h${0.8 * r}z`,
  ];
  const cross = (r) => `M${-r},${-r}L${r},${r}M${-r},${r}L${r},${-r}`;
  const star = (r) => "M" + Array.from({ length: 10 }, (_, k) => {
    const radius = k % 2 ? r * 0.45 : r * 1.4, angle = (Math.PI * k) / 5;
    return `${(radius * Math.sin(angle)).toFixed(2)},${(-radius * Math.cos(angle)).toFixed(2)}`;
  }).join("L") + "z";

  function ticks(low, high, wanted) {
    const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((s) => s * power >= raw) * power;
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
  }

  // An empty frame with grid and labels; gives the scales of both axes and the drawing.
  function frame(holder, xs, ys, xLabel, yLabel) {
    const width = Math.max(280, holder.clientWidth);
    const height = Math.round(Math.min(520, Math.max(280, width * 0.62)));
    const left = 46, right = 16, top = 24, bottom = 42;
    const svg = make(holder, "svg", { viewBox: `0 0 ${width} ${height}` });
    const x = (v) => left + ((v - xs[0]) / (xs[1] - xs[0])) * (width - left - right);
    const y = (v) => height - bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (height - top - bottom);
    for (const v of ticks(...xs, width / 90)) {
      make(svg, "line", { class: "grid", x1: x(v), x2: x(v), y1: top, y2: height - bottom });
      make(svg, "text", { class: "tick", x: x(v), y: height - bottom + 17, "text-anchor": "middle" }, short(v));
    }
    for (const v of ticks(...ys, height / 60)) {
      make(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(v), y2: y(v) });
      make(svg, "text", { class: "tick", x: left - 6, y: y(v) + 4, "text-anchor": "end" }, short(v));
    }
    make(svg, "text", { x: (left + width - right) / 2, y: height - 7, "text-anchor": "middle" }, xLabel);
    make(svg, "text", { x: 4, y: 13 }, yLabel);
    return { svg, x, y, width, height, left, right, top, bottom };
  }

  function range(values, pad) {
    const low = Math.min(...values), high = Math.max(...values);
    const margin = (high - low || Math.abs(high) || 1) * pad;
    return [low - margin, high + margin];
  }

  // Toggle buttons that hide series; `entries` are {name, draw(svg)}, `redraw` draws all again.
  function legend(holder, entries, hidden, redraw) {
    const bar = html(holder, "div", { class: "legend" });
    for (const entry of entries) {
      const button = html(bar, "button", { type: "button", "aria-pressed": !hidden.has(entry.name) });
      entry.icon(make(button, "svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", style: "width:14px" }));
      html(button, "span", {}, entry.label || entry.name);
      button.addEventListener("click", () => {
        if (!hidden.delete(entry.name)) hidden.add(entry.name);
        button.setAttribute("aria-pressed", !hidden.has(entry.name));
        redraw();
      });
    }
    return bar;
  }

  const along = (objective) => `${objective.name}${objective.unit ? ", " + objective.unit : ""} (${objective.direction})`;

  function fronts(holder, plane) {
    const hidden = new Set(), state = { errors: false };
    const groups = plane.clouds.map((cloud, k) => ({
      name: `cloud ${k}`, label: cloud.name, points: cloud.points, surface: cloud.surface,
      style: { fill: colour(k), "fill-opacity": 0.5 }, shape: shapes[k % 6], size: 4, stroke: colour(k),
    }));
    const ink = "var(--ink)";
    groups.push({ name: "merges", label: "hand-tuned merges", points: plane.merges, named: true, shape: cross, size: 4.5, stroke: ink,
      style: { fill: "none", stroke: ink, "stroke-width": 2.2 } });
    groups.push({ name: "parents", label: "single models", points: plane.parents, named: true, shape: star, size: 6, stroke: ink,
      style: { fill: ink } });
    const shown = groups.filter((group) => group.points.length);
    const all = shown.flatMap((group) => group.points);
    const bar = legend(holder, shown.map((group) => ({
      name: group.name, label: group.label,
      icon: (svg) => make(svg, "path", { ...group.style, "fill-opacity": 1, d: group.shape(4.2) }),
    })), hidden, () => draw());
    const label = html(bar, "label");
    const box = html(label, "input", { type: "checkbox" });
    html(label, "span", {}, "standard errors");
    box.addEventListener("change", () => { state.errors = box.checked; draw(); });
    const drawing = html(holder, "div");
    if (!all.length) return () => { drawing.textContent = "No successful trial yet."; };

    function draw() {
      drawing.replaceChildren();
      const f = frame(drawing, range(all.map((p) => p.x), 0.06), range(all.map((p) => p.y), 0.06), along(plane.x), along(plane.y));
      const taken = [], visible = shown.filter((group) => !hidden.has(group.name));
      for (const group of visible) drawGroup(f, group, state.errors, taken);
      for (const group of visible.filter((g) => g.named)) nameAll(f, group, taken);
      hover(f, visible, plane);
    }
    return draw;
  }

  function drawGroup(f, group, errors, taken) {
    for (const p of group.points) {
      const x = f.x(p.x), y = f.y(p.y);
      if (errors) {
        const d = `M${f.x(p.x - p.ex)},${y}H${f.x(p.x + p.ex)}M${x},${f.y(p.y - p.ey)}V${f.y(p.y + p.ey)}`;
        make(f.svg, "path", { class: "error", d, stroke: group.stroke, "stroke-opacity": 0.45, fill: "none" });
      }
      make(f.svg, "path", { class: "mark", ...group.style, d: group.shape(group.size), transform: `translate(${x},${y})` });
      if (group.named) taken.push([x - 6, y - 6, x + 6, y + 6]);
    }
    if (group.surface && group.surface.length) {
      const steps = group.surface.map(([a, b], k) => (k ? `H${f.x(a)}V${f.y(b)}` : `M${f.x(a)},${f.y(b)}`));
      make(f.svg, "path", { class: "surface", d: steps.join(""), stroke: group.stroke, "stroke-width": 2, fill: "none" });
    }
  }

  // Names beside markers where they fit; the others are found by hovering.
  function nameAll(f, group, taken) {
    for (const p of group.points) {
      const width = 6.1 * p.label.length + 4, x = f.x(p.x), y = f.y(p.y);
      const places = [[9, 4, 0], [-9, 4, 1], [0, -9, 0.5], [0, 18, 0.5], [9, -7, 0], [-9, -7, 1], [9, 16, 0], [-9, 16, 1]];
      for (const [dx, dy, anchor] of places) {
        const a = x + dx - anchor * width, b = [a, y + dy - 10, a + width, y + dy + 3];
        const free = b[0] > f.left && b[2] < f.width && b[1] > f.top && b[3] < f.height - f.bottom
          && !taken.some((t) => b[0] < t[2] && t[0] < b[2] && b[1] < t[3] && t[1] < b[3]);
        if (!free) continue;
        taken.push(b);
        make(f.svg, "text", { class: "name", x: a + 2, y: y + dy }, p.label);
        break;
      }
    }
  }

  function hover(f, groups, plane) {
    const ring = make(f.svg, "circle", { r: 9, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5, visibility: "hidden" });
    f.svg.addEventListener("pointermove", (event) => {
      const box = f.svg.getBoundingClientRect(), zoom = f.width / box.width;
      const px = (event.clientX - box.left) * zoom, py = (event.clientY - box.top) * zoom;
      let best = null, least = 24 * 24;
      for (const p of groups.flatMap((group) => group.points)) {
        const d = (f.x(p.x) - px) ** 2 + (f.y(p.y) - py) ** 2;
        if (d < least) [best, least] = [p, d];
      }
      ring.setAttribute("visibility", best ? "visible" : "hidden");
      if (!best) return hideTip();
      ring.setAttribute("cx", f.x(best.x));
      ring.setAttribute("cy", f.y(best.y));
      const error = (o, e) => (e || o.scale === 100 ? ` ± ${Number(e.toPrecision(2))}` : "");
      const line = (o, v, e) => `${o.name} ${short(v)}${error(o, e)} ${o.unit}`.trim();
      showTip(event, [best.label, line(plane.x, best.x, best.ex), line(plane.y, best.y, best.ey)].join("\n"));
    });
    f.svg.addEventListener("pointerleave", () => { hideTip(); ring.setAttribute("visibility", "hidden"); });
  }

  function anytime(holder, chart) {
    const hidden = new Set(), curves = chart.curves;
    legend(holder, curves.map((curve) => ({
      name: curve.name,
      icon: (svg) => make(svg, "path", { d: "M-7,0H7", stroke: colour(curve.index), "stroke-width": 3 }),
    })), hidden, () => draw());
    const drawing = html(holder, "div");
    if (!curves.length) return () => { drawing.textContent = "Nothing to draw yet."; };

    function draw() {
      drawing.replaceChildren();
      const right = Math.max(...curves.map((c) => c.x[c.x.length - 1]));
      const top = Math.max(...curves.flatMap((c) => c.high), 1e-3);
      const f = frame(drawing, [0, right], [0, top * 1.04], chart.x, "hypervolume");
      const visible = curves.filter((c) => !hidden.has(c.name));
      for (const c of visible) {
        const back = [...c.x.keys()].reverse();
        const edge = back.map((k, i) => `${i ? `V${f.y(c.low[k])}` : `L${f.x(c.x[k])},${f.y(c.low[k])}`}${k ? `H${f.x(c.x[k])}` : `H${f.x(c.x[0])}`}`);
        make(f.svg, "path", { class: "band", d: `${stairs(f, c, c.high)}${edge.join("")}z`, fill: colour(c.index), "fill-opacity": 0.14 });
      }
      for (const c of visible) make(f.svg, "path", { class: "curve", d: stairs(f, c, c.middle), stroke: colour(c.index), "stroke-width": 2, fill: "none" });
      follow(f, visible, right, chart.x);
    }
    return draw;
  }

  const stairs = (f, c, values) => values.map((v, k) => (k ? `H${f.x(c.x[k])}V${f.y(v)}` : `M${f.x(c.x[k])},${f.y(v)}`)).join("");

  function follow(f, curves, right, unit) {
    const rule = make(f.svg, "line", { y1: f.top, y2: f.height - f.bottom, stroke: "var(--dim)", visibility: "hidden" });
    f.svg.addEventListener("pointermove", (event) => {
      const box = f.svg.getBoundingClientRect(), px = ((event.clientX - box.left) * f.width) / box.width;
      const at = ((px - f.left) / (f.width - f.left - f.right)) * right;
      if (at < 0 || at > right) return;
      rule.setAttribute("visibility", "visible");
      rule.setAttribute("x1", px);
      rule.setAttribute("x2", px);
      const lines = curves.map((c) => {
        const k = c.x.findLastIndex((x) => x <= at);
        return k < 0 ? null : `${c.name}: ${c.middle[k].toFixed(3)} (${c.low[k].toFixed(3)} … ${c.high[k].toFixed(3)})`;
      });
      showTip(event, [`${short(at)} ${unit}`, ...lines.filter(Boolean)].join("\n"));
    });
    f.svg.addEventListener("pointerleave", () => { hideTip(); rule.setAttribute("visibility", "hidden"); });
  }

  const kinds = { fronts, anytime };
  for (const holder of document.querySelectorAll(".chart")) {
    const draw = kinds[holder.dataset.chart](holder, data[holder.dataset.chart][holder.dataset.index]);
    let width = 0;
    new ResizeObserver(() => {
      if (Math.abs(holder.clientWidth - width) < 2) return;
      width = holder.clientWidth;
      draw();
    }).observe(holder);
    draw();
    width = holder.clientWidth;
  }
  // The page's own tip instead of the browser's: it comes at once, and to a finger as well.
  for (const hop of document.querySelectorAll(".strip g")) {
    const title = hop.querySelector("title"), text = title.textContent;
    title.remove();
    for (const kind of ["pointerdown", "pointermove"]) hop.addEventListener(kind, (event) => showTip(event, text));
    hop.addEventListener("pointerleave", hideTip);
  }
  window.addEventListener("scroll", hideTip, { passive: true });
})();
