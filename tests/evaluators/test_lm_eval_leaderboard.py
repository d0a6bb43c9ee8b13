"""The eight tasks of japanese_leaderboard from local files, against lm-eval's own evaluation of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite import resources
from suite.assembly.compose import compose
from suite.assembly.targets import Target
from suite.errors import BadInput
from suite.evaluators.lm_eval_mean import LmEvalMean
from suite.evaluators.lm_eval_task import LmEvalTask
from suite.evaluators.models.handle import TransformersHandle
from tests.evaluators import leaderboard
from tests.evaluators.leaderboard import METRICS, SHOTS
from tests.nonempty import some

pytest.importorskip("lm_eval")

SMALL = {"search": 3, "select": 3, "report": 5}  # documents drawn of each task


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No connection succeeds or is even tried, and no cache is where the user's is."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the network was asked")

    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return leaderboard.published(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return leaderboard.converted(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def handle() -> TransformersHandle:
    return leaderboard.reader()


def entry(copies: Path, **small: int) -> dict[str, Any]:
    """The evaluator as configured, with fewer documents."""
    config = compose([f"task.data={copies}", "task=ja_math_7b_general"])
    found: dict[str, Any] = dict(config.task.written["evaluators"]["ja_leaderboard"])
    for task in found["tasks"].values():
        for split, spec in task["splits"].items():
            if "ids" in spec:
                spec["ids"]["draw"] = {**SMALL, **small}[split]
    return found


def built(given: dict[str, Any]) -> Any:
    return Target.parse(given, "evaluator").build()


@pytest.fixture(scope="module")
def configured(copies: Path) -> LmEvalMean:
    found = built(entry(copies))
    assert isinstance(found, LmEvalMean)
    return found


def theirs(handle: TransformersHandle, plain: Path, task: str) -> list[dict[str, Any]]:
    """lm-eval alone: its loader of JSON lines, its few-shot seed, its class for transformers."""
    import lm_eval
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    name = f"ja_leaderboard_{task}"
    folder = Path(lm_eval.__file__).parent / "tasks" / "japanese_leaderboard"
    files = {split: str(plain / task / f"{split}.json") for split in leaderboard.splits(task)}
    change = {
        "task": name,
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": files, "cache_dir": str(plain / "cache")},
    }
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    tasks = manager.load({"group": "g", "task": [change]})
    tasks["tasks"][name].set_fewshot_seed(1234)
    lm = HFLM(pretrained=handle.model, tokenizer=handle.tokenizer, batch_size=4)
    result = evaluate(lm=lm, task_dict=tasks, bootstrap_iters=0)
    found: list[dict[str, Any]] = result["samples"][name]
    return found


def number(task: str, sample: dict[str, Any]) -> float:
    """lm-eval's outcome of a document; of ROUGE-2, which it has for all at once, its function of one."""
    if task != "xlsum":
        return float(sample[METRICS.get(task, "acc")])
    from lm_eval.tasks.japanese_leaderboard.ja_leaderboard_xlsum import rouge2_agg

    return float(rouge2_agg([sample["rouge2"]]))


@pytest.mark.parametrize("task", SHOTS)
def test_each_task_is_scored_as_by_lm_eval_alone(
    handle: TransformersHandle, copies: Path, plain: Path, task: str
) -> None:
    options = entry(copies)["tasks"][task]
    split = leaderboard.splits(task)[-1]
    metric = options.pop("metric")
    evaluator = LmEvalTask("x", metrics={"m": metric}, **{**options, "splits": {"report": {}}})
    score = evaluator.evaluate(handle, "report")["m"]
    samples = theirs(handle, plain, task)
    assert len(samples) == len(leaderboard.rows(task, split))
    assert score.items == tuple(number(task, sample) for sample in samples)
    ours = evaluator.samples(handle, "report", 99)
    assert [each.prompt for each in ours] == [sample["arguments"][0][0] for sample in samples]
    assert [each.reply for each in ours] == [str(sample["resps"][0][0]) for sample in samples]
    if task in ("jcommonsenseqa", "jnli", "marc_ja", "xwinograd"):
        assert 0 < score.value < 1
    assert ours[0].prompt.count("### 応答：") == (SHOTS[task] + 1 if task != "xwinograd" else 0)


def test_configured_few_shots_are_lm_evals_own(configured: LmEvalMean) -> None:
    for key, shots in SHOTS.items():
        for task in configured._tasks[key]._tasks.values():
            assert task.config.num_fewshot == shots
    assert list(configured._tasks) == list(configured.means["leaderboard"])


def test_a_figure_of_all_tasks(handle: TransformersHandle, configured: LmEvalMean) -> None:
    """Plain mean over tasks, per-item outcomes with that mean, the stratified standard error."""
    assert "leaderboard" not in configured.figures and "mgsm" not in configured.figures
    assert configured.directions["mean"] == "maximize"
    for split, count in SMALL.items():
        found = configured.evaluate(handle, split)
        seven = [found[key] for key in SHOTS if key != "mgsm"]
        mean = found["mean"]
        assert mean.value == pytest.approx(np.mean([score.value for score in seven]))
        assert mean.value == pytest.approx(np.mean(mean.items)) and mean.n == 7 * count
        assert mean.stderr == pytest.approx(np.sqrt(sum(s.stderr**2 for s in seven)) / 7)
        assert ("leaderboard" in found) == (split == "report")
        assert [len(configured.splits[split])] == [len(configured.samples(handle, split, 99))]
    eight = [found[key] for key in SHOTS]
    assert found["mgsm"].n == 12 and found["leaderboard"].n == 7 * 5 + 12
    assert found["leaderboard"].value == pytest.approx(np.mean([s.value for s in eight]))
    assert np.mean(found["leaderboard"].items) == pytest.approx(found["leaderboard"].value)


def test_splits_are_disjoint_and_examples_give_nothing_away(
    handle: TransformersHandle, configured: LmEvalMean
) -> None:
    """No prompt of a split holds a question of the same split or of one that is opened later."""
    for key, task in some(configured._tasks.items()):
        ids = [each for split in task.splits.values() for each in split]
        assert len(set(ids)) == len(ids)
        asked = {s: [t.doc_to_text(doc) for doc in t.eval_docs] for s, t in task._tasks.items()}
        opened = list(asked)
        assert opened in (["search", "select", "report"], ["report"])
        for place, split in enumerate(opened if SHOTS[key] else []):
            hidden = [question for later in opened[place:] for question in asked[later]]
            for own, sample in zip(asked[split], task.samples(handle, split, 99), strict=True):
                assert sample.prompt.endswith(own)
                shown = sample.prompt.removesuffix(own)
                assert shown.count("### 応答：") == SHOTS[key]
                assert not [question for question in hidden if question in shown]


def test_the_same_draw_for_everybody(copies: Path, configured: LmEvalMean) -> None:
    again = built(entry(copies))
    assert again.splits == configured.splits
    other = entry(copies)
    other["tasks"]["jnli"]["splits"]["search"]["ids"]["seed"] = 1
    assert built(other).splits["search"] != configured.splits["search"]


def test_a_task_can_be_left_out(copies: Path) -> None:
    words = ["task=ja_math_7b_general", f"task.data={copies}"]
    config = compose(
        [
            *words,
            "~task.evaluators.ja_leaderboard.tasks.marc_ja",
            "~task.evaluators.ja_leaderboard.means",
        ]
    )
    found = config.task.evaluators["ja_leaderboard"].options
    assert "marc_ja" not in found["tasks"] and "means" not in found
    small = entry(copies)
    del small["tasks"]["marc_ja"], small["tasks"]["xlsum"]
    with pytest.raises(BadInput, match="the mean 'leaderboard' has no task 'marc_ja'"):
        built(small)
    evaluator = built({**small, "means": {}})
    assert set(evaluator.figures) == {"mean", *SHOTS} - {"marc_ja", "mgsm", "xlsum"}


def test_every_file_that_is_read_is_named(copies: Path) -> None:
    found = LmEvalMean.files(Target.parse(entry(copies), "evaluator").options)
    assert sorted(found.values()) == sorted(path for path in copies.rglob("*") if path.is_file())
    assert found["xwinograd/test/default/test/0000.parquet"].is_file()


def test_a_missing_folder_is_told_with_the_way_to_it(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"'ja_leaderboard.jcommonsenseqa': data: no folder .*git"
    ) as e:
        built(entry(tmp_path))
    assert "\n" not in str(e.value)


def test_the_second_objective_is_that_mean() -> None:
    config = compose(["task=ja_math_7b_general", "task.data=nowhere"])
    assert "ja_leaderboard.mean" in [objective.metric for objective in config.task.objectives]
    text = (resources.data("conf") / "evaluator" / "ja_leaderboard.yaml").read_text(
        encoding="utf-8"
    )
    assert "lm-eval 0.4 japanese_leaderboard" in text
