"""The generating evaluator over items with pictures: what the model is given, figures, samples, settings."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from suite.errors import BadInput
from suite.evaluators.datasets.items import SPLITS, Item, write
from suite.evaluators.datasets.pictures import Picture
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.models.handle import Decoding
from suite.evaluators.scorers.rouge import published_median
from tests.evaluators.parrot import Parrot


def seen(level: int, side: int = 8) -> Picture:
    buffer = BytesIO()
    Image.new("RGB", (side, side), (level, 0, 0)).save(buffer, "PNG")
    return Picture(buffer.getvalue())


@pytest.fixture
def pictured(tmp_path: Path) -> Path:
    """Items about the same question; the last of each split shows nothing."""
    for place, split in enumerate(SPLITS):
        items = [
            Item(f"{split}{n}", "何色？", "赤い円です。", seen(40 * place + n, 8 + 400 * (n == 1)))
            for n in range(6)
        ]
        write(
            tmp_path / f"{split}.jsonl", [*items, Item(f"{split}9", f"何{place}？", "赤い円です。")]
        )
    return tmp_path


def vqa(items: Path, **more: Any) -> GenerationEvaluator:
    return GenerationEvaluator("e", items, "vqa_ja", 9, **more)


def test_the_model_sees_the_template_the_pictures_and_the_decoding(pictured: Path) -> None:
    parrot = Parrot()
    template = "<image>{prompt} {{}}\n{prompt}"
    made = vqa(pictured, template=template, decoding={"num_beams": 5, "repetition_penalty": 1.5})
    made.evaluate(parrot, "select")  # type: ignore[arg-type]
    (asked,) = parrot.asked
    assert asked["prompts"][0] == "<image>何色？ {{}}\n何色？" and asked["length"] == 9
    assert asked["decoding"] == Decoding(5, 1.5)
    assert asked["pictures"] == [item.picture for item in made.splits["select"]]
    assert asked["pictures"][0] == seen(40) and asked["pictures"][-1] is None


def test_figures_of_japanese_vqa(pictured: Path) -> None:
    made = vqa(pictured)
    scores = made.evaluate(Parrot(), "search")  # type: ignore[arg-type]
    assert tuple(scores) == made.figures
    assert made.figures == ("rouge_l_ja", "rouge_l", "em", "ja", "rouge_l_ja_median", "tokens")
    gated = [1, 0, 0, 3 / 4, 1, 0, 0]
    assert scores["rouge_l_ja"].items == pytest.approx(gated)
    assert scores["em"].items == (1, 0, 0, 0, 1, 0, 0)
    assert scores["ja"].items == (1, 0, 0, 1, 1, 0, 0)
    median = scores["rouge_l_ja_median"]
    assert median.value == published_median(gated, 5) and median.n == 7 and median.items == ()
    assert median.stderr == scores["rouge_l_ja"].stderr > 0


def test_samples_show_a_thumbnail(pictured: Path) -> None:
    made = vqa(pictured)
    samples = made.samples(Parrot(), "report", 7)  # type: ignore[arg-type]
    small, large = (Picture.parse(samples[n].picture or "", pictured) for n in (0, 1))
    assert small == made.splits["report"][0].picture
    assert large.image().size == (256, 256) and samples[6].picture is None
    # A JPEG of one colour is that colour.
    assert np.abs(np.asarray(large.image()).astype(int) - [81, 0, 0]).max() <= 2
    assert [s.outcome["rouge_l"] for s in samples[:4]] == pytest.approx([1, 0, 0, 3 / 4])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"template": "<image>"}, "lacks {prompt}"),
        ({"decoding": {"beams": 5}}, "its keys are num_beams, repetition_penalty"),
        ({"decoding": {"num_beams": 0}}, "num_beams 0"),
        ({"data": {}}, "either items or data"),
        ({"items": None}, "either items or data"),
        ({"items": None, "data": {"search": {"path": "x"}}}, "evaluator 'e': data must describe"),
    ],
)
def test_impossible_settings_are_refused(more: dict[str, Any], said: str, pictured: Path) -> None:
    with pytest.raises(BadInput, match=said):
        GenerationEvaluator(
            **{"name": "e", "items": pictured, "scorer": "exact", "max_new_tokens": 3, **more}
        )


def test_data_in_place_of_a_folder(pictured: Path) -> None:
    lines = {split: {"path": str(pictured / f"{split}.jsonl")} for split in SPLITS}
    made = GenerationEvaluator("e", None, "exact", 3, data={"format": "jsonl", **lines})
    assert made.splits == vqa(pictured).splits


def test_medians_are_named_after_their_scorer(pictured: Path) -> None:
    made = GenerationEvaluator("e", pictured, ["vqa_ja", "exact"], 9)
    plain = vqa(pictured).evaluate(Parrot(), "search")  # type: ignore[arg-type]
    scores = made.evaluate(Parrot(), "search")  # type: ignore[arg-type]
    assert scores["vqa_ja.rouge_l_ja_median"] == plain["rouge_l_ja_median"]
    assert tuple(scores) == made.figures and "exact.em" in scores
