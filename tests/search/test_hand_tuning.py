"""Hand tuning by rule: which merges are tried, in which order, and what is no merge of its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from suite import resources
from suite.errors import BadInput
from suite.recipes.recipe import Input, Recipe
from suite.records.hand_tuning import RULE as RULE_FILE
from suite.records.hand_tuning import HandTuningFolder
from suite.search.hand_tuning import plan

RULE: dict[str, Any] = yaml.safe_load(
    (resources.data("conf") / "hand_tuning" / "default.yaml").read_text(encoding="utf-8")
)
SOURCES = ["japanese", "add", "mul"]


def weights(recipe: Recipe) -> dict[str, Any]:
    return {entry.model: entry.parameters.get("weight") for entry in recipe.inputs}


def test_the_shipped_rule_on_three_sources() -> None:
    tried = plan(RULE, SOURCES, "base", {})
    counts = Counter(each.stage for each in tried)
    # of 5 x 5 pairs of weights five are common ones, which were tried before; slerp has two partners
    assert counts == {"one_weight": 10, "two_weights": 20, "ties": 50, "dare_ties": 50, "slerp": 10}
    assert [each.number for each in tried] == list(range(len(tried)))
    assert len({each.recipe.digest for each in tried}) == len({each.name for each in tried})
    named = {each.name: each.recipe for each in tried}
    assert weights(named["task_arithmetic 0.8/0.4"]) == {"japanese": 0.8, "add": 0.4, "mul": 0.4}
    dense = named["ties 0.8/0.4, density 0.2"]
    assert {entry.parameters["density"] for entry in dense.inputs} == {0.2}
    assert named["slerp japanese to mul 0.3"].models == ("japanese", "mul")


def soup(*weights: float, **parameters: Any) -> Recipe:
    inputs = tuple(Input(name, {"weight": w}) for name, w in zip(SOURCES, weights, strict=True))
    return Recipe("task_arithmetic", inputs, "base", parameters)


def test_a_published_merge_is_not_tried_again_by_a_grid() -> None:
    """λ multiplies a sum, and a sum has no order: these are the same merge written three ways."""
    same = Recipe("task_arithmetic", soup(1, 1, 1).inputs[::-1], "base", {"lambda": 0.4})
    published = {"lambda_0.4": soup(1, 1, 1, **{"lambda": 0.4}), "turned": same}
    tried = plan(
        {"published": True, "one_weight": {"weights": [0.4, 0.5]}}, SOURCES, "base", published
    )
    assert [(each.stage, each.name) for each in tried] == [
        ("published", "lambda_0.4"),
        ("one_weight", "task_arithmetic 0.5"),
    ]


def test_normalised_weights_are_not_folded() -> None:
    published = {
        name: soup(1, 1, 1, normalize=True, **{"lambda": v}) for name, v in (("a", 0.4), ("b", 0.5))
    }
    assert len(plan({"published": True}, SOURCES, "base", published)) == 2


def test_single_models_and_controls_are_not_tried() -> None:
    alone = Recipe("linear", (Input("japanese", {"weight": 1}),))
    published = {"japanese": alone, "random_donor_0.5": soup(1, 1, 1), "soup": soup(1, 1, 0.5)}
    assert [each.name for each in plan({"published": True}, SOURCES, "base", published)] == ["soup"]


def test_groups_say_which_sources_share_a_weight() -> None:
    rule = {"two_weights": {"weights": [0.2, 0.6]}, "groups": [["add"], ["mul", "japanese"]]}
    first = plan(rule, SOURCES, "base", {})[1]
    assert weights(first.recipe) == {"add": 0.2, "mul": 0.6, "japanese": 0.6}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"two_weight": {}}, "two_weight.*allowed are published, one_weight"),
        ({"two_weights": {"weights": []}}, "two_weights.weights.*numbers from 0 to 2"),
        ({"two_weights": {"weights": [0.1, "a"]}}, "two_weights.weights.*numbers from 0 to 2"),
        ({"ties": {"weights": [0.5]}}, "ties.densities=None"),
        ({"slerp": True}, "slerp.t=None"),
        ({"groups": [["japanese"], ["add"]], "slerp": {"t": [0.5]}}, "each source once: japanese"),
        ({"published": True}, "no stage is left"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        plan(rule, SOURCES, "base", {})


def test_one_source_cannot_be_tuned() -> None:
    with pytest.raises(BadInput, match="1 source"):
        plan(RULE, ["japanese"], "base", {})


def test_a_damaged_rule_file_is_one_line(tmp_path: Path) -> None:
    folder = HandTuningFolder(tmp_path)
    assert folder.cost() is None
    (tmp_path / RULE_FILE).write_text("candidates: [", encoding="utf-8")
    with pytest.raises(BadInput, match=r"rule\.yaml: cannot be read: not valid YAML"):
        folder.cost()
    (tmp_path / RULE_FILE).write_text("candidates: 3", encoding="utf-8")
    with pytest.raises(BadInput, match="damaged; restore it"):
        folder.cost()


def test_ties_are_normalised_unless_a_recipe_says_otherwise() -> None:
    def ties(scale: float, **parameters: Any) -> Recipe:
        inputs = tuple(Input(name, {"weight": 1.0, "density": 0.5}) for name in SOURCES)
        return Recipe("ties", inputs, "base", {"lambda": scale, **parameters})

    published = {"a": ties(0.4), "b": ties(0.5), "c": ties(0.5, normalize=False)}
    assert len(plan({"published": True}, SOURCES, "base", published)) == 3
