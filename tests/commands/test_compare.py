"""`suite compare`: plan, runs that are missing, answer; on a task that takes no time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from suite import claim, pareto
from suite.__main__ import main
from suite.journal import Journal

Call = Callable[..., tuple[int, str, str]]
CLAIM = "claim=nsga2 > random on zdt1"
FEW = ("trials=30", "seeds=6")


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def words(*more: str) -> tuple[int, str, str]:
        code = main(["compare", f"results={tmp_path}", *more])
        out, err = capsys.readouterr()
        return code, out, err

    return words


def volumes(folder: Path, optimizer: str) -> list[float]:
    """Final hypervolumes, straight from the journals."""
    return [
        pareto.hypervolume([t.losses for t in Journal(folder / optimizer / name).read()[:30]])
        for name in (f"seed={seed}/trials.jsonl" for seed in range(6))
    ]


def test_from_plan_to_answer(call: Call, tmp_path: Path) -> None:
    code, out, _ = call(CLAIM, *FEW, "--dry-run")
    assert code == 0 and "0 runs are there, 12 missing" in out and not (tmp_path / "zdt1").exists()
    assert "plan     6 seeds each; 18 find an effect of 1 standard deviation(s)" in out
    assert main(["run", "task=zdt1", "optimizer=nsga2", "trials=40", f"results={tmp_path}"]) == 0
    code, out, _ = call(CLAIM, *FEW)
    assert code == 0 and "1 runs are there, 11 missing, about 0 minutes" in out
    record = json.loads((tmp_path / "zdt1/claims/nsga2-random-search.json").read_text())
    a, b = (volumes(tmp_path / "zdt1", name) for name in ("nsga2", "random"))
    assert record["values"] == {"nsga2": a, "random": b}
    found = claim.answer(a, b)
    assert record["p"] == found.p
    assert record["difference"] == pytest.approx(np.mean(a) - np.mean(b))
    assert f"verdict  {found.verdict}" in out

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("trials.jsonl")}
    code, out, _ = call("claim=random > nsga2 on zdt1", *FEW)
    assert code == 0 and "12 runs are there, 0 missing\n" in out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("trials.jsonl")} == before
    turned = json.loads((tmp_path / "zdt1/claims/random-nsga2-search.json").read_text())
    assert turned["p"] == found.p and turned["difference"] == -record["difference"]


def test_the_journals_of_other_settings_are_refused(call: Call, tmp_path: Path) -> None:
    words = ("optimizer=nsga2", "optimizer.population=5", "trials=30")
    assert main(["run", "task=zdt1", *words, f"results={tmp_path}"]) == 0
    code, _, err = call(CLAIM, *FEW)
    assert code == 2 and "optimizer_options.population: 5 there, 20 now. Use another" in err
    assert not (tmp_path / "zdt1/random").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["claim=better"], "write it as"),
        ([], "claim ''"),
        ([CLAIM, "seed=1"], "follow from the claim"),
        ([CLAIM, "seeds=5"], "fewer than 6 can never give a p below 0.05"),
        ([CLAIM, "seeds=6.5"], "seeds=6.5: must be a whole number"),
        ([CLAIM, "effect=big"], "effect=big: not a number"),
        ([CLAIM, "split=select"], "allowed are search, report"),
        (["claim=nsga2 > best on zdt1", *FEW], "best"),
        (["claim=nsga2 > random on nowhere", *FEW], "nowhere"),
    ],
)
def test_bad_words_are_one_line(call: Call, words: list[str], said: str) -> None:
    code, _, err = call(*words)
    assert code == 2 and said in err and err.count("\n") == 1


def test_report_items_must_have_been_judged(call: Call) -> None:
    code, _, err = call(CLAIM, *FEW, "split=report")
    assert code == 2 and "not judged yet; suite judge task=zdt1" in err


def test_a_front_that_was_judged_after_more_trials_is_not_cut(call: Call, tmp_path: Path) -> None:
    assert call(CLAIM, "trials=12", "seeds=6")[0] == 0
    assert main(["judge", "task=zdt1", f"results={tmp_path}"]) == 0
    code, out, _ = call(CLAIM, "trials=12", "seeds=6", "split=report")
    assert code == 0 and "verdict" in out
    code, _, err = call(CLAIM, "trials=10", "seeds=6", "split=report")
    assert code == 2 and "judged after 12 trials; on report items say trials=12" in err
