"""`suite compare`: registered before its data, fresh seeds, further looks; on tasks that take no time."""

from __future__ import annotations

import fcntl
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.__main__ import main
from suite.assembly import compose
from suite.assembly.spec import RunSpec
from suite.commands import compare_runs
from suite.records.journal import Journal, records
from suite.statistics import claim, pareto

Call = Callable[..., tuple[int, str, str]]
CLAIM = "claim=nsga2 > random on zdt1"
FEW = ("trials=12", "seeds=6")


REAL = compose.compose


@functools.cache
def composed(words: tuple[str, ...]) -> RunSpec:
    return REAL([*words])


def composed_once(words: list[str]) -> RunSpec:
    """What Hydra makes of the words; the runs of a claim, which differ by their seeds, for once."""
    own = {word.partition("=")[0]: word.partition("=")[2] for word in words}
    run = composed(tuple(word for word in words if not word.startswith(("seed=", "results="))))
    seed, results = own.get("seed", run.seed), own.get("results", run.results)
    return run.changed(seed=int(seed), results=results)


@pytest.fixture
def call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Call:
    monkeypatch.setattr(compose, "compose", composed_once)

    def words(*more: str) -> tuple[int, str, str]:
        code = main(["compare", f"results={tmp_path}", *more])
        out, err = capsys.readouterr()
        return code, out, err

    return words


def lines(folder: Path, task: str = "zdt1") -> list[dict[str, Any]]:
    """The ledger as it stands on the disk."""
    path = folder / task / "claims" / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def volumes(folder: Path, optimizer: str, seeds: range) -> list[float]:
    """Final hypervolumes, straight from the journals."""
    return [
        pareto.hypervolume([t.losses for t in Journal(folder / optimizer / name).read()])
        for name in (f"seed={seed}/trials.jsonl" for seed in seeds)
    ]


def test_from_plan_to_answer(call: Call, tmp_path: Path) -> None:
    code, out, _ = call(CLAIM, "trials=12", "--dry-run")
    assert code == 0 and "0 are there, 38 missing" in out and not (tmp_path / "zdt1").exists()
    assert "look 1: 19 fresh, seeds 0-18, at 0.04 of alpha 0.05" in out
    assert "(nothing is registered yet)" in out
    code, out, _ = call(CLAIM, *FEW)
    assert code == 0
    registered, answered = lines(tmp_path)
    assert registered["kind"] == "registered" and registered["seeds"] == list(range(6))
    assert registered["seen"] == {"nsga2": [], "random": []}
    a, b = (volumes(tmp_path / "zdt1", name, range(6)) for name in ("nsga2", "random"))
    assert [*answered["values"]["nsga2"].values()] == a
    assert [*answered["values"]["random"].values()] == b
    found = claim.answer(a, b)
    assert (answered["p"], answered["verdict"]) == (found.p, found.verdict)
    assert answered["difference"] == pytest.approx(np.mean(a) - np.mean(b))
    told = out.splitlines()[-5:]
    assert [line.split()[0] for line in told] == [
        "claim",
        "plan",
        "difference",
        "verdict",
        "written",
    ]
    assert f"verdict     {found.verdict} (sign-flip p" in out
    assert "over seeds; this one function fixed" in told[2]


def test_the_claim_is_on_the_disk_before_its_first_run(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after three runs; the same command goes on with the same seeds and registers nothing."""
    made, real = [], compare_runs.run.run

    def interrupted(spec: RunSpec) -> None:
        assert [row["kind"] for row in lines(tmp_path)] == ["registered"]
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(spec.seed)
        real(spec)

    monkeypatch.setattr(compare_runs.run, "run", interrupted)
    assert call(CLAIM, *FEW)[0] == 130
    assert len(lines(tmp_path)) == 1 and made == [0, 0, 1]
    monkeypatch.setattr(compare_runs.run, "run", real)
    code, _, err = call(CLAIM, *FEW, "alpha=0.1")
    assert code == 2 and "alpha=0.1: look 1 was registered with 0.05" in err
    code, _, err = call(CLAIM, "trials=12", "seeds=20-25")
    assert code == 2 and "look 1 is registered with seeds 0-5 and not answered" in err
    code, out, _ = call(CLAIM, "trials=12")
    assert code == 0 and "3 are there, 9 missing" in out
    assert [row["kind"] for row in lines(tmp_path)] == ["registered", "answered"]
    assert [*lines(tmp_path)[1]["values"]["nsga2"]] == [*"012345"]


def test_seeds_are_those_that_nobody_has(call: Call, tmp_path: Path) -> None:
    run = ["run", "task=zdt1", "trials=12", f"results={tmp_path}"]
    assert main([*run, "optimizer=nsga2", "seed=2"]) == 0
    assert call(CLAIM, *FEW)[0] == 0
    registered = lines(tmp_path)[0]
    assert registered["seeds"] == list(range(3, 9))
    assert registered["seen"]["nsga2"] == [{"seeds": [2], "trials": 12, "judged": False}]
    code, out, _ = call("claim=random > tpe on zdt1", *FEW, "--dry-run")
    assert code == 0 and "seeds 9-14" in out  # random's are taken


def test_a_further_look_bets_on_all_seeds_and_a_reverse_claim_is_no_new_question(
    call: Call, tmp_path: Path
) -> None:
    assert call(CLAIM, *FEW)[0] == 0
    first = (tmp_path / "zdt1/claims/ledger.jsonl").read_bytes()
    assert lines(tmp_path)[1]["verdict"] == "undecided"
    code, _, err = call(CLAIM, *FEW, "margin=0.1")
    assert code == 2 and "margin=0.1: look 1 was registered with none" in err
    code, out, _ = call("claim=random > nsga2 on zdt1", "trials=12", "seeds=2")
    assert code == 0 and "look 2: 2 more, seeds 6-7, by betting on all of them, at 0.01" in out
    assert (tmp_path / "zdt1/claims/ledger.jsonl").read_bytes().startswith(first)
    answered = lines(tmp_path)[3]
    a, b = (volumes(tmp_path / "zdt1", name, range(8)) for name in ("random", "nsga2"))
    found = claim.answer(a, b, first=6)
    assert (answered["seeds"], answered["e"], answered["spent"]) == (8, found.e, 0.05)
    assert answered["p"] == lines(tmp_path)[1]["p"] and [*answered["values"]["random"]] == [*"67"]


def test_a_claim_that_is_decided_is_not_asked_again(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted winner; asked the other way round it has lost."""
    planted = {"nsga2": dict.fromkeys(range(6), 0.5), "random": dict.fromkeys(range(6), 0.4)}
    monkeypatch.setattr(compare_runs.Runs, "values", lambda self, seeds, measure: planted)
    assert call(CLAIM, *FEW)[0] == 0
    assert lines(tmp_path)[1]["verdict"] == "supported"
    before = (tmp_path / "zdt1/claims/ledger.jsonl").read_bytes()
    code, out, _ = call("claim=random > nsga2 on zdt1", *FEW)
    assert code == 0 and "answered before" in out and "verdict     refuted (" in out
    assert "difference  -0.1000" in out and "0 % of pairs of runs won" in out
    assert "registered as 'nsga2 > random on zdt1'" in out
    assert (tmp_path / "zdt1/claims/ledger.jsonl").read_bytes() == before


def test_seeds_that_were_seen_prove_nothing(call: Call, tmp_path: Path) -> None:
    assert call(CLAIM, *FEW)[0] == 0
    code, out, _ = call(CLAIM, "trials=12", "seeds=0-5")
    assert code == 0 and "12 are there, 0 missing" in out
    assert "verdict     exploratory: undecided" in out and "it proves nothing" in out
    registered, answered = lines(tmp_path)[2:]
    assert registered["exploratory"] is True and registered["look"] == 0
    assert answered["spent"] == 0 and answered["verdict"] == "exploratory: undecided"
    code, out, _ = call(CLAIM, *FEW, "--dry-run")
    assert code == 0 and "look 2: 6 more, seeds 6-11" in out
    code, out, _ = call("claim=nsga2 > random on zdt1", "trials=12", "seeds=30-35", "--dry-run")
    assert code == 0 and "look 2: 6 more, seeds 30-35" in out  # named, but fresh


def test_no_difference_larger_than_a_margin_can_be_concluded(call: Call, tmp_path: Path) -> None:
    code, out, _ = call(CLAIM, *FEW, "margin=0.5")
    assert code == 0 and "verdict     equivalent (" in out
    assert "the difference is smaller than 0.5" in out
    answered = lines(tmp_path)[1]
    assert answered["verdict"] == "equivalent" and answered["within_margin"] is True


def test_on_report_items_what_was_run_is_judged(call: Call, tmp_path: Path) -> None:
    words = ("claim=nsga2 > random on ja_math_micro_tabular", *FEW)
    root = tmp_path / "ja_math_micro_tabular"
    run = ["run", "task=ja_math_micro_tabular", "optimizer=nsga2", f"results={tmp_path}"]
    assert main([*run, "trials=12"]) == 0
    code, out, _ = call(*words)
    assert code == 0 and "report items and search items of this task fixed" in out
    assert not (root / "nsga2/seed=0/judged.jsonl").exists()  # it is not this claim's
    answered = lines(tmp_path, "ja_math_micro_tabular")[1]
    for seed, value in answered["values"]["nsga2"].items():
        judged = records(root / "nsga2" / f"seed={seed}" / "judged.jsonl").read()
        losses = [line["losses"] for line in judged if line["split"] == "report"]
        assert value == pareto.hypervolume(losses)
    searched = volumes(root, "nsga2", range(1, 7))
    assert [*answered["values"]["nsga2"].values()] != searched
    code, out, _ = call(*words, "split=search", "--dry-run")
    assert code == 0 and "look 1:" in out and "seeds 7-12" in out  # another question
    code, _, err = call("claim=nsga2 > random on ja_math_micro_tabular", "trials=9", "seeds=1-6")
    assert code == 2 and "its front is that of 12 trials" in err


def test_the_list_tells_what_had_been_seen(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing = ["compare", "--list", "task=zdt1", f"results={tmp_path}"]
    assert main(listing) == 0 and "no claims yet" in capsys.readouterr().out
    assert call(CLAIM, *FEW)[0] == call(CLAIM, "trials=12", "seeds=0-5")[0] == 0
    assert main(listing) == 0
    out = capsys.readouterr().out
    assert "nsga2 > random on zdt1: the values themselves, 12 trials, alpha 0.05" in out
    assert "look 1, " in out and "seen before: no run of either" in out
    assert "exploratory, " in out and "seen before: nsga2 0-5 (12 trials); random 0-5" in out
    assert main(listing[:2]) == 2 and "say which task=" in capsys.readouterr().err


def test_a_run_that_another_process_has_is_waited_for(call: Call, tmp_path: Path) -> None:
    """Two processes at one claim share its runs; who ends first does not answer without the rest."""
    real, held = compare_runs.run.run, tmp_path / "zdt1/random/seed=3"

    def share(spec: RunSpec) -> None:
        if spec.seed == 3 and spec.optimizer == "random":
            held.mkdir(parents=True, exist_ok=True)
            with (held / "trials.jsonl").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                real(spec)
        real(spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_runs.run, "run", share)
        code, out, err = call(CLAIM, *FEW)
    assert code == 2 and "another process is at 1 of the runs; the same command answers" in err
    assert "passed over" in out and len(lines(tmp_path)) == 1
    code, out, _ = call(CLAIM, *FEW)
    assert code == 0 and "11 are there, 1 missing" in out and len(lines(tmp_path)) == 2


def test_the_journals_of_other_settings_are_refused_before_anything_is_registered(
    call: Call, tmp_path: Path
) -> None:
    words = ("optimizer=nsga2", "optimizer.population=5", "trials=12")
    assert main(["run", "task=zdt1", *words, f"results={tmp_path}"]) == 0
    code, _, err = call(CLAIM, *FEW)
    assert code == 2 and "optimizer_options.population: 5 there, 20 now. Use another" in err
    assert not (tmp_path / "zdt1/claims").exists() and not (tmp_path / "zdt1/random").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["claim=better"], "write it as"),
        ([], "claim ''"),
        ([CLAIM, "seeds=5"], "5 asked for; allowed are 6 to 1000"),
        ([CLAIM, "seeds=0-3"], "4 asked for; allowed are 6 to 1000"),
        ([CLAIM, "margin=0"], "margin=0: must be above 0"),
        ([CLAIM, "trials=0"], "trials=0: must be a whole number"),
        (["claim=nsga2 > best on zdt1", *FEW], "best"),
        (["claim=nsga2 > random on nowhere", *FEW], "nowhere"),
    ],
)
def test_bad_words_are_one_line(call: Call, words: list[str], said: str, tmp_path: Path) -> None:
    code, _, err = call(*words)
    assert code == 2 and said in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_damaged_ledger_is_one_line(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "zdt1/claims"
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").write_text("{}\n")
    for words in ((CLAIM, *FEW), (CLAIM, *FEW, "--dry-run")):
        code, _, err = call(*words)
        assert code == 2 and "ledger.jsonl, line 1: damaged; restore" in err
        assert err.count("\n") == 1
    assert (folder / "ledger.jsonl").read_text() == "{}\n"
