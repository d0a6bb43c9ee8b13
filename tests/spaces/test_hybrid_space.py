from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.recipes.layer_path import Hop, LayerPath, read_json, whole
from suite.recipes.recipe import Input, Recipe
from suite.spaces.hybrid_space import HybridSpace
from suite.spaces.merge_space import MergeSpace
from suite.spaces.path_space import PathSpace

LAYERS = 3
OTHER = Recipe("linear", (Input("ja", {"weight": 1.0}), Input("en", {"weight": 1.0})))


def merge_space(**searched: Any) -> MergeSpace:
    knobs = searched or {
        "method": {"options": ["ties", "task_arithmetic"], "scope": "global"},
        "weight": {"low": 0.0, "high": 1.0, "scope": "source"},
    }
    fixed = {"normalize": False, "lambda": 1.0}
    return MergeSpace("ties", ["ja", "en"], "base", knobs, fixed, layers=LAYERS)


def hybrid(kind: str = "compact", **options: Any) -> HybridSpace:
    parts = {"merge": LAYERS, "ja": LAYERS}
    return HybridSpace(merge_space(), PathSpace(kind, parts, **options), "merge")


def test_variables_are_those_of_both_spaces_with_their_kinds() -> None:
    space = hybrid(scales="hop", scale={"low": 0.5, "high": 1.5})
    one, other = space.merges.space.parameters, space.paths.space.parameters
    names = [f"merge.{p.name}" for p in one] + [f"path.{p.name}" for p in other]
    assert space.space.names == names
    assert [p.kind for p in space.space.parameters] == [p.kind for p in (*one, *other)]
    assert "ties or task_arithmetic" in space.title and "compact" in space.title


@given(st.integers(0, 2**32), st.sampled_from(["slots", "compact"]))
@settings(max_examples=40)
def test_a_candidate_is_the_path_over_the_merge_and_reads_back(seed: int, kind: str) -> None:
    space = hybrid(kind)
    x = np.random.default_rng(seed).random(space.space.d)
    values = space.space.decode(x)
    found = space.recipe(values)
    merge = space.merges.recipe({n.removeprefix("merge."): v for n, v in values.items()})
    path = space.paths.recipe({n.removeprefix("path."): v for n, v in values.items()})
    assert found.hops == path.hops and found.frame == "merge"
    assert found.merges == {"merge": merge}
    assert read_json(found.to_json()) == found
    again = space.recipe(space.space.decode(space.encode(found)))
    assert again.hops == found.hops
    back = space.space.encode(space.settings(found))
    assert back[: space.merges.space.d] == pytest.approx(space.merges.encode(merge), abs=1e-12)


def test_a_merge_means_the_whole_path_over_it() -> None:
    space = hybrid("slots", repeats=2)
    found = space.recipe(
        space.settings(
            space.merges.recipe({"method": "ties", "weight.ja": 0.25, "weight.en": 0.75})
        )
    )
    assert found.hops == whole("merge", LAYERS).hops
    assert [i.parameters["weight"] for i in found.merges["merge"].inputs] == [0.25, 0.75]
    japanese = Recipe("linear", (Input("ja", {"weight": 1.0}),))
    settings_ = space.settings(japanese)  # a parent is the merge that is nearest to it
    assert (settings_["merge.weight.ja"], settings_["merge.weight.en"]) == (1.0, 0.0)


def test_other_parts_may_be_merges_that_stay() -> None:
    paths = PathSpace("compact", {"merge": LAYERS, "fixed": LAYERS}, {"fixed": OTHER})
    space = HybridSpace(merge_space(), paths, "merge")
    values = space.space.decode(np.full(space.space.d, 0.99))
    found = space.recipe(values)
    assert set(found.merges) == {"merge", "fixed"} and found.merges["fixed"] == OTHER
    assert space.recipe(space.settings(found)) == found


def test_a_part_that_does_not_run_has_no_merge() -> None:
    paths = PathSpace("compact", {"ja": LAYERS, "merge": LAYERS})
    space = HybridSpace(merge_space(), paths, "merge")
    values = space.space.decode(np.full(space.space.d, 0.01))
    assert space.recipe(values) == whole("ja", LAYERS)


@pytest.mark.parametrize(
    ("paths", "part", "said"),
    [
        (PathSpace("slots", {"a": 3}), "merge", "'merge' is to be a merge; parts are a"),
        (PathSpace("slots", {"merge": 4}), "merge", "has 4 layers, its merge 3"),
        (PathSpace("slots", {"merge": 3}, {"merge": OTHER}), "merge", "is a merge already"),
    ],
)
def test_spaces_that_do_not_go_together_are_refused(paths: PathSpace, part: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        HybridSpace(merge_space(), paths, part)


def test_a_path_without_the_merge_is_refused() -> None:
    with pytest.raises(BadInput, match="has a merge as part 'merge'"):
        hybrid().settings(LayerPath("ja", (Hop("ja", 0),)))
