"""Card, recipe and YAML of a merged vision-language model: who lends the eyes, and how it is made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.checkpoints.parents import Parent
from suite.export import card, recipes
from suite.export import towers as texts
from suite.export.card import Made
from suite.export.checkpoint import Weights
from suite.recipes import mergekit
from suite.recipes.layer_path import Hop, LayerPath
from suite.recipes.recipe import Input, Recipe
from tests.export.towers import SOUP

PARENTS = {
    "base": Parent("base", "org/mistral@" + "a" * 40, Path("x"), "org/mistral", "a" * 40),
    "japanese": Parent("japanese", "local/ja", Path("y")),
    "vlm": Parent("vlm", "org/llava@" + "b" * 40, Path("z"), "org/llava", "b" * 40, eyes=12_345),
}
STAND_IN = "./language-tower-of-vlm"
NAMES = {"org/mistral@" + "a" * 40: "base", "local/ja": "japanese", STAND_IN: "vlm"}


def made(**changes: Any) -> Made:
    return Made(
        "seeing", "suite export", "x86_64", {}, **{"vlm": "vlm", "vocabulary": "cut", **changes}
    )


EXACT = Weights(9, "float32", "float32", 0.0)


def test_the_card_says_what_was_merged_and_who_lends_the_eyes() -> None:
    text = card.texts(SOUP, PARENTS, made(), EXACT)[card.CARD]
    front = yaml.safe_load(text.split("---")[1])
    assert front["pipeline_tag"] == "image-text-to-text"
    assert front["base_model"] == ["org/mistral", "org/llava"]
    said = " ".join(text.split())
    assert (
        "Only the language tower was merged: vision tower and projector (12,345 parameters),"
        in said
    )
    assert "tokenizer and processor are those of vlm, and so are the rows of embeddings" in said
    refuse = card.texts(SOUP, PARENTS, made(vocabulary="refuse"), EXACT)[card.CARD]
    assert "are those of vlm." in refuse
    plain = card.texts(SOUP, PARENTS, made(vlm=None), EXACT)[card.CARD]
    assert "language tower was" not in plain
    assert "pipeline_tag" not in plain


def test_the_yaml_is_the_same_recipe_over_plain_towers() -> None:
    files = card.texts(SOUP, PARENTS, made(), EXACT)
    text = files[card.MERGEKIT]
    assert mergekit.read(text, NAMES) == SOUP
    comment = [line for line in text.splitlines() if line.startswith("#")]
    assert text.startswith("\n".join(comment))
    assert all(len(line) <= 100 for line in comment)
    assert "#   suite merge language-tower-of-vlm.json language-tower-of-vlm" in comment
    assert f"#   suite merge MADE OUT --vlm {PARENTS['vlm'].where} --vocabulary cut" in comment
    straight = LayerPath("japanese", (Hop("japanese", 0), Hop("vlm", 1), Hop("japanese", 1)))
    text = card.texts(straight, PARENTS, made(), EXACT)[card.MERGEKIT]
    assert mergekit.read(text, NAMES, layers=2) == straight
    assert STAND_IN in text


def test_the_recipe_names_the_vlm_and_the_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(card.texts(SOUP, PARENTS, made(), EXACT)[card.RECIPE])
    found = recipes.read(tmp_path / "recipe.json", lambda name: 2)
    assert found.recipe == SOUP
    assert (found.vlm, found.vocabulary) == ("vlm", "cut")
    assert found.models == {name: parent.where for name, parent in PARENTS.items()}
    plain = card.texts(SOUP, PARENTS, made(vlm=None, vocabulary="refuse"), EXACT)[card.RECIPE]
    (tmp_path / "recipe.json").write_text(plain)
    found = recipes.read(tmp_path / "recipe.json", lambda name: 2)
    assert (found.vlm, found.vocabulary) == (None, None)


def test_eyes_that_only_look_on_need_no_plain_tower() -> None:
    blind = Recipe("linear", (Input("base", {"weight": 1.0}), Input("japanese", {"weight": 1.0})))
    files = card.texts(blind, PARENTS, made(), EXACT)
    assert files.keys() == {card.CARD, card.RECIPE, card.MERGEKIT}
    assert mergekit.read(files[card.MERGEKIT], NAMES) == blind
    assert "cannot read a language tower" not in files[card.MERGEKIT]
    assert "--vlm org/llava@" in files[card.MERGEKIT]


def test_without_a_plain_parent_mergekit_is_left_out() -> None:
    seeing = {name: Parent(name, name, Path(name), eyes=5) for name in PARENTS}
    files = card.texts(SOUP, seeing, made(), EXACT)
    assert files.keys() == {card.CARD, card.RECIPE}
    assert "mergekit cannot express it (mergekit 0.1.5 merges plain" in files[card.CARD]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("vlm", "vlm"),
        ("org/llava-1.6@abc", "llava-1.6"),
        ("/data/my models/llava", "llava"),
        ("a+b", "a-b"),
    ],
)
def test_stand_ins_are_names_that_mergekit_takes_for_folders(name: str, word: str) -> None:
    assert texts.stand_in(Parent(name, name, Path())) == f"./language-tower-of-{word}"
