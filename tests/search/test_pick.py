from __future__ import annotations

import pytest

from suite.errors import BadInput
from suite.records.trial import Trial
from suite.search import pick


def trial(number: int, *losses: float) -> Trial:
    status = "ok" if losses else "failed"
    error = None if losses else "MergeFailure: NaN"
    return Trial(number, (), {}, status, error, {}, losses, {})  # type: ignore[arg-type]


def test_a_front_without_a_knee_says_so_and_takes_the_extreme_nearest_the_ideal() -> None:
    found = pick.at_knee([trial(0, 0.0, 1.0), trial(1), trial(2, 0.8, 0.1), trial(3, 0.5, 0.9)], 2)
    assert found.trial.number == 2 and found.why.startswith("no knee")
    bulged = pick.at_knee([trial(0, 0.0, 1.0), trial(1, 1.0, 0.0), trial(2, 0.2, 0.3)], 2)
    assert bulged.trial.number == 2 and bulged.split == "search"
    assert "0.354 (in losses) below" in bulged.why  # 0.5 / sqrt 2


def test_best_is_decided_by_the_select_items_where_there_are_any() -> None:
    trials = [trial(0, 0.5, 0.1), trial(1, 0.2, 0.9), trial(2), trial(3, 0.2, 0.3)]
    names = ["maths", "general"]
    found = pick.best(trials, names, "maths", {})
    assert (found.trial.number, found.split) == (1, "search") and "not judged" in found.why
    found = pick.best(trials, names, "maths", {3: [0.4, 0.4], 0: [0.3, 0.5]})
    assert (found.trial.number, found.split) == (0, "select") and "2 trials" in found.why
    assert pick.best(trials, names, "general", {}).trial.number == 0


@pytest.mark.parametrize(
    ("number", "said"), [(4, "holds 0 to 3"), (-1, "no trial -1"), (2, "trial 2 failed (Merge")]
)
def test_a_trial_that_cannot_be_had_is_refused(number: int, said: str) -> None:
    trials = [trial(0, 0.5), trial(1, 0.2), trial(2), trial(3, 0.2)]
    with pytest.raises(BadInput) as refused:
        pick.numbered(trials, number)
    assert said in str(refused.value)


def test_nothing_to_pick_from() -> None:
    for trials in ([], [trial(0)]):
        with pytest.raises(BadInput, match="nothing to export"):
            pick.at_knee(trials, 2)
        with pytest.raises(BadInput, match="nothing to export"):
            pick.best(trials, ["a"], "a", {})
    with pytest.raises(BadInput, match="no objective 'b'; there are a"):
        pick.best([trial(0, 0.1)], ["a"], "b", {})
