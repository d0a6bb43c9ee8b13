  // Taken from an element of the page, so that no address stands in this file.
  const SVG = document.getElementById("proto").namespaceURI;
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const bare = (index) => `var(--series-${index % 6})`;
  const dash = (index) => ["none", "7 3", "2 3"][Math.floor(index / 6) % 3];
  const place = (name) => data.names.indexOf(name);
  const colour = (name) => bare(place(name));
  const short = (value) => value >= 1e4 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));

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

  // Places of grid lines: even, or 1, 2, 5 times powers of ten.
  function marks(low, high, wanted, log) {
    if (!log) return ticks(low, high, wanted);
    const found = [];
    for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
      for (const step of [1, 2, 5]) if (step * power >= low * 0.999 && step * power <= high) found.push(step * power);
    }
    return found;
  }

  // An empty frame with grid and labels; gives the scales of both axes and the drawing.
  function frame(holder, xs, ys, xLabel, yLabel, log = false) {
    const width = Math.max(280, holder.clientWidth);
    const height = Math.round(Math.min(460, Math.max(280, width * 0.55)));
    const left = 46, right = 16, top = 24, bottom = 42;
    const svg = make(holder, "svg", { viewBox: `0 0 ${width} ${height}` });
    const of = log ? Math.log : (v) => v;
    const x = (v) => left + ((of(v) - of(xs[0])) / (of(xs[1]) - of(xs[0]))) * (width - left - right);
    const back = (px) => {
      const at = of(xs[0]) + ((px - left) / (width - left - right)) * (of(xs[1]) - of(xs[0]));
      return log ? Math.exp(at) : at;
    };
    const y = (v) => height - bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (height - top - bottom);
    for (const v of marks(...xs, width / 90, log)) {
      make(svg, "line", { class: "grid", x1: x(v), x2: x(v), y1: top, y2: height - bottom });
      make(svg, "text", { class: "tick", x: x(v), y: height - bottom + 17, "text-anchor": "middle" }, short(v));
    }
    for (const v of ticks(...ys, height / 60)) {
      make(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(v), y2: y(v) });
      make(svg, "text", { class: "tick", x: left - 6, y: y(v) + 4, "text-anchor": "end" }, short(v));
    }
    make(svg, "text", { x: (left + width - right) / 2, y: height - 7, "text-anchor": "middle" }, xLabel);
    make(svg, "text", { x: 4, y: 13 }, yLabel);
    return { svg, x, y, back, width, height, left, right, top, bottom };
  }

  function range(values, pad) {
    const low = Math.min(...values), high = Math.max(...values);
    const margin = (high - low || Math.abs(high) || 1) * pad;
    return [low - margin, high + margin];
  }

  // Toggle buttons that hide series; `entries` are {name, label, icon(svg)}; `hidden` holds names.
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

  // Buttons of which one is pressed; `options` are [value, label], `chosen` the first that is.
  function choice(bar, name, options, chosen, change) {
    const group = html(bar, "span", { class: "choice", role: "group", "aria-label": name });
    const buttons = options.map(([value, label]) => {
      const button = html(group, "button", { type: "button", "data-value": value, "aria-pressed": value === chosen }, label);
      button.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", other === button);
        change(value);
      });
      return button;
    });
  }

  function checkbox(bar, name, change) {
    const label = html(bar, "label");
    const box = html(label, "input", { type: "checkbox" });
    html(label, "span", {}, name);
    box.addEventListener("change", () => change(box.checked));
  }

  const along = (objective) => `${objective.name}${objective.unit ? ", " + objective.unit : ""} (${objective.direction})`;
