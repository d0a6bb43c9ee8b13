  // Differences of the empirical attainment functions of one pair at a time.
  function eaf(holder, chart) {
    const bar = html(holder, "div", { class: "legend" });
    const drawing = html(holder, "div");
    if (!chart.pairs.length) return () => { drawing.textContent = "No difference to draw."; };
    const select = html(html(bar, "label"), "select", { "aria-label": "pair of optimizers" });
    chart.pairs.forEach((pair, k) => html(select, "option", { value: k }, `${pair.a} minus ${pair.b} (${pair.seeds} runs each)`));
    select.addEventListener("change", () => draw());
    const corners = chart.pairs.flatMap((pair) => pair.rectangles);
    const all = (a, b) => corners.flatMap((r) => [r[a], r[b]]).filter((v) => v !== null);
    const xs = range(all(0, 2), 0.05), ys = range(all(1, 3), 0.05);

    // An infinite corner lies at the edge on the worse side.
    const edge = (objective, ends) => (objective.sign > 0 ? ends[0] : ends[1]);

    function draw() {
      drawing.replaceChildren();
      const f = frame(drawing, xs, ys, along(chart.x), along(chart.y)), pair = chart.pairs[select.value];
      for (const [x0, y0, x1, y1, share] of pair.rectangles) {
        const a = [f.x(x0), f.y(y0)], b = [f.x(x1 ?? edge(chart.x, xs)), f.y(y1 ?? edge(chart.y, ys))];
        const box = {
          class: "rectangle", x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]),
          width: Math.abs(b[0] - a[0]), height: Math.abs(b[1] - a[1]),
          fill: bare(share > 0 ? 0 : 1), "fill-opacity": 0.08 + 0.82 * Math.abs(share),
        };
        const node = make(f.svg, "rect", box);
        const words = `attained by ${Math.round(100 * Math.abs(share))} % more of ${share > 0 ? pair.a : pair.b}'s runs`;
        node.addEventListener("pointermove", (event) => showTip(event, words));
        node.addEventListener("pointerleave", hideTip);
      }
    }
    return draw;
  }
