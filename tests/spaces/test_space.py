from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from suite.errors import BadInput
from suite.spaces.space import Kind, Parameter, SearchSpace

MIXED = SearchSpace(
    [
        Parameter("weight", "float", -1.0, 3.0),
        Parameter("rate", "log", 1e-4, 1.0),
        Parameter("depth", "int", 2, 5),
        Parameter("method", "choice", options=("ties", "linear", "slerp")),
    ]
)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_encode_undoes_decode(x: list[float]) -> None:
    settings = MIXED.decode(x)
    again = MIXED.decode(MIXED.encode(settings))
    assert again["method"] == settings["method"] and again["depth"] == settings["depth"]
    assert again["weight"] == pytest.approx(settings["weight"])
    assert again["rate"] == pytest.approx(settings["rate"])


def test_ends_of_the_cube_are_the_bounds() -> None:
    assert MIXED.decode([0, 0, 0, 0]) == {
        "weight": -1.0,
        "rate": 1e-4,
        "depth": 2,
        "method": "ties",
    }
    top = MIXED.decode([1, 1, 1, 1])
    assert (top["weight"], top["rate"], top["depth"], top["method"]) == (3.0, 1.0, 5, "slerp")


@given(
    st.sampled_from(["float", "log", "int"]),
    st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)).filter(lambda pair: pair[0] != pair[1]),
)
@example("float", (0.2, 0.85))  # 0.2 + (0.85 - 0.2) is not 0.85
@example("log", (0.3, 0.7))
def test_corners_decode_to_exactly_the_bounds(kind: Kind, pair: tuple[float, float]) -> None:
    low, high = sorted(pair) if kind != "int" else (int(min(pair)), int(max(pair)) + 1)
    parameter = Parameter("p", kind, low, high)
    assert parameter.decode(0.0) == low and parameter.decode(1.0) == high
    below = parameter.decode(float(np.nextafter(1.0, 0.0)))
    assert low <= float(below) <= high
    assert 0 <= parameter.encode(below) <= 1


def test_ints_and_choices_have_equal_shares() -> None:
    x = np.linspace(0, 1, 12001)[:-1]
    for parameter in MIXED.parameters[2:]:
        _, counts = np.unique([str(parameter.decode(v)) for v in x], return_counts=True)
        assert len(counts) == parameter.levels
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("x", [[0.5], [0.5, 0.5, 0.5, float("nan")], [0, 0, 0, 1.01]])
def test_candidates_outside_the_cube_are_refused(x: list[float]) -> None:
    with pytest.raises(BadInput, match="candidate"):
        MIXED.decode(x)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("weight", 3.1), ("weight", float("nan")), ("method", "dare"), ("depth", 6)],
)
def test_settings_out_of_range_are_refused_by_name(name: str, setting: object) -> None:
    good = {"weight": 0.0, "rate": 0.1, "depth": 3, "method": "ties"}
    with pytest.raises(BadInput, match=name):
        MIXED.encode({**good, name: setting})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "bounds", [("float", 1.0, 1.0), ("float", 0.0, float("inf")), ("log", 0.0, 1.0)]
)
def test_impossible_bounds_are_refused(bounds: tuple[str, float, float]) -> None:
    with pytest.raises(BadInput, match="bounds"):
        Parameter("p", *bounds)  # type: ignore[arg-type]


def test_names_must_differ() -> None:
    with pytest.raises(BadInput, match="twice"):
        SearchSpace([Parameter("p"), Parameter("p")])
