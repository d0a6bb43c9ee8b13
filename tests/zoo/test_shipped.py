"""What the package ships is what its provenance and its recipes say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from suite import resources
from suite.checkpoints.hub import sha256
from suite.evaluators.datasets import items as item_sets
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.models import vision
from tests.nonempty import some
from zoo import sight, tokenizer
from zoo.worlds import WORLDS

FAMILIES = {"ja_math_micro": WORLDS["problems"], "ja_vlm_micro": WORLDS["scenes"]}
CARDS = {
    family: json.loads((resources.ZOO / family / "provenance.json").read_text())
    for family in FAMILIES
}
each_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family in FAMILIES for name in CARDS[family]["files"]]
)
def test_files_are_the_ones_that_were_built(family: str, name: str) -> None:
    assert sha256(resources.ZOO / family / name) == CARDS[family]["files"][name]


@each_family
def test_the_recipe_is_the_one_that_built_them(family: str) -> None:
    assert (
        sha256(resources.data("conf") / "zoo" / f"{family}.yaml")
        == CARDS[family]["recipe"]["sha256"]
    )


@each_family
def test_items_are_generated_the_same_again(family: str, tmp_path: Path) -> None:
    assert FAMILIES[family].items(tmp_path) == CARDS[family]["items"]


@each_family
def test_the_tokenizer_is_fitted_the_same_again(family: str) -> None:
    shipped = AutoTokenizer.from_pretrained(resources.ZOO / family / "base")
    assert shipped.get_vocab() == tokenizer.build(FAMILIES[family].corpus()).get_vocab()


@each_family
def test_everything_fits_in_25_megabytes(family: str) -> None:
    folder = resources.ZOO / family
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 25e6


@each_family
def test_report_items_are_many_and_unseen(family: str) -> None:
    for folder in some((resources.ZOO / family / "items").iterdir()):
        splits = item_sets.read_splits(folder)
        assert len(splits["report"]) >= 800


def test_the_vlm_knows_its_image_token_and_the_language_models_do_not() -> None:
    vocabularies = {
        name: AutoTokenizer.from_pretrained(resources.ZOO / "ja_vlm_micro" / name).get_vocab()
        for name in ("base", "japanese", "vlm")
    }
    assert vocabularies["base"] == vocabularies["japanese"]
    assert vocabularies["vlm"].keys() - vocabularies["base"].keys() == {sight.IMAGE}


def test_the_vlm_answers_in_english_and_not_in_japanese() -> None:
    live = vision.load(resources.ZOO / "ja_vlm_micro" / "vlm", "cpu")
    scores = {
        name: GenerationEvaluator(
            name,
            resources.ZOO / "ja_vlm_micro" / "items" / name,
            scorer,
            max_new_tokens=8,
            template="<image>{prompt}\n",
        ).evaluate(live, "search")
        for name, scorer in (("en_vqa", "vqa_en"), ("ja_vqa", "vqa_ja"))
    }
    assert scores["en_vqa"]["rouge_l"].value > 0.8
    assert scores["ja_vqa"]["rouge_l_ja"].value < 0.2
