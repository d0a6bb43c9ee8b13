from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite.checkpoints.parents import Parent
from suite.export import card
from suite.export.card import Made, Origin
from suite.export.checkpoint import Weights
from suite.objective import Objective
from suite.recipes import mergekit
from suite.recipes.recipe import Input, Recipe
from suite.records.trial import Score, Trial
from suite.search.pick import Pick

COMMIT = "c" * 40
PARENTS = {
    "base": Parent("base", "local/base", Path("x"), licence="mit"),
    "japanese": Parent("japanese", f"o/ja@{COMMIT}", Path("y"), "o/ja", COMMIT, "mit"),
    "math_add": Parent("math_add", f"o/add@{COMMIT}", Path("z"), "o/add", COMMIT, "mit"),
}
MADE = Made("soup", "suite export a b --pick knee", "x86_64", {"torch": "2"}, {"base": {"m": "ff"}})
EXACT = Weights(1_306_240, "float32", "float32", 0.0)


def front_matter(text: str) -> dict[str, Any]:
    said = yaml.safe_load(text.split("---")[1])
    assert isinstance(said, dict)
    return said


def origin(**changes: Any) -> Origin:
    trial = Trial(7, (), {}, "ok", None, {}, (0.5,), {})
    plain: dict[str, Any] = {
        "pick": Pick(trial, "the knee", "search"),
        "task": "t",
        "optimizer": "nsga2",
        "seed": 3,
        "objectives": [Objective("maths", "m.acc", "maximize", 1.0, 0.0)],
        "scores": {"search": {"m.acc": Score(0.5, 0.05, 100), "m.tokens": Score(18.0, 0.1, 100)}},
        "measured": "x86_64",
        "packages": {"torch": "2"},
    }
    return Origin(**{**plain, **changes})


def test_the_front_matter_names_hub_models_only(soup: Recipe) -> None:
    said = front_matter(card.texts(soup, PARENTS, MADE, EXACT)["README.md"])
    assert said == {
        "library_name": "transformers",
        "tags": ["merge", "merge-suite"],
        "base_model": ["o/ja", "o/add"],
        "license": "mit",
    }
    mixed = {**PARENTS, "base": replace(PARENTS["base"], licence="other")}
    text = card.texts(soup, mixed, MADE, EXACT)["README.md"]
    assert "license" not in front_matter(text)
    assert "not known to be one" in text


def test_the_recipe_is_written_for_both_readers(soup: Recipe) -> None:
    files = card.texts(soup, PARENTS, MADE, EXACT)
    plain = json.loads(files["recipe.json"])
    assert Recipe.from_json(plain).digest == soup.digest
    assert plain["models"]["base"] == {"model": "local/base", "sha256": {"m": "ff"}}
    assert plain["models"]["japanese"] == {"model": f"o/ja@{COMMIT}"}
    inputs = tuple(Input(PARENTS[i.model].where, i.parameters) for i in soup.inputs)
    renamed = replace(soup, inputs=inputs, base="local/base")
    assert mergekit.read(files["mergekit_config.yml"]) == renamed
    half = Weights(9, "float32", "bfloat16", 0.5)
    files = card.texts(soup, PARENTS, MADE, half)
    assert mergekit.read(files["mergekit_config.yml"]) == replace(renamed, dtype="bfloat16")
    assert files["mergekit_config.yml"] in files["README.md"]


def test_what_mergekit_cannot_say_is_refused_for_its_file_only() -> None:
    inputs = (Input("japanese", {"weight": 1.0}), Input("math_add", {"weight": 1.0}))
    paper = Recipe("dare_linear", inputs, "base", {"rescale": "inverse_density"})
    files = card.texts(paper, PARENTS, MADE, EXACT)
    assert files.keys() == {"README.md", "recipe.json"}
    assert Recipe.from_json(json.loads(files["recipe.json"])) == paper
    assert "mergekit cannot express it (rescale 'inverse_density'" in files["README.md"]


def test_the_card_tells_where_the_merge_comes_from(soup: Recipe) -> None:
    text = card.texts(soup, PARENTS, MADE, EXACT, origin())["README.md"]
    for said in (
        "trial 7 of optimizer `nsga2`, seed 3, on task `t`; the knee.",
        f"| japanese | [o/ja](https://huggingface.co/o/ja) | {COMMIT} | mit |",
        "| base | `local/base` | local files | mit |",
        "```\nsuite export a b --pick knee\n```",
        "1,306,240 parameters, float32, on x86_64. Versions: torch 2.",
        "| **m.acc** (maths, maximize) | 0.5000 ± 0.0500 (100) |",
        "| m.tokens | 18.0000 ± 0.1000 (100) |",
        "gives the same scores bit for bit",
    ):
        assert said in text
    assert "## Scores" not in card.texts(soup, PARENTS, MADE, EXACT)["README.md"]


def test_every_known_split_has_a_column_and_says_whether_it_is_optimistic(soup: Recipe) -> None:
    found = origin(
        scores={
            "report": {"m.acc": Score(0.3, 0.01, 900)},
            "search": {"m.acc": Score(0.5, 0.05, 100)},
            "select": {"m.acc": Score(0.4, 0.02, 400)},
        },
        pick=replace(origin().pick, split="select"),
    )
    text = card.texts(soup, PARENTS, MADE, EXACT, found)["README.md"]
    assert "| score | search | select | report |" in text
    assert "| 0.5000 ± 0.0500 (100) | 0.4000 ± 0.0200 (400) | 0.3000 ± 0.0100 (900) |" in text
    assert "Those on the select items are optimistic" in text
    assert "those on the report items are not" in text


@pytest.mark.parametrize(
    ("weights", "changes", "said", "exact"),
    [
        (EXACT, {}, "measured with these weights, in float32", True),
        (
            Weights(9, "float32", "bfloat16", 0.5),
            {},
            "before the weights were rounded to bfloat16 (which changed 50.0% of them)",
            False,
        ),
        (
            Weights(9, "float32", "bfloat16", 0.0),
            {},
            "before the weights were rounded to bfloat16, which changed none of them",
            True,
        ),
        (EXACT, {"measured": "NVIDIA H200"}, "Measured on NVIDIA H200, merged", False),
        (EXACT, {"packages": {"torch": "1"}}, "The search itself ran with torch 1.", False),
    ],
)
def test_bit_for_bit_is_said_only_where_it_holds(
    soup: Recipe, weights: Weights, changes: dict[str, Any], said: str, exact: bool
) -> None:
    text = card.texts(soup, PARENTS, MADE, weights, origin(**changes))["README.md"]
    assert said in text
    assert ("gives the same scores bit for bit" in text) == exact
