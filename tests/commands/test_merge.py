"""`suite merge` as a user runs it: a mergekit YAML to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from suite import resources
from suite.evaluators.models import handle
from suite.recipes import mergekit
from tests.commands.exporting import Call, refused, same_weights


def yaml_recipe(tmp_path: Path, **changes: Any) -> Path:
    folders = {n: str(resources.resolve(f"zoo:ja_math_micro/{n}")) for n in ("base", "japanese")}
    recipe = {
        "merge_method": "task_arithmetic",
        "base_model": folders["base"],
        "models": [{"model": folders["japanese"], "parameters": {"weight": 0.5}}],
        **changes,
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def test_merge_writes_what_the_recipe_says_with_a_card_without_scores(
    call: Call, tmp_path: Path
) -> None:
    out, recipe = tmp_path / "merged", yaml_recipe(tmp_path)
    code, said, err = call("merge", recipe, out, "--max-shard-size", "2MB")
    assert code == 0 and "task_arithmetic of" in said, err
    base, japanese, merged = (
        handle.load(folder, "cpu").model.state_dict()
        for folder in (
            resources.resolve("zoo:ja_math_micro/base"),
            resources.resolve("zoo:ja_math_micro/japanese"),
            out,
        )
    )
    for name, value in base.items():
        assert (merged[name] - (value + 0.5 * (japanese[name] - value))).abs().max() < 1e-6
    assert mergekit.read(out / "mergekit_config.yml") == mergekit.read(recipe)
    text = (out / "README.md").read_text()
    assert "## Scores" not in text and f"suite merge {recipe} {out}" in text


def test_slices_are_merged_by_the_models_own_layers(call: Call, tmp_path: Path) -> None:
    whole = yaml_recipe(tmp_path)
    assert call("merge", whole, tmp_path / "whole")[0] == 0
    plain = yaml.safe_load(whole.read_text())
    sources = [{**model, "layer_range": [0, 6]} for model in plain.pop("models")]
    sources.append({"model": plain["base_model"], "layer_range": [0, 6]})
    whole.write_text(yaml.safe_dump({**plain, "slices": [{"sources": sources}]}))
    code, _, err = call("merge", whole, tmp_path / "sliced")
    assert code == 0, err
    assert same_weights(tmp_path / "whole", tmp_path / "sliced")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_model": "/no/such/folder"}, "/no/such/folder"),
        ({"merge_method": "nonsense"}, "merge_method 'nonsense' is not supported"),
        ({"models": [{"model": "zoo:nobody", "parameters": {"weight": 1.0}}]}, "no such shipped"),
    ],
)
def test_merge_refuses_in_one_line(
    call: Call, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert said in refused(
        call("merge", yaml_recipe(tmp_path, **changes), tmp_path / "out"), tmp_path
    )


def test_a_merge_that_is_not_finite_is_refused(call: Call, tmp_path: Path) -> None:
    models = [{"model": "zoo:ja_math_micro/japanese", "parameters": {"weight": 1e39}}]
    said = refused(call("merge", yaml_recipe(tmp_path, models=models), tmp_path / "out"), tmp_path)
    assert "NaN or infinity" in said
