  const kinds = { fronts, eaf, anytime: progress, runtimes: progress };
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
