  function fronts(holder, plane) {
    const hidden = new Set(), state = { errors: false, level: 1 };
    const groups = plane.clouds.map((cloud, k) => ({
      name: `cloud ${k}`, label: cloud.name, points: cloud.points, surfaces: cloud.surfaces, dash: dash(k),
      style: { fill: bare(k), "fill-opacity": 0.5 }, shape: shapes[(k + Math.floor(k / 6)) % 6], size: 4, stroke: bare(k),
    }));
    const ink = "var(--ink)";
    groups.push({ name: "merges", label: "hand-tuned merges", points: plane.merges, named: true, shape: cross, size: 4.5, stroke: ink,
      style: { fill: "none", stroke: ink, "stroke-width": 2.2 } });
    groups.push({ name: "parents", label: "single models", points: plane.parents, named: true, shape: star, size: 6, stroke: ink,
      style: { fill: ink } });
    if (plane.reference.length) {
      const points = plane.reference.map(([x, y]) => ({ x, y, ex: 0, ey: 0, label: "reference front" }));
      groups.unshift({ name: "reference", label: "reference front", points, shape: shapes[0], size: 1.3, stroke: ink, style: { fill: "var(--dim)" } });
    }
    const shown = groups.filter((group) => group.points.length);
    const all = shown.flatMap((group) => group.points);
    legend(holder, shown.map((group) => ({
      name: group.name, label: group.label,
      icon: (svg) => make(svg, "path", { ...group.style, "fill-opacity": 1, d: group.shape(4.2) }),
    })), hidden, () => draw());
    const more = html(holder, "div", { class: "legend" });
    html(more, "span", { class: "entry" }, "line: attained by");
    choice(more, "share of runs", plane.levels.map((level, k) => [k, level]), state.level, (k) => { state.level = k; draw(); });
    html(more, "span", { class: "entry" }, "of the runs");
    checkbox(more, "standard errors", (on) => { state.errors = on; draw(); });
    const drawing = html(holder, "div");
    if (!all.length) return () => { drawing.textContent = "No successful trial yet."; };

    function draw() {
      drawing.replaceChildren();
      const f = frame(drawing, range(all.map((p) => p.x), 0.06), range(all.map((p) => p.y), 0.06), along(plane.x), along(plane.y));
      const taken = [], visible = shown.filter((group) => !hidden.has(group.name));
      for (const group of visible) drawGroup(f, group, state, taken);
      for (const group of visible.filter((g) => g.named)) nameAll(f, group, taken);
      hover(f, visible, plane);
    }
    return draw;
  }

  function drawGroup(f, group, state, taken) {
    for (const p of group.points) {
      const x = f.x(p.x), y = f.y(p.y);
      if (state.errors) {
        const d = `M${f.x(p.x - p.ex)},${y}H${f.x(p.x + p.ex)}M${x},${f.y(p.y - p.ey)}V${f.y(p.y + p.ey)}`;
        make(f.svg, "path", { class: "error", d, stroke: group.stroke, "stroke-opacity": 0.45, fill: "none" });
      }
      make(f.svg, "path", { class: "mark", ...group.style, d: group.shape(group.size), transform: `translate(${x},${y})` });
      if (group.named) taken.push([x - 6, y - 6, x + 6, y + 6]);
    }
    const surface = group.surfaces ? group.surfaces[state.level] : [];
    if (surface.length) {
      const steps = surface.map(([a, b], k) => (k ? `H${f.x(a)}V${f.y(b)}` : `M${f.x(a)},${f.y(b)}`));
      make(f.svg, "path", { class: "surface", d: steps.join(""), stroke: group.stroke, "stroke-width": 2, "stroke-dasharray": group.dash, fill: "none" });
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
