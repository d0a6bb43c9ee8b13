  for (const holder of document.querySelectorAll(".chart")) {
    const draw = progress(holder, data[holder.dataset.chart][holder.dataset.index]);
    new ResizeObserver(draw).observe(holder);
    draw();
  }
  window.addEventListener("scroll", hideTip, { passive: true });
