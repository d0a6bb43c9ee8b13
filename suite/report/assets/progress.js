  // Curves of optimizers against trials, tokens or seconds. All charts share what is chosen.
  const spent = { axis: "trials", log: false, hidden: new Set(), redraws: [] };
  const again = () => spent.redraws.forEach((redraw) => redraw());

  function controls(chart, word) {
    const bar = document.getElementById("axes");
    if (chart.axes.length > 1) {
      choice(bar, "what was spent", chart.axes.map((a) => [a.axis, a.axis]), spent.axis, (axis) => { spent.axis = axis; again(); });
    }
    checkbox(bar, "logarithmic", (on) => { spent.log = on; again(); });
    const curves = chart.axes[0].curves, sure = curves.some((c) => (c.sure_low || []).length);
    spent.band = curves.length <= 6 ? "band" : "none";
    const bands = [["band", word], ...(sure ? [["sure", "95 % of the median"]] : []), ["none", "no band"]];
    if (curves.some((c) => c.low)) {
      choice(bar, "band", bands, spent.band, (band) => { spent.band = band; again(); });
    }
    legend(document.getElementById("names"), curves.map(({ name }) => ({
      name,
      icon: (svg) => make(svg, "path", { d: "M-7,0H7", stroke: colour(name), "stroke-width": 3, "stroke-dasharray": dash(place(name)) }),
    })), spent.hidden, again);
  }

  function progress(holder, chart) {
    if (!spent.redraws.length) controls(chart, holder.dataset.band);
    const drawing = html(holder, "div");
    const ends = (curve) => (spent.band === "sure" ? [curve.sure_low, curve.sure_high] : [curve.low, curve.high]);

    function draw() {
      drawing.replaceChildren();
      const axis = chart.axes.find((a) => a.axis === spent.axis), curves = axis.curves;
      if (!curves.length) return void (drawing.textContent = "Nothing to draw yet.");
      const right = Math.max(...curves.map((c) => c.x[c.x.length - 1]));
      const least = Math.min(...curves.map((c) => c.x.find((v) => v > 0) ?? right), right / 2);
      const top = chart.y === "hypervolume" ? Math.max(...curves.flatMap((c) => c.high), 1e-3) * 1.04 : 1.02;
      const f = frame(drawing, [spent.log ? least : 0, right], [0, top], axis.label, chart.y, spent.log);
      const visible = curves.filter((c) => !spent.hidden.has(c.name));
      for (const c of visible) {
        const [low, high] = c.low && spent.band !== "none" ? ends(c) : [[], []];
        if (low.length) make(f.svg, "path", { class: "band", d: area(f, c.x, low, high), fill: colour(c.name), "fill-opacity": 0.15 });
      }
      for (const c of visible) {
        const d = stairs(f, c.x, c.middle);
        make(f.svg, "path", { class: "curve", d, stroke: colour(c.name), "stroke-width": 2, "stroke-dasharray": dash(place(c.name)), fill: "none" });
      }
      follow(f, visible, right, axis.label, ends);
    }
    spent.redraws.push(draw);
    return draw;
  }

  // On a logarithmic axis what lies before its start is drawn at its start.
  const at = (f, v) => Math.max(f.left, f.x(Math.max(v, 1e-12)));
  const stairs = (f, xs, values) => values.map((v, k) => (k ? `H${at(f, xs[k])}V${f.y(v)}` : `M${at(f, xs[k])},${f.y(v)}`)).join("");

  function area(f, xs, low, high) {
    const edge = [...xs.keys()].reverse().map((k, i) => {
      const start = i ? `V${f.y(low[k])}` : `L${at(f, xs[k])},${f.y(low[k])}`;
      return `${start}H${at(f, xs[k])}`;
    });
    return `${stairs(f, xs, high)}${edge.join("")}z`;
  }

  function follow(f, curves, right, unit, ends) {
    const rule = make(f.svg, "line", { y1: f.top, y2: f.height - f.bottom, stroke: "var(--dim)", visibility: "hidden" });
    f.svg.addEventListener("pointermove", (event) => {
      const box = f.svg.getBoundingClientRect(), px = ((event.clientX - box.left) * f.width) / box.width;
      const x = f.back(px);
      if (px < f.left || x > right) return;
      for (const [key, value] of Object.entries({ visibility: "visible", x1: px, x2: px })) rule.setAttribute(key, value);
      const lines = curves.map((c) => {
        const k = c.x.findLastIndex((v) => v <= x);
        if (k < 0) return null;
        const [low, high] = c.low ? ends(c) : [[], []];
        return [c.middle[k], `${c.name}: ${c.middle[k].toFixed(3)}${low.length ? ` (${low[k].toFixed(3)} … ${high[k].toFixed(3)})` : ""}`];
      });
      const best = lines.filter(Boolean).sort((a, b) => b[0] - a[0]).map((line) => line[1]);
      showTip(event, [`${short(x)} ${unit}`, ...best].join("\n"));
    });
    f.svg.addEventListener("pointerleave", () => { hideTip(); rule.setAttribute("visibility", "hidden"); });
  }
