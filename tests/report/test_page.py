"""The page: complete, self-contained, deterministic, safe with hostile names, and alive in a browser."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic
from browsing import CHROMIUM, HOSTILE, probed, read

from suite import report
from suite.errors import BadInput
from suite.report.load.load import load
from suite.report.page.page import notes
from suite.report.rows import headline, paths
from suite.report.rows.tables import Tables
from tests.nonempty import some


@pytest.fixture(scope="module")
def page(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.build(small, synthetic.TASK, tmp_path_factory.mktemp("out") / "deep" / "er")


def test_everything_is_written(page: Path) -> None:
    assert page.name == "index.html"
    tables = ("chosen", "summary", "runs", "comparisons", "baselines", "answers")
    tables += ("strategies", "failures", "controls", "surfaces", "best_merges")
    figures = ("fronts", "anytime", "strategies", "eaf")
    assert {path.name for path in page.parent.iterdir()} == {
        "index.html",
        *(f"{name}.csv" for name in tables),
        *(f"{name}.tex" for name in ("strategies", "comparisons", "summary", "baselines")),
        *(f"{name}.{kind}" for name in figures for kind in ("png", "svg")),
    }
    for name in figures:
        assert (page.parent / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (page.parent / f"{name}.svg").read_bytes()[:1000]


def test_the_page_loads_nothing_from_anywhere(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]|@import|url\(", html)
    for target in read(html).loads:
        assert target.startswith(("#", "data:")) or (page.parent / target).is_file()
    assert "default-src 'none'" in html


def test_every_optimizer_baseline_and_seed_appears(small: Path, page: Path) -> None:
    reader = read(page.read_text(encoding="utf-8"))
    text = " ".join(reader.text)
    for name in (*synthetic.BASELINES, "nsga2", "random", "tpe", "ja_math", "ja_general"):
        assert name in text
    assert text.count("· seed") == 4 * 15  # every rule
    data = json.loads(reader.data)
    assert [cloud["name"] for cloud in data["fronts"][0]["clouds"]] == ["nsga2", "random", "tpe"]
    shown = data["fronts"][0]["merges"] + data["fronts"][0]["parents"]
    assert {point["label"] for point in shown} == set(synthetic.BASELINES)


def test_the_headline_shows_the_tables_figures(small: Path, page: Path) -> None:
    text = " ".join(" ".join(read(page.read_text(encoding="utf-8")).text).split())
    results = load(small, synthetic.TASK)
    rows = headline.chosen_rows(results)
    for row in some(headline.summary_rows(results, rows)):
        assert f"{100 * row.median:.1f}" in text
        assert " · ".join(f"{100 * value:.1f}" for value in row.values) in text
    for chosen in some(rows):
        assert f"{100 * chosen.difference:+.1f}".replace("-", "−") in text


def test_the_same_files_give_the_same_bytes(small: Path, page: Path, tmp_path: Path) -> None:
    again = report.build(small, synthetic.TASK, tmp_path)
    for path in some(page.parent.iterdir()):
        assert (again.parent / path.name).read_bytes() == path.read_bytes(), path.name


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "")  # an optimizer's name is a folder's
    baselines = {"uniform" + HOSTILE: (0.6, 0.5), "base": (0.1, 0.5)}
    synthetic.write(
        tmp_path / "r", optimizers=(name,), seeds=2, trials=6, baselines=baselines, items=(20, 20)
    )
    html = report.build(tmp_path / "r", synthetic.TASK, tmp_path / "out").read_text(
        encoding="utf-8"
    )
    reader = read(html)
    assert reader.elements.count("script") == 2
    assert reader.elements.count("style") == 1
    assert "uniform" + HOSTILE in " ".join(reader.text)
    data = json.loads(reader.data)
    assert data["fronts"][0]["clouds"][0]["name"] == name
    assert data["fronts"][0]["merges"][0]["label"] == "uniform" + HOSTILE


def test_without_judged_models_the_page_says_so(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "r", seeds=2, trials=6, judged=False, items=(20, 20))
    page = report.build(tmp_path / "r", synthetic.TASK, tmp_path / "out")
    text = " ".join(" ".join(read(page.read_text(encoding="utf-8")).text).split())
    assert "No run is judged yet" in text
    assert "No baselines are judged yet" in text
    assert "on the search items: optimistic" in text


def test_runs_cut_short_are_named(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "r", optimizers=("tpe",), seeds=2, trials=9, items=(20, 20))
    folder = tmp_path / "r" / synthetic.TASK / "tpe" / "seed=1"
    (folder / "judged.jsonl").unlink()
    lines = (folder / "trials.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "trials.jsonl").write_text("".join(lines[:4]), encoding="utf-8")
    html = report.build(tmp_path / "r", synthetic.TASK, tmp_path / "out").read_text(
        encoding="utf-8"
    )
    assert "Stopped before their budget was spent: tpe seed 1 (4 of 9)." in html
    assert "Not judged, or not to the end: tpe seed 1." in html


@pytest.mark.parametrize("m", [1, 3])
def test_other_numbers_of_objectives(tmp_path: Path, m: int) -> None:
    synthetic.write(tmp_path / "r", optimizers=("tpe",), seeds=1, trials=6, m=m, items=(20, 20))
    page = report.build(tmp_path / "r", synthetic.TASK, tmp_path / "out")
    data = json.loads(read(page.read_text(encoding="utf-8")).data)
    assert len(data["fronts"]) == m * (m - 1) // 2
    assert (page.parent / "fronts.png").exists() == (m > 1)


def test_a_run_without_a_trial_yet(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "r", optimizers=("tpe",), seeds=1, trials=0, judged=False)
    assert report.build(tmp_path / "r", synthetic.TASK, tmp_path / "out").is_file()


def test_an_out_that_cannot_be_written_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        report.build(small, synthetic.TASK, tmp_path / "file" / "out")


def test_layer_paths_are_drawn_block_by_block(hopping: Path, tmp_path: Path) -> None:
    html = report.build(hopping, synthetic.TASK, tmp_path).read_text(encoding="utf-8")
    section = html[html.index('<section id="paths">') :].split("</section>")[0]
    shown = paths.shown(load(hopping, synthetic.TASK))
    assert section.count('class="strip"') == len(shown)
    assert section.count("<title>") == sum(len(each.path.hops) for each in shown)
    assert "blend (task_arithmetic)" in section
    for each in shown:
        for place, hop in enumerate(each.path.hops):
            assert f"<title>hop {place}: layer {hop.layer} of {hop.part}" in section
    assert 'href="#paths"' in html and 'href="hops.csv"' in section
    text = " ".join(" ".join(read(html).text).split())
    assert "depth, layers" in text
    assert "± 0.0" not in text  # an exact figure has no error


def test_hostile_parts_of_paths_stay_text(hopping: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(hopping, tmp_path / "r"))
    for path in results.rglob("*.jsonl"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"ja"', json.dumps(HOSTILE)), encoding="utf-8")
    reader = read(
        report.build(results, synthetic.TASK, tmp_path / "out").read_text(encoding="utf-8")
    )
    assert (reader.elements.count("script"), reader.elements.count("style")) == (2, 1)
    assert HOSTILE in " ".join(reader.text)


PATH_PROBE = """
<script>
window.addEventListener("load", () => {
  const hop = document.querySelector(".strip g"), box = hop.getBoundingClientRect();
  const at = { clientX: box.left + 5, clientY: box.top + 5, bubbles: true };
  hop.dispatchEvent(new PointerEvent("pointerdown", at));
  const tip = document.getElementById("tip"), shown = tip.hidden ? "" : tip.textContent;
  hop.dispatchEvent(new PointerEvent("pointerleave", at));
  const strips = [...document.querySelectorAll(".strip")];
  const styles = [...document.querySelectorAll(".strip rect")].map((rect) => getComputedStyle(rect));
  const marks = document.querySelectorAll('[data-chart="fronts"] .mark');
  document.body.dataset.probe = JSON.stringify({
    tip: shown, gone: tip.hidden, charts: marks.length,
    rects: strips.map((strip) => strip.querySelectorAll("g rect").length),
    opacities: styles.map((style) => style.fillOpacity),
    fills: [...new Set(styles.map((style) => style.fill))],
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  });
});
</script>
"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_blocks_of_paths_are_shaded_and_answer(hopping: Path, tmp_path: Path) -> None:
    page = report.build(hopping, synthetic.TASK, tmp_path / "out")
    found = probed(page, PATH_PROBE, tmp_path)
    shown = paths.shown(load(hopping, synthetic.TASK))
    assert found["rects"] == [len(each.path.hops) for each in shown]
    scales = [hop.scale for each in shown for hop in each.path.hops]
    shades = [float(opacity) for opacity in found["opacities"]]
    assert [shades[i] for i in np.argsort(scales, kind="stable")] == sorted(shades)
    assert 0 < min(shades) < max(shades) <= 1
    assert len(found["fills"]) == 2
    assert found["tip"].startswith("hop 0: layer 0 of ")
    assert found["gone"] and found["charts"] and found["overflow"] == 0


def test_a_run_that_found_nothing_in_the_box_is_named(small: Path) -> None:
    results = load(small, synthetic.TASK)
    first = results.runs[0]
    outside = tuple(replace(trial, losses=(1.25, 0.5)) for trial in first.trials)
    changed = replace(results, runs=(replace(first, trials=outside), *results.runs[1:]))
    (note,) = (n for n in notes(changed, Tables.of(changed)) if n.startswith("No candidate"))
    assert f": {first.optimizer} seed {first.seed}. There hypervolume is 0" in note
    assert not [n for n in notes(results, Tables.of(results)) if n.startswith("No candidate")]
