"""What a task searches: merges, layer paths or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.assembly import spaces
from suite.errors import BadInput
from suite.recipes.layer_path import read_json
from suite.recipes.recipe import Recipe
from suite.records.folder import RunFolder
from suite.spaces.hybrid_space import HybridSpace
from suite.spaces.merge_space import MergeSpace
from suite.spaces.path_space import PathSpace
from tests.commands.composed import LAYERS, changed, config, weights

COMMITTED = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize(
    ("task", "kind", "variables"),
    [
        ("ja_math_micro", MergeSpace, 24),  # 3 sources: a weight for 6 layers, embeddings, head
        ("ja_math_micro_dfs", PathSpace, 6 + 17),  # choices; scales of 18 steps but one
        ("ja_math_micro_dfs_depth", PathSpace, 6 + 17),
        ("ja_math_micro_hybrid", HybridSpace, 24 + 6 + 11),
    ],
)
def test_merge_and_path_say_what_is_searched(task: str, kind: type, variables: int) -> None:
    spec = config(task).task
    built = spaces.build(spec, LAYERS)
    assert type(built) is kind
    assert len(built.space.parameters) == variables


def test_every_shipped_path_builds_with_the_variables_it_claims() -> None:
    for name, variables in (
        ("compact", 17),
        ("compact_unscaled", 6),
        ("slots", 73),
        ("slots_low_rank", 60),
    ):
        spec = config(
            "ja_math_micro_dfs", f"path@task.path={name}", "task.path.parts=[japanese,math_add]"
        ).task
        assert len(spaces.build(spec, LAYERS).space.parameters) == variables, name


def test_neither_merge_nor_path_is_refused() -> None:
    spec = config("ja_math_micro_dfs").task.changed(path=None)
    with pytest.raises(BadInput, match="ja_math_micro_dfs: neither merge nor path"):
        spaces.build(spec, LAYERS)


def test_the_first_part_of_a_hybrid_is_the_searched_merge() -> None:
    built = spaces.build(config("ja_math_micro_hybrid").task, LAYERS)
    assert built.part == "merge"
    tuned = weights(0.4)
    assert built.space.decode(built.encode(tuned)) == pytest.approx(built.settings(tuned))
    path = built.recipe(built.settings(tuned))
    assert path.frame == "merge"
    assert path.merges["merge"].models == ("base", "japanese", "math_add", "math_mul")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"depth": 3}, "unknown key 'depth'; there are fixed_ends, kind, max_hops, parts"),
        ({"parts": None}, "parts must name the parts"),
        ({"parts": []}, "parts must name the parts"),
        ({"parts": "japanese"}, "parts must name the parts"),
        ({"parts": ["japanese", "nobody"]}, "part 'nobody' is no model of the task (base, "),
        ({"parts": ["japanese", 3]}, "part 3 is no model"),
        ({"parts": {"merge": None, "japanese": None}}, "a merge needs {run: folder, pick"),
        ({"parts": ["japanese", "japanese"]}, "compact wants two parts or more"),
        ({"parts": {"merge": {"recipe": {"x": 1}}, "japanese": None}}, "not a recipe"),
        ({"kind": "spiral"}, "kind 'spiral' is unknown; there are slots, compact"),
        ({"scales": "matrix"}, "compact has no scales 'matrix'; allowed: none, hop"),
        ({"scale": {"low": 1.1, "high": 1.5}}, "1 must lie between low and high"),
        ({"scale": {"low": 0.5}}, "numbers low and high"),
    ],
)
def test_paths_that_cannot_be_are_refused_in_one_line(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        spaces.build(changed(config("ja_math_micro_dfs"), **keys).task, LAYERS)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_hybrid_needs_a_merge_and_a_merge_known_sources() -> None:
    spec = config("ja_math_micro_hybrid").task
    with pytest.raises(BadInput, match="part 'merge' is no model of the task"):
        spaces.build(spec.changed(merge=None), LAYERS)
    with pytest.raises(BadInput, match=r"sources \['nobody'\] are not models of the task"):
        spec.changed(merge={**spec.written["merge"], "sources": ["nobody"]})


@pytest.mark.parametrize(
    "task", ["ja_math_micro", "ja_math_micro_3obj", "ja_math_micro_dfs", "ja_math_micro_hybrid"]
)
def test_other_configurations_are_left_as_they_are(task: str) -> None:
    given = config(task)
    assert spaces.with_picked_parts(given) is given


@pytest.mark.skipif(not COMMITTED.is_dir(), reason="no committed results")
@pytest.mark.parametrize("optimizer", ["random", "cma_es", "nsga2", "tpe"])
def test_recipes_of_committed_runs_are_read(optimizer: str) -> None:
    trials = RunFolder.at(COMMITTED, "ja_math_micro", optimizer, 0).trials()
    assert all(isinstance(read_json(trial.recipe), Recipe) for trial in trials[:5])
