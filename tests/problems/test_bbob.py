"""COCO's functions as problems."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from suite.assembly import compose
from suite.errors import BadInput
from suite.problems import bbob
from tests.nonempty import some

TASKS = [1, 28, 46, 55]


@pytest.fixture(scope="module")
def cocoex():  # type: ignore[no-untyped-def]
    return pytest.importorskip("cocoex")


@pytest.mark.parametrize("function", TASKS)
def test_the_ideal_is_the_two_optima(
    function: int, cocoex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    """The single-objective suite tells its optima, by a file in the working folder."""
    monkeypatch.chdir(tmp_path)
    entries = compose.compose([f"task=bbob_biobj_f{function:02}"]).task.objectives
    pair = re.findall(r"bbob_f(\d+)_i(\d+)", bbob.make(function)._problem.name)
    problem = bbob.make(function)
    for place, ((single, instance), entry) in some(enumerate(zip(pair, entries, strict=True))):
        suite = cocoex.Suite("bbob", f"instances: {instance}", "dimensions: 10")
        known = suite.get_problem_by_function_dimension_instance(int(single), 10, int(instance))
        known._best_parameter("print")
        best = np.loadtxt(tmp_path / "._bbob_problem_best_parameter.txt")
        assert known(best) == pytest.approx(entry.ideal, abs=1e-6)
        assert np.abs(best).max() <= bbob.BOX
        settings = problem.space.decode((best + bbob.BOX) / (2 * bbob.BOX))
        value = problem.measure(settings, "report")[f"f{place + 1}"].value
        assert value == pytest.approx(entry.ideal, abs=1e-6)


@pytest.mark.parametrize("function", TASKS)
def test_values_are_cocos_and_never_below_the_ideal(function: int, cocoex) -> None:  # type: ignore[no-untyped-def]
    problem = bbob.make(function, d=10)
    suite = cocoex.Suite("bbob-biobj", "instances: 1", "dimensions: 10")
    direct = suite.get_problem_by_function_dimension_instance(function, 10, 1)
    entries = compose.compose([f"task=bbob_biobj_f{function:02}"]).task.objectives
    for x in np.random.default_rng(0).uniform(-5, 5, (50, 10)):
        settings = dict(zip(problem.space.names, x.tolist(), strict=True))
        values = [score.value for score in problem.measure(settings, "search").values()]
        assert values == list(direct(x))
        assert all(v > entry.ideal for v, entry in zip(values, entries, strict=True))
    assert problem.front() is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"function": 56}, "function is 56; allowed: 1 to 55"),
        ({"function": 1, "instance": 0}, "instance is 0; allowed: 1 to 15"),
        ({"function": 1, "d": 7}, "d is 7; allowed: 2, 3, 5, 10, 20, 40"),
    ],
)
def test_bad_input_names_what_is_allowed(options: dict[str, int], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        bbob.make(**options)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cocoex", None)
    with pytest.raises(BadInput, match=r"pip install 'merge-suite\[coco\]'"):
        bbob.make(1)
