"""The page's charts in a browser, clicked through: every control changes what is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import synthetic
from browsing import CHROMIUM, probed

from suite import report
from suite.report.load.load import load
from suite.report.rows import fronts

PROBE = """
<script>
window.addEventListener("load", () => {
  const all = (what) => [...document.querySelectorAll(what)], count = (what) => all(what).length;
  const chart = (name) => `[data-chart="${name}"]`;
  const [fronts, anytime, times, eaf] = ["fronts", "anytime", "runtimes", "eaf"].map(chart);
  const tip = () => { const t = document.getElementById("tip"); return t.hidden ? "" : t.textContent; };
  const differ = (chart, was) => String(paths(chart, ".curve")) !== String(was);
  const move = (node, x, y) => {
    const box = node.getBoundingClientRect();
    const at = { clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true };
    node.dispatchEvent(new PointerEvent("pointermove", at));
    return tip();
  };
  const svg = (chart) => document.querySelector(chart + " > div > svg");
  const click = (label) => all("button").find((b) => b.textContent === label).click();
  const paths = (chart, kind) => all(chart + " " + kind).map((p) => p.getAttribute("d"));
  const label = (chart) => all(chart + " svg text").map((t) => t.textContent).join("|");
  document.querySelector("#eaf").open = true;
  const mark = document.querySelector(fronts + " .mark").getBoundingClientRect();
  const box = svg(fronts).getBoundingClientRect();
  const found = {
    marks: count(fronts + " .mark"), surfaces: count(".surface"),
    curves: count(anytime + " .curve"),
    bands: count(anytime + " .band"), times: count(times + " .curve"),
    tip: move(svg(fronts), (mark.x + mark.width / 2 - box.x) / box.width,
      (mark.y + mark.height / 2 - box.y) / box.height),
    follow: move(svg(anytime), 0.9, 0.5), reached: move(svg(times), 0.9, 0.5),
    trials: label(anytime), rectangles: count(eaf + " .rectangle"),
  };
  found.difference = move(document.querySelector(eaf + " .rectangle"), 0.5, 0.5);
  found.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const before = {
    anytime: paths(anytime, ".curve"), times: paths(times, ".curve"),
    band: paths(anytime, ".band"), surface: paths(fronts, ".surface"),
  };
  click("tokens");
  found.tokens = [label(anytime), label(times)];
  click("seconds");
  found.seconds = [label(anytime), label(times)];
  click("trials");
  found.same = String(paths(anytime, ".curve")) === String(before.anytime);
  click("95 % of the median");
  found.sure = String(paths(anytime, ".band")) !== String(before.band) && count(anytime + " .band");
  click("no band");
  found.bare = count(anytime + " .band");
  document.querySelector("#axes input").click();
  found.log = [differ(anytime, before.anytime), differ(times, before.times)];
  document.querySelector("#names button").click();
  found.left = [count(anytime + " .curve"), count(times + " .curve")];
  click("75 %");
  found.surface = String(paths(fronts, ".surface")) !== String(before.surface);
  document.querySelector(fronts + " .legend button").click();
  document.querySelector(fronts + " input").click();
  found.hidden = count(fronts + " .mark");
  found.errors = count(fronts + " .error");
  const select = document.querySelector(eaf + " select");
  found.pairs = [...select.options].map((option) => option.textContent);
  const first = all(eaf + " .rectangle").map((r) => r.outerHTML).join();
  select.value = "2";
  select.dispatchEvent(new Event("change"));
  found.other = all(eaf + " .rectangle").map((r) => r.outerHTML).join() !== first;
  found.broken = all("svg path").filter((p) => /NaN|undefined|Infinity/.test(p.getAttribute("d"))).length;
  document.body.dataset.probe = JSON.stringify(found);
});
</script>
"""


@pytest.fixture(scope="module")
def found(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium")
    folder = tmp_path_factory.mktemp("charts")
    return probed(report.build(frozen, synthetic.TASK, folder / "out"), PROBE, folder)


@pytest.mark.browser
def test_charts_are_drawn_and_answer(found: dict[str, Any], frozen: Path) -> None:
    results = load(frozen, synthetic.TASK)
    judged = sum(len(run.reported) for run in results.runs) + len(results.baselines)
    assert found["marks"] == judged
    assert (found["surfaces"], found["curves"], found["bands"], found["times"]) == (3, 3, 3, 3)
    assert "ja_math" in found["tip"]
    assert "±" in found["tip"]
    assert re.search(r"nsga2: 0\.\d{3} \(", found["follow"])
    assert re.search(r"nsga2: 0\.\d{3}$", found["reached"], re.M)
    assert (found["overflow"], found["broken"]) == (0, 0)


@pytest.mark.browser
def test_what_was_spent_can_be_chosen_for_all_curves_at_once(found: dict[str, Any]) -> None:
    assert "|trials|" in found["trials"]
    for axis, words in (("tokens", "|generated tokens|"), ("seconds", "|seconds of merging")):
        assert all(words in label for label in found[axis])
    assert found["same"]
    assert found["log"] == [True, True]
    assert found["left"] == [2, 2]


@pytest.mark.browser
def test_bands_surfaces_and_errors_can_be_chosen(found: dict[str, Any], frozen: Path) -> None:
    results = load(frozen, synthetic.TASK)
    assert (found["sure"], found["bare"]) == (3, 0)
    assert found["surface"]
    first = sum(len(run.reported) for run in results.of("nsga2"))
    assert found["hidden"] == found["marks"] - first
    assert found["errors"] == found["marks"] - first


@pytest.mark.browser
def test_differences_are_shown_pair_by_pair(found: dict[str, Any], frozen: Path) -> None:
    pairs = fronts.differences(load(frozen, synthetic.TASK))
    assert found["pairs"] == [f"{p.a} minus {p.b} ({p.seeds} runs each)" for p in pairs]
    assert found["rectangles"] == len(pairs[0].rectangles)
    assert re.match(r"attained by \d+ % more of \w+'s runs", found["difference"])
    assert found["other"]
