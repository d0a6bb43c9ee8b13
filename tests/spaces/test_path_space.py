"""Search spaces over layer paths: their variables, the paths that these stand for, what is shipped."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suite import resources
from suite.errors import BadInput
from suite.recipes.layer_path import whole
from suite.spaces.path_space import PathSpace
from tests.path_spaces import BOUNDS, MERGE, PARTS, compact, path, slots


@pytest.mark.parametrize("layers", [6, 32])
def test_sizes_are_those_that_the_shipped_configurations_state(layers: int) -> None:
    sizes = {
        "slots": (73, 385),
        "slots_low_rank": (60, 320),
        "compact": (17, 95),
        "compact_unscaled": (6, 32),
    }
    files = {file.stem: file for file in Path(resources.data("conf"), "path").glob("*.yaml")}
    assert set(files) == set(sizes)
    for name, file in files.items():
        config = yaml.safe_load(file.read_text())
        assert config.pop("parts") is None  # the task names them
        parts = dict.fromkeys(["math_add", "japanese"], layers)
        space = PathSpace(config.pop("kind"), parts, **config)
        assert space.space.d == sizes[name][layers == 32]
        assert space.recipe(space.space.decode(space.start())) == whole("math_add", layers)


def test_matrix_and_fixed_ends_have_the_stated_sizes() -> None:
    wide = {"a": 32, "b": 32}
    assert slots("matrix", parts=wide, repeats=3).space.d == 192 + 4096
    assert compact("hop", parts=wide, fixed_ends=True).space.d == 30 + 61


def test_kinds_of_variables_are_what_they_are() -> None:
    kinds = [p.kind for p in compact("hop").space.parameters]
    assert kinds == ["choice"] * 3 + ["float"] * 5
    assert compact().space.parameters[0].options == ("a", "b", "a+b")
    assert {(p.kind, p.low, p.high) for p in slots().space.parameters} == {("float", -1.0, 1.0)}


def test_slots_stand_for_the_layers_in_order_and_run_where_positive() -> None:
    space = slots()
    values = dict.fromkeys(space.space.names, 0.0)  # the boundary itself is off
    assert space.recipe(values) == path("a0 a2")
    for place in (11, 4, 0, 6):  # of A B A B, three layers each
        values[space.space.names[place]] = 1e-9
    assert space.recipe(values) == path("a0 a0 b1 a0 b2 a2")


def test_beyond_max_hops_the_largest_variables_run_in_order() -> None:
    space = slots(max_hops=4)
    names = space.space.names
    values = {**dict.fromkeys(names, -1.0), names[0]: 0.5, names[3]: 0.9, names[9]: 0.5}
    assert space.recipe(values) == path("a0 a0 b0 a2")  # of equal ones the earlier
    values[names[9]] = 0.6
    assert space.recipe(values) == path("a0 b0 b0 a2")
    with pytest.raises(BadInput, match="5 hops; the depth limit is 4"):
        space.settings(path("a0 a1 b0 b1 a2"))


@pytest.mark.parametrize("scales", ["none", "hop", "matrix", "low_rank"])
def test_the_start_is_part_a_at_two_sigma_and_all_else_at_zero(scales: str) -> None:
    space = slots(scales, rank=2)
    assert space.recipe(space.space.decode(space.start())) == whole("a", 3)
    start = space.space.decode(space.start())
    uses = {name: value for name, value in start.items() if name.startswith("use")}
    assert [name for name, value in uses.items() if value != 0] == ["use.0.a.1"]
    assert uses["use.0.a.1"] == pytest.approx(2 * (1 / 6) * 2)  # two sigma of a sixth of [-1, 1]


def test_a_scale_belongs_to_its_step() -> None:
    space = slots("hop")
    ones = {n: 1.0 if n.startswith("scale") else -1.0 for n in space.space.names}
    values = {**ones, "use.0.b.1": 1.0, "scale.0.b.1": 0.5, "scale.1.b.1": 0.6, "scale.last": 1.4}
    assert space.recipe(values) == path("a0 b1 a2", 0.5, 1.4)
    small = compact("hop")
    chosen = {**dict.fromkeys(small.space.names, 1.0), "layer.0": "b", "layer.1": "a+b"}
    chosen |= {"layer.2": "a", "scale.b.0": 0.4, "scale.a.1": 0.5, "scale.b.1": 0.7}
    assert "scale.a.0" not in small.space.names
    assert small.recipe(chosen) == path("b0 a1 b1 a2", 0.5, 0.7, 1.0)  # the first hop has none


def test_matrix_scales_depend_on_the_layer_before() -> None:
    space = slots("matrix")
    values = {n: 1.0 if n.startswith("W") else -1.0 for n in space.space.names}
    values |= {"use.0.b.1": 1.0, "use.1.b.1": 1.0, "W.b.1.b.1": 0.7, "W.a.0.b.1": 0.9}
    assert space.recipe(values) == path("a0 b1 b1 a2", 0.9, 0.7, 1.0)


def test_low_rank_scales_are_the_clipped_matrix() -> None:
    space = slots("low_rank", rank=2)
    x = np.random.default_rng(3).random(space.space.d)
    values = space.space.decode(x)
    layers = [f"{part}.{layer}" for part in PARTS for layer in range(3)]
    u, v = (np.array([[values[f"{f}.{k}.{n}"] for n in layers] for k in (0, 1)]) for f in "UV")
    w = np.clip(1 + u.T @ v, BOUNDS["low"], BOUNDS["high"])
    hops = space.recipe(values).hops
    places = [layers.index(f"{hop.part}.{hop.layer}") for hop in hops]
    expected = [w[i, j] for i, j in pairwise(places)]
    assert len(hops) > 3
    assert [hop.scale for hop in hops[1:]] == pytest.approx(expected)
    largest = {n: space.space.parameters[i].high for i, n in enumerate(space.space.names)}
    assert {hop.scale for hop in space.recipe(largest).hops[1:]} == {1.5}  # 1 + 0.6, clipped


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "tree"}, "kind 'tree' is unknown; there are slots, compact"),
        ({"scales": "tensor"}, "no scales 'tensor'; allowed: none, hop, matrix, low_rank"),
        ({"kind": "compact", "scales": "matrix"}, "no scales 'matrix'; allowed: none, hop$"),
        ({"parts": {}}, "no parts"),
        ({"parts": {"a": 1}}, "number of layers of 'a' is 1; allowed are whole numbers from 2"),
        ({"repeats": 0}, "repeats is 0"),
        ({"repeats": 1.5}, "repeats is 1.5"),
        ({"max_hops": 1}, "max_hops is 1; allowed are whole numbers from 2"),
        ({"kind": "compact", "max_hops": 5}, "max_hops of compact is 5; .* from 6"),
        ({"fixed_ends": False}, "fixed_ends must be true for slots"),
        ({"kind": "compact", "parts": {"a": 3}}, "equal depth, not a with 3"),
        ({"kind": "compact", "parts": {"a": 3, "b": 2}}, "equal depth, not a with 3, b with 2"),
        ({"merges": {"c": MERGE}}, "merge 'c' is none of the parts a, b"),
        ({"scales": "hop"}, "scales hop need scale with numbers low and high, not None"),
        ({"scales": "hop", "scale": {"low": 0.4}}, "numbers low and high"),
        ({"scales": "hop", "scale": {"low": 1.1, "high": 2}}, r"\[1.1, 2\]; 1 must lie between"),
        ({"scales": "hop", "scale": {"low": 0, "high": math.inf}}, "1 must lie between"),
        ({"scales": "low_rank", "scale": BOUNDS, "rank": 0}, "rank is 0"),
    ],
)
def test_impossible_spaces_are_refused(options: dict[str, Any], said: str) -> None:
    whole_options = {"kind": "slots", "parts": PARTS, **options}
    with pytest.raises(BadInput, match=said):
        PathSpace(whole_options.pop("kind"), whole_options.pop("parts"), **whole_options)


def test_one_part_alone_may_be_pruned_and_repeated() -> None:
    space = PathSpace("slots", {"a": 4}, repeats=2)
    rng = random.Random(0)
    lengths = {
        len(space.recipe({n: rng.uniform(-1, 1) for n in space.space.names}).hops)
        for _ in range(50)
    }
    assert min(lengths) < 4 < max(lengths) and space.title.startswith("layer paths (slots) over 4")


@given(st.lists(st.integers(400, 1500).map(lambda n: n / 1000), min_size=7, max_size=7))
@settings(max_examples=40)
def test_scales_survive_the_unit_cube(scales: list[float]) -> None:
    space = compact("hop", parts=dict.fromkeys("ab", 4))
    wanted = path("a0 b0 a1 b1 a2 b2 a3 b3", *scales)
    assert space.recipe(space.space.decode(space.encode(wanted))) == wanted
