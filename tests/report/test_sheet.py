"""sheet.png: every letter drawn, nothing over anything else, the first items as recorded."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import synthetic
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from suite import report
from suite.report.figures import sheet
from suite.report.figures.lettering import Lettering
from suite.report.load.load import load
from suite.report.rows import answers
from suite.report.rows.answers import Sheet

pytestmark = pytest.mark.filterwarnings("error")  # matplotlib warns of a letter it has not
needs_kana = pytest.mark.skipif(Lettering.of("ひだりに") is None, reason="no font with kana")


@pytest.fixture(scope="module")
def sheets(seen: Path) -> list[Sheet]:
    return answers.sheets(load(seen, synthetic.TASK))


def kept(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved from now on."""
    figures = []
    saved = Figure.savefig

    def keep(self: Figure, *args: object, **options: object) -> None:
        figures.append(self)
        saved(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


@needs_kana
def test_no_text_touches_another_or_leaves_the_figure(
    sheets: list[Sheet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = kept(monkeypatch)
    assert sheet.draw(sheets, tmp_path) == tmp_path / "sheet.png"
    (figure,) = figures
    boxes = [text.get_window_extent() for text in figure.texts]
    boxes += [axes.get_window_extent() for axes in figure.axes]
    for i, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


@needs_kana
def test_it_shows_the_first_items_with_every_answer(
    sheets: list[Sheet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = kept(monkeypatch)
    sheet.draw(sheets, tmp_path)
    shown = sheet.rows(sheets)
    assert [(each.evaluator, len(questions)) for each, questions in shown] == [
        ("ja_vqa", 4), ("in_the_wild", 4), ("en_vqa", 4),
    ]  # fmt: skip
    replies = [r for each, questions in shown for q in questions for r in q.replies]
    texts = [text.get_text() for text in figures[0].texts]
    signs = {"right": "✓", "partly right": "~", "wrong": "✗"}
    for verdict, sign in signs.items():
        marked = [text for text in texts if text.startswith(sign) and text.endswith(verdict)]
        assert len(marked) == sum(reply.verdict == verdict for reply in replies) > 0
    drawn = [axes.images[0] for axes in figures[0].axes]
    pictures = [q.picture for _, questions in shown for q in questions]
    for image, picture in zip(drawn, pictures, strict=True):
        assert picture is not None
        np.testing.assert_array_equal(image.get_array(), picture.pixels)
        assert (image.get_interpolation() == "nearest") == picture.tiny


@needs_kana
def test_one_evaluator_has_all_the_rows(sheets: list[Sheet], tmp_path: Path) -> None:
    assert len(sheet.rows(sheets[:1])[0][1]) == len(sheets[0].questions) == 6
    first = sheet.draw(sheets[:1], tmp_path)
    assert first is not None
    assert matplotlib.image.imread(first).shape[1] > 1500
    before = first.read_bytes()
    assert sheet.draw(sheets[:1], tmp_path) == first
    assert first.read_bytes() == before


def test_without_pictures_there_is_no_figure(small: Path, tmp_path: Path) -> None:
    assert sheet.draw(answers.sheets(load(small, synthetic.TASK)), tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_without_letters_there_is_no_figure_and_the_page_says_so(
    seen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = [entry for entry in fontManager.ttflist if "mpl-data" in str(entry.fname)]
    monkeypatch.setattr(fontManager, "ttflist", shipped)
    page = report.build(seen, synthetic.TASK, tmp_path)
    assert not (tmp_path / "sheet.png").exists()
    html = page.read_text(encoding="utf-8")
    assert "no font here has all letters of the questions" in html
    assert "sheet.png" not in html
