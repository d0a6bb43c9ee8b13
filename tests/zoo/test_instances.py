from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from pathlib import Path

import pytest

from suite import resources
from suite.__main__ import main as suite_main
from suite.assembly import assemble, spaces
from suite.assembly.compose import compose, each_job
from suite.assembly.spec import RunSpec
from suite.errors import BadInput
from suite.evaluators.datasets import items as item_sets
from suite.recipes.mergekit import read
from suite.recipes.recipe import Recipe
from suite.records.journal import Journal
from tests.nonempty import some
from zoo.instances import EXPERTS, PAIRS, SPACES, Instance, baselines, instances, main

ALL = some(instances(12))
SETS = ("ja_math", "en_math", "ja_general")
LAYERS = 6  # of the embedded models


@pytest.fixture(scope="module")
def configs() -> dict[str, RunSpec]:
    return {one.name: compose([f"task={one.name}"]) for one in ALL}


def test_what_is_shipped_is_what_is_generated(tmp_path: Path) -> None:
    """Byte for byte, no file more and no file less."""
    assert main([str(tmp_path), "--baselines", str(tmp_path / "hand")]) == 0
    shipped = sorted((resources.data("conf") / "task").glob("ja_math_micro_i*.yaml"))
    made = sorted((tmp_path / "task").iterdir())
    for parents in ("add", "mul"):
        name = f"ja_math_micro_{parents}"
        shipped += sorted((resources.data("baselines") / name).iterdir())
        made += sorted((tmp_path / "hand" / name).iterdir())
    assert [path.name for path in made] == [path.name for path in shipped]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in shipped]
    assert len(made) == 12 + 2 * 17


def test_the_design_is_balanced() -> None:
    pairs = Counter((one.parents, one.objectives) for one in ALL)
    assert set(pairs) == set(product(EXPERTS, PAIRS)) and max(pairs.values()) == 2
    assert set(Counter(one.parents for one in ALL).values()) == {4}
    assert set(Counter(one.objectives for one in ALL).values()) == {4}
    for space in SPACES:
        first, second = [one for one in ALL if one.space == space]
        assert first.parents != second.parents and first.objectives != second.objectives


def test_no_two_instances_are_the_same_task() -> None:
    many = [*instances(60), *instances(60, seed=1)]
    assert len({one.name for one in many}) == len({one.items_seed for one in many}) == 120
    assert instances(60)[:12] == ALL
    slerps = [one for one in many if one.space.merge == "slerp"]
    assert {one.parents for one in slerps} == {"add", "mul"}


@pytest.mark.parametrize("words", [["0"], ["1000"], ["12", "--seed", "-1"]])
def test_a_bad_number_exits_with_2(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "new"), "--count", *words]) == 2
    assert "allowed are 1 to 999, and 0 or more" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    with pytest.raises(BadInput, match="count"):
        instances(0)


def test_every_instance_is_what_its_first_line_says(configs: dict[str, RunSpec]) -> None:
    for one in ALL:
        task = configs[one.name].task
        sources = ["japanese", *EXPERTS[one.parents]]
        assert list(task.models) == ["base", *sources] and task.name == one.name
        assert [*task.written["objectives"]] == [*task.evaluators] == [*one.objectives]
        space = spaces.build(task, LAYERS)
        assert list(space.sources) == sources
        knobs = {"t": 0, "weight": 0, "density": 0}
        for parameter in space.space.parameters:
            knobs[parameter.name.partition(".")[0]] += 1
        count = len(sources)
        # values per source; groups and layers have one more for embeddings and for the head
        scopes = {"by layer": LAYERS + 2, "3 groups": 5, "2 groups": 4, "by source": 1}
        values = next(n for words, n in scopes.items() if words in one.space.words)
        slerp = one.space.merge == "slerp"
        assert knobs["t"] == slerp * values and knobs["weight"] == (not slerp) * values * count
        assert knobs["density"] == ("densities" in one.space.words) * count


def test_splits_are_disjoint_and_the_reports_whole(configs: dict[str, RunSpec]) -> None:
    whole = {
        name: item_sets.read_splits(resources.resolve(f"zoo:ja_math_micro/items/{name}"))
        for name in SETS
    }
    drawn: dict[str, list[frozenset[str]]] = {name: [] for name in SETS}
    for one in ALL:
        for evaluator in assemble.evaluators(configs[one.name]):
            splits, shipped = evaluator.splits, whole[evaluator.name]
            asked = {s: {item_sets.normalised(i.prompt) for i in splits[s]} for s in splits}
            assert not any(asked[a] & asked[b] for a, b in combinations(asked, 2))
            assert [len(asked[s]) for s in ("search", "select")] == [100, 400]
            assert splits["report"] == shipped["report"]
            pool = {*shipped["search"], *shipped["select"]}
            assert {*splits["search"], *splits["select"]} <= pool
            drawn[evaluator.name].append(frozenset(item.id for item in splits["search"]))
    for draws in drawn.values():
        assert len(draws) == 8
        for one_draw, other in combinations(draws, 2):
            assert len(one_draw & other) < 40  # 100 of 600 twice share 17 on average


@pytest.mark.parametrize("parents", ["add", "mul"])
def test_hand_tuned_merges_lack_the_absent_expert_and_nothing_else(parents: str) -> None:
    absent = {"add": "math_mul", "mul": "math_add"}[parents]
    folder = resources.data("baselines")
    found = {
        p.stem: read(p, layers=LAYERS) for p in (folder / f"ja_math_micro_{parents}").iterdir()
    }
    want = {}
    for path in (folder / "ja_math_micro").glob("*.yaml"):
        if absent not in path.stem:
            whole = read(path, layers=LAYERS)
            kept = tuple(i for i in whole.inputs if absent not in i.model)
            want[path.stem] = Recipe(whole.method, kept, whole.base, whole.parameters, whole.dtype)
    assert found == want
    assert not any(absent in text or "three" in text for text in baselines(parents).values())


def test_controls_are_always_there(configs: dict[str, RunSpec]) -> None:
    for one in ALL:
        found = assemble.baselines(configs[one.name])
        controls = {"base", "japanese", *EXPERTS[one.parents], "uniform_soup", "random_donor_0.5"}
        assert controls < set(found)
        donors = [name for name in found["random_donor_0.5"].models if "shuffled" in name]
        assert len(donors) == len(EXPERTS[one.parents])


@pytest.mark.parametrize("number", [1, 5, 8])
def test_an_instance_runs(number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, few = Instance(number), []
    for name in one.objectives:  # eight items, drawn as the hundred are
        few.append(f"task.evaluators.{name}.data.search.rows.draw=8")
    words = [f"task={one.name}", "optimizer=nsga2", "trials=2", f"results={tmp_path}", *few]
    assert suite_main(["run", *words]) == 0, capsys.readouterr().err
    trials = Journal(tmp_path / one.name / "nsga2" / "seed=0" / "trials.jsonl").read()
    assert [trial.status for trial in trials] == ["ok", "ok"]
    assert all(trial.scores[f"{name}.tokens"].n == 8 for trial in trials for name in one.objectives)


def test_generated_elsewhere_they_are_a_configuration_folder(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--count", "1", "--seed", "2"]) == 0
    config = compose([f"--config-dir={tmp_path}", "task=ja_math_micro_s2_i01"])
    assert config.task.written["items_seed"] == 2001
    assert [len(e.splits["search"]) for e in assemble.evaluators(config)] == [100, 100]


def test_the_experiment_sweeps_all_of_them(tmp_path: Path) -> None:
    jobs: list[RunSpec] = []
    words = ["-m", "experiment=instances", "optimizer=random,tpe", "seed=0", f"results={tmp_path}"]
    each_job(words, jobs.append)
    found = [(job.task.name, job.optimizer) for job in jobs]
    assert sorted(found) == sorted(product((one.name for one in ALL), ("random", "tpe")))
    assert {job.trials for job in jobs} == {100}
