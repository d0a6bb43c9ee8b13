from __future__ import annotations

import random

import pytest

from suite.evaluators.scorers.by_name import is_japanese, last_number
from zoo import problems


@pytest.mark.parametrize("kind", [*problems.KINDS, *problems.SINGLE])
@pytest.mark.parametrize("level", ["easy", "full", "hard"])
def test_numbers_stay_in_the_tokenizers_range_and_level(kind: str, level: str) -> None:
    if kind in problems.SINGLE and level == "hard":
        pytest.skip("only two-step problems are asked at the hard level")
    rng = random.Random(kind)
    for _ in range(200):
        numbers = problems.draw_numbers(kind, level, rng)
        problem = problems.tell(kind, numbers, "en", rng)
        values = [*numbers, *(step[3] for step in problem.steps)]
        assert all(2 <= value <= 99 for value in values)
        for left, sign, right, result in problem.steps:
            assert result == {"+": left + right, "-": left - right, "×": left * right}.get(
                sign, left / right
            )
        assert level != "hard" or problems.is_hard(kind, numbers)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_working_ends_with_the_answer_in_the_problems_language(language: str) -> None:
    rng = random.Random(0)
    for _ in range(100):
        problem = problems.draw(problems.KINDS, "full", language, rng)
        assert last_number(problem.working) == problem.answer
        assert is_japanese(problem.working) is (language == "ja")
        for number in problem.numbers:
            assert str(number) in problem.text


def test_a_problem_worked_by_hand() -> None:
    problem = problems.tell("give-receive", (29, 10, 1), "ja", random.Random(1))
    assert problem.steps == [(29, "-", 10, 19), (19, "+", 1, 20)]
    assert problem.plan == "29-10;+1;"
    assert problem.working.startswith("29-10=19;19+1=20;答えは20")


def test_base_verbs_are_a_subset_of_all() -> None:
    few = {
        problems.draw(["give-receive"], "full", "ja", random.Random(i), 1).text for i in range(80)
    }
    assert all("あげました" in text and "もらいました" in text for text in few)
    many = "".join(
        problems.draw(["give-receive"], "full", "ja", random.Random(i), 3).text for i in range(80)
    )
    assert all(verb in many for verb in ("売りました", "使いました", "買いました", "見つけました"))
