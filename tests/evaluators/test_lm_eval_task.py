"""lm-eval and our own evaluator must agree item by item on one live model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from suite.errors import BadInput
from suite.evaluators.generation import GenerationEvaluator
from suite.evaluators.lm_eval.items import items_task
from suite.evaluators.lm_eval_task import LmEvalTask
from suite.evaluators.scorers.by_name import SCORERS
from tests.evaluators import random_model
from tests.evaluators.random_model import METRICS, NEW_TOKENS, randomise
from tests.nonempty import some

torch = pytest.importorskip("torch")
pytest.importorskip("lm_eval")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # models this small only lose by more
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def handle():
    return random_model.made()


@pytest.fixture(scope="module")
def folder(handle, tmp_path_factory):
    return random_model.asked(handle, tmp_path_factory.mktemp("items"))


@pytest.fixture(scope="module")
def task_folder(tmp_path_factory):
    return random_model.task_file(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def ours(folder):
    return GenerationEvaluator("ja_math", folder, "maths_ja", NEW_TOKENS)


@pytest.fixture(scope="module")
def theirs(folder, task_folder):
    return LmEvalTask("ja_math", "mine", METRICS, items=folder, path=task_folder)


def test_both_ways_agree_item_by_item_for_every_merge(handle, ours, theirs):
    weights = {name: tensor.data_ptr() for name, tensor in handle.model.state_dict().items()}
    seen = []
    for seed in (0, 1, 2):  # what the merge engine does between candidates
        randomise(handle.model, seed)
        for split in ("search", "report"):
            a, b = ours.evaluate(handle, split), theirs.evaluate(handle, split)
            assert {figure: a[figure] for figure in METRICS} == b
            mine, lm_eval = (e.samples(handle, split, 99) for e in (ours, theirs))
            assert mine == [
                type(s)(s.prompt.removesuffix("\n"), s.reply, s.expected, s.outcome)
                for s in lm_eval
            ]
            seen += [sample.reply for sample in mine]
        if seed == 0:
            assert 0 < a["acc"].value < 1 and 0 < a["ja"].value < 1
    prompts = [sample.prompt + "\n" for sample in mine]
    lengths = {reply.tokens for reply in handle.generate(prompts, NEW_TOKENS)}
    assert len(set(seen)) > 20 and max(lengths) == NEW_TOKENS and len(lengths) > 3
    assert weights == {n: t.data_ptr() for n, t in handle.model.state_dict().items()}


def test_the_same_weights_give_the_same_scores(handle, theirs):
    randomise(handle.model, 0)
    first = theirs.evaluate(handle, "select")
    randomise(handle.model, 1)
    other = theirs.samples(handle, "select", 5)
    randomise(handle.model, 0)
    assert theirs.evaluate(handle, "select") == first
    assert [s.reply for s in theirs.samples(handle, "select", 5)] != [s.reply for s in other]


@pytest.mark.parametrize("scorer", sorted(SCORERS))
def test_any_scorer_becomes_a_task_without_a_file(handle, folder, scorer):
    from lm_eval.evaluator import evaluate

    from suite.evaluators.lm_eval.model import live_model

    randomise(handle.model, 0)
    own = GenerationEvaluator("x", folder, scorer, NEW_TOKENS)
    task = items_task("x", own.splits["search"], scorer, NEW_TOKENS)
    lm = live_model(handle, None)
    tasks = {"tasks": {"x": task}, "groups": {}, "group_map": {}}
    samples = evaluate(lm=lm, task_dict=tasks, bootstrap_iters=0)["samples"]["x"]
    scores = own.evaluate(handle, "search")
    for figure in some(SCORERS[scorer]("", own.splits["search"][0])):
        assert scores[figure].items == tuple(s[figure] for s in samples)


def test_index_splits_pick_the_tasks_own_documents(handle, folder, tmp_path):
    """A task with its own data: multiple choice by log-likelihood, with few-shot examples."""
    rows = "\n".join(
        f"  - {{q: 'りんごは{i}', c: ['{i}', 'か', '答え'], a: {i % 3}}}" for i in range(12)
    )
    (tmp_path / "choice.yaml").write_text(
        """task: choice
custom_dataset: !function data.load
test_split: test
fewshot_split: shots
num_fewshot: 1
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: c
doc_to_target: a
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
""",
        encoding="utf-8",
    )
    (tmp_path / "data.py").write_text(
        "import datasets, yaml\n"
        f"ROWS = yaml.safe_load({rows!r})\n"
        "def load(**_):\n"
        "    every = datasets.Dataset.from_list(ROWS)\n"
        "    return {'test': every.select(range(8)), 'shots': every.select(range(8, 12))}\n",
        encoding="utf-8",
    )
    options = {"task": "choice", "metrics": {"right": "acc"}, "path": tmp_path}
    whole = LmEvalTask("c", splits={"search": {}}, **options).evaluate(handle, "search")["right"]
    parts = LmEvalTask(
        "c", splits={"search": {"ids": "0:3"}, "report": {"ids": [7, 5, 3, 4, 6]}}, **options
    )
    assert whole.n == 8
    # Few-shot examples are drawn in document order, so only the leading split sees equal prompts.
    assert parts.evaluate(handle, "search")["right"].items == whole.items[:3]
    report = parts.evaluate(handle, "report")["right"]
    assert report.n == 5 and report == parts.evaluate(handle, "report")["right"]
    expected = [sample.prompt[-1] for sample in parts.samples(handle, "report", 9)]
    assert expected == list("34567")

    with pytest.raises(BadInput, match=r"document 2 of choice is in search and in report"):
        LmEvalTask("c", splits={"search": {"ids": "0:3"}, "report": {"ids": [2]}}, **options)
    with pytest.raises(BadInput, match="within the task's 8 documents"):
        LmEvalTask("c", splits={"search": {"ids": "0:9"}}, **options)
    with pytest.raises(BadInput, match="neither a list nor 'start:stop'"):
        LmEvalTask("c", splits={"search": {"ids": "first"}}, **options)
    with pytest.raises(BadInput, match="unknown key 'id'"):
        LmEvalTask("c", splits={"search": {"id": [1]}}, **options)


def test_bad_input_is_named(handle, theirs, folder, task_folder, tmp_path):
    with pytest.raises(BadInput, match="either items or splits"):
        LmEvalTask("x", "mine", METRICS, path=task_folder)
    with pytest.raises(BadInput, match="metrics is empty"):
        LmEvalTask("x", "mine", {}, items=folder, path=task_folder)
    with pytest.raises(BadInput, match=r"'yours' is not a single task of .*mine"):
        LmEvalTask("x", "yours", METRICS, items=folder, path=task_folder)
    with pytest.raises(BadInput, match="not a folder of task YAMLs"):
        LmEvalTask("x", "mine", METRICS, items=folder, path=tmp_path / "none")
    with pytest.raises(BadInput, match="no split 'train'; there are search, select, report"):
        theirs.evaluate(handle, "train")
    bad = LmEvalTask("x", "mine", {"f": "f1"}, items=folder, path=task_folder)
    with pytest.raises(BadInput, match="no metric 'f1'; the task gives acc, ja, acc_ja"):
        bad.evaluate(handle, "select")
    bad = LmEvalTask("x", "mine", {"f": "acc,strict"}, items=folder, path=task_folder)
    with pytest.raises(BadInput, match="acc,FILTER with one of none"):
        bad.evaluate(handle, "select")


@pytest.mark.parametrize("task", ["ja_math_micro", "en_math_micro", "ja_general_micro"])
def test_the_shipped_task_files_build(folder, task):
    evaluator = LmEvalTask("x", task, {"f": "f"}, items=folder)
    config = evaluator._tasks["search"].config
    assert config.generation_kwargs["until"] == []
    reply = evaluator._tasks["search"].process_results(
        {"id": "1", "prompt": "p", "expected": "3"}, ["答え3"]
    )
    assert set(reply) == {entry["metric"] for entry in config.metric_list}


def test_the_shipped_micro_task_agrees_on_a_shipped_model():
    from suite.evaluators.models.handle import load
    from suite.resources import ZOO, resolve

    if not (ZOO / "ja_math_micro" / "japanese").is_dir():
        pytest.skip("no shipped checkpoints in this checkout")
    handle = load(resolve("zoo:ja_math_micro/japanese"), "cpu", 256)
    items = resolve("zoo:ja_math_micro/items/ja_math")
    ours = GenerationEvaluator("ja_math", items, "maths_ja", 24)
    theirs = LmEvalTask("ja_math", "ja_math_micro", METRICS, items=items)
    a, b = ours.evaluate(handle, "search"), theirs.evaluate(handle, "search")
    assert {figure: a[figure] for figure in METRICS} == b
    assert b["ja"].value > 0.5


def test_evaluation_is_silent(handle, theirs, capfd):
    theirs.evaluate(handle, "select")
    assert capfd.readouterr() == ("", "")


def test_importing_the_module_loads_no_lm_eval():
    code = "import sys, suite.evaluators.lm_eval_task; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert not {"lm_eval", "datasets"} & set(done.stdout.split())
