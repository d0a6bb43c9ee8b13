"""The page of a task with pictures: each is seen, enlarged and safe, with every answer beside it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pictured
import pytest
import synthetic
from browsing import CHROMIUM, HOSTILE, probed, read

from suite import report
from suite.report.load.load import load
from suite.report.rows import answers


@pytest.fixture(scope="module")
def album(seen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of results about pictures."""
    return report.build(seen, synthetic.TASK, tmp_path_factory.mktemp("album"))


def section(html: str) -> str:
    """That of the answers."""
    return html[html.index('<section id="answers">') :].split("</section>")[0]


def test_every_evaluators_pictures_are_shown_once_in_their_order(album: Path) -> None:
    html = section(album.read_text(encoding="utf-8"))
    assert re.findall(r'<img[^>]* src="([^"]*)"', html) == [
        pictured.uri(name, k) for name in pictured.FILES for k in range(pictured.COUNT)
    ]
    assert re.findall(r"<h3>(.*?)</h3>", html) == [*pictured.FILES]
    sizes = re.findall(r'<img( class="crisp")? [^>]* width="(\d+)" height="(\d+)"', html)
    crisp, plain = (' class="crisp"', "160", "160"), ("", "160", "107")
    assert sizes == [crisp] * 6 + [plain] * 6 + [crisp] * 6
    for target in read(html).loads:
        assert target.startswith("data:image/") or (album.parent / target).is_file()


def test_every_answer_stands_with_its_sign_and_score(seen: Path, album: Path) -> None:
    html = section(album.read_text(encoding="utf-8"))
    sheets = answers.sheets(load(seen, synthetic.TASK))
    replies = [r for sheet in sheets for q in sheet.questions for r in q.replies]
    for verdict, sign, colour in [
        ("right", "✓", "up"), ("partly right", "~", "half"), ("wrong", "✗", "down"),
    ]:  # fmt: skip
        label = (
            rf'<span class="{colour}" role="img" aria-label="{verdict}, [0-9.]+">{sign} [0-9.]+<'
        )
        assert len(re.findall(label, html)) == sum(r.verdict == verdict for r in replies) > 0
    assert html.count("(nothing)") == sum(not reply.sample.reply for reply in replies) > 0
    with (album.parent / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["reply"] for row in rows] == [reply.sample.reply for reply in replies]
    assert [float(row["outcome"]) for row in rows] == [reply.sample.outcome for reply in replies]


@pytest.mark.parametrize(
    "hostile",
    [
        'data:image/png;base64,AAAA" onerror="alert(1)',
        "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+",
        "https://example.org/track.png",
    ],
)
def test_hostile_pictures_stay_out_and_hostile_answers_stay_text(
    seen: Path, tmp_path: Path, hostile: str
) -> None:
    results = Path(shutil.copytree(seen, tmp_path / "r"))
    for path in results.rglob("judged.jsonl"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            for sample in line["samples"]:
                sample |= {"reply": HOSTILE, "evaluator": HOSTILE, "picture": hostile}
                sample["outcomes"] = {HOSTILE: 0.5, "else": 0.25}
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    page = report.build(results, synthetic.TASK, tmp_path / "out")
    html = page.read_text(encoding="utf-8")
    reader = read(html)
    assert (reader.elements.count("script"), reader.elements.count("style")) == (2, 1)
    assert "<img" not in section(html)
    assert hostile not in html
    assert "example.org" not in html
    assert "".join(reader.text).count(HOSTILE) > 3 * pictured.COUNT
    assert not (page.parent / "sheet.png").exists()


SHEET_PROBE = """
<script>
window.addEventListener("load", async () => {
  for (const more of document.querySelectorAll("#answers details")) more.open = true;
  const images = [...document.querySelectorAll("#answers img")];
  await Promise.all(images.map((image) => image.decode()));
  const colour = (kind) => getComputedStyle(document.querySelector(`#answers dt .${kind}`)).color;
  document.body.dataset.probe = JSON.stringify({
    images: images.map((image) => {
      const box = image.getBoundingClientRect();
      const inside = box.left >= 0 && box.right <= innerWidth;
      return [image.naturalWidth, box.width, box.height, getComputedStyle(image).imageRendering, inside];
    }),
    colours: ["up", "half", "down"].map(colour),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  });
});
</script>
"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_pictures_are_seen_and_fit(album: Path, tmp_path: Path) -> None:
    found = probed(album, SHEET_PROBE, tmp_path)
    kinds = {
        "ja_vqa": [32, 160, 160, "pixelated", True],
        "in_the_wild": [240, 160, 107, "auto", True],
        "en_vqa": [20, 160, 160, "pixelated", True],
    }
    assert found["images"] == [kinds[name] for name in kinds for _ in range(pictured.COUNT)]
    assert len(set(found["colours"])) == 3
    assert found["overflow"] == 0
