from __future__ import annotations

import math

import pytest

from suite.errors import BadInput
from suite.recipes.parameters import Filtered, Rule, checked


def test_numbers_take_one_type() -> None:
    assert checked(1, Rule(), "w") == 1.0 and isinstance(checked(1, Rule(), "w"), float)
    assert checked((0, 1), Rule(), "w") == (0.0, 1.0)
    seed = checked(3.0, Rule("integer"), "seed")
    assert seed == 3 and isinstance(seed, int)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "x", None, (), [0.1], -0.1])
def test_numbers_refuse(value: object) -> None:
    with pytest.raises(BadInput, match=r"density is .*; allowed is a finite number in \[0, 1\]"):
        checked(value, Rule(low=0.0, high=1.0), "density")


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Rule("switch"), 1),
        (Rule("switch"), (0.0, 1.0)),
        (Rule("choice", options=("l1", "none")), "l2"),
        (Rule("integer"), 0.5),
        (Rule("integer"), (Filtered(None, 1),)),
        (Rule(), (0.1, math.nan)),
        (Rule(), (Filtered(None, math.inf),)),
        (Rule(), (Filtered("mlp", 0.1), 0.2)),
        (Rule(), (0.2, Filtered("mlp", 0.1))),
        (Rule(), (Filtered("mlp", (Filtered(None, 1.0),)),)),  # type: ignore[arg-type]
    ],
)
def test_other_kinds_refuse(rule: Rule, value: object) -> None:
    with pytest.raises(BadInput, match="somewhere"):
        checked(value, rule, "somewhere")
