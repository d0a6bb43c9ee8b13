"""Paths to the points of a search space that say them, and paths that cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.recipes.layer_path import Hop, LayerPath, whole
from suite.recipes.recipe import Input, Recipe
from suite.spaces.path_space import PathSpace
from tests.path_spaces import MERGE, compact, path, slots


@given(st.integers(0, 2**32), st.sampled_from(["none", "hop", "matrix"]), st.integers(2, 9))
@settings(max_examples=60)
def test_paths_of_slots_read_back(seed: int, scales: str, most: int) -> None:
    space = slots(scales, max_hops=most, parts={"a": 2, "b": 3})
    x = np.random.default_rng(seed).random(space.space.d)
    found = space.recipe(space.space.decode(x))
    assert 2 <= len(found.hops) <= most
    assert space.recipe(space.settings(found)) == found
    assert space.recipe(space.space.decode(space.encode(found))) == found


@given(st.integers(0, 2**32), st.sampled_from(["none", "hop"]), st.booleans(), st.integers(2, 3))
@settings(max_examples=60)
def test_paths_of_compact_read_back(seed: int, scales: str, fixed: bool, n: int) -> None:
    parts = dict.fromkeys("abc"[:n], 4)
    space = compact(scales, fixed_ends=fixed, parts=parts)
    x = np.random.default_rng(seed).random(space.space.d)
    found = space.recipe(space.space.decode(x))
    assert space.recipe(space.settings(found)) == found
    assert space.recipe(space.space.decode(space.encode(found))) == found
    for layer in range(4):
        run = "".join(hop.part for hop in found.hops if hop.layer == layer)
        assert run in {*parts, "".join(parts)} and (run == "a" or not fixed or layer in (1, 2))


@given(st.lists(st.sampled_from(["a0", "a1", "a2", "b0", "b1", "b2"]), max_size=6), st.data())
@settings(max_examples=80)
def test_slots_say_a_path_exactly_if_its_layers_fit_in_order(
    inner: list[str], data: st.DataObject
) -> None:
    scales = [data.draw(st.integers(40, 150)) / 100 for _ in range(len(inner) + 1)]
    wanted = path(" ".join(["a0", *inner, "a2"]), *scales)
    space = slots("hop")
    order = ["a0", "a1", "a2", "b0", "b1", "b2"] * 2
    rest = iter(order)
    if all(word in rest for word in inner):  # a subsequence, by hand
        assert space.recipe(space.settings(wanted)) == wanted
    else:
        with pytest.raises(BadInput, match="no room for hop"):
            space.settings(wanted)


def test_a_frankenmerge_is_a_point_of_the_slots() -> None:
    space = slots(parts={"a": 6, "b": 6})
    franken = path("a0 a1 a2 a3 b2 b3 b4 b5 a5")
    assert space.recipe(space.space.decode(space.encode(franken))) == franken


@pytest.mark.parametrize(
    ("space", "wanted", "said"),
    [
        (slots(), path("b0 a2"), "no room for hop 0"),
        (slots(), path("a0 b2"), "no room for hop 1"),
        (slots(), path("a2"), "1 hop; in the search space two layers run"),
        (slots(), path("a0 a3 a2"), "layer 3 of 'a'; it has layers 0 to 2"),
        (slots(), path("a0 c1 a2"), "no part 'c'"),
        (slots(), LayerPath("b", path("a0 a2").hops), "frame 'b'; in the search space it is 'a'"),
        (slots(), path("a0 a1 a2", 0.5, 1.0), "hop 1 has scale 0.5; the search space has no"),
        (slots("hop"), path("a0 a1 a2", 0.5, 1.6), r"hop 2 has scale 1.6; .* \[0.4, 1.5\]"),
        (slots("hop"), LayerPath("a", (Hop("a", 0, 0.5), Hop("a", 2))), "hop 0 has scale 0.5"),
        (slots("matrix", repeats=3), path("a0 b1 b1 b1 a2", 1, 0.5, 0.6, 1), "hop 3 has scale 0.6, an"),
        (slots("low_rank"), path("a0 a2", 0.5), "hop 1 has scale 0.5; .* low-rank"),
        (compact(), path("a0 a1 b1 b2"), None),
        (compact(), path("a0 b1 a1 a2"), "no room for hop 2"),
        (compact(), path("a0 a2"), "layer 1 runs of no part; the choices are a, b, a\\+b"),
        (compact(fixed_ends=True), path("b0 a1 a2"), "no room for hop 0"),
        (compact(parts={"a": 2, "b": 2, "c": 2}), path("a0 b0 a1"), "layer 0 runs of a, b"),
        (slots(merges={"b": MERGE}), path("a0 b1 a2"), "part 'b' is not what it is"),
        (slots(), LayerPath("a", path("a0 b1 a2").hops, {"a": MERGE}), "part 'a' is not what it is"),
        (slots(), MERGE, "linear of x, y is not part 'a'"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(
    space: PathSpace, wanted: LayerPath | Recipe, said: str | None
) -> None:
    if said is None:
        assert isinstance(wanted, LayerPath)
        assert space.recipe(space.settings(wanted)) == wanted
        return
    with pytest.raises(BadInput, match=said):
        space.settings(wanted)


def test_a_merge_stands_for_the_part_that_it_is() -> None:
    space = slots(merges={"a": MERGE})
    found = space.recipe(space.settings(MERGE))
    assert found == whole("a", 3, {"a": MERGE}) and found.models == ("x", "y")
    alone = Recipe("linear", (Input("a", {"weight": 1.0}),))
    assert slots().recipe(slots().settings(alone)) == whole("a", 3)
    for other in (
        Recipe("linear", (Input("b", {"weight": 1.0}),)),
        Recipe("linear", (Input("a", {"weight": 0.5}),), None, {"normalize": False}),
        Recipe("passthrough", (Input("a", {"scale": 0.5}),)),
    ):
        with pytest.raises(BadInput, match="is not part 'a'"):
            slots().settings(other)
    with pytest.raises(BadInput, match="is not part 'a'"):
        space.settings(alone)


def test_merges_of_parts_that_do_not_run_are_left_out() -> None:
    space = slots(merges={"b": MERGE})
    values = dict.fromkeys(space.space.names, -1.0)
    assert not space.recipe(values).merges
    assert space.recipe({**values, "use.1.b.0": 1.0}).merges == {"b": MERGE}
