"""What the package ships is what its provenance and its recipe say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from suite import places
from suite.evaluators import items as item_sets
from suite.hub import sha256
from suite.zoo import documents, items, tokenizer

FOLDER = places.ZOO / "ja_math_micro"
CARD = json.loads((FOLDER / "provenance.json").read_text())


@pytest.mark.parametrize("name", sorted(CARD["files"]))
def test_files_are_the_ones_that_were_built(name: str) -> None:
    assert sha256(FOLDER / name) == CARD["files"][name]


def test_the_recipe_is_the_one_that_built_them() -> None:
    assert sha256(places.data("conf") / "zoo" / "ja_math_micro.yaml") == CARD["recipe"]["sha256"]


def test_items_are_generated_the_same_again(tmp_path: Path) -> None:
    assert items.build(tmp_path) == CARD["items"]


def test_the_tokenizer_is_fitted_the_same_again() -> None:
    shipped = AutoTokenizer.from_pretrained(FOLDER / "base")
    assert shipped.get_vocab() == tokenizer.build(documents.corpus()).get_vocab()


def test_everything_fits_in_25_megabytes() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < 25e6


def test_report_items_are_many_and_unseen() -> None:
    for name in items.SIZES:
        splits = item_sets.read_splits(FOLDER / "items" / name)
        assert len(splits["report"]) >= 800
